// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "viz/model/edits.h"
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

/// Half-lives are shown on a scale of powers of two, from one token to this many.
constexpr double kLongest = 12.0;

/// b, w, alpha; or log2 of the half-life ln(1/2) / ln(alpha) in tokens, kept in [0,12].
double shown_value(const Row& row, const Gates& gates, std::size_t channel, bool half_life) {
  const double x = (gates.*row.values)[channel];
  if (!row.is_alpha) return x;
  return half_life ? std::clamp(x < 0 ? std::log2(std::log(0.5) / x) : kLongest, 0.0, kLongest) : std::exp(x);
}

/// What was pulled; carried out when the panel is drawn, because it replaces the runs that are being drawn.
struct Pull {
  bool wanted = false, done = false;
  char gate = 'b';
  int channel = 0;
  double value = 0;
};

/// The bars of this token: pulling one sets the gate of its channel from here on, live, all of it one step of undo.
void pull(Ui& ui, const Rect& bars, const Row& row, const Scale& scale, const Range& shown, const std::vector<int>& order, bool of_b,
          bool half_life, Pull& pulled) {
  ImGui::SetCursorScreenPos(ImVec2(bars.x, bars.y));
  ImGui::InvisibleButton(row.ascii, ImVec2(std::max(1.0f, bars.w), std::max(1.0f, bars.h)));
  ViewModel& view = ui.view;
  const int t = view.transport.t();
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  const int at =
      shown.first + std::clamp(static_cast<int>((mouse.y - bars.y) / bars.h * static_cast<float>(shown.count)), 0, shown.count - 1);
  const int channel = order.empty() ? at : order[static_cast<std::size_t>(at)];
  if (ImGui::IsItemActive()) {
    const double f = std::clamp(static_cast<double>((mouse.x - bars.x) / bars.w), 0.0, 1.0), x = scale.low + f * (scale.high - scale.low);
    // Two or three decimals are what a hand can aim at; they also keep the log readable.
    const double value = !row.is_alpha ? std::round(x * 100) / 100
                         : half_life   ? std::round(std::exp(std::log(0.5) / std::exp2(x)) * 1e5) / 1e5
                                       : std::round(x * 1000) / 1000;
    pulled = {true, false, row.ascii[0] == 'e' ? 'b' : row.ascii[0] == 'w' ? 'w' : 'a', channel, value};
  }
  if (ImGui::IsItemDeactivated()) pulled.done = true;
  if (!ImGui::IsItemHovered() && !ImGui::IsItemActive()) return;
  Focus here;
  (row.key_axis ? here.key : here.value) = channel;
  view.selection.hover(here);
  ui.hint = std::string(of_b ? "B  " : "A  ") + ui.sign(row.math, row.ascii) + "[" + std::to_string(channel) +
            "] at t=" + std::to_string(t) + "   pull the bar to set this channel from this token on";
}

}  // namespace

void gates_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  const float em = ui.em;
  const bool of_b = view.options.gates_of_b && view.b() != nullptr;
  const Run& run = of_b ? *view.b() : view.a();
  const Side& side = of_b ? *view.side_b() : view.side_a();
  Rect inside =
      panel(ui, r, "Gates",
            std::string(ui.sign("channel \xc3\x97 token \xc2\xb7 bars: this token \xc2\xb7 ", "channel x token, bars: this token, ")) +
                (of_b ? "B " : "A ") + short_name(run.head()),
            (view.b() != nullptr ? 4.6f * em : 0.0f) + 5.0f * em);
  if (button(ui, {r.right() - (view.b() != nullptr ? 4.6f * em : 0.0f) - ui.reserve - 5.0f * em, r.y + 0.35f * em, 4.6f * em, 1.3f * em},
             "half-life", "half-life", view.options.half_life))
    view.options.half_life = !view.options.half_life;
  const bool half_life = view.options.half_life;
  if (view.b() != nullptr) {
    static constexpr std::string_view kHeads[] = {"A", "B"};
    const int head =
        choice(ui, {r.right() - 4.6f * em - ui.reserve, r.y + 0.35f * em, 4.1f * em, 1.3f * em}, "gates of", kHeads, 2, of_b ? 1 : 0);
    if (head >= 0) view.options.gates_of_b = head == 1;
  }
  const Row rows[] = {{"erase gate b", "erase gate b", Slot::gate_b, &Gates::b, true, false, c.erase},
                      {"write gate w", "write gate w", Slot::gate_w, &Gates::w, false, false, c.write},
                      {"decay \xce\xb1", "decay alpha", Slot::gate_a, &Gates::g, true, true, c.decay}};
  Span span = visible_tokens(ui, std::max(8, static_cast<int>(inside.w * 0.75f / 2)));
  if (const Range& time = view.options.zoom.time; time.count > 0 && time.first < view.length())
    span = {time.first, std::min({time.count, view.length() - time.first, std::max(span.count, 8)})};
  const int t = view.transport.t(), first = span.first, count = std::max(0, std::min(span.count, run.length() - span.first));
  const float gap = 0.35f * em, each = std::floor((inside.h - 2 * gap) / 3);
  Pull pulled;
  for (const Row& row : rows) {
    Rect box = inside.cut_top(each, gap);
    const std::size_t channels = static_cast<std::size_t>(row.key_axis ? run.timeline().dk : run.timeline().dv);
    // Rows of key channels stand as in the memory.
    const std::vector<int> order = row.key_axis ? view.key_rows() : std::vector<int>(), rows_of = inverse(order);
    const auto row_of = [&](std::size_t channel) { return order.empty() ? static_cast<int>(channel) : rows_of[channel]; };
    const auto channel_of = [&](int at) { return order.empty() ? at : order[static_cast<std::size_t>(at)]; };
    const Axes axes{axis_of(row.key_axis ? view.options.zoom.key : view.options.zoom.value, static_cast<int>(channels)),
                    {{0, count}, &view.options.zoom.time, first, view.length()}};
    const Range& shown = axes.rows.shown;
    Grid raster(static_cast<int>(channels), count);
    Scale scale;
    scale.is_signed = false;
    double low = 1.0, high = row.is_alpha ? 0.0 : 1.0;
    for (int n = 0; n < count; ++n)
      for (std::size_t i = 0; i < channels; ++i) {
        const bool surgery = run.timeline().entries[static_cast<std::size_t>(first + n)].kind == EntryKind::surgery;
        const double x = surgery ? std::nan("") : shown_value(row, run.gates(first + n + 1), i, half_life);
        raster(row_of(i), n) = x;
        if (std::isfinite(x)) low = std::min(low, x), high = std::max(high, x);
      }
    const bool log = row.is_alpha && half_life;
    scale.low = row.is_alpha && !log ? std::floor(std::min(low, 0.999) * 100.0) / 100.0 : 0.0;
    scale.high = log ? std::max(1.0, std::ceil(high)) : row.is_alpha ? 1.0 : std::max(1.0, high);

    Rect head = box.cut_top(1.2f * em, 0.1f * em);
    Vec now(channels);
    for (std::size_t i = 0; i < channels; ++i)
      now[i] = t == 0 || t > run.length() ? std::nan("") : shown_value(row, side.gates, i, half_life);
    const bool known = t > 0 && t <= run.length();
    const double sd = deviation_of(now);
    const std::string mean = "mean " + number(mean_of(now), row.is_alpha ? 4 : 3), half = number(std::exp2(mean_of(now)), 1),
                      spread = "  sd " + number(sd, row.is_alpha ? 4 : 3);
    head.cut_left(text(ui, head, log ? "half-life" : ui.sign(row.math, row.ascii), c.text, Face::small) + 0.4f * em);
    const float note_width = std::min(text_width(ui, log ? "geometric mean 0000.0 tokens" : "mean 0.0000  sd 0.0000  equal", Face::small),
                                      (head.w > 12 * em ? 0.6f : 1.0f) * head.w);
    const std::string note = !known      ? std::string("no token")
                             : log       ? fitting(ui, note_width, {"geometric mean " + half + " tokens", "mean " + half, half})
                             : sd == 0.0 ? fitting(ui, note_width, {mean + spread + "  equal", mean + "  equal", mean})
                                         : fitting(ui, note_width, {mean + spread, mean});
    text(ui, head.cut_left(note_width, 0.3f * em), note, c.muted, Face::small);
    if (head.w > 5 * em)
      legend(ui, head.w > 9 * em ? head.cut_right(9 * em) : head, scale, 2, log ? "1 token" : "",
             log ? number(std::exp2(scale.high), 0) : "");

    Rect bars = box.cut_left(std::floor(0.16f * box.w), 0.4f * em);
    fill(ui, bars, c.inset);
    const Focus focus = view.selection.focused();
    const int focused = row.key_axis ? focus.key : focus.value;
    for (int at = 0; at < shown.count; ++at) {
      const auto i = static_cast<std::size_t>(channel_of(shown.first + at));
      const float n = static_cast<float>(shown.count), y0 = bars.y + bars.h * static_cast<float>(at) / n,
                  y1 = bars.y + bars.h * static_cast<float>(at + 1) / n;
      if (!std::isfinite(now[i])) continue;
      const float f = static_cast<float>(std::clamp((now[i] - scale.low) / (scale.high - scale.low), 0.0, 1.0));
      fill(ui, {bars.x, std::floor(y0), bars.w * f, std::max(1.0f, std::floor(y1) - std::floor(y0) - (y1 - y0 > 3 ? 1.0f : 0.0f))},
           static_cast<int>(i) == focused ? c.accent : row.colour);
    }
    frame(ui, {bars.x - 1, bars.y - 1, bars.w + 2, bars.h + 2}, c.border);
    if (known && ui.svg == nullptr) pull(ui, bars, row, scale, shown, order, of_b, half_life, pulled);

    const Rect picture{std::floor(box.x), std::floor(box.y), std::floor(box.w) - 1, std::floor(box.h) - 1};
    Cell at =
        heatmap(ui, picture, row.slot, raster, scale,
                stamp_of({static_cast<double>(view.generation()), of_b ? 1.0 : 0.0, log ? 1.0 : 0.0, static_cast<double>(first),
                          static_cast<double>(count), static_cast<double>(view.options.rows), static_cast<double>(view.options.rows_at)}),
                &axes);
    crosshair(ui, picture, raster, focused >= 0 ? row_of(static_cast<std::size_t>(focused)) : -1,
              t > first && t <= first + count ? t - 1 - first : -1, &axes);
    if (!at) continue;
    const double value = raster(at.row, at.col);
    at.row = channel_of(at.row);
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
    const double x = log ? std::exp(run.gates(here.token).g[static_cast<std::size_t>(at.row)]) : value;
    ui.hint = std::string(of_b ? "B  " : "A  ") + ui.sign(row.math, row.ascii) + "[" + std::to_string(at.row) +
              "] at t=" + std::to_string(here.token) + " = " + number(x, 6);
    if (row.is_alpha && x > 0 && x < 1)
      ui.hint += "   half-life " + number(std::log(0.5) / std::log(x), 1) + " tokens = ln(1/2) / ln(" + ui.sign("\xce\xb1", "alpha") + ")";
  }
  if (pulled.done) view.change(view.document());
  if (!pulled.wanted) return;
  try {
    view.change(with_gate(view.document(), of_b, t, pulled.gate, pulled.channel, pulled.value), true);
    ui.state.refused = false;
  } catch (const std::exception& error) {
    ui.state.message = error.what();
    ui.state.refused = true;
  }
}

}  // namespace fw::viz
