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
  text(ui, head, short_name(run.head()) + "   |S" + ui.sign("\xe1\xb5\x80", "'") + "q| " + number(norm(side.query), 3), c.muted,
       Face::small);
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

}  // namespace

void readout_panel(Ui& ui, const Rect& r) {
  ViewModel& view = ui.view;
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
