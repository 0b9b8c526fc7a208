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

/// Of the rows or columns that are shown.
void margin_bars(Ui& ui, const Rect& r, const Vec& norms, const Range& shown, double most, bool rows, int focused) {
  const Palette& c = ui.colours();
  for (std::size_t i = 0; i < static_cast<std::size_t>(shown.count); ++i) {
    const std::size_t at = i + static_cast<std::size_t>(shown.first);
    const float f = most > 0 ? static_cast<float>(norms[at] / most) : 0.0f, n = static_cast<float>(shown.count);
    const Colour colour = static_cast<int>(at) == focused ? c.accent : c.decay;
    if (rows) {
      const float y0 = r.y + r.h * static_cast<float>(i) / n, y1 = r.y + r.h * static_cast<float>(i + 1) / n;
      fill(ui, {r.x, std::floor(y0), r.w * f, std::max(1.0f, std::floor(y1) - std::floor(y0) - (y1 - y0 > 4 ? 1.0f : 0.0f))}, colour);
    } else {
      const float x0 = r.x + r.w * static_cast<float>(i) / n, x1 = r.x + r.w * static_cast<float>(i + 1) / n;
      fill(ui, {std::floor(x0), r.y, std::max(1.0f, std::floor(x1) - std::floor(x0) - (x1 - x0 > 4 ? 1.0f : 0.0f)), r.h * f}, colour);
    }
  }
}

/// Channel numbers beside the rows, as many as there is room for.
void row_labels(Ui& ui, const Rect& r, const Range& shown, const std::vector<int>& order, int focused) {
  const Palette& c = ui.colours();
  const float cell = r.h / static_cast<float>(shown.count);
  const int step = std::max(1, static_cast<int>(std::ceil(0.95f * ui.em / cell)));
  for (int i = 0; i < shown.count; i += step) {
    const int row = shown.first + i, channel = order.empty() ? row : order[static_cast<std::size_t>(row)];
    text(ui, {r.x, r.y + cell * static_cast<float>(i), r.w, cell}, std::to_string(channel), row == focused ? c.accent : c.muted,
         Face::small, Align::right);
  }
}

void one_map(Ui& ui, Rect r, Slot slot, const char* letter, Colour tint, const Run& run, const Side& side, const Shown& shown,
             double most) {
  const Palette& c = ui.colours();
  // Rows may stand in another order; whatever leaves this function is about channels.
  const std::vector<int>& order = ui.view.key_rows();
  const Grid sorted = order.empty() ? Grid() : reordered(*shown.grid, order);
  const Grid& g = order.empty() ? *shown.grid : sorted;
  const auto channel_of = [&](int row) { return order.empty() ? row : order[static_cast<std::size_t>(row)]; };
  const Axes axes{axis_of(ui.view.options.zoom.key, g.rows), axis_of(ui.view.options.zoom.value, g.cols)};
  const Range &rows_shown = axes.rows.shown, &cols_shown = axes.cols.shown;
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

  // The numbers of the rows are of interest once they are not simply counted.
  const bool labelled = !order.empty() || rows_shown.count < g.rows;
  const Rect labels = r.cut_left(labelled ? text_width(ui, "000", Face::small) : 0.0f, labelled ? 0.25f * em : 0.0f);
  const auto rows_n = static_cast<float>(std::max(1, rows_shown.count)), cols_n = static_cast<float>(std::max(1, cols_shown.count));
  const float cell = std::min((r.w - margin) / cols_n, (r.h - margin) / rows_n);
  if (!(cell > 0)) return;
  Rect map{std::floor(r.x) + 1, std::floor(r.y) + 1, std::floor(cell * cols_n), std::floor(cell * rows_n)};
  if (cell > 8) map.w = std::floor(cell) * cols_n, map.h = std::floor(cell) * rows_n;
  Scale scale;
  scale.range = shown.range;
  scale.root = ui.view.options.root_scale;
  const Transport& time = ui.view.transport;
  const Cell at = heatmap(ui, map, slot, g, scale,
                          stamp_of({static_cast<double>(ui.view.generation()), static_cast<double>(time.t()),
                                    static_cast<double>(time.phase()), static_cast<double>(ui.view.options.map),
                                    static_cast<double>(ui.view.options.rows), static_cast<double>(ui.view.options.rows_at)}),
                          &axes);
  Focus focus = ui.view.selection.focused();
  if (focus.key >= 0 && !order.empty()) focus.key = inverse(order)[static_cast<std::size_t>(focus.key)];
  const Vec rows = row_norms(g), cols = column_norms(g);
  if (labelled) row_labels(ui, {labels.x, map.y, labels.w, map.h}, rows_shown, order, focus.key);
  margin_bars(ui, {map.right() + 3, map.y, margin - 6, map.h}, rows, rows_shown, most, true, focus.key);
  margin_bars(ui, {map.x, map.bottom() + 3, map.w, margin - 6}, cols, cols_shown, most, false, focus.value);
  crosshair(ui, map, g, focus.key, focus.value, &axes);
  if (!at) return;
  const int channel = channel_of(at.row);
  Focus here;
  here.key = channel, here.value = at.col;
  ui.view.selection.hover(here);
  if (ImGui::IsMouseClicked(0)) ui.view.selection.lock(here);
  if (ImGui::IsMouseDoubleClicked(0) && ui.view.options.map == Map::state && !ui.view.document().trace)
    ask(ui, "S[" + std::to_string(channel) + "," + std::to_string(at.col) + "]=", number(g(at.row, at.col), 4));
  const auto i = static_cast<std::size_t>(channel), j = static_cast<std::size_t>(at.col), row = static_cast<std::size_t>(at.row);
  const std::string cell_name = "[" + std::to_string(channel) + "," + std::to_string(at.col) + "]";
  ui.hint = std::string(letter) + "  " + name_of(ui.view.options.map) + cell_name + " = " + number(g(at.row, at.col), 6) + "    " +
            ui.sign("\xce\xb1", "alpha") + "[" + std::to_string(channel) + "] = " + number(side.step.alpha[i], 4) +
            "   b = " + number(side.step.b[i], 4) + "   w[" + std::to_string(at.col) + "] = " + number(side.step.w[j], 4) +
            "   |row| = " + number(rows[row], 4) + "   |column| = " + number(cols[j], 4) + "    S = " + ui.sign("\xce\xb1", "alpha") +
            " S + k (z - r)'";
}

/// "rows 4-11, " where not all are shown.
std::string zoom_note(const ViewModel& view, const Grid& g) {
  const Range rows = shown_part(view.options.zoom.key, g.rows), cols = shown_part(view.options.zoom.value, g.cols);
  const auto words = [](const char* what, const Range& r) {
    return what + std::to_string(r.first) + "-" + std::to_string(r.first + r.count - 1) + ", ";
  };
  return (rows.count < g.rows && view.options.rows == RowOrder::channel ? words("rows ", rows) : std::string()) +
         (cols.count < g.cols ? words("columns ", cols) : std::string());
}

}  // namespace

void state_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const float em = ui.em;
  Rect inside =
      panel(ui, r, "Memory S",
            ui.sign("rows: key channels, columns: value channels \xc2\xb7 margins: norms", "rows: key channels, columns: value channels"),
            4.9f * em);
  const Side& a = view.side_a();
  const Side* b = view.side_b();
  static constexpr std::string_view kMaps[] = {"S", "change", "decay", "erase", "write", "A-B"};
  static constexpr std::string_view kScales[] = {"linear", "root"};
  static constexpr std::string_view kRanges[] = {"run", "now"};
  // The maps, and beside them or, where it is tight, below them what colours mean.
  const float maps_width = choice_width(ui, kMaps, b ? 6 : 5),
              colours_width = choice_width(ui, kScales, 2) + choice_width(ui, kRanges, 2) + 0.5f * em;
  Rect controls = inside.cut_top(1.35f * em, 0.3f * em);
  // In a flat window the map needs the place more; L and N do the same.
  const bool one_row = maps_width + colours_width + 0.5f * em <= controls.w, flat = !one_row && inside.h < 10 * em;
  const int map = choice(ui, one_row ? controls.cut_left(maps_width, 0.5f * em) : controls, "map", kMaps, b ? 6 : 5,
                         static_cast<int>(view.options.map));
  if (!one_row) controls = flat ? Rect{} : inside.cut_top(1.35f * em, 0.3f * em);
  if (map >= 0) view.options.map = static_cast<Map>(map);
  const int scale = flat ? -1
                         : choice(ui, controls.cut_left(std::min(choice_width(ui, kScales, 2), 0.55f * controls.w), 0.5f * em), "scale",
                                  kScales, 2, view.options.root_scale ? 1 : 0);
  if (scale >= 0) view.options.root_scale = scale == 1;
  const int range = flat ? -1
                         : choice(ui, controls.cut_left(std::min(choice_width(ui, kRanges, 2), controls.w)), "range", kRanges, 2,
                                  view.options.run_range ? 0 : 1);
  if (range >= 0) view.options.run_range = range == 0;
  if (view.options.map == Map::compare && b == nullptr) view.options.map = Map::state;

  // Sorting starts from the moment at hand, and the order stays.
  const float sort_width = 4.9f * em;
  const RowOrder by = view.options.rows;
  const std::string order_name = by == RowOrder::channel ? "sort rows"
                                 : by == RowOrder::norm  ? "by norm"
                                                         : ui.sign("by \xce\xb1", "by alpha");
  if (button(ui, {r.right() - ui.reserve - sort_width, r.y + 0.35f * em, sort_width - 0.4f * em, 1.3f * em}, "sort", order_name,
             by != RowOrder::channel))
    next_row_order(view);

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
  const bool of_run = view.options.map == Map::state && view.options.run_range;
  const std::string root = shown.root ? ", root scale" : "", part = zoom_note(view, *of_a.grid),
                    note = fitting(ui, 0.45f * scale_row.w,
                                   {part + (of_run ? "range of the whole run" : "range of this moment") + root,
                                    part + (of_run ? "whole run" : "this moment") + root, part + (of_run ? "run" : "now") + root});
  text(ui, scale_row.cut_right(std::min(0.45f * scale_row.w, text_width(ui, note, Face::small) + 4), 0.5f * em), note, c.muted, Face::small,
       Align::right);
  legend(ui, scale_row, shown, shown.range < 0.1 ? 4 : 3);
}

}  // namespace fw::viz
