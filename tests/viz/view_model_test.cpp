// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/view_model.h"

#include <cmath>
#include <string>

#include "core/error.h"
#include "fixtures.h"
#include "viz/model/describe.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

TEST_CASE("transport: tokens and phases, forwards and backwards") {
  Transport time;
  time.set_length(3);
  CHECK(time.t() == 0);
  time.sub_step(-1);
  CHECK(time.t() == 0);
  const Phase order[] = {Phase::decay, Phase::read, Phase::erase, Phase::write};
  for (int t = 1; t <= 3; ++t)
    for (Phase phase : order) {
      time.sub_step(1);
      CHECK(time.t() == t);
      CHECK(time.phase() == phase);
    }
  time.sub_step(1);
  CHECK((time.t() == 3 && time.phase() == Phase::write));
  for (int t = 3; t >= 1; --t)
    for (int phase = 2; phase >= -1; --phase) {
      time.sub_step(-1);
      CHECK(time.t() == (phase < 0 ? t - 1 : t));
      CHECK(time.phase() == (phase < 0 ? Phase::write : order[phase]));
    }
  time.go(99);
  CHECK(time.t() == 3);
  time.go(-5, Phase::read);
  CHECK((time.t() == 0 && time.phase() == Phase::write));
  time.go(3);
  time.set_length(1);
  CHECK(time.t() == 1);
}

TEST_CASE("transport: playing follows the clock and stops at the end, or goes round") {
  Transport time;
  time.play();
  CHECK_FALSE(time.playing());
  time.set_length(100);
  time.set_speed(10.0);
  time.play();
  int frames = 0;
  for (; frames < 60; ++frames) time.tick(1.0 / 60.0);
  CHECK((time.t() == 9 || time.t() == 10));
  CHECK_FALSE(time.tick(-1.0));
  CHECK_FALSE(time.tick(std::nan("")));
  for (int i = 0; i < 40; ++i) time.tick(1e9);
  CHECK(time.t() == 100);
  CHECK_FALSE(time.playing());
  time.set_looping(true);
  time.play();
  CHECK(time.t() == 0);
  for (int i = 0; i < 25; ++i) time.tick(0.5);
  CHECK(time.playing());
  time.set_speed(1e9);
  CHECK(time.speed() == 60.0);
  time.set_speed(std::nan(""));
  CHECK(time.speed() == 60.0);
}

TEST_CASE("selection: what is hovered wins over what is locked") {
  Selection s;
  CHECK(s.focused().empty());
  s.lock({.key = 3, .fact = 1});
  s.hover({.key = 7});
  CHECK(s.focused().key == 3);
  CHECK(s.changing());
  s.begin_frame();
  CHECK(s.focused().key == 7);
  CHECK(s.focused().fact == 1);
  s.begin_frame();
  CHECK(s.focused().key == 3);
  s.unlock();
  CHECK(s.focused().empty());
}

TEST_CASE("view: commands append at the end and fork before it") {
  ViewModel view;
  view.run_script("clear\nset size 16 16\nAna=red\nBo=blue\nCy=green\n");
  CHECK(view.length() == 3);
  CHECK(view.transport.t() == 3);
  view.enter("Dee=gold");
  CHECK(view.a().length() == 4);
  CHECK_FALSE(view.document().branch.has_value());
  const Grid whole = view.a().state(4);
  view.enter("go 2");
  view.enter("del Ana");
  REQUIRE(view.document().branch.has_value());
  CHECK(view.document().branch->at == 2);
  CHECK(view.a().length() == 4);
  CHECK(view.b()->length() == 3);
  CHECK(view.a().state(4) == whole);
  CHECK(view.a().state(2) == view.b()->state(2));
  CHECK(view.document().b == view.document().a);
  CHECK(view.transport.t() == 3);
  view.enter("Eve=pink");
  CHECK(view.b()->length() == 4);
  CHECK(view.document().branch->at == 2);
  CHECK(view.first_divergence() == 3);
  view.enter("go divergence");
  CHECK(view.transport.t() == 3);
  // Where A or B has ended, it does nothing any more and keeps what it has.
  view.enter("set b off");
  view.enter("set b gdn2");
  view.enter("go 2");
  view.enter("... 5");
  CHECK(view.transport.t() == 7);
  CHECK(view.side_a().idle);
  CHECK(view.side_a().step.after == view.a().state(4));
  CHECK(norm(view.side_a().split.total) == 0.0);
  CHECK_FALSE(view.side_b()->idle);
  view.enter("Bo?");
  CHECK(view.transport.t() == 8);
  CHECK(view.tracked_fact() == 1);
  CHECK(view.side_b()->query == transposed_times(view.b()->state(8), view.a().timeline().facts[1].k));
  view.enter("join");
  CHECK_FALSE(view.document().branch.has_value());
}

TEST_CASE("view: undo and redo replay to the same bits") {
  ViewModel view;
  view.run_script("clear\nset size 8 8\nset policy uniform\n");
  std::vector<Grid> states;
  for (const char* line : {"Ana=red", "Bo=blue", "S[1,1]=0.5", "perturb 0.1", "del Ana"}) {
    states.push_back(view.a().state(view.length()));
    view.enter(line);
  }
  const Grid last = view.a().state(view.length());
  for (auto state = states.rbegin(); state != states.rend(); ++state) {
    CHECK(view.undo());
    CHECK(view.a().state(view.length()) == *state);
  }
  for (int i = 0; i < 5; ++i) CHECK(view.redo());
  CHECK_FALSE(view.redo());
  CHECK(view.a().state(view.length()) == last);
  view.undo();
  view.enter("Cy=teal");
  CHECK_FALSE(view.history().can_redo());
}

TEST_CASE("view: a dragged slider is one step of history") {
  ViewModel view;
  const Document before = view.document();
  Document d = before;
  for (double s : {0.1, 0.4, 0.9}) {
    d.b.morph = true;
    d.b.collapse.tie = s;
    view.change(d, true);
  }
  view.change(d);
  CHECK(view.b()->head().collapse.tie == 0.9);
  CHECK(view.undo());
  CHECK(view.document() == before);
  CHECK_FALSE(view.history().can_undo());
}

TEST_CASE("view: changing B leaves A's run alone") {
  ViewModel view;
  const Run* a = &view.a();
  view.enter("set b gdn");
  CHECK(&view.a() == a);
  CHECK(view.b()->head().variant == Variant::gdn);
  CHECK(&view.b()->timeline() == &view.a().timeline());
  view.enter("set a delta");
  CHECK(view.a().head().variant == Variant::delta);
  view.enter("set b off");
  CHECK(view.b() == nullptr);
  CHECK(view.side_b() == nullptr);
  CHECK(view.divergence().empty());
  CHECK(view.first_divergence() == -1);
}

TEST_CASE("view: equal heads never diverge") {
  ViewModel view;
  view.run_script("set a gdn\nset b morph\nset tie 1\nset scalar 1\n");
  for (double x : view.divergence()) CHECK(x == 0.0);
  CHECK_THROWS_AS(view.enter("go divergence"), Error);
}

TEST_CASE("view: a refused line or script changes nothing") {
  ViewModel view;
  view.enter("go 5");
  const Document before = view.document();
  const ViewOptions options = view.options;
  const int generation = view.generation();
  for (const char* line :
       {"del Nobody", "S[99,0]=1",   "Ana",         "set a softmax", "set b nonsense", "set tie 2",     "set size 0 8", "set size 8",
        "go 999",     "go",          "sub soon",    "set",           "set theme blue", "set map heat",  "undo",         "redo",
        "undo twice", "lock Nobody", "lock row 99", "set seed -1",   "set seed 1.5",   "gate b[0:99]=1"})
    CHECK_THROWS_AS_MESSAGE(view.enter(line), Error, line);
  CHECK(view.document() == before);
  CHECK(view.generation() == generation);
  CHECK(view.transport.t() == 5);
  CHECK_THROWS_WITH_AS(view.run_script("go end\nset theme dark\nZed=red\nset b nowhere\n"), doctest::Contains("expected one of linear"),
                       Error);
  CHECK(view.document() == before);
  CHECK(view.options == options);
  CHECK(view.transport.t() == 5);
  CHECK_THROWS_WITH_AS(view.run_script("\nZed=red\nZed\n"), doctest::Contains("line 3"), Error);
  CHECK_THROWS_AS(view.run_script("stop erase 0.5\nlock Ana\nzoom key 1 4\nspeed 9\nset rows norm\nZed\n"), Error);
  CHECK_FALSE(view.breakpoints.any());
  CHECK(view.selection.locked().empty());
  CHECK(view.options == ViewOptions());
  CHECK(view.document() == before);
}

TEST_CASE("view: the moment follows time, phase and the tracked fact") {
  ViewModel view;
  view.enter("go 14");
  const Side before = view.side_a();
  CHECK(view.tracked_fact() == 1);
  view.transport.go(14, Phase::decay);
  CHECK(view.side_a().shown == before.step.decayed);
  view.transport.go(14, Phase::erase);
  Grid erased = before.step.decayed;
  for (std::size_t i = 0; i < erased.a.size(); ++i) erased.a[i] += before.split.erase.a[i];
  CHECK(view.side_a().shown == erased);
  view.enter("lock Cy");
  CHECK(view.tracked_fact() == 2);
  CHECK(view.side_a().query == transposed_times(view.a().state(14), view.a().timeline().facts[2].k));
  for (std::size_t i = 0; i + 1 < view.side_a().answers.size(); ++i)
    CHECK(view.side_a().answers[i].cosine >= view.side_a().answers[i + 1].cosine);
  view.enter("go 0");
  CHECK(norm(view.side_a().shown) == 0.0);
  CHECK(view.side_a().associations.front().intent == nullptr);
}

TEST_CASE("view: token pictures of a long run follow the moment") {
  ViewModel view;
  CHECK(view.attention_a().grid.rows == view.a().length());
  view.run_script("clear\nset size 8 8\n... 1000\n");
  for (int t : {0, 1, 300, 700, 1000}) {
    view.transport.go(t);
    const ViewModel::Square& shown = view.retention_a();
    CHECK(shown.grid.rows == ViewModel::kMostSquare);
    CHECK(
        (shown.first >= 1 && shown.first <= std::max(t, 1) && shown.first + shown.grid.rows > t && shown.first + shown.grid.rows <= 1001));
  }
  view.enter("clear");
  CHECK(view.attention_a().grid.rows == 0);
}

TEST_CASE("describe: says what the run says") {
  ViewModel view;
  view.enter("go 14");
  const std::string text = describe(view);
  CHECK(text.find("# t = 14 of 26") == 0);
  CHECK(text.find("Token: del Bo.") != std::string::npos);
  char row[64];
  std::snprintf(row, sizeof row, "| Bo = blue (deleted) | %.4f | %.4f |", view.side_a().associations[1].recall.cosine,
                view.side_a().associations[1].recall.norm_ratio);
  CHECK_MESSAGE(text.find(row) != std::string::npos, text);
  view.enter("go 0");
  CHECK(describe(view).find("Before the first token.") != std::string::npos);
  view.enter("clear");
  CHECK(describe(view).find("# t = 0 of 0") == 0);
}

TEST_CASE("csv: one number a line, those of the run") {
  ViewModel view;
  const std::string csv = csv_of(view);
  CHECK(csv.find("t,head,quantity,item,value\n") == 0);
  CHECK(csv.find("\n14,A,state_norm,," + shortest(view.a().series().state[13]) + "\n") != std::string::npos);
  CHECK(csv.find("\n14,B,recall_cosine,Bo," + shortest(view.b()->recall(1).cosine[13]) + "\n") != std::string::npos);
  CHECK(csv.find("nan") == std::string::npos);
}

TEST_SUITE_END();
