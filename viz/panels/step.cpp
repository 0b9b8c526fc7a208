// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>

#include "viz/panels/panels.h"

namespace fw::viz {

void step_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  const float em = ui.em;
  const Side& a = view.side_a();
  const Side* b = view.side_b();
  const int t = view.transport.t();
  const auto label = [t](const Run& run) { return run.timeline().entries[static_cast<std::size_t>(t - 1)].label; };
  std::string token = t == 0 ? "before the first token" : t <= view.a().length() ? label(view.a()) : "A has ended";
  if (b && view.document().branch && t > view.document().branch->at && t <= view.b()->length()) token += "   B: " + label(*view.b());
  Rect inside = panel(ui, r, r.w < 26 * em ? "This step" : "This step = decay + erase + write", "t=" + std::to_string(t) + "  " + token);

  struct Part {
    const char *math, *ascii;
    Slot slot;
    const Grid *a, *b;
    Colour colour;
    Phase phase;
  };
  const bool surgery = a.step.surgery;
  const std::vector<int>& order = view.key_rows();
  const std::vector<int> row_of = inverse(order);
  const Part parts[] = {
      {"decay (D\xe2\x88\x92I)S", "decay (D-I)S", Slot::decay, &a.split.decay, b ? &b->split.decay : nullptr, c.decay, Phase::decay},
      {"erase \xe2\x88\x92k r\xe1\xb5\x80", "erase -k r'", Slot::erase, &a.split.erase, b ? &b->split.erase : nullptr, c.erase,
       Phase::erase},
      {surgery ? "by hand" : "write +k z\xe1\xb5\x80", surgery ? "by hand" : "write +k z'", Slot::write,
       surgery ? &a.split.surgery : &a.split.write, b ? (b->step.surgery ? &b->split.surgery : &b->split.write) : nullptr, c.write,
       Phase::write},
      {"total \xce\x94S", "total change", Slot::change, &a.split.total, b ? &b->split.total : nullptr, c.text, Phase::write}};
  double range = 0, most = 1e-300;
  for (const Part& p : parts) {
    range = std::max(range, max_abs(p.a->a));
    most = std::max({most, norm(*p.a), p.b ? norm(*p.b) : 0.0});
  }
  Rect scale_row = inside.cut_bottom(1.1f * em, 0.2f * em);
  const float rows = b ? 2.0f : 1.0f, gap = 0.7f * em, width = (inside.w - 3 * gap) / 4, below = 1.2f * em + rows * 1.05f * em;
  const float map_h = std::max(2.0f, std::min(inside.h - below, width * static_cast<float>(a.step.before.rows) /
                                                                    static_cast<float>(std::max(1, a.step.before.cols))));
  for (std::size_t n = 0; n < 4; ++n) {
    const Part& p = parts[n];
    Rect column = n < 3 ? inside.cut_left(width, gap) : inside;
    const Rect all = column;
    Rect map = column.cut_top(map_h, 0.1f * em);
    map.w = std::min(map.w, map_h * static_cast<float>(p.a->cols) / static_cast<float>(std::max(1, p.a->rows)));
    Scale scale;
    scale.range = range;
    const Rect square{std::floor(map.x), std::floor(map.y), std::floor(map.w), std::floor(map.h)};
    const Grid sorted = order.empty() ? Grid() : reordered(*p.a, order);
    const Grid& shown = order.empty() ? *p.a : sorted;
    const Axes axes{axis_of(view.options.zoom.key, shown.rows), axis_of(view.options.zoom.value, shown.cols)};
    Cell at = heatmap(ui, square, p.slot, shown, scale,
                      stamp_of({static_cast<double>(view.generation()), static_cast<double>(t), static_cast<double>(view.options.rows),
                                static_cast<double>(view.options.rows_at)}),
                      &axes);
    const Focus focus = view.selection.focused();
    crosshair(ui, square, shown, focus.key >= 0 && !order.empty() ? row_of[static_cast<std::size_t>(focus.key)] : focus.key, focus.value,
              &axes);
    if (at && !order.empty()) at.row = order[static_cast<std::size_t>(at.row)];
    const bool now = t > 0 && view.transport.phase() == p.phase && n < 3 && view.transport.phase() != Phase::write;
    const std::string name = ui.sign(p.math, p.ascii);
    text(ui, column.cut_top(1.2f * em), fitting(ui, column.w, {name, surgery && n == 2 ? name : name.substr(0, name.find(' '))}),
         now ? c.accent : c.text, Face::small);
    for (int head = 0; head < (b ? 2 : 1); ++head) {
      const Grid& g = head == 0 ? *p.a : *p.b;
      Rect row = column.cut_top(1.05f * em);
      text(ui, row.cut_left(0.9f * em), head == 0 ? "A" : "B", head == 0 ? c.head_a : c.head_b, Face::small);
      const std::string value = number(norm(g), 3);
      text(ui, row.cut_right(text_width(ui, "00.000", Face::small)), value, c.text, Face::small, Align::right);
      bar(ui, row.inset(0.2f * em, 0.3f * em), norm(g), most, p.colour);
    }
    if (at) {
      Focus here;
      here.key = at.row, here.value = at.col;
      view.selection.hover(here);
      if (ImGui::IsMouseClicked(0)) view.selection.lock(here);
      ui.hint = std::string("A  ") + ui.sign(p.math, p.ascii) + " [" + std::to_string(at.row) + "," + std::to_string(at.col) +
                "] = " + number((*p.a)(at.row, at.col), 6) + "    k = " + number(a.step.k[static_cast<std::size_t>(at.row)], 4) +
                "   r = " + number(a.step.r[static_cast<std::size_t>(at.col)], 4) +
                "   z = " + number(a.step.z[static_cast<std::size_t>(at.col)], 4);
    } else if (ui.hovered(all)) {
      ui.hint = std::string(ui.sign(p.math, p.ascii)) + ": Frobenius norm  A " + number(norm(*p.a), 6) +
                (b ? "   B " + number(norm(*p.b), 6) : std::string());
    }
  }
  Scale shown;
  shown.range = range;
  const std::string note = fitting(ui, 0.45f * scale_row.w, {"maps: A, one common range", "A, one range", "A"});
  text(ui, scale_row.cut_right(text_width(ui, note, Face::small) + 4, 0.5f * em), note, c.muted, Face::small, Align::right);
  legend(ui, scale_row, shown, range < 0.1 ? 4 : 3);
}

}  // namespace fw::viz
