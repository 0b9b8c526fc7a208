// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Small tensors by their numbers, and cutting problems into pieces: some of the tokens, one of the sequences.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "core/families.h"

namespace fw::test {

/// All elements in row-major order.
inline Tensor<double> tensor_of(Shape shape, std::initializer_list<double> values) {
  Tensor<double> out(std::move(shape));
  index_t i = 0;
  for (const double value : values) out[i++] = value;
  return out;
}

/// Elements [begin, end) of an axis; an absent tensor stays absent.
inline Tensor<double> part(const Tensor<double>& x, index_t axis, index_t begin, index_t end) {
  if (!x.defined()) return {};
  std::vector<index_t> sizes = x.shape().sizes();
  index_t outer = 1, inner = 1;
  for (index_t a = 0; a < axis; ++a) outer *= sizes[static_cast<std::size_t>(a)];
  for (index_t a = axis + 1; a < x.shape().rank(); ++a) inner *= x.shape()[a];
  const index_t length = x.shape()[axis];
  sizes[static_cast<std::size_t>(axis)] = end - begin;
  Tensor<double> out{Shape(sizes)};
  for (index_t o = 0; o < outer; ++o)
    std::copy_n(x.data() + (o * length + begin) * inner, (end - begin) * inner, out.data() + o * (end - begin) * inner);
  return out;
}

/// Whether the tensor of this name ("q", "do", "dtheta", "o", ...) has one row per token; others belong to a sequence or a head.
inline bool is_per_token(std::string_view name) {
  for (const char* whole : {"initial_", "final_", "A_log", "dt_bias"})
    if (name.find(whole) != std::string_view::npos) return false;
  return true;
}
inline bool is_per_sequence(std::string_view name) {
  return name.find("initial_") != std::string_view::npos || name.find("final_") != std::string_view::npos;
}

/// f on every tensor of a problem, by name.
template <class F>
void for_each_tensor(Problem& problem, F&& f) {
  for_each_input(problem.in, f);
  for_each_upstream(problem.up, f);
}

/// Tokens [begin, end) of every batch row of a dense problem. Initial states and gradients of final ones are kept.
inline Problem tokens_of(const Problem& problem, index_t begin, index_t end) {
  Problem out = problem;
  for_each_tensor(out, [&](const char* name, Tensor<double>& x) {
    if (is_per_token(name)) x = part(x, 1, begin, end);
  });
  return out;
}

/// Sequence n of a packed problem, as a dense one.
inline Problem sequence_of(const Problem& problem, index_t n) {
  const auto& cu = problem.in.cu_seqlens;
  Problem out = problem;
  out.in.cu_seqlens.clear();
  for_each_tensor(out, [&](const char* name, Tensor<double>& x) {
    if (is_per_token(name))
      x = part(x, 1, cu[static_cast<std::size_t>(n)], cu[static_cast<std::size_t>(n) + 1]);
    else if (is_per_sequence(name))
      x = part(x, 0, n, n + 1);
  });
  return out;
}

}  // namespace fw::test
