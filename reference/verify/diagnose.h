// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The bank at work. run_bank() runs every applicable mistake on the given inputs and says whether the tolerances in force
// would have caught it; diagnose() compares a wrong kernel's residual with the signatures of all of them and names the
// cause, or says that none of the known ones fits.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/compare.h"
#include "verify/signature.h"

namespace fw::verify {

/// What one mistake does to the tensors under judgement.
struct Effect {
  const Mistake* mistake = nullptr;
  bool applies = false;
  double ratio = 0;           ///< largest error over limit among the tensors judged; inf where it breaks finiteness
  std::string tensor;         ///< where that is
  bool visible = false;       ///< the ratio passes the margin of some tensor: these inputs and limits catch it
  Signature signature;          ///< empty unless asked for
};

struct BankRun {
  std::vector<Effect> effects;  ///< in the order of bank()
  index_t visible(Direction direction) const;
  index_t applicable(Direction direction) const;
};

/// The tolerance of a tensor, and how far over it a mistake must be to be seen under the kernel's own noise, which may
/// happen to point the other way: in n numbers by about 2 / sqrt(n) of its size.
struct Limit {
  Tolerance tolerance;
  double margin = 1.1;
};
Limit limit_with_margin(const Tolerance& tolerance, const Comparison& noise, index_t elements);
using Limits = std::map<std::string, Limit, std::less<>>;

/// `judged`: the kernel's results (only tensors it returned count); null spaces: signatures are not kept.
BankRun run_bank(const Bench& bench, const Results& judged, const Limits& limits, const SignatureSpace* forward, const SignatureSpace* backward, int threads);

struct Suspect {
  const Mistake* mistake = nullptr;
  Match match;
  double ratio = 0;  ///< how far over the limit the mistake itself is on these inputs
};

struct Diagnosis {
  Direction direction = Direction::forward;
  bool named = false;                ///< `group` is the answer
  bool exact = false;                ///< and nothing but noise is left; otherwise a variation or a neighbour may be the cause
  bool by_amplitude = false;         ///< collinear alternatives were told apart by the amplitude alone
  std::vector<Suspect> group;        ///< the mistake named, with those that these inputs cannot tell from it
  std::vector<Suspect> others;       ///< next best, at most three
};

/// All mistakes of one direction with how well each fits a residual.
struct Lineup {
  Direction direction = Direction::forward;
  std::vector<std::pair<Suspect, const Effect*>> suspects;
};
Lineup line_up(const SignatureSpace& space, const BankRun& run, Direction direction, const Residual& residual);

/// `without`: leaves that mistake out, to ask what would be said of a cause nobody knows.
Diagnosis diagnose(const SignatureSpace& space, const Lineup& lineup, const Mistake* without = nullptr);

}  // namespace fw::verify
