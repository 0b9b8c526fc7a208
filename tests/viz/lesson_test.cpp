// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Every lesson that ships is replayed: its numbers are what its text says, its tasks are open at first and solved by the
// solution that comes with them.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "core/error.h"
#include "viz/model/course.h"

using namespace fw;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

void check_numbers(const std::vector<LessonNumber>& numbers, const std::map<std::string, double>& values) {
  for (const LessonNumber& number : numbers) {
    const double got = values.at(number.name);
    INFO(number.name, " = ", text_of(number.quantity), ": got ", got, ", expected ", number.expect, " +- ", number.tolerance);
    CHECK(std::fabs(got - number.expect) <= number.tolerance);  // false for NaN as well
  }
}

/// Numbers that were measured must not be typed: a decimal fraction in prose is a mark {name} that is worked out.
bool has_typed_fraction(const Prose& prose) {
  for (const ProseSpan& span : prose)
    for (std::size_t i = 1; i + 1 < span.text.size(); ++i)
      if (span.kind != ProseSpan::Kind::number && span.text[i] == '.' && std::isdigit(span.text[i - 1]) && std::isdigit(span.text[i + 1]))
        return true;
  return false;
}

bool all_held(const std::vector<Course::Tick>& ticks) {
  for (const Course::Tick& tick : ticks)
    if (!tick.held) return false;
  return !ticks.empty();
}

}  // namespace

TEST_CASE("lessons: twelve of them, each with its own name, and the measured effects among them") {
  const auto& lessons = built_in_lessons();
  CHECK(lessons.size() == 12);
  std::set<std::string> names;
  for (const Lesson& lesson : lessons) names.insert(lesson.name);
  CHECK(names.size() == lessons.size());
  CHECK(lessons[1].name == "fading");
  CHECK(find_lesson(lessons, "2") == 1);
  CHECK(find_lesson(lessons, "order") == 11);
  CHECK_THROWS_AS(find_lesson(lessons, "13"), Error);
}

TEST_CASE("lessons: every number in the prose is what the run gives") {
  const auto& lessons = built_in_lessons();
  ViewModel view;
  Course room(lessons);
  for (int n = 0; n < static_cast<int>(lessons.size()); ++n) {
    const Lesson& lesson = lessons[static_cast<std::size_t>(n)];
    for (int k = 0; k < static_cast<int>(lesson.cards.size()); ++k) {
      INFO("lesson ", lesson.name, ", card ", k + 1);
      const Card& card = lesson.cards[static_cast<std::size_t>(k)];
      room.start(view, n, k);
      check_numbers(card.numbers, room.values());
      CHECK_FALSE(has_typed_fraction(card.text));
      if (!card.ask) continue;
      CHECK_FALSE(has_typed_fraction(card.ask->text));
      check_numbers(card.ask->numbers, room.answer_values());
      room.predict(view, card.ask->answer);
      for (const LessonNumber& number : card.ask->numbers) {
        INFO(number.name);
        CHECK(measure(view, number.quantity) == room.answer_values().at(number.name));
      }
    }
  }
}

TEST_CASE("lessons: every task is open when its card appears and solved by its solution") {
  const auto& lessons = built_in_lessons();
  ViewModel view;
  Course room(lessons);
  for (int n = 0; n < static_cast<int>(lessons.size()); ++n) {
    const Lesson& lesson = lessons[static_cast<std::size_t>(n)];
    for (int k = 0; k < static_cast<int>(lesson.cards.size()); ++k) {
      const Card& card = lesson.cards[static_cast<std::size_t>(k)];
      room.start(view, n, k);
      if (card.ask) room.predict(view, 0);
      if (!card.task) continue;
      INFO("lesson ", lesson.name, ", card ", k + 1);
      CHECK_FALSE(all_held(room.ticks(view)));
      CHECK_FALSE(room.solved(n, k));
      room.solve(view);
      for (std::size_t i = 0; i < room.ticks(view).size(); ++i) {
        INFO(card.task->checks[i].text, ": got ", room.ticks(view)[i].value);
        CHECK(room.ticks(view)[i].held);
      }
      CHECK(room.solved(n, k));
    }
    CHECK(room.done(n));
  }
  CHECK(room.done() == static_cast<int>(lessons.size()));
}

TEST_SUITE_END();
