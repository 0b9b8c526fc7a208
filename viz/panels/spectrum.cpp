// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "viz/panels/panels.h"

namespace fw::viz {

void spectrum_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  const float em = ui.em;
  const Side& a = view.side_a();
  const Side* b = view.side_b();
  Rect inside = panel(ui, r, "Spectrum of S", "singular values");
  const auto note = [&](Rect row, const char* letter, Colour tint, const Spectrum& s) {
    text(ui, row.cut_left(1.0f * em), letter, tint, Face::bold);
    text(ui, row,
         "rank eff " + number(s.effective_rank, 2) + "  stable " + number(s.stable_rank, 2) + "  " +
             ui.sign("\xcf\x83\xe2\x82\x81 ", "s1 ") + number(s.sigma.empty() ? 0 : s.sigma[0], 3),
         c.text, Face::small);
  };
  note(inside.cut_top(1.2f * em), "A", c.head_a, a.spectrum);
  if (b) note(inside.cut_top(1.2f * em), "B", c.head_b, b->spectrum);
  inside.cut_top(0.3f * em);
  double most = 1e-300;
  for (const Side* side : {&a, b})
    if (side)
      for (double s : side->spectrum.sigma) most = std::max(most, s);
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
