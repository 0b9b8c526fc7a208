// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The two token x token pictures: hidden attention A(t,i) = scale q_t.m_i(t), and retention |m_i(t)| / |k_i|.
#include <algorithm>
#include <cmath>

#include "viz/panels/panels.h"

namespace fw::viz {
namespace {

void square(Ui& ui, Rect inside, Slot slot, const Grid& grid, const Scale& scale, const char* formula) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  if (grid.rows == 0) {
    text(ui, inside.cut_top(1.4f * ui.em), view.length() == 0 ? "no tokens yet" : "for runs of up to " + std::to_string(ViewModel::kMostSquare) + " tokens", c.muted, Face::small);
    return;
  }
  legend(ui, inside.cut_bottom(1.1f * ui.em, 0.2f * ui.em), scale, 2);
  const Rect picture{std::floor(inside.x) + 1, std::floor(inside.y) + 1, std::floor(inside.w) - 2, std::floor(inside.h) - 2};
  const Cell at = heatmap(ui, picture, slot, grid, scale, stamp_of({static_cast<double>(view.generation())}));
  const int t = view.transport.t(), token = view.selection.focused().token;
  crosshair(ui, picture, grid, t - 1, token > 0 ? token - 1 : -1);
  if (!at) return;
  Focus here;
  here.token = at.col + 1;
  view.selection.hover(here);
  if (ImGui::IsMouseClicked(0)) view.transport.pause(), view.transport.go(at.row + 1);
  if (at.col > at.row) return;
  const Timeline& line = view.a().timeline();
  ui.hint = std::string("A  ") + formula + " at t=" + std::to_string(at.row + 1) + ", i=" + std::to_string(at.col + 1) + " (" + line.entries[static_cast<std::size_t>(at.col)].label +
            "): " + number(grid(at.row, at.col), 6);
}

}  // namespace

void attention_panel(Ui& ui, const Rect& r) {
  const Rect inside = panel(ui, r, "Hidden attention", ui.sign("o = \xce\xa3 A z \xc2\xb7 row t, column i", "o = sum A z, row t, column i"));
  const Grid& grid = ui.view.attention_a();
  Scale scale;
  scale.range = 0;
  for (double x : grid.a)
    if (std::isfinite(x)) scale.range = std::max(scale.range, std::fabs(x));
  square(ui, inside, Slot::attention, grid, scale, "A(t,i) = q.m");
}

void retention_panel(Ui& ui, const Rect& r) {
  const Rect inside = panel(ui, r, "Retention", "|m|/|k|, row t, column i");
  const Grid& grid = ui.view.retention_a();
  Scale scale;
  scale.is_signed = false;
  for (double x : grid.a)
    if (std::isfinite(x)) scale.high = std::max(scale.high, x);
  square(ui, inside, Slot::retention, grid, scale, "|m|/|k|");
}

}  // namespace fw::viz
