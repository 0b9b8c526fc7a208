// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/ranks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace fw::viz {
namespace {

/// The bits of n below `limit`, a power of two, in reverse: 0, 1/2, 1/4, 3/4, ... of the way.
unsigned reversed(unsigned n, unsigned limit) {
  unsigned out = 0;
  for (unsigned bit = 1; bit < limit; bit <<= 1) out = (out << 1) | (n & 1), n >>= 1;
  return out;
}

}  // namespace

void Ranks::fit(int length) {
  const int stride = std::max(1, (length + kMostPoints - 1) / kMostPoints);
  if (stride != stride_) effective_.clear(), stable_.clear(), known_ = 0;
  stride_ = stride;
  const auto points = static_cast<std::size_t>(length / stride);
  if (points == effective_.size()) return;
  effective_.resize(points, std::nan(""));
  stable_.resize(points, std::nan(""));
  next_ = 0;
}

double Ranks::measure(const Run& run, double work) {
  fit(run.length());
  double spent = 0;
  const auto limit = std::bit_ceil(static_cast<unsigned>(std::max(1, points())));
  const double rows = run.timeline().dk, cols = run.timeline().dv, each = rows * cols * std::min(rows, cols);
  while (!done() && (spent == 0 || spent + each <= work)) {
    const auto at = static_cast<std::size_t>(reversed(static_cast<unsigned>(next_++), limit));
    if (at >= effective_.size() || !std::isnan(effective_[at])) continue;
    const Spectrum s = spectrum_of(run.state((static_cast<int>(at) + 1) * stride_));
    effective_[at] = s.effective_rank;
    stable_[at] = s.stable_rank;
    ++known_;
    spent += each;
  }
  return spent;
}

}  // namespace fw::viz
