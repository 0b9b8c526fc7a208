// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The numbers panels show, each by its exact formula, all cheap. One step is S_prev -> S = D S_prev - k r^T + k z^T.
//   erase gauge   beta_eff = k.e;  e_perp = e - (e.k/k.k) k;  singular values of I - k e^T: with c = k.e, n = |k|^2 |e|^2,
//                 q = 2 - 2c + n: sigma^2 = (q +- sqrt(q^2 - 4 (1-c)^2)) / 2, all others are 1. Scalar gates have e_perp = 0
//                 and never amplify for c in [0,2]; a channel-wise b in [0,1] can, by at most 2/sqrt(3).
//   spectrum      singular values of S; effective rank exp(-sum p ln p), p = sigma/sum sigma; stable rank ||S||_F^2 / sigma_1^2
//   edit impact   on the answer at k_i:  (k_i.k)(z - r)  +  k_i^T (D - I) S_prev  =  (S - S_prev)^T k_i
//   collapse      sd over channels of b, w, alpha; c_kda = RMS distance of (b,w) to their common mean; c_gdn = sd of g;
//                 c_delta = mean |g|: zero exactly where the rule is KDA, GDN, DeltaNet
#pragma once

#include "viz/model/run.h"

namespace fw::viz {

struct RecallNow {
  double cosine, norm_ratio, residual;
};
/// cos(answer, v*), ||answer|| / ||v*||, 1/2 ||answer - v*||^2.
RecallNow recall_of(const Vec& answer, const Vec& intended);

struct EraseGauge {
  double beta = 0, oblique = 0, sigma_max = 1, sigma_min = 1;
};
EraseGauge erase_gauge(const Vec& k, const Vec& e);

/// Singular values, largest first: one-sided Jacobi, to full precision.
Vec singular_values(const Grid& m);
struct Spectrum {
  Vec sigma;
  double effective_rank = 0, stable_rank = 0, frobenius = 0;
};
Spectrum spectrum_of(const Grid& S);

/// The parts of one step, [Dk,Dv] each: decay + erase + write + surgery = after - before.
struct Split {
  Grid decay, erase, write, surgery, total;
};
Split split_of(const Step& step);

struct Impact {
  double edit, decay, total;  ///< norms of the three vectors
};
/// What this step did to the answer at key k_i.
Impact impact_on(const Step& step, const Split& split, const Vec& k_i);
inline Impact impact_on(const Step& step, const Vec& k_i) { return impact_on(step, split_of(step), k_i); }

struct CollapseGauge {
  double sd_b = 0, sd_w = 0, sd_alpha = 0, mean_b = 0, mean_w = 0, mean_alpha = 0;
  double kda = 0, gdn = 0, delta = 0;
};
CollapseGauge collapse_gauge(const Gates& gates);

/// Largest singular value of the whole transition (I - k e^T) Diag(alpha).
double transition_growth(const Step& step);

/// Cosines between the keys of the facts, [F,F].
Grid key_cosines(const Timeline& timeline);
struct Interference {
  double mean = 0, most = 0;  ///< of |cos| over pairs; zero for fewer than two facts
  int i = -1, j = -1;         ///< the pair with the largest
};
Interference interference_of(const Grid& cosines);

/// Channel means and standard deviations (over channels, not a sample's).
double mean_of(const Vec& x);
double deviation_of(const Vec& x);
/// Norms of the rows and of the columns.
Vec row_norms(const Grid& m);
Vec column_norms(const Grid& m);

}  // namespace fw::viz
