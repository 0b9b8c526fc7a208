// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/signature.h"

#include <algorithm>
#include <cmath>

namespace fw::verify {
namespace {

/// A hash that spreads consecutive rows evenly over [0, 1).
double hashed(index_t row) {
  auto x = static_cast<std::uint64_t>(row) * 0x9e3779b97f4a7c15ull;
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9ull;
  return static_cast<double>(x >> 11) * 0x1.0p-53;
}

constexpr index_t kEnds = 130;  // tokens at either end of a sequence that are always kept

enum class Kind { per_token, per_sequence, per_head };
Kind kind_of(std::string_view name) {
  if (name.starts_with("dinitial_") || name.starts_with("final_")) return Kind::per_sequence;
  return name == "dA_log" || name == "ddt_bias" ? Kind::per_head : Kind::per_token;
}

double dot(const std::vector<float>& a, const std::vector<float>& b, bool finite) {
  if (finite) {
    using Map = Eigen::Map<const Eigen::VectorXf>;
    const auto n = static_cast<Eigen::Index>(a.size());
    return Map(a.data(), n).cast<double>().dot(Map(b.data(), n).cast<double>());
  }
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::isfinite(a[i]) && std::isfinite(b[i])) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

/// "2", "2-3", "0,2,4"
std::string ranges(const std::vector<char>& in) {
  std::string text;
  for (std::size_t i = 0; i < in.size();) {
    if (!in[i]) {
      ++i;
      continue;
    }
    std::size_t j = i;
    while (j + 1 < in.size() && in[j + 1]) ++j;
    text += (text.empty() ? "" : ",") + std::to_string(i) + (j > i ? "-" + std::to_string(j) : "");
    i = j + 1;
  }
  return text;
}

}  // namespace

SignatureSpace::SignatureSpace(const Geometry& geo, const Results& truth, const Results& judged, Direction direction, index_t max_elements)
    : truth_(truth) {
  index_t total = 0;
  std::vector<const char*> names;
  for_each_result(truth, [&](const char* name, const Tensor<double>& t, Direction d) {
    if (d != direction || !t.defined() || t.numel() == 0) return;
    const Tensor<double>* candidate = find(judged, name);
    if (!candidate || !candidate->defined() || candidate->shape() != t.shape()) return;
    names.push_back(name);
    total += t.numel();
  });
  const double share = total > max_elements ? static_cast<double>(max_elements) / static_cast<double>(total) : 1.0;
  std::vector<std::uint32_t> sequence_of(static_cast<std::size_t>(geo.B * geo.T));
  std::vector<char> near_end(sequence_of.size(), 0);
  for (std::size_t n = 0; n < geo.sequences.size(); ++n) {
    const auto& seq = geo.sequences[n];
    for (index_t t = 0; t < seq.length; ++t) {
      const auto at = static_cast<std::size_t>(seq.batch * geo.T + seq.begin + t);
      sequence_of[at] = static_cast<std::uint32_t>(n);
      near_end[at] = n < 8 && (t < kEnds || t >= seq.length - kEnds);
    }
  }
  for (const char* name : names) {
    const Tensor<double>& t = *find(truth, name);
    const Kind kind = kind_of(name);
    Tensor_ tensor;
    tensor.name = name;
    tensor.first = size();
    const index_t head_axis = kind == Kind::per_token ? 2 : kind == Kind::per_sequence ? 1 : 0;
    const bool channels = t.shape().rank() > head_axis + 1;
    tensor.heads = t.shape()[head_axis];
    tensor.channels = channels ? t.shape()[-1] : 1;
    tensor.sequences = kind == Kind::per_head ? 1 : geo.N;
    double squares = 0;
    for (index_t i = 0; i < t.numel(); ++i)
      if (std::isfinite(t[i])) squares += t[i] * t[i];
    tensor.rms = std::sqrt(squares / static_cast<double>(t.numel()));
    if (!(tensor.rms > 0)) tensor.rms = 1.0;
    const index_t width = tensor.channels, rows = t.numel() / width;
    index_t rows_per_head = 1;  // rows of one head at one token or sequence: Dk for states, M for MIMO
    for (index_t axis = head_axis + 1; axis + (channels ? 1 : 0) < t.shape().rank(); ++axis) rows_per_head *= t.shape()[axis];
    const auto first_cell = static_cast<std::uint32_t>(cells_.size());
    for (index_t n = 0; n < tensor.sequences; ++n)
      for (index_t h = 0; h < tensor.heads; ++h)
        for (index_t j = 0; j < width; ++j)
          cells_.push_back({static_cast<std::uint32_t>(tensors_.size()), static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(h), static_cast<std::uint32_t>(j)});
    for (index_t row = 0; row < rows; ++row) {
      const index_t front = row / (rows_per_head * tensor.heads);
      const bool keep = share >= 1.0 || kind == Kind::per_head || (kind == Kind::per_token && near_end[static_cast<std::size_t>(front)]) || hashed(row) < share;
      if (!keep) continue;
      const auto head = static_cast<std::uint32_t>(row / rows_per_head % tensor.heads);
      const std::uint32_t sequence = kind == Kind::per_token ? sequence_of[static_cast<std::size_t>(front)] : kind == Kind::per_sequence ? static_cast<std::uint32_t>(front) : 0;
      for (index_t j = 0; j < width; ++j) {
        cell_of_.push_back(first_cell + (sequence * static_cast<std::uint32_t>(tensor.heads) + head) * static_cast<std::uint32_t>(width) + static_cast<std::uint32_t>(j));
        flat_.push_back(row * width + j);
      }
    }
    tensor.count = size() - tensor.first;
    tensors_.push_back(tensor);
  }
}

std::vector<float> SignatureSpace::residual(const Results& result) const {
  std::vector<float> out(flat_.size(), 0.0f);
  for (const Tensor_& tensor : tensors_) {
    const Tensor<double>* r = find(result, tensor.name);
    if (!r || !r->defined()) continue;
    const Tensor<double>& t = *find(truth_, tensor.name);
    for (index_t i = tensor.first; i < tensor.first + tensor.count; ++i) {
      const index_t at = flat_[static_cast<std::size_t>(i)];
      out[static_cast<std::size_t>(i)] = static_cast<float>(((*r)[at] - t[at]) / tensor.rms);
    }
  }
  return out;
}

namespace {

bool any_nonfinite(const std::vector<float>& v) {
  return std::any_of(v.begin(), v.end(), [](float x) { return !std::isfinite(x); });
}

bool lets_through(const std::vector<Mask>& masks, const SignatureSpace::Cell& c) {
  if (masks.empty()) return true;
  const Mask& m = masks[c.tensor];
  return m.head[c.head] && m.channel[c.channel] && m.sequence[c.sequence];
}

/// One flag per cell.
std::vector<char> cells_within(const SignatureSpace& space, const std::vector<Mask>& masks) {
  std::vector<char> in(space.cells().size());
  for (std::size_t c = 0; c < in.size(); ++c) in[c] = lets_through(masks, space.cells()[c]);
  return in;
}

std::vector<Mask> full_masks(const SignatureSpace& space, char value) {
  std::vector<Mask> masks;
  for (const auto& t : space.tensors())
    masks.push_back({std::vector<char>(static_cast<std::size_t>(t.heads), value), std::vector<char>(static_cast<std::size_t>(t.channels), value),
                     std::vector<char>(static_cast<std::size_t>(t.sequences), value)});
  return masks;
}

/// Places where the result is not finite: how well the mistake's pattern covers them, over the heads and channels hit.
Match match_nonfinite(const SignatureSpace& space, const std::vector<float>& e, const std::vector<float>& s) {
  Match m;
  m.nonfinite = true;
  m.masks = full_masks(space, 0);
  for (std::size_t i = 0; i < e.size(); ++i)
    if (!std::isfinite(e[i])) {
      const auto& c = space.cells()[space.cell_of()[i]];
      m.masks[c.tensor].head[c.head] = m.masks[c.tensor].channel[c.channel] = m.masks[c.tensor].sequence[c.sequence] = 1;
    }
  const std::vector<char> in = cells_within(space, m.masks);
  index_t both = 0, either = 0, all = 0;
  for (std::size_t i = 0; i < e.size(); ++i) {
    const bool fe = std::isfinite(e[i]), fs = std::isfinite(s[i]);
    all += !fs;
    if (!in[space.cell_of()[i]]) continue;
    either += !fe || !fs;
    both += !fe && !fs;
  }
  m.score = either ? static_cast<double>(both) / static_cast<double>(either) : 0.0;
  m.amplitude = 1.0;
  m.extent = all ? static_cast<double>(both) / static_cast<double>(all) : 0.0;
  return m;
}

/// residual . signature and signature . signature, cell by cell.
struct CellSums {
  std::vector<double> es, ss;
};

/// Drops the parts along one coordinate in which the residual follows the signature much less than in the best part.
template <class Coordinate>
void narrow(const SignatureSpace& space, const CellSums& cells, std::vector<Mask>& masks, std::vector<char> Mask::*part, Coordinate coordinate) {
  std::vector<CellSums> sums;
  for (const Mask& mask : masks) sums.push_back({std::vector<double>((mask.*part).size()), std::vector<double>((mask.*part).size())});
  for (std::size_t i = 0; i < space.cells().size(); ++i) {
    const auto& c = space.cells()[i];
    if (!lets_through(masks, c)) continue;
    sums[c.tensor].es[coordinate(c)] += cells.es[i];
    sums[c.tensor].ss[coordinate(c)] += cells.ss[i];
  }
  for (std::size_t t = 0; t < masks.size(); ++t) {
    double strongest = 0, total = 0;
    for (double es : sums[t].es) total += std::max(es, 0.0);
    for (std::size_t c = 0; c < sums[t].ss.size(); ++c)  // parts that matter to what is explained
      if (sums[t].es[c] > 0.02 * total / static_cast<double>(sums[t].ss.size())) strongest = std::max(strongest, sums[t].es[c] / sums[t].ss[c]);
    for (std::size_t c = 0; c < sums[t].ss.size(); ++c)
      if (sums[t].ss[c] > 0 && sums[t].es[c] < 0.4 * strongest * sums[t].ss[c]) (masks[t].*part)[c] = 0;
  }
}

std::string describe(const SignatureSpace& space, const std::vector<Mask>& masks) {
  std::string where;
  for (std::size_t t = 0; t < masks.size(); ++t) {
    std::string text;
    const auto say = [&](const char* what, const std::vector<char>& in) {
      if (std::count(in.begin(), in.end(), 0) == 0) return;
      const std::string list = ranges(in);
      text += (text.empty() ? "" : ", ") + std::string(what) + " " + (list.size() > 60 ? list.substr(0, 57) + "..." : list);
    };
    say("sequences", masks[t].sequence);
    say("heads", masks[t].head);
    say("channels", masks[t].channel);
    if (!text.empty()) where += (where.empty() ? "" : "; ") + space.tensors()[t].name + ": " + text;
  }
  return where;
}

}  // namespace

Signature::Signature(std::vector<float> residual) : values(std::move(residual)), nonfinite(any_nonfinite(values)) { energy = dot(values, values, !nonfinite); }

Residual::Residual(std::vector<float> residual, const std::vector<float>& noise_residual)
    : values(std::move(residual)), nonfinite(any_nonfinite(values)) {
  energy = excess = dot(values, values, !nonfinite);
  if (noise_residual.empty()) return;
  noise = dot(noise_residual, noise_residual, false);
  excess = std::max(energy - noise, 0.02 * energy);
}

namespace {

double left_over(const Residual& residual, double explained) {
  const double rest = std::max(residual.energy - explained, 0.0);
  return residual.noise > 0 ? rest / residual.noise : rest > 1e-12 * residual.energy ? HUGE_VAL : 0.0;
}

}  // namespace

Match match_everywhere(const Residual& residual, const Signature& s) {
  Match m;
  if (!(s.energy > 0) || !(residual.excess > 0) || residual.nonfinite || s.nonfinite) return m;
  const double es = dot(residual.values, s.values, true);
  m.amplitude = es / s.energy;
  m.score = std::min(1.0, es * es / (s.energy * residual.excess));
  m.left = left_over(residual, es * es / s.energy);
  return m;
}

Match match(const SignatureSpace& space, const Residual& residual, const Signature& s) {
  if (residual.nonfinite && s.nonfinite) return match_nonfinite(space, residual.values, s.values);
  if (residual.nonfinite) return {};
  const Match whole = match_everywhere(residual, s);  // none where the signature is not finite: it may still act in some heads alone

  std::vector<Mask> masks = full_masks(space, 1);
  CellSums cells{std::vector<double>(space.cells().size()), std::vector<double>(space.cells().size())};
  for (std::size_t i = 0; i < s.values.size(); ++i) {
    const std::uint32_t c = space.cell_of()[i];
    const double x = s.values[i];
    if (!std::isfinite(x)) {
      masks[space.cells()[c].tensor].head[space.cells()[c].head] = 0;
      continue;
    }
    cells.es[c] += static_cast<double>(residual.values[i]) * x;
    cells.ss[c] += x * x;
  }
  using Cell = SignatureSpace::Cell;
  narrow(space, cells, masks, &Mask::sequence, [](const Cell& c) { return c.sequence; });
  narrow(space, cells, masks, &Mask::head, [](const Cell& c) { return c.head; });
  narrow(space, cells, masks, &Mask::channel, [](const Cell& c) { return c.channel; });
  double ss = 0, es = 0;
  for (std::size_t i = 0; i < space.cells().size(); ++i)
    if (lets_through(masks, space.cells()[i])) {
      ss += cells.ss[i];
      es += cells.es[i];
    }
  if (!(ss > 0)) return whole;
  Match part;
  part.amplitude = es / ss;
  part.score = std::min(1.0, es * es / (ss * residual.excess));
  part.left = left_over(residual, es * es / ss);
  part.extent = s.energy > 0 ? ss / s.energy : 1.0;
  const bool own_size = part.amplitude > 0.7 && part.amplitude < 1.4;  // a part of a mistake has the mistake's own size there
  if (!own_size || part.extent > 0.97 || part.score < whole.score + 0.03) return whole;
  part.where = describe(space, masks);
  part.masks = std::move(masks);
  return part;
}

double similarity(const SignatureSpace& space, const Signature& a, const Match& match_a, const Signature& b, const Match& match_b) {
  const std::vector<char> in_a = cells_within(space, match_a.masks), in_b = cells_within(space, match_b.masks);
  double aa = 0, bb = 0, ab = 0;
  index_t both = 0, either = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const std::uint32_t c = space.cell_of()[i];
    const bool fa = !in_a[c] || std::isfinite(a.values[i]), fb = !in_b[c] || std::isfinite(b.values[i]);
    either += !fa || !fb;
    both += !fa && !fb;
    if (!fa || !fb) continue;
    const double x = in_a[c] ? a.values[i] : 0.0, y = in_b[c] ? b.values[i] : 0.0;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  if (either > 0) return static_cast<double>(both) / static_cast<double>(either);
  return aa > 0 && bb > 0 ? ab * ab / (aa * bb) : 0.0;
}

}  // namespace fw::verify
