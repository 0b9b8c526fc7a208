// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "viz/panels/panels.h"

namespace fw::viz {

void interference_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  const float em = ui.em;
  Rect inside = panel(ui, r, "Key interference", "cosine between keys");
  const Timeline& line = view.a().timeline();
  const Grid cosines = key_cosines(line);
  if (cosines.rows < 2) return void(text(ui, inside.cut_top(1.4f * em), "two facts are needed", c.muted, Face::small));
  const Interference found = interference_of(cosines);
  Rect notes = inside.cut_bottom(2.3f * em, 0.2f * em);
  const std::string pair = line.facts[static_cast<std::size_t>(found.i)].key + ", " + line.facts[static_cast<std::size_t>(found.j)].key;
  const std::string sizes = "mean " + number(found.mean, 3) + "  most " + number(found.most, 3), of = " (" + pair + ")";
  text(ui, notes.cut_top(1.15f * em), fitting(ui, notes.w, {"|cos| " + sizes + of, sizes + of, "|cos| " + sizes, sizes}), c.text,
       Face::small);
  Scale scale;
  legend(ui, notes, scale, 0);
  // Names on the left when they fit.
  const Axes axes{axis_of(view.options.zoom.fact, cosines.rows), axis_of(view.options.zoom.other, cosines.cols)};
  const Range& shown = axes.rows.shown;
  const float rows = static_cast<float>(shown.count);
  float side = std::floor(std::min(inside.h - 2, inside.w - 2));
  float names = 0;
  for (const Fact& fact : line.facts) names = std::max(names, text_width(ui, fact.key, Face::small));
  const bool named = side / rows >= 0.95f * em;
  if (named) side = std::floor(std::min(side, inside.w - names - 0.5f * em));
  Rect column = inside.cut_left(named ? names + 0.4f * em : 0.0f);
  if (side / rows > 8) side = std::floor(side / rows) * rows;  // whole pixels where a cell has many
  const Rect picture{std::floor(inside.x) + 1, std::floor(inside.y) + 1, side, side};
  if (named)
    for (int i = shown.first; i < shown.first + shown.count; ++i)
      text(ui, {column.x, picture.y + picture.h * static_cast<float>(i - shown.first) / rows, column.w - 0.4f * em, picture.h / rows},
           line.facts[static_cast<std::size_t>(i)].key, i == view.selection.focused().fact ? c.accent : c.muted, Face::small, Align::right);
  const Cell at = heatmap(ui, picture, Slot::keys, cosines, scale, stamp_of({static_cast<double>(view.generation())}), &axes);
  const int focused = view.tracked_fact();
  crosshair(ui, picture, cosines, focused, -1, &axes);
  if (!at) return;
  Focus here;
  here.fact = at.row;
  view.selection.hover(here);
  if (ImGui::IsMouseClicked(0)) view.selection.lock(here);
  ui.hint = "cos(key(" + line.facts[static_cast<std::size_t>(at.row)].key + "), key(" + line.facts[static_cast<std::size_t>(at.col)].key +
            ")) = " + number(cosines(at.row, at.col), 6);
}

}  // namespace fw::viz
