// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "viz/panels/panels.h"

namespace fw::viz {
namespace {

/// Multiplications a frame may spend on ranks over time while nothing else happens.
constexpr double kFrameWork = 2.1e6;

/// Effective rank (strong) and stable rank (faint) after every token, as far as they are known.
void ranks_over_time(Ui& ui, Rect r) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  const float em = ui.em;
  const int T = view.length();
  if (ui.state.quiet && view.measure_ranks(kFrameWork)) ui.state.working = true;
  const Ranks &a = view.ranks_a(), *b = view.ranks_b();
  double top = 1;
  for (const Ranks* ranks : {&a, b})
    if (ranks != nullptr)
      for (const double x : ranks->effective()) top = x > top ? x : top;
  const int known = a.known() + (b ? b->known() : 0), points = a.points() + (b ? b->points() : 0);
  const std::string high = number(top, 1),
                    missing = known == points ? std::string() : " " + std::to_string(known) + " of " + std::to_string(points);
  text(ui, r.cut_top(1.05f * em),
       fitting(ui, r.w, {"rank over time: effective strong, stable faint" + missing, "rank over time" + missing}), c.muted, Face::small);
  Rect axis = r.cut_left(text_width(ui, high, Face::small) + 2, 0.3f * em);
  text(ui, axis.cut_top(std::min(em, 0.5f * axis.h)), high, c.muted, Face::small, Align::right);
  text(ui, axis.cut_bottom(std::min(em, axis.h)), "0", c.muted, Face::small, Align::right);
  fill(ui, r, c.inset);
  if (T == 0) return;
  Axis time = axis_of(view.options.zoom.time, T);
  const Range& shown = time.shown;
  const auto lines = [&](const Ranks& ranks, Colour colour) {
    const int first = shown.first / ranks.stride(), count = std::max(1, shown.count / ranks.stride());
    sparkline(ui, r, ranks.stable(), 0, top, faded(colour, 120), first, count);
    sparkline(ui, r, ranks.effective(), 0, top, colour, first, count);
  };
  lines(a, c.head_a);
  if (b) lines(*b, c.head_b);
  const float width = r.w / static_cast<float>(shown.count);
  if (const int t = view.transport.t(); t > shown.first && t <= shown.first + shown.count)
    fill(ui, {std::floor(r.x + width * (static_cast<float>(t - shown.first) - 0.5f)), r.y, 1, r.h}, c.cursor);
  if (!ui.hovered(r)) return;
  Focus here;
  here.token = std::clamp(static_cast<int>((ImGui::GetIO().MousePos.x - r.x) / width) + shown.first + 1, 1, T);
  view.selection.hover(here);
  zoom_by_pointer(ui, r, nullptr, &time);
  if (ImGui::IsMouseClicked(0)) view.transport.pause(), view.transport.go(here.token);
  const auto words = [&](const char* letter, const Ranks& ranks) {
    const int n = here.token / ranks.stride() - 1;
    if (n < 0 || n >= ranks.points()) return std::string();
    const auto i = static_cast<std::size_t>(n);
    return std::string(letter) + " effective " + number(ranks.effective()[i], 3) + ", stable " + number(ranks.stable()[i], 3) + "   ";
  };
  ui.hint = "rank of S at t=" + std::to_string(here.token) + ":   " + words("A", a) + (b ? words("B", *b) : "") +
            "effective = exp(entropy of sigma / sum), stable = |S|" + ui.sign("\xc2\xb2/\xcf\x83\xe2\x82\x81\xc2\xb2", "^2/s1^2");
}

}  // namespace

void spectrum_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  const float em = ui.em;
  const Side& a = view.side_a();
  const Side* b = view.side_b();
  Rect inside = panel(ui, r, "Spectrum of S", "singular values");
  const auto note = [&](Rect row, const char* letter, Colour tint, const Spectrum& s) {
    text(ui, row.cut_left(1.0f * em), letter, tint, Face::bold);
    const std::string ranks = "eff " + number(s.effective_rank, 2) + "  stable " + number(s.stable_rank, 2),
                      first = std::string("  ") + ui.sign("\xcf\x83\xe2\x82\x81 ", "s1 ") + number(s.sigma.empty() ? 0 : s.sigma[0], 3);
    text(ui, row, fitting(ui, row.w, {"rank " + ranks + first, ranks + first, ranks}), c.text, Face::small);
  };
  note(inside.cut_top(1.2f * em), "A", c.head_a, a.spectrum);
  if (b) note(inside.cut_top(1.2f * em), "B", c.head_b, b->spectrum);
  inside.cut_top(0.3f * em);
  double most = 1e-300;
  for (const Side* side : {&a, b})
    if (side)
      for (double s : side->spectrum.sigma) most = std::max(most, s);
  if (inside.h > 8 * em) ranks_over_time(ui, inside.cut_bottom(std::floor(std::min(0.42f * inside.h, 6.0f * em)), 0.4f * em));
  // The scale's ends at the left, bars to its right.
  const std::string top = number(most, 2);
  Rect axis = inside.cut_left(text_width(ui, top, Face::small) + 2, 0.3f * em);
  text(ui, axis.cut_top(1.0f * em), top, c.muted, Face::small, Align::right);
  text(ui, axis.cut_bottom(1.0f * em), "0", c.muted, Face::small, Align::right);
  fill(ui, inside, c.inset);
  fill(ui, {inside.x, inside.bottom(), inside.w, 1}, c.border);
  const std::size_t n = a.spectrum.sigma.size();
  for (std::size_t i = 0; i < n; ++i) {
    const float x0 = inside.x + inside.w * static_cast<float>(i) / static_cast<float>(n),
                x1 = inside.x + inside.w * static_cast<float>(i + 1) / static_cast<float>(n);
    const float width = std::max(1.0f, std::floor(x1) - std::floor(x0) - (x1 - x0 > 3 ? 1.0f : 0.0f));
    const float h = inside.h * static_cast<float>(a.spectrum.sigma[i] / most);
    fill(ui, {std::floor(x0), inside.bottom() - h, width, h}, c.head_a);
    if (b && i < b->spectrum.sigma.size()) {
      const float y = inside.bottom() - inside.h * static_cast<float>(b->spectrum.sigma[i] / most);
      fill(ui, {std::floor(x0), std::floor(y) - 1, width, 2}, c.head_b);
    }
    if (ui.hovered({x0, inside.y, x1 - x0, inside.h}))
      ui.hint = std::string(ui.sign("\xcf\x83", "sigma")) + std::to_string(i + 1) + "   A " + number(a.spectrum.sigma[i], 6) +
                (b && i < b->spectrum.sigma.size() ? "   B " + number(b->spectrum.sigma[i], 6) : "") +
                "    effective rank = exp(entropy of sigma / sum), stable rank = |S|" +
                ui.sign("\xc2\xb2/\xcf\x83\xe2\x82\x81\xc2\xb2", "^2/s1^2");
  }
}

}  // namespace fw::viz
