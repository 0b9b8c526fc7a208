// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <cmath>
#include <string>

#include "viz/panels/panels.h"

namespace fw::viz {

void collapse_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  const float em = ui.em;
  Document next = view.document();
  const float scope_width = next.model ? 10.5f * em : 0.0f;
  Rect inside = panel(ui, r, "Gate collapse of B", "an ablation, not the trained narrower model", scope_width);
  Head& head = next.b;
  bool dragging = false, changed = false;
  if (next.model) {
    static constexpr std::string_view kScopes[] = {"this head", "whole model"};
    const Rect place{r.right() - scope_width - ui.reserve, r.y + 0.35f * em, scope_width - 0.5f * em, 1.3f * em};
    const int scope = choice(ui, place, "scope", kScopes, 2, next.model->rerun ? 1 : 0);
    if (scope >= 0) next.model->rerun = scope == 1, next.compare = changed = true;
    if (ui.hovered(place))
      ui.hint =
          "this head: its inputs stay as they were (exact). whole model: every head of every layer gets B's gates, and all runs again";
  }
  // A named rule stands at its corner; the first touch of a slider starts the morph from there.
  Collapse shown = head.collapse;
  const bool reachable = head.variant != Variant::gdn2_write && head.variant != Variant::gdn2_erase;
  if (!head.morph) {
    shown = reachable ? corner(head.variant) : Collapse{};
    shown.beta = head.collapse.beta, shown.alpha = head.collapse.alpha;
  }

  Rect presets = inside.cut_top(1.35f * em, 0.3f * em);
  struct Preset {
    std::string_view name;
    Variant variant;
  };
  static constexpr Preset kChain[] = {{"GDN-2", Variant::gdn2}, {"KDA", Variant::kda}, {"GDN", Variant::gdn}, {"DeltaNet", Variant::delta}};
  static constexpr Preset kBranch[] = {{"GLA", Variant::gla}, {"Mamba-2", Variant::mamba2}, {"Linear", Variant::linear}};
  const auto offer = [&](const Preset& p, float width) {
    Collapse at = corner(p.variant);
    at.beta = shown.beta, at.alpha = shown.alpha;
    if (button(ui, presets.cut_left(width, 0.2f * em), std::string(p.name).c_str(), p.name, next.compare && at == shown)) {
      head.morph = next.compare = changed = true;
      head.collapse = shown = at;
    }
  };
  // Each as wide as its name needs, stretched or squeezed to the row; the branch has a row of its own where that would hide names.
  const float arrow = 1.1f * em;
  float chain = 0, branch = 0;
  const auto natural = [&](const Preset& p) { return text_width(ui, p.name, Face::small) + 0.8f * em; };
  for (const Preset& p : kChain) chain += natural(p);
  for (const Preset& p : kBranch) branch += natural(p);
  const float beside = presets.w - 3 * arrow - 2.2f * em - 7 * 0.2f * em;
  const bool two_rows = beside < chain + branch - 7 * 0.35f * em;
  const float squeeze = two_rows ? std::min(1.0f, (presets.w - 3 * arrow - 4 * 0.2f * em) / chain) : beside / (chain + branch);
  const auto width = [&](const Preset& p) { return std::floor(natural(p) * squeeze); };
  for (std::size_t i = 0; i < 4; ++i) {
    offer(kChain[i], width(kChain[i]));
    if (i < 3) text(ui, presets.cut_left(arrow - 0.2f * em, 0.2f * em), ui.sign("\xe2\x86\x92", ">"), c.muted, Face::small, Align::centre);
  }
  if (two_rows) presets = inside.cut_top(1.35f * em, 0.3f * em);
  text(ui, presets.cut_left(2.2f * em), "or", c.muted, Face::small, Align::centre);
  for (const Preset& p : kBranch) offer(p, width(p));

  struct Knob {
    const char *id, *math, *ascii;
    double Collapse::*value;
  };
  static constexpr Knob kKnobs[] = {{"tie", "b, w \xe2\x86\x92 \xce\xb2", "b, w > beta", &Collapse::tie},
                                    {"scalar", "\xce\xb1 \xe2\x86\x92 scalar", "alpha > scalar", &Collapse::scalar},
                                    {"one", "\xce\xb1 \xe2\x86\x92 1", "alpha > 1", &Collapse::one},
                                    {"no erase", "b \xe2\x86\x92 0, w \xe2\x86\x92 1", "b > 0, w > 1", &Collapse::no_erase}};
  const float half = 0.5f * (inside.w - 1.0f * em);
  for (std::size_t i = 0; i < 4; i += 2) {
    Rect row = inside.cut_top(1.4f * em, 0.1f * em);
    for (std::size_t k = i; k < i + 2; ++k) {
      Rect place = k == i ? row.cut_left(half, 1.0f * em) : row;
      const Knob& knob = kKnobs[k];
      text(ui, place.cut_left(std::min(5.6f * em, 0.45f * place.w), 0.3f * em), ui.sign(knob.math, knob.ascii), c.text, Face::small);
      text(ui, place.cut_right(2.2f * em, 0.2f * em), number(shown.*knob.value, 2), c.text, Face::small, Align::right);
      bool done = false;
      if (slider(ui, place, knob.id, shown.*knob.value, 0.0, 1.0, c.head_b, &done)) {
        head.morph = next.compare = changed = true;
        head.collapse = shown;
      }
      dragging = dragging || ImGui::IsItemActive();
      if (done) view.change(view.document());
    }
  }
  if (ui.hovered(r) && ui.hint.empty())
    ui.hint = std::string(ui.sign("\xce\xb2", "beta")) +
              " = mean of all b and w, scalar decay = geometric mean; at 0 and 1 equal to the dedicated rule bit for bit";
  if (changed) view.change(std::move(next), dragging);
}

}  // namespace fw::viz
