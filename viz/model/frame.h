// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// All that the panels show of one moment, worked out once per change of t and not per picture.
#pragma once

#include <string>
#include <vector>

#include "viz/model/lineage.h"
#include "viz/model/quantities.h"
#include "viz/model/transport.h"

namespace fw::viz {

/// One fact as memory holds it now.
struct Association {
  int fact = 0;
  const Intent* intent = nullptr;  ///< null: not written yet, nothing below is meaningful
  RecallNow recall{};
  double signal = 0, crosstalk = 0;  ///< norms of the two parts of the answer, over ||v*||
  double retained = 0;
  Impact impact{};
};

/// One codeword's similarity with the answer to the query.
struct Answer {
  int codeword = 0;
  double cosine = 0;
};

/// One head at one moment.
struct Side {
  Step step;                       ///< at t = 0: S0 throughout, zero vectors
  Split split;
  Grid shown;                      ///< S at the phase the view stands in
  Gates gates;
  EraseGauge erase;
  double growth = 1;               ///< of the whole transition
  CollapseGauge collapse;
  Spectrum spectrum;
  std::vector<Association> associations;
  Vec query;                       ///< S^T q for the tracked query
  std::vector<Answer> answers;     ///< best first
};

/// `query`: index of the fact whose key is asked, -1: the token's own q. t is clamped to the run.
Side side_at(const Run& run, int t, Phase phase, int query);

/// What is asked: "key(Ana)" or "q of token 14".
std::string query_text(const Run& run, int t, int query);

}  // namespace fw::viz
