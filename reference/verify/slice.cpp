// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/slice.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace fw::verify {
namespace {

enum class Kind { per_token, per_sequence, per_head };

Kind kind_of(std::string_view name) {
  if (name.starts_with("d") && name != "dt" && name != "dt_bias") name.remove_prefix(1);
  if (name.starts_with("initial_") || name.starts_with("final_")) return Kind::per_sequence;
  return name == "A_log" || name == "dt_bias" ? Kind::per_head : Kind::per_token;
}

/// Heads of a tensor with `heads` of them that belong to the key heads kept.
std::vector<index_t> heads_kept(index_t heads, const Geometry& geo, const Selection& keep) {
  std::vector<index_t> kept;
  const index_t per_key_head = heads / geo.H;
  for (index_t h : keep.key_heads)
    for (index_t j = 0; j < per_key_head; ++j) kept.push_back(h * per_key_head + j);
  return kept;
}

Tensor<double> cut(const Tensor<double>& t, Kind kind, const Geometry& geo, const Selection& keep) {
  if (!t.defined()) return {};
  const index_t head_axis = kind == Kind::per_token ? 2 : kind == Kind::per_sequence ? 1 : 0;
  const std::vector<index_t> heads = heads_kept(t.shape()[head_axis], geo, keep);
  index_t tail = 1;
  std::vector<index_t> sizes = t.shape().sizes();
  for (index_t axis = head_axis + 1; axis < t.shape().rank(); ++axis) tail *= t.shape()[axis];
  sizes[static_cast<std::size_t>(head_axis)] = static_cast<index_t>(heads.size());

  // flat indices of the rows in front of the head axis
  std::vector<index_t> fronts;
  const bool packed = geo.N != geo.B || (geo.B == 1 && geo.sequences.size() > 1);
  if (kind == Kind::per_head) {
    fronts = {0};
  } else if (kind == Kind::per_sequence) {
    fronts = keep.sequences;
    sizes[0] = static_cast<index_t>(fronts.size());
  } else {
    for (index_t n : keep.sequences) {
      const auto& seq = geo.sequences[static_cast<std::size_t>(n)];
      for (index_t s = 0; s < seq.length; ++s) fronts.push_back(seq.batch * geo.T + seq.begin + s);
    }
    sizes[0] = packed ? 1 : static_cast<index_t>(keep.sequences.size());
    sizes[1] = packed ? static_cast<index_t>(fronts.size()) : geo.T;
  }
  Tensor<double> out{Shape(sizes)};
  double* to = out.data();
  const index_t all_heads = t.shape()[head_axis];
  for (index_t front : fronts)
    for (index_t head : heads) to = std::copy_n(t.data() + (front * all_heads + head) * tail, tail, to);
  return out;
}

}  // namespace

bool Selection::everything(const Geometry& geo) const {
  return static_cast<index_t>(sequences.size()) == geo.N && static_cast<index_t>(key_heads.size()) == geo.H;
}

Selection select_all(const Geometry& geo) {
  Selection all;
  for (index_t n = 0; n < geo.N; ++n) all.sequences.push_back(n);
  for (index_t h = 0; h < geo.H; ++h) all.key_heads.push_back(h);
  return all;
}

Problem slice(const Problem& problem, const Geometry& geo, const Selection& keep) {
  if (keep.everything(geo)) return problem;
  Problem out;
  out.options = problem.options;
  if (std::isnan(out.options.scale)) out.options.scale = geo.scale;
  std::vector<Tensor<double>> cuts;
  for_each_input(problem.in, [&](const char* name, const Tensor<double>& t) { cuts.push_back(cut(t, kind_of(name), geo, keep)); });
  std::size_t i = 0;
  for_each_input(out.in, [&](const char*, Tensor<double>& t) { t = std::move(cuts[i++]); });
  cuts.clear();
  for_each_upstream(problem.up, [&](const char* name, const Tensor<double>& t) { cuts.push_back(cut(t, kind_of(name), geo, keep)); });
  i = 0;
  for_each_upstream(out.up, [&](const char*, Tensor<double>& t) { t = std::move(cuts[i++]); });
  if (!problem.in.cu_seqlens.empty()) {
    out.in.cu_seqlens = {0};
    for (index_t n : keep.sequences) out.in.cu_seqlens.push_back(out.in.cu_seqlens.back() + geo.sequences[static_cast<std::size_t>(n)].length);
  }
  return out;
}

Results slice(const Results& results, const Geometry& geo, const Selection& keep) {
  if (keep.everything(geo)) return results;
  Results out;
  std::vector<Tensor<double>> cuts;
  for_each_result(results, [&](const char* name, const Tensor<double>& t, Direction) { cuts.push_back(cut(t, kind_of(name), geo, keep)); });
  std::size_t i = 0;
  for_each_result(out, [&](const char*, Tensor<double>& t, Direction) { t = std::move(cuts[i++]); });
  return out;
}

}  // namespace fw::verify
