// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One head run over a timeline by the naive references, and every moment of it at hand. States are kept as checkpoints and
// recomputed from the last one, by the same code, so any S_t has the bits of a straight run; nothing is ever inverted (an
// edit with k.e = 1 is singular). Time: t = 0 is before the first token, t = 1..length() after token t.
// With e = b(.)k, z = w(.)v:  S_decayed = Diag(alpha) S_prev,  r = S_decayed^T e,  S = S_decayed + k (z - r)^T,  o = scale S^T q.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "viz/model/gates.h"
#include "viz/model/work.h"

namespace fw::viz {

/// All of one step. before decayed after [Dk,Dv]; alpha b q k e [Dk]; w v r z delta o [Dv].
struct Step {
  int t = 0;
  bool surgery = false;  ///< after - decayed is an edit by hand, e r z delta are zero
  Grid before, decayed, after;
  Vec alpha, b, w, q, k, v, e, r, z, delta, o;
};

/// One number per token, index t - 1.
struct Series {
  Vec state;                ///< ||S_t||_F
  Vec decay, erase, write;  ///< ||(D-I) S_prev||_F, ||k r^T||_F, ||k z^T||_F
  Vec total;                ///< ||S_t - S_prev||_F
  Vec beta;                 ///< k.e, how much of the addressed slot is erased
  Vec growth;               ///< largest singular value of I - k e^T
  Vec kda, gdn, delta;      ///< distances from the narrower rules (quantities.h)
};

/// Does S still map a fact's key to the value last intended? NaN before the first write. One number per stride tokens, which
/// are all of them where every state is kept.
struct Recall {
  Vec cosine;      ///< of S^T k and v*
  Vec norm_ratio;  ///< ||S^T k|| / ||v*||
  Vec residual;    ///< 1/2 ||S^T k - v*||^2
};

class Run {
 public:
  struct Options {
    std::size_t state_bytes = std::size_t{128} << 20;  ///< memory for states; checkpoints get as wide apart as it asks
    double recall_work = 4e8;                          ///< multiplications spent on recall over time, before it is thinned out
    bool later = false;                                ///< to be brought forward by bring_forward()
  };
  Run(std::shared_ptr<const Timeline> timeline, const Head& head) : Run(std::move(timeline), head, Options()) {}
  /// spare: states of a run that is no longer needed (take_states()), to be written over.
  Run(std::shared_ptr<const Timeline> timeline, const Head& head, const Options& options, std::vector<Grid> spare = {});
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  const Timeline& timeline() const { return *timeline_; }
  const Head& head() const { return head_; }
  int length() const { return static_cast<int>(gates_.size()); }
  /// The timeline has grown at its end: go on from there. References to states are void.
  void extend();
  /// The same, to be followed by bring_forward().
  void prepare_to_extend();
  /// Its states, for another run to write over; only its destructor may follow.
  std::vector<Grid> take_states() { return std::move(checkpoints_); }
  int checkpoint_distance() const { return distance_; }

  /// S_t, t in [0, length()]. Valid until the next call on this run.
  const Grid& state(int t) const;
  /// t in [1, length()].
  Step step(int t) const;
  /// Effective gates of token t, t in [1, length()].
  const Gates& gates(int t) const;
  const Series& series() const { return series_; }
  const Recall& recall(int fact) const;
  /// Entry n of a Recall belongs to t = (n + 1) * stride.
  int recall_stride() const { return stride_; }
  /// Largest |S_t[i,j]| over the run: the default range of the heatmap.
  double largest() const { return largest_; }

 private:
  struct Cache;
  friend class Walk;
  void place_checkpoints();
  Grid& keep();
  void recompute(int block, int last, std::vector<Grid>& states) const;
  void measure_recall(Recall& recall, int fact, int t, const Grid& S) const;
  std::shared_ptr<const Timeline> timeline_;
  Head head_;
  Options options_;
  std::vector<Gates> gates_;
  int distance_ = 1, stride_ = 1;
  double largest_ = 0.0;
  std::vector<Grid> checkpoints_, spare_;
  Grid last_;  ///< the state after length() tokens
  Series series_;
  mutable std::vector<Recall> recall_;  ///< where every state is kept, filled in when it is asked for
  std::unique_ptr<Cache> cache_;
};

/// A, and B where there is one, to the end of their timelines, token by token together: what is not there yet is simulated, what
/// is is walked through once more. `divergence` becomes ||S_A - S_B||_F / ||S_A||_F after t tokens, index t, as far as both go; its
/// first entries may be known. Nothing else of a run that is complete is touched, so another thread may look at it.
void bring_forward(Run& a, Run* b, Vec& divergence, Work* work = nullptr);

}  // namespace fw::viz
