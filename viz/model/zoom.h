// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What part of the long axes is shown. An axis belongs to all panels that have it: a narrower range of key channels is narrower
// in the memory, in the parts of the step and in the gates, and a range of tokens in every picture over time.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace fw::viz {

/// Cells [first, first + count) of an axis; count 0: all of it.
struct Range {
  int first = 0, count = 0;
  bool operator==(const Range&) const = default;
};

struct Zoom {
  Range key, value;   ///< channels; key channels by their place in the order shown
  Range time, write;  ///< tokens counted from 0: rows of the token x token pictures and all lines over time; their columns
  Range fact, other;  ///< rows and columns of the key interference
  bool any() const { return !(*this == Zoom()); }
  bool operator==(const Zoom&) const = default;
};

/// The axes by the names that commands and sessions use.
const std::vector<std::pair<std::string, Range Zoom::*>>& zoom_axes();

/// Fewest cells that the wheel leaves, and the largest number a range may have.
constexpr int kLeastCells = 4, kMostZoom = 1 << 20;
/// The part of [0, n) that is shown: all of it when nothing narrower is wanted, or when it lies outside.
Range shown_part(const Range& wanted, int n);
/// Nearer by `steps` of the wheel (negative: farther) about the place `at` in [0,1] of what is shown, which stays where it is.
Range zoomed(const Range& shown, int n, double at, double steps);
/// Moved by so many cells, within [0, n).
Range moved(const Range& shown, int n, int cells);
/// "key channels 4-11, tokens 3-9", or "".
std::string text_of(const Zoom& zoom);

}  // namespace fw::viz
