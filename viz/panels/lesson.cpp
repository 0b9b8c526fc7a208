// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "viz/model/course.h"
#include "viz/panels/panels.h"
#include "viz/widgets/prose_text.h"

namespace fw::viz {
namespace {

constexpr const char *kTick = "\xe2\x9c\x93", *kCross = "\xe2\x9c\x97", *kRing = "\xe2\x97\x8b";

/// A column that text is added to from the top down.
struct Page {
  Ui& ui;
  Rect r;
  Pointed pointed;

  void say(const Prose& prose, Colour colour, float gap = 0.55f) {
    const float height = prose_text(ui, r, prose, colour, &pointed);
    r.cut_top(height, gap * ui.em);
  }
  void heading(const char* words, Colour colour) { text(ui, r.cut_top(1.3f * ui.em, 0.15f * ui.em), words, colour, Face::bold); }
  void rule() { fill(ui, r.cut_top(1, 0.5f * ui.em), ui.colours().grid); }
};

/// One answer to choose: a button as high as its text; marked once it is known which was right.
bool choice_button(Page& page, int index, const std::string& words, bool open, bool right, bool chosen) {
  Ui& ui = page.ui;
  const Palette& c = ui.colours();
  const float pad = 0.35f * ui.em, mark = 1.6f * ui.em;
  const Prose prose = unmarked(words);
  const Rect inner{page.r.x + mark + pad, page.r.y + pad, page.r.w - mark - 2 * pad, 0};
  const float height = prose_text(ui, inner, prose, c.text, nullptr, false) + 2 * pad;
  const Rect box = page.r.cut_top(height, 0.35f * ui.em);
  ImGui::SetCursorScreenPos(ImVec2(box.x, box.y));
  const bool pressed = ImGui::InvisibleButton(("choice " + std::to_string(index)).c_str(), ImVec2(std::max(1.0f, box.w), height)) && open;
  const bool over = open && ImGui::IsItemHovered(), good = !open && right, bad = !open && chosen && !right;
  fill(ui, box, over ? c.grid : c.inset, 3);
  frame(ui, box, good || over ? c.accent : bad ? c.bad : c.border, good || bad ? 2.0f : 1.0f, 3);
  const char* sign = good ? ui.sign(kTick, "+") : bad ? ui.sign(kCross, "x") : nullptr;
  text(ui, {box.x, box.y, mark + pad, height}, sign != nullptr ? std::string(sign) : std::to_string(index + 1),
       good  ? c.accent
       : bad ? c.bad
             : c.muted,
       Face::bold, Align::centre);
  prose_text(ui, inner, prose, c.text);
  return pressed;
}

void prediction(Page& page, Course& room) {
  Ui& ui = page.ui;
  const Palette& c = ui.colours();
  const Prediction& ask = *room.card().ask;
  page.heading("Predict", c.accent);
  page.say(ask.question, c.text, 0.4f);
  const int chosen = room.predicted();
  int pressed = -1;
  for (int n = 0; n < static_cast<int>(ask.choices.size()); ++n)
    if (choice_button(page, n, ask.choices[static_cast<std::size_t>(n)], chosen < 0, n == ask.answer, n == chosen)) pressed = n;
  page.r.cut_top(0.3f * ui.em);
  if (chosen >= 0) {
    page.heading(chosen == ask.answer ? "As you said" : "Not quite", chosen == ask.answer ? c.accent : c.bad);
    page.say(room.answer_text(), c.text);
  }
  if (pressed >= 0) room.predict(ui.view, pressed);
}

/// Counts as such; what there is not yet in words.
std::string said(double x) { return std::isnan(x) ? "not yet" : number(x, x == std::round(x) ? 0 : 3); }

void task(Page& page, Course& room) {
  Ui& ui = page.ui;
  const Palette& c = ui.colours();
  const Task& work = *room.card().task;
  page.rule();
  const auto& ticks = room.ticks(ui.view);
  const bool solved = std::all_of(ticks.begin(), ticks.end(), [](const Course::Tick& tick) { return tick.held; });
  page.heading(solved ? "Task: solved" : "Task", c.accent);
  page.say(work.text, c.text, 0.4f);
  command_box(ui, page.r.cut_top(1.8f * ui.em, 0.6f * ui.em));
  for (std::size_t n = 0; n < ticks.size(); ++n) {
    Rect row = page.r;
    const float mark = 1.5f * ui.em;
    text(ui, {row.x, row.y, mark, prose_line(ui)}, ticks[n].held ? ui.sign(kTick, "+") : ui.sign(kRing, "o"),
         ticks[n].held ? c.accent : c.muted, Face::bold, Align::centre);
    row.cut_left(mark);
    const float height = prose_text(ui, row, unmarked(work.checks[n].says), c.text);
    row.cut_top(height);
    text(ui, {row.x, row.y, row.w, 1.1f * ui.em}, work.checks[n].text + "   now " + said(ticks[n].value), c.muted, Face::small);
    page.r.cut_top(height + 1.2f * ui.em, 0.3f * ui.em);
  }
  Rect row = page.r.cut_top(1.6f * ui.em, 0.4f * ui.em);
  if (button(ui, row.cut_left(8.5f * ui.em), "solution", "Show a solution")) room.solve(ui.view);
}

/// The inside of the panel that the wheel moves, between title and buttons.
template <class F>
void scrolled(Ui& ui, const Rect& r, Pointed& pointed, F draw) {
  PanelState& state = ui.state;
  const float most = std::max(0.0f, state.lesson_height - r.h);
  if (ui.hovered(r)) state.lesson_scroll -= 3 * ui.em * ImGui::GetIO().MouseWheel;
  state.lesson_scroll = std::clamp(state.lesson_scroll, 0.0f, most);
  ImGui::PushClipRect(ImVec2(r.x - 2, r.y), ImVec2(r.right() + 2, r.bottom()), true);
  const float bar = most > 0 ? 0.6f * ui.em : 0;
  Page page{ui, {r.x, r.y - state.lesson_scroll, r.w - bar, 1e6f}, {}};
  const float top = page.r.y;
  draw(page);
  state.lesson_height = page.r.y - top;
  ImGui::PopClipRect();
  pointed = page.pointed;
  if (most <= 0) return;
  const float length = r.h * r.h / state.lesson_height;
  fill(ui, {r.right() - 4, r.y, 4, r.h}, ui.colours().inset, 2);
  fill(ui, {r.right() - 4, r.y + (r.h - length) * state.lesson_scroll / most, 4, length}, ui.colours().muted, 2);
}

void list_page(Ui& ui, Rect r, Course& room) {
  const Palette& c = ui.colours();
  Rect inside = panel(ui, r, "Lessons", std::to_string(room.done()) + " of " + std::to_string(room.lessons().size()) + " done");
  Rect foot = inside.cut_bottom(1.8f * ui.em, 0.4f * ui.em);
  if (button(ui, foot.cut_right(4.5f * ui.em), "leave", "Close")) return room.leave(ui.view);
  Pointed pointed;
  int wanted = -1;
  scrolled(ui, inside, pointed, [&](Page& page) {
    page.say(unmarked("Each takes a few minutes: look, predict, see, then solve a small task. Your own work comes back when you leave."),
             c.muted);
    for (int n = 0; n < static_cast<int>(room.lessons().size()); ++n) {
      const Rect row = page.r.cut_top(1.9f * ui.em, 0.15f * ui.em);
      ImGui::SetCursorScreenPos(ImVec2(row.x, row.y));
      if (ImGui::InvisibleButton(("lesson " + std::to_string(n)).c_str(), ImVec2(std::max(1.0f, row.w), row.h))) wanted = n;
      fill(ui, row, ImGui::IsItemHovered() ? c.grid : c.inset, 3);
      Rect inner = row.inset(0.3f * ui.em, 0);
      const bool done = room.done(n);
      text(ui, inner.cut_left(1.6f * ui.em), done ? ui.sign(kTick, "+") : ui.sign(kRing, "o"), done ? c.accent : c.muted, Face::bold,
           Align::centre);
      text(ui, inner.cut_left(1.8f * ui.em), std::to_string(n + 1), c.muted, Face::regular, Align::centre);
      text(ui, inner, room.lessons()[static_cast<std::size_t>(n)].title, c.text);
    }
    if (!room.message().empty()) page.say(unmarked(room.message()), c.bad);
  });
  if (wanted >= 0) room.start(ui.view, wanted);
}

void buttons(Ui& ui, Rect foot, Course& room) {
  const float em = ui.em, gap = 0.3f * em, width = (foot.w - 5 * gap) / 6;
  const bool last = room.card_index() + 1 == static_cast<int>(room.lesson().cards.size());
  const bool another = room.lesson_index() + 1 < static_cast<int>(room.lessons().size());
  if (button(ui, foot.cut_left(width, gap), "back", "Back", false, room.card_index() > 0)) return void(room.back(ui.view));
  if (button(ui, foot.cut_left(width, gap), "next", "Next", !last || another, !last || another)) {
    if (last)
      room.start(ui.view, room.lesson_index() + 1);
    else
      room.next(ui.view);
    return;
  }
  if (button(ui, foot.cut_left(width, gap), "again", "Again")) return room.again(ui.view);
  if (button(ui, foot.cut_left(width, gap), "sandbox", "Sandbox")) return room.sandbox(ui.view);
  if (button(ui, foot.cut_left(width, gap), "list", "Lessons")) return room.show_list(ui.view);
  if (button(ui, foot, "leave", "Close")) room.leave(ui.view);
}

void card_page(Ui& ui, Rect r, Course& room) {
  const Palette& c = ui.colours();
  const Lesson& lesson = room.lesson();
  Rect inside = panel(ui, r, std::to_string(room.lesson_index() + 1) + "  " + lesson.title, "");
  Rect dots = inside.cut_top(0.7f * ui.em, 0.5f * ui.em);
  const int count = static_cast<int>(lesson.cards.size());
  for (int n = 0; n < count; ++n)
    fill(ui, dots.cut_left((inside.w - 3.0f * static_cast<float>(count - 1)) / static_cast<float>(count), 3).inset(0, 0.15f * ui.em),
         n == room.card_index()  ? c.accent
         : n < room.card_index() ? faded(c.accent, 110)
                                 : c.grid,
         2);
  const Rect foot = inside.cut_bottom(1.8f * ui.em, 0.5f * ui.em);
  Pointed pointed;
  scrolled(ui, inside, pointed, [&](Page& page) {
    if (room.card_index() == 0) page.say(lesson.goal, c.muted);
    page.say(room.card_text(), c.text);
    if (room.card().ask) prediction(page, room);
    if (room.card().task && (!room.card().ask || room.revealed())) task(page, room);
  });
  ui.state.mentioned = pointed.over;
  if (!pointed.clicked.empty()) point_at(ui.state, {pointed.clicked});
  if (!pointed.over.empty()) ui.hint = "click: show the panel \"" + pointed.over + "\"";
  buttons(ui, foot, room);
}

}  // namespace

void point_at(PanelState& state, const std::vector<std::string>& panels) {
  state.lit = state.bring = panels;
  state.lit_for = kLitSeconds;
  for (const std::string& name : panels)
    if (is_bottom_panel(name) && !state.bottom.empty() && std::find(state.bottom.begin(), state.bottom.end(), name) == state.bottom.end())
      state.bottom.front() = name;
}

bool lesson_has_command_box(const Ui& ui) {
  const Course* course = ui.state.course.get();
  return course != nullptr && course->in_lesson() && course->card().task && (!course->card().ask || course->revealed());
}

void lesson_panel(Ui& ui, const Rect& r) {
  Course& room = *ui.state.course;
  ui.state.mentioned.clear();
  try {
    room.in_lesson() ? card_page(ui, r, room) : list_page(ui, r, room);
  } catch (const Error& error) {
    ui.state.message = error.what();
    ui.state.refused = true;
  }
}

}  // namespace fw::viz
