// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Effective and stable rank of the state over time. Each point costs all singular values of a state, so they are worked out
// little by little, from coarse to fine: first the middle of the run, then its quarters, and so on.
#pragma once

#include "viz/model/quantities.h"

namespace fw::viz {

/// Multiplications spent for a text or a table: enough for a short run, some points of a long one.
constexpr double kRankWork = 5e7;

class Ranks {
 public:
  static constexpr int kMostPoints = 256;

  /// Entry n belongs to t = (n + 1) * stride; NaN where it is not known yet.
  int stride() const { return stride_; }
  const Vec& effective() const { return effective_; }
  const Vec& stable() const { return stable_; }
  int points() const { return static_cast<int>(effective_.size()); }
  int known() const { return known_; }
  bool done() const { return known_ == points(); }
  /// Work out points of this run, which may have grown, until about so many multiplications are spent, at least one; what was spent.
  double measure(const Run& run, double work);

 private:
  void fit(int length);
  int stride_ = 1, known_ = 0, next_ = 0;
  Vec effective_, stable_;
};

}  // namespace fw::viz
