// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "viz/panels/panels.h"

namespace fw::viz {
namespace {

struct Row {
  const char *math, *ascii;
  Slot slot;
  const Vec Gates::*values;
  bool key_axis, is_alpha;
  Colour colour;
};

double shown_value(const Row& row, const Gates& gates, std::size_t channel) {
  const double x = (gates.*row.values)[channel];
  return row.is_alpha ? std::exp(x) : x;
}

}  // namespace

void gates_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  const float em = ui.em;
  const bool of_b = ui.state.gates_of_b && view.b() != nullptr;
  const Run& run = of_b ? *view.b() : view.a();
  const Side& side = of_b ? *view.side_b() : view.side_a();
  Rect inside =
      panel(ui, r, "Gates",
            std::string(ui.sign("channel \xc3\x97 token \xc2\xb7 bars: this token \xc2\xb7 ", "channel x token, bars: this token, ")) +
                (of_b ? "B " : "A ") + short_name(run.head()),
            view.b() != nullptr ? 4.6f * em : 0.0f);
  if (view.b() != nullptr) {
    static constexpr std::string_view kHeads[] = {"A", "B"};
    const int head = choice(ui, {r.right() - 4.6f * em, r.y + 0.35f * em, 4.1f * em, 1.3f * em}, "gates of", kHeads, 2, of_b ? 1 : 0);
    if (head >= 0) ui.state.gates_of_b = head == 1;
  }
  const Row rows[] = {{"erase gate b", "erase gate b", Slot::gate_b, &Gates::b, true, false, c.erase},
                      {"write gate w", "write gate w", Slot::gate_w, &Gates::w, false, false, c.write},
                      {"decay \xce\xb1", "decay alpha", Slot::gate_a, &Gates::g, true, true, c.decay}};
  const Span span = visible_tokens(ui, std::max(8, static_cast<int>(inside.w * 0.75f / 2)));
  const int t = view.transport.t(), first = span.first, count = std::max(0, std::min(span.count, run.length() - span.first));
  const float gap = 0.35f * em, each = std::floor((inside.h - 2 * gap) / 3);
  for (const Row& row : rows) {
    Rect box = inside.cut_top(each, gap);
    const std::size_t channels = static_cast<std::size_t>(row.key_axis ? run.timeline().dk : run.timeline().dv);
    Grid raster(static_cast<int>(channels), count);
    Scale scale;
    scale.is_signed = false;
    double low = 1.0, high = row.is_alpha ? 0.0 : 1.0;
    for (int n = 0; n < count; ++n)
      for (std::size_t i = 0; i < channels; ++i) {
        const bool surgery = run.timeline().entries[static_cast<std::size_t>(first + n)].kind == EntryKind::surgery;
        const double x = surgery ? std::nan("") : shown_value(row, run.gates(first + n + 1), i);
        raster(static_cast<int>(i), n) = x;
        if (std::isfinite(x)) low = std::min(low, x), high = std::max(high, x);
      }
    scale.low = row.is_alpha ? std::floor(std::min(low, 0.999) * 100.0) / 100.0 : 0.0;
    scale.high = row.is_alpha ? 1.0 : std::max(1.0, high);

    Rect head = box.cut_top(1.2f * em, 0.1f * em);
    Vec now(channels);
    for (std::size_t i = 0; i < channels; ++i) now[i] = t == 0 || t > run.length() ? std::nan("") : shown_value(row, side.gates, i);
    const bool known = t > 0 && t <= run.length();
    const double sd = deviation_of(now);
    const std::string note = !known ? std::string("no token")
                                    : "mean " + number(mean_of(now), row.is_alpha ? 4 : 3) + "  sd " + number(sd, row.is_alpha ? 4 : 3) +
                                          (sd == 0.0 ? "  equal" : "");
    head.cut_left(text(ui, head, ui.sign(row.math, row.ascii), c.text, Face::small) + 0.4f * em);
    const float note_width = text_width(ui, "mean 0.0000  sd 0.0000  equal", Face::small);
    text(ui, head.cut_left(std::min(note_width, 0.6f * head.w), 0.3f * em), note, c.muted, Face::small);
    if (head.w > 5 * em) legend(ui, head.w > 9 * em ? head.cut_right(9 * em) : head, scale, 2);

    Rect bars = box.cut_left(std::floor(0.16f * box.w), 0.4f * em);
    fill(ui, bars, c.inset);
    const Focus focus = view.selection.focused();
    const int focused = row.key_axis ? focus.key : focus.value;
    for (std::size_t i = 0; i < channels; ++i) {
      const float n = static_cast<float>(channels), y0 = bars.y + bars.h * static_cast<float>(i) / n,
                  y1 = bars.y + bars.h * static_cast<float>(i + 1) / n;
      if (!std::isfinite(now[i])) continue;
      const float f = static_cast<float>(std::clamp((now[i] - scale.low) / (scale.high - scale.low), 0.0, 1.0));
      fill(ui, {bars.x, std::floor(y0), bars.w * f, std::max(1.0f, std::floor(y1) - std::floor(y0) - (y1 - y0 > 3 ? 1.0f : 0.0f))},
           static_cast<int>(i) == focused ? c.accent : row.colour);
    }
    frame(ui, {bars.x - 1, bars.y - 1, bars.w + 2, bars.h + 2}, c.border);

    const Rect picture{std::floor(box.x), std::floor(box.y), std::floor(box.w) - 1, std::floor(box.h) - 1};
    const Cell at = heatmap(
        ui, picture, row.slot, raster, scale,
        stamp_of({static_cast<double>(view.generation()), of_b ? 1.0 : 0.0, static_cast<double>(first), static_cast<double>(count)}));
    crosshair(ui, picture, raster, focused, t > first && t <= first + count ? t - 1 - first : -1);
    if (!at) continue;
    Focus here;
    here.token = first + at.col + 1;
    (row.key_axis ? here.key : here.value) = at.row;
    view.selection.hover(here);
    if (ImGui::IsMouseClicked(0)) {
      Focus lock = here;
      lock.token = -1;
      view.selection.lock(lock);
      view.transport.pause();
      view.transport.go(here.token);
    }
    const double x = raster(at.row, at.col);
    ui.hint = std::string(of_b ? "B  " : "A  ") + ui.sign(row.math, row.ascii) + "[" + std::to_string(at.row) +
              "] at t=" + std::to_string(here.token) + " = " + number(x, 6);
    if (row.is_alpha && x > 0 && x < 1)
      ui.hint += "   half-life " + number(std::log(0.5) / std::log(x), 1) + " tokens = ln(1/2) / ln(" + ui.sign("\xce\xb1", "alpha") + ")";
  }
}

}  // namespace fw::viz
