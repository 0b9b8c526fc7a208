// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What a step of undo changed, told in the words of the command box: "del Bo", "set b gdn", "fork at 9". From two states of the
// document alone, so that nothing has to be written down when a command is carried out.
#pragma once

#include <string>

#include "viz/model/document.h"

namespace fw::viz {

std::string change_text(const Document& before, const Document& after);
/// The state `index` of a history: "start" for the first.
std::string step_text(const History& history, int index);
/// The last steps as Markdown with what was undone; empty when there is nothing to undo or to do again.
std::string history_text(const History& history);

}  // namespace fw::viz
