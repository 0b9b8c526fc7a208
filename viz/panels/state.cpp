// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "viz/panels/panels.h"

namespace fw::viz {
namespace {

struct Shown {
  const Grid* grid;
  double range;  ///< of the colours
};

/// The matrix a map shows of one head.
Shown shown_of(ViewModel& view, const Side& side, const Run& run, const Grid& apart) {
  const auto own = [](const Grid& g) { return max_abs(g.a); };
  const double whole = view.b() != nullptr ? std::max(run.largest(), view.b()->largest()) : run.largest();
  switch (view.options.map) {
    case Map::state: return {&side.shown, view.options.run_range ? std::max(whole, view.a().largest()) : own(side.shown)};
    case Map::change: return {&side.split.total, own(side.split.total)};
    case Map::decay: return {&side.split.decay, own(side.split.decay)};
    case Map::erase: return {&side.split.erase, own(side.split.erase)};
    case Map::write: return {&side.split.write, own(side.split.write)};
    case Map::compare: return {&apart, own(apart)};
  }
  return {&side.shown, 1.0};
}

void margin_bars(Ui& ui, const Rect& r, const Vec& norms, double most, bool rows, int focused) {
  const Palette& c = ui.colours();
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const float f = most > 0 ? static_cast<float>(norms[i] / most) : 0.0f, n = static_cast<float>(norms.size());
    const Colour colour = static_cast<int>(i) == focused ? c.accent : c.decay;
    if (rows) {
      const float y0 = r.y + r.h * static_cast<float>(i) / n, y1 = r.y + r.h * static_cast<float>(i + 1) / n;
      fill(ui, {r.x, std::floor(y0), r.w * f, std::max(1.0f, std::floor(y1) - std::floor(y0) - (y1 - y0 > 4 ? 1.0f : 0.0f))}, colour);
    } else {
      const float x0 = r.x + r.w * static_cast<float>(i) / n, x1 = r.x + r.w * static_cast<float>(i + 1) / n;
      fill(ui, {std::floor(x0), r.y, std::max(1.0f, std::floor(x1) - std::floor(x0) - (x1 - x0 > 4 ? 1.0f : 0.0f)), r.h * f}, colour);
    }
  }
}

void one_map(Ui& ui, Rect r, Slot slot, const char* letter, Colour tint, const Run& run, const Side& side, const Shown& shown,
             double most) {
  const Palette& c = ui.colours();
  const Grid& g = *shown.grid;
  const float em = ui.em, margin = 1.5f * em;
  Rect head = r.cut_top(1.2f * em, 0.1f * em);
  head.cut_left(text(ui, head, letter, tint, Face::bold) + 0.4f * em);
  const Map map_shown = ui.view.options.map;
  const std::string total = std::string(map_shown == Map::state     ? "|S| "
                                        : map_shown == Map::compare ? "|A-B| "
                                                                    : "norm ") +
                            number(norm(g), 3);
  const float total_width = text_width(ui, total, Face::small);
  text(ui, head.cut_right(total_width + margin), total, c.muted, Face::small);
  text(ui, head, ui.view.options.map == Map::compare ? "difference" : short_name(run.head()), c.text, Face::small);

  const float cell =
      std::min((r.w - margin) / static_cast<float>(std::max(1, g.cols)), (r.h - margin) / static_cast<float>(std::max(1, g.rows)));
  Rect map{std::floor(r.x) + 1, std::floor(r.y) + 1, std::floor(cell * static_cast<float>(g.cols)),
           std::floor(cell * static_cast<float>(g.rows))};
  if (cell > 8) map.w = std::floor(cell) * static_cast<float>(g.cols), map.h = std::floor(cell) * static_cast<float>(g.rows);
  Scale scale;
  scale.range = shown.range;
  scale.root = ui.view.options.root_scale;
  const Transport& time = ui.view.transport;
  const Cell at = heatmap(ui, map, slot, g, scale,
                          stamp_of({static_cast<double>(ui.view.generation()), static_cast<double>(time.t()),
                                    static_cast<double>(time.phase()), static_cast<double>(ui.view.options.map)}));
  const Focus focus = ui.view.selection.focused();
  const Vec rows = row_norms(g), cols = column_norms(g);
  margin_bars(ui, {map.right() + 3, map.y, margin - 6, map.h}, rows, most, true, focus.key);
  margin_bars(ui, {map.x, map.bottom() + 3, map.w, margin - 6}, cols, most, false, focus.value);
  crosshair(ui, map, g, focus.key, focus.value);
  if (!at) return;
  Focus here;
  here.key = at.row, here.value = at.col;
  ui.view.selection.hover(here);
  if (ImGui::IsMouseClicked(0)) ui.view.selection.lock(here);
  if (ImGui::IsMouseDoubleClicked(0) && ui.view.options.map == Map::state && !ui.view.document().trace)
    ask(ui, "S[" + std::to_string(at.row) + "," + std::to_string(at.col) + "]=", number(g(at.row, at.col), 4));
  const auto i = static_cast<std::size_t>(at.row), j = static_cast<std::size_t>(at.col);
  const std::string cell_name = "[" + std::to_string(at.row) + "," + std::to_string(at.col) + "]";
  ui.hint = std::string(letter) + "  " + name_of(ui.view.options.map) + cell_name + " = " + number(g(at.row, at.col), 6) + "    " +
            ui.sign("\xce\xb1", "alpha") + "[" + std::to_string(at.row) + "] = " + number(side.step.alpha[i], 4) +
            "   b = " + number(side.step.b[i], 4) + "   w[" + std::to_string(at.col) + "] = " + number(side.step.w[j], 4) +
            "   |row| = " + number(rows[i], 4) + "   |column| = " + number(cols[j], 4) + "    S = " + ui.sign("\xce\xb1", "alpha") +
            " S + k (z - r)'";
}

}  // namespace

void state_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const float em = ui.em;
  Rect inside =
      panel(ui, r, "Memory S",
            ui.sign("rows: key channels, columns: value channels \xc2\xb7 margins: norms", "rows: key channels, columns: value channels"));
  const Side& a = view.side_a();
  const Side* b = view.side_b();
  static constexpr std::string_view kMaps[] = {"S", "change", "decay", "erase", "write", "A-B"};
  Rect controls = inside.cut_top(1.35f * em, 0.3f * em);
  static constexpr std::string_view kScales[] = {"linear", "root"};
  static constexpr std::string_view kRanges[] = {"run", "now"};
  const int map = choice(ui, controls.cut_left(std::min(16.5f * em, 0.6f * controls.w), 0.5f * em), "map", kMaps, b ? 6 : 5,
                         static_cast<int>(view.options.map));
  if (map >= 0) view.options.map = static_cast<Map>(map);
  const int scale = choice(ui, controls.cut_left(std::min(5.6f * em, 0.55f * controls.w), 0.5f * em), "scale", kScales, 2,
                           view.options.root_scale ? 1 : 0);
  if (scale >= 0) view.options.root_scale = scale == 1;
  const int range = choice(ui, controls.cut_left(std::min(4.6f * em, controls.w)), "range", kRanges, 2, view.options.run_range ? 0 : 1);
  if (range >= 0) view.options.run_range = range == 0;
  if (view.options.map == Map::compare && b == nullptr) view.options.map = Map::state;

  Rect scale_row = inside.cut_bottom(1.1f * em, 0.2f * em);
  const Grid apart = b ? difference(a.shown, b->shown) : Grid();
  Shown of_a = shown_of(view, a, view.a(), apart);
  // One alone: by choice, or while B is held down B's memory stands where A's was.
  const bool alone = b == nullptr || view.options.map == Map::compare || view.options.heads != Heads::both,
             only_b = b != nullptr && view.options.map != Map::compare && (view.options.heads == Heads::b || ui.state.blink), two = !alone;
  Shown of_b = b != nullptr && view.options.map != Map::compare ? shown_of(view, *b, *view.b(), apart) : of_a;
  of_a.range = of_b.range = std::max(of_a.range, of_b.range);
  const auto longest = [](const Grid& g) { return std::max(max_abs(row_norms(g)), max_abs(column_norms(g))); };
  const double most = std::max(longest(*of_a.grid), longest(*of_b.grid));
  const Palette& c = ui.colours();
  const auto draw_b = [&](const Rect& where) { one_map(ui, where, Slot::state_b, "B", c.head_b, *view.b(), *b, of_b, most); };
  if (two) {
    Rect left = inside.cut_left(0.5f * (inside.w - 0.6f * em), 0.6f * em);
    one_map(ui, only_b ? inside : left, Slot::state_a, "A", c.head_a, view.a(), a, of_a, most);
    draw_b(only_b ? left : inside);
  } else if (only_b) {
    draw_b(inside);
  } else {
    one_map(ui, inside, Slot::state_a, view.options.map == Map::compare ? "A-B" : "A", c.head_a, view.a(), a, of_a, most);
  }
  Scale shown;
  shown.range = of_a.range;
  shown.root = view.options.root_scale;
  const std::string note =
      std::string(view.options.map == Map::state && view.options.run_range ? "range of the whole run" : "range of this moment") +
      (shown.root ? ", root scale" : "");
  text(ui, scale_row.cut_right(std::min(0.45f * scale_row.w, text_width(ui, note, Face::small) + 4), 0.5f * em), note, c.muted, Face::small,
       Align::right);
  legend(ui, scale_row, shown, shown.range < 0.1 ? 4 : 3);
}

}  // namespace fw::viz
