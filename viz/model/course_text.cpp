// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Lessons as words: the commands of the box, and the open card as Markdown.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <iterator>
#include <sstream>

#include "core/error.h"
#include "viz/model/course.h"

namespace fw::viz {

std::string run_lesson_command(Course& room, ViewModel& view, std::string_view line) {
  std::istringstream in{std::string(line)};
  std::string verb, what, rest;
  in >> verb >> what >> rest;
  if (verb != "lesson" && verb != "predict") return {};
  if (!rest.empty()) throw Error(verb + ": expected the end of the line after \"" + what + "\", got \"" + rest + "\"");
  if (verb == "predict") {
    int choice = 0;
    const auto [end, code] = std::from_chars(what.data(), what.data() + what.size(), choice);
    if (!room.in_lesson() || !room.card().ask) throw Error("predict: expected a card that asks, got none");
    if (what.empty() || code != std::errc() || end != what.data() + what.size())
      throw Error("predict: expected the number of a choice, got \"" + what + "\"");
    room.predict(view, choice - 1);
    return "predicted " + what;
  }
  const bool inside = what == "next" || what == "back" || what == "again" || what == "solve" || what == "sandbox" || what == "leave";
  if (inside && !room.in_lesson()) throw Error("lesson " + what + ": expected an open lesson, got none");
  if (what.empty())
    room.show_list(view);
  else if (what == "next")
    room.next(view);
  else if (what == "back")
    room.back(view);
  else if (what == "again")
    room.again(view);
  else if (what == "solve")
    room.solve(view);
  else if (what == "sandbox")
    room.sandbox(view);
  else if (what == "leave")
    room.leave(view);
  else
    room.start(view, find_lesson(room.lessons(), what));
  if (!room.in_lesson()) return room.open() ? "lessons" : "left the lessons";
  return fmt::format("lesson {}: {}, card {} of {}", room.lesson_index() + 1, room.lesson().title, room.card_index() + 1,
                     room.lesson().cards.size());
}

std::string describe(Course& room, const ViewModel& view) {
  std::string text;
  const auto out = std::back_inserter(text);
  if (!room.in_lesson()) {
    for (std::size_t n = 0; n < room.lessons().size(); ++n)
      fmt::format_to(out, "{}{:2}  {:<13} {}\n", room.done(static_cast<int>(n)) ? "\xe2\x9c\x93 " : "  ", n + 1, room.lessons()[n].name,
                     room.lessons()[n].title);
    return text;
  }
  const Lesson& lesson = room.lesson();
  const Card& card = room.card();
  fmt::format_to(out, "# Lesson {}: {}\n\n", room.lesson_index() + 1, lesson.title);
  if (room.card_index() == 0) fmt::format_to(out, "Goal: {}\n\n", plain(lesson.goal));
  fmt::format_to(out, "Card {} of {}. {}\n", room.card_index() + 1, lesson.cards.size(), plain(room.card_text()));
  if (card.ask) {
    fmt::format_to(out, "\nPredict: {}\n\n", plain(card.ask->question));
    for (std::size_t n = 0; n < card.ask->choices.size(); ++n) {
      const bool right = room.revealed() && static_cast<int>(n) == card.ask->answer;
      fmt::format_to(out, "{}. {}{}\n", n + 1, card.ask->choices[n], right ? " \xe2\x9c\x93" : "");
    }
    if (room.revealed()) fmt::format_to(out, "\nWhat happened: {}\n", plain(room.answer_text()));
  }
  if (card.task) {
    fmt::format_to(out, "\nTask: {}\n\n", plain(card.task->text));
    const auto& ticks = room.ticks(view);
    for (std::size_t n = 0; n < ticks.size(); ++n)
      fmt::format_to(out, "- [{}] {} ({}; now {})\n", ticks[n].held ? "x" : " ", card.task->checks[n].says, card.task->checks[n].text,
                     std::isnan(ticks[n].value) ? std::string("none") : fmt::format("{:.4f}", ticks[n].value));
  }
  return text;
}

}  // namespace fw::viz
