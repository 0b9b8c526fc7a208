// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What the token did to the answer of every fact: (k_i.k)(z - r) by the edit and k_i^T (D - I) S by decay, as shares of the
// longest bar. The fact the token speaks about stands out; all other bars are collateral.
#include <algorithm>
#include <cmath>

#include "viz/panels/panels.h"

namespace fw::viz {
namespace {

/// The edit's norm and behind it decay's, from the bottom up.
void pair_of_bars(const Ui& ui, const Rect& r, const Impact& impact, double most, Colour edit) {
  const auto height = [&](double x) { return std::isfinite(x) ? r.h * static_cast<float>(std::clamp(x / most, 0.0, 1.0)) : 0.0f; };
  const float h = height(impact.edit), d = height(impact.decay), narrow = std::floor(0.3f * r.w);
  fill(ui, {r.x, r.bottom() - h, r.w - narrow, h}, edit);
  fill(ui, {r.right() - narrow, r.bottom() - d, narrow, d}, ui.colours().decay);
}

}  // namespace

void impact_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  const float em = ui.em;
  Rect inside = panel(ui, r, "Edit impact",
                      ui.sign("\xce\x94 of the answer = (k\xe1\xb5\xa2\xc2\xb7k)(z \xe2\x88\x92 r) + decay",
                              "change of the answer = (k_i.k)(z - r) + decay"));
  const Side& a = view.side_a();
  const Side* b = view.side_b();
  const Timeline& line = view.a().timeline();
  const int count = static_cast<int>(line.facts.size()), t = view.transport.t();
  if (count == 0 || t == 0)
    return void(text(ui, inside.cut_top(1.5f * em), count == 0 ? "No facts yet." : "No token yet.", c.muted, Face::small));
  const int own = t <= view.a().length() ? line.entries[static_cast<std::size_t>(t - 1)].fact : -1;
  double most = 1e-300, collateral = 0, collateral_b = 0;
  const auto other_of = [&](int n) -> const Association* {
    const int in_b = b ? view.b()->timeline().find_fact(line.facts[static_cast<std::size_t>(n)].key) : -1;
    return in_b < 0 ? nullptr : &b->associations[static_cast<std::size_t>(in_b)];
  };
  for (int n = 0; n < count; ++n) {
    const Impact& i = a.associations[static_cast<std::size_t>(n)].impact;
    const Association* other = other_of(n);
    most = std::max({most, i.edit, i.decay, other ? std::max(other->impact.edit, other->impact.decay) : 0.0});
    if (n == own) continue;
    collateral = std::max(collateral, i.total);
    if (other) collateral_b = std::max(collateral_b, other->impact.total);
  }
  const bool roomy = inside.h > 5.0f * em;
  Rect notes = roomy ? inside.cut_bottom(1.1f * em, 0.1f * em) : Rect{};
  const std::string worst = "largest at another fact: A " + number(collateral, 3) + (b ? "   B " + number(collateral_b, 3) : "") +
                            "   bars end at " + number(most, 3);
  if (roomy) text(ui, notes, worst, c.muted, Face::small);
  const float each = inside.w / static_cast<float>(count);
  const bool named = each >= 2.6f * em;
  Rect names = named ? inside.cut_bottom(1.1f * em, 1) : Rect{};
  fill(ui, inside, c.inset);
  for (int n = 0; n < count; ++n) {
    const Impact& impact = a.associations[static_cast<std::size_t>(n)].impact;
    const Association* other = other_of(n);
    const Rect slot{std::floor(inside.x + each * static_cast<float>(n)), inside.y, std::floor(each) - 1, inside.h};
    Rect bars = slot.inset(std::floor(0.08f * slot.w), 0);
    pair_of_bars(ui, other ? bars.cut_left(std::floor(0.48f * bars.w), std::floor(0.04f * bars.w)) : bars, impact, most, c.head_a);
    if (other) pair_of_bars(ui, bars, other->impact, most, c.head_b);
    const std::string& key = line.facts[static_cast<std::size_t>(n)].key;
    const Rect below{slot.x, names.y, slot.w, names.h};
    if (n == own) frame(ui, slot, c.accent, 1.2f, 2);
    if (named) text(ui, below, key + " " + number(impact.total, 2), n == own ? c.accent : c.text, Face::small, Align::centre);
    if (!ui.hovered(slot) && !(named && ui.hovered(below))) continue;
    Focus here;
    here.fact = n;
    view.selection.hover(here);
    if (ImGui::IsMouseClicked(0)) view.selection.lock(here);
    const auto words = [](const Impact& i) {
      return "edit " + number(i.edit, 4) + ", decay " + number(i.decay, 4) + ", together " + number(i.total, 4);
    };
    ui.hint = "|change of S'k| at " + key + ":  A " + words(impact) + (other ? "    B " + words(other->impact) : "") +
              "    = |(k_i.k)(z - r) + k_i'(D - I) S|";
  }
  fill(ui, {inside.x, inside.bottom(), inside.w, 1}, c.border);
}

}  // namespace fw::viz
