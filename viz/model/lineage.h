// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Where a write still lives. The surviving key of token i starts as m_i(i) = k_i and goes through every later step,
// m_i(t) = (I - k_t e_t^T) D_t m_i(t-1); then S_t = sum_i m_i(t) z_i^T (plus S_0 and edits by hand, carried the same way),
// so o_t = sum_i A(t,i) z_i with the signed hidden attention A(t,i) = scale q_t.m_i(t), exactly. One row of A is computed by
// walking backwards with x <- D_s (x - e_s (k_s.x)), in O(t Dk), without ever forming the m_i.
#pragma once

#include <memory>

#include "viz/model/run.h"

namespace fw::viz {

/// x.m_i(t) for tokens i = first..t at index i - first (no scale). Zero for surgery entries.
Vec overlap_with_writes(const Run& run, int t, const Vec& x, int first = 1);

/// m_i(t), i in [1,t]. [Dk]
Vec surviving_key(const Run& run, int i, int t);

/// ||m_i(t)|| / ||k_i|| for first <= i <= t < first + count: row t - first, column i - first, NaN above the diagonal. Costs
/// count^2 Dk.
Grid retention(const Run& run, int first, int count);
/// A(t,i) = scale q_t.m_i(t) in the same layout.
Grid hidden_attention(const Run& run, int first, int count);
/// Of the whole run.
inline Grid retention(const Run& run) { return retention(run, 1, run.length()); }
inline Grid hidden_attention(const Run& run) { return hidden_attention(run, 1, run.length()); }

/// The answer S_t^T k of a fact, split by its sources.
struct Origin {
  Vec answer;           ///< S_t^T k
  Vec signal;           ///< from this fact's own writes and appends since it was last written whole
  Vec crosstalk;        ///< all the rest: answer - signal
  double retained = 0;  ///< ||m_i(t)|| / ||k_i|| of the last write
};
Origin origin_of(const Run& run, int t, int fact);

/// The surviving keys of what facts' own writes are in force, for any t: carried forward from checkpoints, so that looking at all
/// facts of a long run does not cost a walk through it for each.
class Survivors {
 public:
  explicit Survivors(std::shared_ptr<const Run> run) : run_(std::move(run)) {}
  /// As origin_of(), for every fact of the run that is written by then; others are empty.
  std::vector<Origin> origins(int t);

 private:
  struct Survivor {
    int fact, token;
    Vec m;
  };
  using Moment = std::vector<Survivor>;
  void advance(Moment& now, int t) const;
  std::shared_ptr<const Run> run_;
  std::vector<Moment> checkpoints_;  ///< [n]: after n * kApart tokens
  static constexpr int kApart = 64;
};

}  // namespace fw::viz
