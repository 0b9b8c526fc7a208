// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>
#include <vector>

#include "viz/panels/panels.h"

namespace fw::viz {
namespace {

struct Gauge {
  std::string name, formula;
  double low, high, mark;  ///< range of the bar; mark: a line at what matters (NaN: none)
  double a, b;
};

void draw(Ui& ui, Rect r, const Gauge& g, bool two) {
  const Palette& c = ui.colours();
  const float em = ui.em;
  const Rect whole = r;
  text(ui, r.cut_left(std::min(6.6f * em, 0.42f * r.w), 0.3f * em), g.name, c.text, Face::small);
  const float digits = text_width(ui, "0.000", Face::small) + 2;
  const auto shown = [](double x) { return number(x, std::fabs(x) < 10 ? 3 : std::fabs(x) < 100 ? 2 : 1); };
  if (two) text(ui, r.cut_right(digits, 0.3f * em), shown(g.b), c.head_b, Face::small, Align::right);
  text(ui, r.cut_right(digits, 0.3f * em), shown(g.a), two ? c.head_a : c.text, Face::small, Align::right);
  const Rect track = r.inset(0, 0.3f * r.h);
  const auto x_of = [&](double x) { return track.x + track.w * static_cast<float>(std::clamp((x - g.low) / (g.high - g.low), 0.0, 1.0)); };
  const bool over = std::isfinite(g.mark) && g.a > g.mark + 1e-12;
  fill(ui, track, c.grid);
  fill(ui, {track.x, track.y, x_of(g.a) - track.x, track.h}, over ? c.write : c.head_a);
  if (two) fill(ui, {std::floor(x_of(g.b)) - 1, track.y - 2, 2, track.h + 4}, c.head_b);
  if (std::isfinite(g.mark)) fill(ui, {std::floor(x_of(g.mark)), track.y - 2, 1, track.h + 4}, c.cursor);
  if (ui.hovered(whole))
    ui.hint = g.name + " = " + g.formula + "    A " + number(g.a, 6) + (two ? "   B " + number(g.b, 6) : "") + "    bar from " +
              number(g.low, 2) + " to " + number(g.high, 3);
}

}  // namespace

void gauges_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const float em = ui.em;
  const Side& a = view.side_a();
  const Side* b = view.side_b();
  Rect inside = panel(ui, r, "Gauges", "growth, distance from narrower rules");
  const double none = std::nan("");
  const Side& o = b ? *b : a;
  const int t = view.transport.t();
  const auto state_norm = [&](const Run& run) {
    return t == 0 || run.length() == 0 ? 0.0 : run.series().state[static_cast<std::size_t>(std::min(t, run.length()) - 1)];
  };
  const double largest = std::max({1e-300, max_abs(view.a().series().state), b ? max_abs(view.b()->series().state) : 0.0});
  // A distance is measured against the largest of the run, so that moments and heads compare.
  const auto most = [&](Vec Series::*which) {
    const auto finite = [](const Vec& x) {
      double m = 0;
      for (double v : x) m = std::isfinite(v) ? std::max(m, v) : m;
      return m;
    };
    return std::max({1e-300, finite(view.a().series().*which), b ? finite(view.b()->series().*which) : 0.0});
  };
  const std::vector<Gauge> gauges = {
      {ui.sign("\xce\xb2 effective", "beta eff"), "k.e, the share of the addressed slot that is erased; above 1 the sign flips", 0, 2, 1,
       a.erase.beta, o.erase.beta},
      {ui.sign("oblique |e\xe2\x8a\xa5|", "oblique |e_p|"), "|e - (e.k/k.k) k|, 0 for a scalar gate", 0, 1, none, a.erase.oblique,
       o.erase.oblique},
      {ui.sign("\xcf\x83 max erase", "s_max erase"), "largest singular value of I - k e'; above 1 a step can amplify", 0.8, 1.2, 1,
       a.erase.sigma_max, o.erase.sigma_max},
      {ui.sign("\xcf\x83 max step", "s_max step"), "largest singular value of (I - k e') Diag(alpha)", 0.8, 1.2, 1, a.growth, o.growth},
      {"|S|", "Frobenius norm; the bar ends at the largest of the run", 0, largest, none, state_norm(view.a()),
       b ? state_norm(*view.b()) : 0},
      {"from KDA", "RMS distance of all b and w from their mean; 0 is KDA", 0, most(&Series::kda), none, a.collapse.kda, o.collapse.kda},
      {"from GDN", "sd of g over channels; 0 is one decay per head", 0, most(&Series::gdn), none, a.collapse.gdn, o.collapse.gdn},
      {"from DeltaNet", "mean |g|; 0 is no decay", 0, most(&Series::delta), none, a.collapse.delta, o.collapse.delta}};
  const float height = std::min(1.5f * em, inside.h / static_cast<float>(gauges.size()));
  for (const Gauge& g : gauges) draw(ui, inside.cut_top(height), g, b != nullptr);
}

}  // namespace fw::viz
