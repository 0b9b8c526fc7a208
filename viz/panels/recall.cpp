// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "viz/panels/panels.h"

namespace fw::viz {
namespace {

/// The chart ends here, or above the longest answer.
constexpr double kTop = 1.25;

double top_of(const Run& run, int fact) {
  double top = kTop;
  if (fact >= 0)
    for (double x : run.recall(fact).norm_ratio)
      if (std::isfinite(x)) top = std::max(top, 1.05 * x);
  return top;
}

/// The chart begins at 0, or at -1 when a cosine on it is clearly negative.
double bottom_of(const Run& run, int fact) {
  for (int f = 0; f < static_cast<int>(run.timeline().facts.size()); ++f)
    if (fact < 0 || f == fact)
      for (double x : run.recall(f).cosine)
        if (x < -0.02) return -1.05;
  return 0.0;
}

/// Entries of a recall for the tokens shown.
Range entries_of(const Run& run, const Range& tokens) {
  const int stride = run.recall_stride();
  return {tokens.first / stride, std::max(1, tokens.count / stride)};
}

void lines_of(const Ui& ui, const Rect& plot, const Run& run, int fact, const Range& tokens, double low, double top, Colour colour) {
  if (fact < 0) return;
  const Range entries = entries_of(run, tokens);
  sparkline(ui, plot, run.recall(fact).norm_ratio, low, top, faded(colour, 120), entries.first, entries.count);
  sparkline(ui, plot, run.recall(fact).cosine, low, top, colour, entries.first, entries.count);
}

}  // namespace

void recall_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  const float em = ui.em;
  const Timeline& line = view.a().timeline();
  const int fact = view.tracked_fact(), T = view.length();
  const std::string key = fact >= 0 ? line.facts[static_cast<std::size_t>(fact)].key : std::string();
  Rect inside = panel(ui, r, "Recall over time", fact < 0 ? std::string("all facts of A, cosine") : key + ": cosine strong, norm faint");
  if (T == 0 || line.facts.empty()) return;
  Rect axis = inside.cut_left(text_width(ui, "-1.0", Face::small) + 2, 0.3f * em);
  const Rect events = inside.cut_bottom(0.5f * em, 2);
  const int in_b = view.b() && fact >= 0 ? view.b()->timeline().find_fact(key) : -1;
  const double low = std::min(bottom_of(view.a(), fact), in_b >= 0 ? bottom_of(*view.b(), in_b) : 0.0);
  const double top = std::max(top_of(view.a(), fact), in_b >= 0 ? top_of(*view.b(), in_b) : 0.0);
  const auto y_of = [&](double v) { return inside.bottom() - inside.h * static_cast<float>((v - low) / (top - low)); };
  fill(ui, inside, c.inset);
  for (double v : {-1.0, 0.0, 0.5, 1.0}) {
    if (v < low) continue;
    fill(ui, {inside.x, std::floor(y_of(v)), inside.w, 1}, c.grid);
    if (v == 0.5 && (inside.h < 5 * em || low < 0 || top > 2)) continue;
    text(ui, {axis.x, std::clamp(y_of(v) - 0.5f * em, inside.y, inside.bottom() - em), axis.w, em}, number(v, 1), c.muted, Face::small,
         Align::right);
  }
  if (top > 1.8) text(ui, {axis.x, inside.y, axis.w, em}, number(top, 1), c.muted, Face::small, Align::right);
  Axis time = axis_of(view.options.zoom.time, T);
  const Range& shown = time.shown;
  if (fact >= 0) {
    lines_of(ui, inside, view.a(), fact, shown, low, top, c.head_a);
    if (view.b()) lines_of(ui, inside, *view.b(), in_b, shown, low, top, c.head_b);
  } else {
    const Range entries = entries_of(view.a(), shown);
    for (int f = 0; f < static_cast<int>(line.facts.size()); ++f)
      sparkline(ui, inside, view.a().recall(f).cosine, low, top, faded(c.head_a, 140), entries.first, entries.count);
  }
  const float width = inside.w / static_cast<float>(shown.count);
  const auto x_of = [&](int t) { return std::floor(inside.x + width * (static_cast<float>(t - shown.first) - 0.5f)); };
  const auto there = [&](int t) { return t > shown.first && t <= shown.first + shown.count; };
  for (int t = 1; t <= line.length(); ++t) {
    const Entry& entry = line.entries[static_cast<std::size_t>(t - 1)];
    if (fact < 0 || entry.fact != fact || !there(t)) continue;
    const Colour tint = entry.kind == EntryKind::erase ? c.erase : entry.kind == EntryKind::query ? c.head_a : c.write;
    fill(ui,
         {x_of(t) - 2, events.y + (entry.kind == EntryKind::query ? 0.3f : 0.0f) * events.h, 4,
          events.h * (entry.kind == EntryKind::query ? 0.7f : 1.0f)},
         tint);
  }
  const int t = view.transport.t();
  if (there(t)) fill(ui, {x_of(t), inside.y, 1, inside.h}, c.cursor);
  if (!ui.hovered(inside)) return;
  Focus here;
  here.token = std::clamp(static_cast<int>((ImGui::GetIO().MousePos.x - inside.x) / width) + shown.first + 1, 1, T);
  zoom_by_pointer(ui, inside, nullptr, &time);
  view.selection.hover(here);
  if (ImGui::IsMouseClicked(0)) view.transport.pause(), view.transport.go(here.token);
  const auto at = static_cast<std::size_t>(here.token / view.a().recall_stride());
  if (fact < 0 || at == 0 || at > view.a().recall(fact).cosine.size()) return;
  const Recall& a = view.a().recall(fact);
  ui.hint = "A  " + key + " at t=" + std::to_string(static_cast<int>(at) * view.a().recall_stride()) + ":  cos " +
            number(a.cosine[at - 1], 4) + "   norm " + number(a.norm_ratio[at - 1], 4) + "   1/2|S'k-v|" + ui.sign("\xc2\xb2", "^2") + " " +
            number(a.residual[at - 1], 4);
}

}  // namespace fw::viz
