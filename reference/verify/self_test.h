// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The judge judged: every mistake of the bank on every input family, with the noise of a correct bfloat16 kernel on top
// (an emulated kernel of another chunk length than the yardstick's, plus 0.3 % and output rounding), in all of the tensor, in
// half of the heads and in half of the channels. Counted: was it detected; if not, had the blind-spot list said so; and was
// it named.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "verify/diagnose.h"

namespace fw::verify {

enum class Extent { all, half_heads, half_channels };

struct SelfTestSettings {
  std::vector<std::string> families;     ///< empty: all
  std::vector<std::string> scenarios;    ///< empty: all; see self_test_scenarios()
  std::vector<std::string> mistakes;     ///< empty: all
  int seeds = 3;
  std::uint64_t first_seed = 1;
  int threads = 0;
  std::function<void(const std::string& stage, double fraction)> progress;
};

/// Names of the problems the mistakes are tried on: dense, packed, tied gates, scalar decay, activations, Mamba-3, window.
std::vector<std::string> self_test_scenarios();

/// One line of the table; counts are trials (family x seed x scenario in which the mistake applies).
struct SelfTestRow {
  std::string id;
  Direction direction = Direction::forward;
  struct Count {
    index_t trials = 0, detected = 0, invisible = 0, missed = 0;  ///< invisible: undetected and announced as a blind spot
    index_t named = 0;       ///< named, alone or among mistakes these inputs cannot tell from it
    index_t named_alone = 0; ///< of those: alone
    index_t listed = 0;      ///< not named, but among the nearest
    index_t wrong = 0;       ///< another one named
    index_t unknown = 0;     ///< "no known signature", and not listed
    index_t exact = 0;       ///< of the named: nothing but noise was left
    index_t orphan_trials = 0, orphan_likely = 0, orphan_exact = 0;  ///< own entry taken out of the bank: something else named, by kind
  };
  std::array<Count, 3> extent;  ///< indexed by Extent
};

struct SelfTestReport {
  std::vector<SelfTestRow> rows;             ///< in the order of bank()
  std::array<SelfTestRow::Count, 3> total;
  index_t right_trials = 0, right_rejected = 0;  ///< the noisy right kernel itself, once per problem
  std::vector<std::string> remarks;          ///< every miss, every wrong name, every rejected right kernel
  double seconds = 0;
  /// Share of the detected trials named right.
  double named_share(Extent extent) const;
  bool passed() const;                       ///< no miss, no right kernel rejected, at least 95 % named in every extent
};

SelfTestReport self_test(const SelfTestSettings& settings = {});

std::string self_test_text(const SelfTestReport& report);
std::string self_test_json(const SelfTestReport& report);

}  // namespace fw::verify
