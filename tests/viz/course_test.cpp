// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Quantities by name, lesson files that are refused, taking lessons, and the file of progress.
#include "viz/model/course.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "core/error.h"
#include "fixtures.h"
#include "support/scratch.h"
#include "viz/model/progress.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

std::string changed(const std::string& what, const std::string& with) {
  std::string text = lesson_files().at(1).second;
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}
std::string refusal(const std::string& text) {
  try {
    parse_lesson(text, "my.json");
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}
double value(const ViewModel& view, const char* text) { return measure(view, parse_quantity(text)); }

}  // namespace

TEST_CASE("measure: quantities are those of the panels") {
  ViewModel view;
  view.enter("go 14");
  const Side& a = view.side_a();
  const Association& bo = a.associations.at(1);
  CHECK(value(view, "cos(Bo)") == bo.recall.cosine);
  CHECK(value(view, " A.norm( Bo ) ") == bo.recall.norm_ratio);
  CHECK(value(view, "signal(Bo)") == bo.signal);
  CHECK(value(view, "crosstalk(Bo)") == bo.crosstalk);
  CHECK(value(view, "retained(Bo)") == bo.retained);
  CHECK(value(view, "impact(Bo)") == bo.impact.total);
  CHECK(value(view, "sigma_max") == a.erase.sigma_max);
  CHECK(value(view, "oblique") == a.erase.oblique);
  CHECK(value(view, "growth") == a.growth);
  CHECK(value(view, "rank") == a.spectrum.effective_rank);
  CHECK(value(view, "b(3)") == a.gates.b[3]);
  CHECK(value(view, "B.memory") == norm(view.side_b()->step.after));
  CHECK(value(view, "apart") == view.divergence()[14]);
  CHECK(value(view, "rule(gdn2)") == 1.0);
  CHECK(value(view, "B.rule(kda)") == 1.0);
  CHECK(value(view, "cos(Ana)@13") == view.a().recall(0).cosine[12]);
  for (const char* none : {"cos(Nobody)", "part(Ana, nothing)", "memory@999", "b(99)", "mean_cos(0, 2)", "change@0"})
    CHECK(std::isnan(value(view, none)));
  view.enter("set b off");
  CHECK(std::isnan(value(view, "B.memory")));
}

TEST_CASE("measure: conditions, and text that is none") {
  CHECK(holds(1.0, parse_condition("memory = 1")));
  CHECK(holds(1.0, parse_condition("memory >= 1")));
  CHECK_FALSE(holds(1.0, parse_condition("memory > 1")));
  CHECK(holds(-1.0, parse_condition("part(Ana, red) < -0.5")));
  for (const char* text : {"memory < 1", "memory <= 1", "memory > 1", "memory >= 1", "memory = 1"})
    CHECK_FALSE(holds(std::nan(""), parse_condition(text)));
  for (const char* text : {"", "weight", "cos", "cos(", "cos(Ana", "cos(Ana,)", "cos(Ana, Bo)", "memory@", "memory@x", "memory(3)"})
    CHECK_THROWS_AS(parse_quantity(text), Error);
  for (const char* text : {"memory", "memory >", "memory > x", "> 3", "memory > inf"}) CHECK_THROWS_AS(parse_condition(text), Error);
  for (const char* text : {"cos(Ana)", "B.part(Ana, red)@3", "memory"}) CHECK(text_of(parse_quantity(text)) == text);
}

TEST_CASE("lesson files: rejects what is unusable with file, card, key, expected and got") {
  CHECK(refusal(changed("\"title\"", "\"titel\"")) == "lesson: my.json: title: expected a text, got nothing");
  CHECK(refusal(changed("\"is\": \"cos(Ana)\"", "\"is\": \"cos(\"")).find("lesson: my.json: card 1: numbers: cos: is: quantity: ") == 0);
  CHECK(refusal(changed("Ana=red", "Ana=")).find("lesson: my.json: card 1: setup: fact language: ") == 0);
  CHECK(refusal(changed("{norm}", "{nrom}")).find("lesson: my.json: card 1: numbers: expected") == 0);
  CHECK(refusal(changed("[[associations|", "[[nowhere|")) ==
        "lesson: my.json: card 1: text: prose: expected the name of a panel, got \"nowhere\"");
  CHECK(refusal(changed("\"answer\": 2", "\"answer\": 4")) == "lesson: my.json: card 2: ask: answer: expected a number in [1,3], got 4");
  CHECK(refusal(changed("\"goal\"", "\"gaol\": 1, \"goal\"")) == "lesson: my.json: gaol: expected a known key, got 1");
  CHECK(refusal(changed("norm(Ana) > 0.9", "norm(Ana) ~ 0.9")).find("lesson: my.json: card 5: task: checks: that: quantity: ") == 0);
  CHECK(refusal("{").find("lesson: my.json: expected JSON, got ") == 0);
  CHECK(refusal("[]") == "lesson: my.json: expected an object, got []");
  CHECK_THROWS_AS(load_lesson("nowhere.json"), Error);
  for (const char* text : {"[[memory|]]", "[[memory", "{", "{}", "a [[memory]] b"}) CHECK_THROWS_AS(parse_prose(text), Error);
}

TEST_CASE("course: a lesson gives the view back with its history, a sandbox keeps what was made") {
  ViewModel view;
  view.enter("Zoe=red");
  const Document mine = view.document();
  const int t = view.transport.t(), generation = view.generation();
  Course course(built_in_lessons());
  course.start(view, 0);
  CHECK_FALSE(view.document() == mine);
  CHECK(course.next(view));
  course.predict(view, 0);
  CHECK(course.predicted() == 0);
  course.predict(view, 1);
  CHECK(course.predicted() == 0);
  CHECK(course.back(view));
  CHECK_FALSE(course.back(view));
  course.leave(view);
  CHECK(view.document() == mine);
  CHECK(view.transport.t() == t);
  CHECK(view.generation() > generation);
  CHECK(view.undo());
  view.redo();
  course.start(view, 0, 1);
  CHECK(course.predicted() == -1);
  const Document theirs = view.document();
  course.sandbox(view);
  CHECK_FALSE(course.open());
  CHECK(view.document() == theirs);
  CHECK_THROWS_AS(course.start(view, 99), Error);
  CHECK_THROWS_AS(course.start(view, 0, 9), Error);
}

TEST_CASE("course: commands of the box") {
  ViewModel view;
  Course course(built_in_lessons());
  CHECK(run_lesson_command(course, view, "Ana=red").empty());
  CHECK(run_lesson_command(course, view, "lesson fading") == "lesson 2: Fading is not confusion, card 1 of 5");
  run_lesson_command(course, view, "lesson next");
  CHECK_FALSE(course.revealed());
  CHECK(run_lesson_command(course, view, "predict 2") == "predicted 2");
  CHECK(course.revealed());
  CHECK(describe(course, view).find("the norm is 0.215") != std::string::npos);
  CHECK(run_lesson_command(course, view, "lesson leave") == "left the lessons");
  for (const char* line : {"predict 1", "lesson next", "lesson 99", "lesson fading now", "lesson solve"})
    CHECK_THROWS_AS(run_lesson_command(course, view, line), Error);
  CHECK(run_lesson_command(course, view, "lesson") == "lessons");
}

TEST_CASE("course: a broken script is refused and nothing changes") {
  ViewModel view;
  const Document mine = view.document();
  Course course({parse_lesson(changed("\"Ana=red\"", "\"del Bo\""), "my.json")});
  CHECK_THROWS_WITH_AS(course.start(view, 0), doctest::Contains("lesson fading: card 1: "), Error);
  CHECK(view.document() == mine);
  CHECK_FALSE(course.open());
}

TEST_CASE("course: progress is kept in a file, and a file that is none is left alone") {
  const Scratch folder;
  const std::string path = folder.file("deep/lessons.json");
  ViewModel view;
  {
    Course course(built_in_lessons(), path);
    for (int k = 0; k < 5; ++k) {
      course.start(view, 1, k);
      if (course.card().ask) course.predict(view, 0);
      course.solve(view);
      course.ticks(view);
    }
    CHECK(course.done(1));
  }
  Course again(built_in_lessons(), path);
  CHECK(again.done(1));
  CHECK(again.done() == 1);
  CHECK(again.message().empty());
  const auto kept = parse_progress(slurp(path), path);
  CHECK(parse_progress(progress_text(kept), path) == kept);
  const std::string other = folder.file("other.json");
  for (const char* text :
       {"{", "[]", "{\"fastweight_progress\": 2, \"lessons\": {}}", "{\"fastweight_progress\": 1, \"lessons\": {\"x\": 3}}"}) {
    std::ofstream(other) << text;
    Course course(built_in_lessons(), other);
    CHECK_FALSE(course.message().empty());
    course.start(view, 1, 1);
    course.predict(view, 0);
    CHECK(slurp(other) == text);
  }
}

TEST_CASE("lessons: reading before the decay is an erase gate of b over alpha") {
  // S = D S_prev - k (S_prev^T b k)^T + k v^T by hand against the rule with b/alpha: what the last lesson rests on.
  const auto line = timeline_of("Ana=red\nBo=blue\nAna=gold @b=1.25 a=0.8\n", uniform(6, 5));
  const Run run(line, named(Variant::gdn2));
  const Entry& e = line->entries[2];
  Grid S = run.state(2);
  const Vec r = transposed_times(S, e.k);
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 5; ++j)
      S(i, j) = 0.8 * S(i, j) + e.k[static_cast<std::size_t>(i)] * (e.v[static_cast<std::size_t>(j)] - r[static_cast<std::size_t>(j)]);
  CHECK_CLOSE(tensor(run.state(3)), tensor(S), kExactToRounding);
}

TEST_SUITE_END();
