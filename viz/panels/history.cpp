// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The edit history as a list: each step of undo in the words of the command box. A click goes back to any of them, or on again.
#include <algorithm>

#include "viz/model/changes.h"
#include "viz/panels/panels.h"

namespace fw::viz {

void history_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  PanelState& state = ui.state;
  const Palette& c = ui.colours();
  const float em = ui.em, height = 1.3f * em;
  const History& history = view.history();
  const int count = history.count(), here = history.position();
  Rect inside = panel(ui, r, "History", "click a step to go there: " + std::to_string(here) + " of " + std::to_string(count - 1));
  const int fits = std::max(1, static_cast<int>(inside.h / height));
  // The wheel moves the list until something is done.
  if (state.seen_generation != view.generation()) state.history_first = -1;
  int first = std::clamp(state.history_first >= 0 ? state.history_first : here - (2 * fits) / 3, 0, std::max(0, count - fits));
  if (const float wheel = ImGui::GetIO().MouseWheel; wheel != 0 && ui.hovered(inside))
    state.history_first = first = std::clamp(first - static_cast<int>(3 * wheel), 0, std::max(0, count - fits));
  int wanted = -1;
  for (int n = first; n < std::min(count, first + fits); ++n) {
    Rect row = inside.cut_top(height);
    const Rect whole{row.x - 2, row.y, row.w + 4, row.h};
    if (n == here) fill(ui, whole, faded(c.accent, 40), 2);
    const Colour colour = n > here ? c.muted : c.text;
    text(ui, row.cut_left(2.2f * em, 0.5f * em), std::to_string(n), c.muted, Face::small, Align::right);
    text(ui, row.cut_right(std::min(0.3f * row.w, 4.0f * em), 0.3f * em),
         n == here  ? "here"
         : n > here ? "undone"
                    : "",
         c.muted, Face::small, Align::right);
    const std::string what = step_text(history, n);
    text(ui, row, what, colour, n == here ? Face::bold : Face::small);
    if (!ui.hovered(whole)) continue;
    frame(ui, whole, c.accent, 1, 2);
    ui.hint = "step " + std::to_string(n) + ": " + what +
              (n == here  ? ""
               : n < here ? "   click: back to after it"
                          : "   click: do it again") +
              "    or \"history " + std::to_string(n) + "\"";
    if (ImGui::IsMouseClicked(0)) wanted = n;
  }
  if (wanted < 0 || wanted == here) return;
  try {
    view.revisit(wanted);
    state.refused = false;
  } catch (const std::exception& error) {
    state.message = error.what();
    state.refused = true;
  }
}

}  // namespace fw::viz
