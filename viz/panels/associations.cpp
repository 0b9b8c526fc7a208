// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "viz/panels/panels.h"

namespace fw::viz {
namespace {

/// Below this share of the written norm an answer is too faint for its direction to mean much.
constexpr double kFaint = 0.05;

struct Columns {
  float name, cosine, norm, parts, impact, line;
};

/// Cosine bar with its number; faint when hardly anything is answered.
void cosine_cell(Ui& ui, Rect r, const Association& row, Colour colour) {
  const Palette& c = ui.colours();
  const bool faint = !(row.recall.norm_ratio >= kFaint);
  text(ui, r.cut_right(text_width(ui, "-0.00", Face::small) + 2, 0.2f * ui.em), number(row.recall.cosine, 2), faint ? c.muted : c.text,
       Face::small, Align::right);
  if (r.w > 0.8f * ui.em) signed_bar(ui, r.inset(0, 0.32f * r.h), row.recall.cosine, 1.0, faint ? faded(colour, 90) : colour);
}

/// Signal and crosstalk as shares of the written norm, one behind the other.
void parts_cell(Ui& ui, const Rect& r, const Association& row) {
  const Palette& c = ui.colours();
  const Rect track = r.inset(0, 0.28f * r.h);
  fill(ui, track, c.grid);
  const double whole = std::max(1.5, row.signal + row.crosstalk);
  const float signal = track.w * static_cast<float>(row.signal / whole), crosstalk = track.w * static_cast<float>(row.crosstalk / whole);
  fill(ui, {track.x, track.y, signal, track.h}, c.signal);
  fill(ui, {track.x + signal, track.y + 0.25f * track.h, crosstalk, 0.5f * track.h}, c.crosstalk);
}

/// A word of the table's head that sorts its rows when it is clicked, or puts them back as they were written.
void heading(Ui& ui, const Rect& r, const std::string& word, Colour colour, FactOrder by, Align align = Align::left) {
  ViewOptions& o = ui.view.options;
  const bool on = o.facts == by && by != FactOrder::written;
  const float width = text_width(ui, word, Face::small);
  text(ui, r, word, colour, Face::small, align);
  if (on) fill(ui, {align == Align::right ? r.right() - width : r.x, r.bottom() - 2, std::min(width, r.w), 2}, ui.colours().accent);
  if (!ui.hovered(r)) return;
  ui.hint = by == FactOrder::written  ? "click: facts in the order they were written"
            : by == FactOrder::cosine ? "click: the worst cosine of A first"
            : by == FactOrder::norm   ? "click: the largest norm of A first"
                                      : "click: what this token moved most first";
  if (!ImGui::IsMouseClicked(0)) return;
  o.facts = on ? FactOrder::written : by;
  ui.state.table_first = -1;
}

std::string hint_of(const Ui& ui, const char* head, const Fact& fact, const Association& row) {
  return std::string(head) + "  " + fact.key + " = " + row.intent->text + (row.intent->deleted ? " (deleted)" : "") + ":  cos(S'k, v) " +
         number(row.recall.cosine, 4) + "   |S'k|/|v| " + number(row.recall.norm_ratio, 4) + "   1/2|S'k-v|" + ui.sign("\xc2\xb2", "^2") +
         " " + number(row.recall.residual, 4) + "   signal " + number(row.signal, 4) + "   crosstalk " + number(row.crosstalk, 4) +
         "   |m|/|k| " + number(row.retained, 4) + "   impact now " + number(row.impact.total, 4);
}

}  // namespace

void associations_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  const Palette& c = ui.colours();
  const float em = ui.em;
  Rect inside = panel(ui, r, "Associations", "does S still map each key to its last value?");
  const Side& a = view.side_a();
  const Side* b = view.side_b();
  const Timeline& line = view.a().timeline();
  if (line.facts.empty()) return void(text(ui, inside.cut_top(1.5f * em), "No facts yet.", c.muted, Face::small));

  const bool wide = inside.w > 34 * em;
  Columns at{};
  at.name = std::min(wide ? 8.5f * em : 6.5f * em, 0.24f * inside.w);
  at.norm = 2.4f * em;
  const bool narrow = inside.w < 24 * em;  // no room for the parts of the answer nor for bars of the impact
  at.impact = wide ? 4.2f * em : narrow ? text_width(ui, "impact", Face::small) + 2 : 3.0f * em;
  at.line = wide ? 6.0f * em : 0.0f;
  const float gap = 0.5f * em, rest = inside.w - at.name - at.impact - at.line - (b ? 2 : 1) * (at.norm + 2 * gap) - (wide ? 3 : 2) * gap;
  at.parts = narrow ? 0.0f : std::max(2.0f * em, 0.30f * rest);
  at.cosine = std::max(2.0f * em, (rest - at.parts) / (b ? 2.0f : 1.0f) - 0.5f);

  Rect head = inside.cut_top(1.25f * em, 0.1f * em);
  fill(ui, {inside.x - 2, head.y, inside.w + 4, head.h}, c.inset, 2);
  heading(ui, head.cut_left(at.name, gap), "fact", c.muted, FactOrder::written);
  const auto cosine_of = [&](const char* letter) {
    return fitting(ui, at.cosine, {std::string(letter) + " cosine", std::string(letter) + " cos", letter});
  };
  heading(ui, head.cut_left(at.cosine, gap), cosine_of("A"), c.head_a, FactOrder::cosine);
  heading(ui, head.cut_left(at.norm, gap), "norm", c.head_a, FactOrder::norm, Align::right);
  if (b)
    text(ui, head.cut_left(at.cosine, gap), cosine_of("B"), c.head_b, Face::small),
        text(ui, head.cut_left(at.norm, gap), "norm", c.head_b, Face::small, Align::right);
  if (!narrow)
    text(ui, head.cut_left(at.parts, gap), fitting(ui, at.parts, {wide ? "A signal | crosstalk" : "sig | cross", "sig | cross", "parts"}),
         c.muted, Face::small);
  heading(ui, head.cut_left(at.impact, wide ? gap : 0), "impact", c.muted, FactOrder::impact, Align::right);
  if (wide) text(ui, head, "A residual over time", c.muted, Face::small);

  double most_impact = 1e-300;
  for (const Association& row : a.associations) most_impact = std::max(most_impact, row.impact.total);
  const int tracked = view.tracked_fact(), t = view.transport.t(), T = std::max(1, view.length());
  const float height = std::floor(std::clamp(inside.h / static_cast<float>(line.facts.size()), 1.15f * em, 1.7f * em));
  const int fits = std::max(1, static_cast<int>(inside.h / height)), count = static_cast<int>(line.facts.size());
  const std::vector<int> order = fact_order(a, view.options.facts);
  const int tracked_row = tracked < 0 ? 0 : inverse(order)[static_cast<std::size_t>(tracked)];
  // The wheel moves the rows; under the pointer they stand still, and another tracked fact brings them back to where it is.
  PanelState& state = ui.state;
  const bool inside_table = ui.hovered(inside);
  if (!inside_table && state.table_of != tracked) state.table_first = -1, state.table_of = tracked;
  int first = std::clamp(state.table_first >= 0                     ? state.table_first
                         : view.options.facts != FactOrder::written ? 0
                                                                    : tracked_row - fits / 2,
                         0, std::max(0, count - fits));
  if (inside_table)
    state.table_first = first = std::clamp(first - static_cast<int>(3 * ImGui::GetIO().MouseWheel), 0, std::max(0, count - fits));
  for (int row_number = first; row_number < std::min(count, first + fits); ++row_number) {
    const int n = order[static_cast<std::size_t>(row_number)];
    const Association& row = a.associations[static_cast<std::size_t>(n)];
    const Fact& fact = line.facts[static_cast<std::size_t>(n)];
    // B's own branch may have met the facts in another order.
    const int in_b = b ? view.b()->timeline().find_fact(fact.key) : -1;
    const Association* other = in_b < 0 ? nullptr : &b->associations[static_cast<std::size_t>(in_b)];
    Rect place = inside.cut_top(height);
    const Rect whole{place.x - 2, place.y, place.w + 4, place.h};
    if (n == tracked) fill(ui, whole, faded(c.accent, 34), 2);
    if (ui.hovered(whole)) {
      Focus here;
      here.fact = n;
      view.selection.hover(here);
      if (ImGui::IsMouseClicked(0)) view.selection.lock(here);
      if (ImGui::IsMouseDoubleClicked(0) && !view.document().trace) ask(ui, fact.key + "=", row.intent ? row.intent->text : "");
      if (row.intent) ui.hint = hint_of(ui, "A", fact, row);
      if (b && other && other->intent && ImGui::GetIO().KeyShift) ui.hint = hint_of(ui, "B", fact, *other);
    }
    fill(ui, {whole.x, whole.bottom() - 1, whole.w, 1}, c.grid);
    const bool gone = row.intent && row.intent->deleted;
    const std::string name =
        fact.key + (row.intent ? " = " + row.intent->text : "") + (gone ? std::string(" ") + ui.sign("\xe2\x9c\x97", "x") : "");
    text(ui, place.cut_left(at.name, gap), name, row.intent == nullptr ? c.muted : c.text, Face::small);
    for (const Association* side : {&row, b ? other : nullptr}) {
      if (side != &row && !b) break;
      Rect cosine = place.cut_left(at.cosine, gap), size = place.cut_left(at.norm, gap);
      if (side == nullptr || side->intent == nullptr) continue;
      cosine_cell(ui, cosine, *side, side == &row ? c.head_a : c.head_b);
      text(ui, size, number(side->recall.norm_ratio, 2), c.text, Face::small, Align::right);
    }
    Rect parts = narrow ? Rect{} : place.cut_left(at.parts, gap), impact = place.cut_left(at.impact, wide ? gap : 0);
    if (row.intent && !narrow) parts_cell(ui, parts, row);
    if (t > 0) {
      text(ui, impact.cut_right(text_width(ui, "0.00", Face::small) + 2, 0.2f * em), number(row.impact.total, 2), c.text, Face::small,
           Align::right);
      if (!narrow) bar(ui, impact.inset(0, 0.32f * impact.h), row.impact.total, most_impact, c.write);
    }
    if (!wide) continue;
    const Rect strip = place.inset(0, 0.12f * place.h);
    fill(ui, strip, c.inset);
    const Vec& residual = view.a().recall(n).residual;
    sparkline(ui, strip, residual, 0.0, 1.0, c.head_a);
    const float now = strip.x + strip.w * (static_cast<float>(std::min(t, T)) - 0.5f) / static_cast<float>(std::max(1, view.a().length()));
    if (t > 0) fill(ui, {std::floor(now), strip.y, 1, strip.h}, c.cursor);
  }
}

}  // namespace fw::viz
