// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The panels, one file each: each draws what the view model says into a rectangle, writes what is under the pointer to the
// selection and the status line, and calls the view model's commands. None keeps numbers of its own.
#pragma once

#include "viz/widgets/heatmap.h"

namespace fw::viz {

void transport_bar(Ui& ui, const Rect& r);       ///< play, step, sub-step, scrub, speed, heads A and B, command box
void ribbon_panel(Ui& ui, const Rect& r);        ///< the tokens with how much each erased and wrote
void state_panel(Ui& ui, const Rect& r);         ///< S of A and B with row and column norms
void step_panel(Ui& ui, const Rect& r);          ///< the step split into decay, erase and write
void gates_panel(Ui& ui, const Rect& r);         ///< b, w, alpha per channel, now and over time
void collapse_panel(Ui& ui, const Rect& r);      ///< the sliders that morph B between the rules
void associations_panel(Ui& ui, const Rect& r);  ///< does S still map each key to its value
void recall_panel(Ui& ui, const Rect& r);        ///< the tracked fact's cosine and norm over time
void impact_panel(Ui& ui, const Rect& r);        ///< what the token did to the answer of every fact
void readout_panel(Ui& ui, const Rect& r);       ///< what memory answers to the tracked query
void attention_panel(Ui& ui, const Rect& r);     ///< hidden attention, token x token
void retention_panel(Ui& ui, const Rect& r);     ///< how much of each write survives
void interference_panel(Ui& ui, const Rect& r);  ///< cosines between keys
void spectrum_panel(Ui& ui, const Rect& r);      ///< singular values of S
void gauges_panel(Ui& ui, const Rect& r);        ///< growth of the transition, distance from the narrower rules
void history_panel(Ui& ui, const Rect& r);       ///< the steps of undo as a list to jump in

void lesson_panel(Ui& ui, const Rect& r);  ///< the list of lessons, or the open card; needs ui.state.course

/// The line to type commands into, with its button. It stands in the bar, or in a lesson's task while one is open.
void command_box(Ui& ui, Rect r);
bool lesson_has_command_box(const Ui& ui);

/// Light these panels up for a while; one of the bottom row that has no place there takes one.
constexpr float kLitSeconds = 2.0f;
void point_at(PanelState& state, const std::vector<std::string>& panels);
/// Ask for the end of a command in a small window: `prompt` is its beginning ("Ana=", "S[3,5]="), `value` what is offered.
void ask(Ui& ui, const std::string& prompt, const std::string& value);
/// The small window while it is open; drawn once a frame, outside all panels.
void edit_popup(Ui& ui);

/// Tokens shown by pictures over time: [first, first + count), around the moment shown. first is 0-based.
struct Span {
  int first = 0, count = 0;
};
Span visible_tokens(const Ui& ui, int most = 256);

}  // namespace fw::viz
