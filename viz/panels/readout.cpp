// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>

#include "viz/panels/panels.h"

namespace fw::viz {
namespace {

void answers_of(Ui& ui, Rect r, const char* letter, Colour tint, const Run& run, const Side& side) {
  const Palette& c = ui.colours();
  const float em = ui.em;
  Rect head = r.cut_top(1.2f * em, 0.1f * em);
  head.cut_left(text(ui, head, letter, tint, Face::bold) + 0.4f * em);
  const std::string size = std::string("|S") + ui.sign("\xe1\xb5\x80", "'") + "q| " + number(norm(side.query), 3);
  text(ui, head, fitting(ui, head.w, {short_name(run.head()) + "   " + size, size}), c.muted, Face::small);
  const float height = 1.25f * em;
  const int rows = std::min(static_cast<int>(side.answers.size()), std::max(0, static_cast<int>(r.h / height)));
  for (int n = 0; n < rows; ++n) {
    const Answer& answer = side.answers[static_cast<std::size_t>(n)];
    Rect row = r.cut_top(height);
    const std::string& name = run.timeline().codebook[static_cast<std::size_t>(answer.codeword)].text;
    const Rect whole = row;
    text(ui, row.cut_left(std::min(5.2f * em, 0.36f * row.w), 0.3f * em), name, n == 0 ? c.text : c.muted, Face::small);
    text(ui, row.cut_right(text_width(ui, "+0.000", Face::small) + 2, 0.3f * em), number(answer.cosine, 3, true), c.text, Face::small,
         Align::right);
    signed_bar(ui, row.inset(0, 0.3f * row.h), answer.cosine, 1.0, tint);
    if (ui.hovered(whole)) ui.hint = std::string(letter) + "  cos(S'q, value(" + name + ")) = " + number(answer.cosine, 6);
  }
  if (side.answers.empty()) text(ui, r.cut_top(height), "no values named yet", c.muted, Face::small);
}

/// What the model expects next, the likeliest first; the right answer is marked, and added where it is far down.
void forecast_of(Ui& ui, Rect r, const char* letter, Colour tint, const std::string& name, const Forecast& next) {
  const Palette& c = ui.colours();
  const float em = ui.em, height = 1.25f * em;
  Rect head = r.cut_top(1.2f * em, 0.1f * em);
  head.cut_left(text(ui, head, letter, tint, Face::bold) + 0.4f * em);
  const bool right = next.target >= 0 && next.best[0].token == next.target;
  const std::string verdict = next.target < 0 ? "" : right ? "   right" : "   wrong";
  const std::string entropy = "entropy " + number(next.entropy, 2);
  text(ui, head, fitting(ui, head.w, {name + "   " + entropy + " nats" + verdict, name + "   " + entropy + verdict, entropy + verdict}),
       next.target < 0 || right ? c.muted : c.bad, Face::small);
  std::vector<Forecast::Chance> rows = next.best;
  const auto fits = static_cast<std::size_t>(std::max(1.0f, r.h / height));
  rows.resize(std::min(rows.size(), fits));
  const auto is_target = [&](const Forecast::Chance& x) { return x.token == next.target; };
  if (next.target >= 0 && std::none_of(rows.begin(), rows.end(), is_target)) rows.back() = next.right;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    Rect row = r.cut_top(height);
    const Rect whole = row;
    const std::string word = ui.view.word(rows[n].token);
    const bool target = is_target(rows[n]);
    if (target) fill(ui, {whole.x - 2, whole.y, whole.w + 4, whole.h}, faded(c.accent, 40), 2);
    text(ui, row.cut_left(1.1f * em), target ? ui.sign("\xe2\x9c\x93", "+") : "", c.text, Face::small);
    text(ui, row.cut_left(std::min(4.6f * em, 0.34f * row.w), 0.3f * em), word, n == 0 || target ? c.text : c.muted, Face::small);
    text(ui, row.cut_right(text_width(ui, "0.0000", Face::small) + 2, 0.3f * em), number(rows[n].probability, 4), c.text, Face::small,
         Align::right);
    bar(ui, row.inset(0, 0.3f * row.h), rows[n].probability, 1.0, tint);
    if (ui.hovered(whole))
      ui.hint = std::string(letter) + "  p(" + word + ") = " + number(rows[n].probability, 6) +
                (target ? ": the right answer of the task" : ": softmax of the logits after this token");
  }
}

/// Next-token distributions of A and, where the whole model was run again, of B.
void forecasts(Ui& ui, const Rect& r, const Forecast& a) {
  ViewModel& view = ui.view;
  const Forecast* b = view.forecast_b();
  Rect inside =
      panel(ui, r, "Next token", b ? "the model as trained, and with B's gates in all layers" : "what the model expects after this token");
  if (b == nullptr) return forecast_of(ui, inside, "A", ui.colours().head_a, "as trained", a);
  forecast_of(ui, inside.cut_left(0.5f * (inside.w - ui.em), ui.em), "A", ui.colours().head_a, "as trained", a);
  forecast_of(ui, inside, "B", ui.colours().head_b, short_name(view.b()->head()) + " everywhere", *b);
}

}  // namespace

void readout_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
  if (const Forecast* next = view.forecast_a()) return forecasts(ui, r, *next);
  const Side& a = view.side_a();
  const Side* b = view.side_b();
  const std::string query = query_text(view.a(), view.transport.t(), view.tracked_fact());
  Rect inside =
      panel(ui, r, "Query readout", std::string(ui.sign("S\xe1\xb5\x80q for q = ", "S'q for q = ")) + query + ", cosine with every value");
  if (b)
    answers_of(ui, inside.cut_left(0.5f * (inside.w - ui.em), ui.em), "A", ui.colours().head_a, view.a(), a),
        answers_of(ui, inside, "B", ui.colours().head_b, *view.b(), *b);
  else
    answers_of(ui, inside, "A", ui.colours().head_a, view.a(), a);
}

}  // namespace fw::viz
