// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The two token x token pictures: hidden attention A(t,i) = scale q_t.m_i(t), and retention |m_i(t)| / |k_i|.
#include <algorithm>
#include <cmath>

#include "viz/panels/panels.h"

namespace fw::viz {
namespace {

void square(Ui& ui, Rect inside, Slot slot, const ViewModel::Square& shown, const Scale& scale, const char* formula) {
  ViewModel& view = ui.view;
  const Grid& grid = shown.grid;
  const int first = shown.first;
  if (grid.rows == 0) {
    text(ui, inside.cut_top(1.4f * ui.em), "no tokens yet", ui.colours().muted, Face::small);
    return;
  }
  Rect below = inside.cut_bottom(1.1f * ui.em, 0.2f * ui.em);
  const Range shown_rows = axis_of(view.options.zoom.time, grid.rows, first - 1, view.a().length()).shown;
  if (shown_rows.count < view.a().length()) {
    const int from = first + shown_rows.first;
    const std::string window = "tokens " + std::to_string(from) + "-" + std::to_string(from + shown_rows.count - 1);
    text(ui, below.cut_right(text_width(ui, window, Face::small) + 2, 0.5f * ui.em), window, ui.colours().muted, Face::small, Align::right);
  }
  legend(ui, below, scale, 2);
  const Rect picture{std::floor(inside.x) + 1, std::floor(inside.y) + 1, std::floor(inside.w) - 2, std::floor(inside.h) - 2};
  const int T = view.a().length();
  const Axes axes{axis_of(view.options.zoom.time, grid.rows, first - 1, T), axis_of(view.options.zoom.write, grid.cols, first - 1, T)};
  const Cell at =
      heatmap(ui, picture, slot, grid, scale, stamp_of({static_cast<double>(view.generation()), static_cast<double>(first)}), &axes);
  const int t = view.transport.t(), token = view.selection.focused().token;
  crosshair(ui, picture, grid, t - first, token >= first ? token - first : -1, &axes);
  if (!at) return;
  Focus here;
  here.token = first + at.col;
  view.selection.hover(here);
  if (ImGui::IsMouseClicked(0)) view.transport.pause(), view.transport.go(first + at.row);
  if (at.col > at.row) return;
  const Timeline& line = view.a().timeline();
  ui.hint = std::string("A  ") + formula + " at t=" + std::to_string(first + at.row) + ", i=" + std::to_string(first + at.col) + " (" +
            line.entries[static_cast<std::size_t>(first + at.col - 1)].label + "): " + number(grid(at.row, at.col), 6);
}

}  // namespace

void attention_panel(Ui& ui, const Rect& r) {
  const Rect inside =
      panel(ui, r, "Hidden attention", ui.sign("o = \xce\xa3 A z \xc2\xb7 row t, column i", "o = sum A z, row t, column i"));
  const ViewModel::Square& shown = ui.view.attention_a();
  Scale scale;
  scale.range = 0;
  for (double x : shown.grid.a)
    if (std::isfinite(x)) scale.range = std::max(scale.range, std::fabs(x));
  square(ui, inside, Slot::attention, shown, scale, "A(t,i) = q.m");
}

void retention_panel(Ui& ui, const Rect& r) {
  const Rect inside = panel(ui, r, "Retention", "|m|/|k|, row t, column i");
  const ViewModel::Square& shown = ui.view.retention_a();
  Scale scale;
  scale.is_signed = false;
  for (double x : shown.grid.a)
    if (std::isfinite(x)) scale.high = std::max(scale.high, x);
  square(ui, inside, Slot::retention, shown, scale, "|m|/|k|");
}

}  // namespace fw::viz
