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
  bool idle = false;  ///< no token here: before the first, or this run has ended
  Step step;          ///< idle: the same S throughout, zero vectors
  Split split;
  Grid shown;  ///< S at the phase the view stands in
  Gates gates;
  EraseGauge erase;
  double growth = 1;  ///< of the whole transition
  CollapseGauge collapse;
  Spectrum spectrum;
  std::vector<Association> associations;
  Vec query;                    ///< S^T q for the tracked query
  std::vector<Answer> answers;  ///< best first
};

/// `query`: the key that is asked [Dk], null: the token's own q. Past the run's end its last state, idle.
/// `survivors` of this run save the walk through it for every fact.
Side side_at(const Run& run, int t, Phase phase, const Vec* query, Survivors* survivors = nullptr);

/// What is asked: "key(Ana)" for a fact of the run, -1: "q of token 14".
std::string query_text(const Run& run, int t, int query);

}  // namespace fw::viz
