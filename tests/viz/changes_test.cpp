// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/changes.h"

#include <string>
#include <vector>

#include "core/error.h"
#include "fixtures.h"
#include "viz/model/edits.h"
#include "viz/model/session.h"
#include "viz/model/view_model.h"

using namespace fw;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

std::string last(const ViewModel& view) { return step_text(view.history(), view.history().position()); }

}  // namespace

TEST_CASE("changes: a step is told in the words that would make it") {
  ViewModel view;
  CHECK(last(view) == "start");
  view.transport.to_end();
  for (const char* line :
       {"Zed=red", "del Bo", "... 4", "Zed+=city:Rome", "gate b[0:2]=0.5", "S[1,2]=0.5", "set a gdn", "set b gla", "set tie 0.25",
        "set seed 11", "set size 24 16", "set policy uniform", "set alpha 0.9 0.8", "set signal 8", "set b off"}) {
    view.enter(line);
    const std::string told = last(view);
    INFO(line, " -> ", told);
    CHECK(told.find(line) != std::string::npos);
  }
  view.enter("set b kda");
  CHECK(last(view) == "set b kda");
  view.enter("clear");
  for (const char* line : {"set keys shared 0.5", "set values orthonormal", "set policy banded", "set signal all"}) {
    view.enter(line);
    CHECK(last(view) == line);
  }
  view.enter("undo"), view.enter("undo"), view.enter("undo"), view.enter("undo"), view.enter("undo");
  view.enter("go 9");
  view.enter("fork");
  CHECK(last(view) == "fork at 9");
  view.enter("del Ana");
  CHECK(last(view) == "del Ana");
  view.enter("join");
  CHECK(last(view) == "join");
  view.run_script("clear\nXen=red\nBo=blue\nCy=green\n");
  CHECK(last(view) == "Xen=red and 2 lines more");
  view.enter("clear");
  CHECK(last(view) == "clear");
}

TEST_CASE("changes: a command before the end, a pulled gate, a model's settings") {
  ViewModel view;
  view.enter("go 5");
  view.enter("Zed=red");
  CHECK(last(view) == "fork at 5, Zed=red");
  view.enter("clear");
  view.run_script("Ana=red\nBo=blue\n");
  view.change(with_gate(view.document(), false, 2, 'b', 3, 0.25));
  CHECK(last(view) == "gate b[3:4]=0.25");
  Document one, two;
  one.model = two.model = ModelSource{};
  one.model->path = two.model->path = "some/where";
  two.model->head = 1, two.model->temperature = 0.5, two.model->rerun = true;
  CHECK(change_text(one, two) == "temperature 0.5, head 1, rerun on");
  CHECK(change_text(Document(), one) == "checkpoint where");
  two.trace = TraceSource{"folder/t.safetensors", 0, 2, -1};
  CHECK(change_text(one, two).rfind("trace t.safetensors head 2", 0) == 0);
  CHECK(change_text(one, one) == "change");
}

TEST_CASE("history: any state can be gone to, and what was undone is still there") {
  ViewModel view;
  std::vector<Document> states = {view.document()};
  for (const char* line : {"Zed=red", "set b gdn", "del Zed"}) {
    view.transport.to_end();
    view.enter(line);
    states.push_back(view.document());
  }
  CHECK((view.history().count() == 4 && view.history().position() == 3));
  for (int to : {0, 3, 1, 2, 2, 0}) {
    view.revisit(to);
    CHECK(view.history().position() == to);
    CHECK(view.document() == states[static_cast<std::size_t>(to)]);
    CHECK(view.a().length() == tokens_of(view.document().commands));
    for (int i = 0; i < 4; ++i) CHECK(view.history().at(i) == states[static_cast<std::size_t>(i)]);
  }
  view.enter("history 3");
  CHECK(view.document() == states[3]);
  for (const char* line : {"history 4", "history -1", "history", "history 1 2"}) CHECK_THROWS_AS(view.enter(line), Error);
  CHECK_THROWS_WITH_AS(view.revisit(4), "history: expected a state in [0,3], got 4", Error);
  CHECK(view.document() == states[3]);
  view.revisit(1);
  const std::string text = history_text(view.history());
  CHECK(history_text(ViewModel().history()).empty());
  CHECK(text.find("- 1: Zed=red (here)\n- 2: set b gdn (undone)\n- 3: del Zed (undone)\n") != std::string::npos);
  view.enter("Yan=blue");
  CHECK(view.history().count() == 3);
}

TEST_SUITE_END();
