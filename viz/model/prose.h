// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The prose of lessons: plain UTF-8 with two marks.
//   [[state|the memory]]   a reference: "the memory" points at the panel called state
//   {n}                    a number of the card by its name, worked out when the card is shown
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fw::viz {

struct ProseSpan {
  enum class Kind { text, number, panel } kind = Kind::text;
  std::string text;    ///< what is read; a number's name until it is worked out
  std::string target;  ///< panel: its name
  bool operator==(const ProseSpan&) const = default;
};
using Prose = std::vector<ProseSpan>;

/// Throws fw::Error: a mark that is not closed or empty, a panel that does not exist.
Prose parse_prose(std::string_view text);
std::string plain(const Prose& prose);

/// What references may point at: the panels of the main window during a lesson..
const std::vector<std::string>& lesson_targets();
bool is_panel(std::string_view name);
/// One of those that share the bottom row.
bool is_bottom_panel(std::string_view name);

}  // namespace fw::viz
