// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Where playing stops by itself: at the token where a condition begins to hold, so that it can be played on from there.
#pragma once

#include <optional>
#include <string>

namespace fw::viz {

class ViewModel;

struct Breakpoints {
  std::optional<double> recall_below;  ///< cosine of A's recall, of `fact` or (empty) of any that is not deleted
  std::string fact;
  std::optional<double> erase_above;  ///< ||k r^T||_F of A
  std::optional<double> apart_above;  ///< ||S_A - S_B||_F / ||S_A||_F
  bool any() const { return recall_below || erase_above || apart_above; }
  bool operator==(const Breakpoints&) const = default;
};

/// Why playing stops at t: a condition holds after t tokens that did not hold after t - 1. Empty: it does not.
std::string reason_to_stop(const Breakpoints& points, const ViewModel& view, int t);
/// "recall of Ana below 0.5, |erase| above 0.3", or "none".
std::string text_of(const Breakpoints& points);

}  // namespace fw::viz
