// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The words of the command box that steer the view instead of making tokens: go, sub, undo, redo, fork, join, clear, lock,
// unlock, set. The list stands at ViewModel::enter. "set" changes the document through the history, so it can be undone.
#pragma once

#include <string_view>

namespace fw::viz {

class ViewModel;

/// Does the line begin with one of these words (and not with a fact of that name, "go=on")?
bool is_directive(std::string_view line);
/// Obey it; false when it is none. Throws fw::Error with line, expected, got.
bool run_directive(ViewModel& view, std::string_view line, int line_number);

}  // namespace fw::viz
