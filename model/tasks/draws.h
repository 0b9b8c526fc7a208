// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The random choices of one sequence, one after the other. The n-th choice is a function of (seed, stream, step, row, n):
// nothing is carried from one sequence to the next, so a batch may be made in any order, by any number of threads, and a
// training run may be resumed at any step.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/dtype.h"
#include "core/random.h"

namespace fw::model {

class Draws {
 public:
  /// step and row are taken modulo 2^64 and 2^32.
  Draws(const Random& random, std::int64_t step, index_t row) : random_(random), at_{row, step, step >> 32, 0} {}

  /// Uniform in 0..n-1, without bias; n >= 1.
  index_t below(index_t n);
  /// Uniform in (0,1).
  double uniform();
  /// k different numbers out of 0..n-1, every ordered choice equally likely; 0 <= k <= n.
  std::vector<index_t> distinct(index_t k, index_t n);
  /// k different numbers out of 0..weight.size()-1: one after the other, each with probability proportional to its weight
  /// among those that are left. In the order in which they were drawn.
  std::vector<index_t> distinct_weighted(index_t k, std::span<const double> weight);

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (index_t i = static_cast<index_t>(items.size()); i > 1; --i)
      std::swap(items[static_cast<std::size_t>(i - 1)], items[static_cast<std::size_t>(below(i))]);
  }

 private:
  std::uint64_t bits();
  Random random_;
  Position at_;  ///< i counts the choices
};

}  // namespace fw::model
