// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Opening and sliders beside the caller: the same bits as at once, and nothing half done, whatever comes in between.
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "core/error.h"
#include "fixtures.h"
#include "model_fixtures.h"
#include "viz/model/describe.h"
#include "viz/model/session.h"
#include "viz/model/trace.h"
#include "viz/model/view_model.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

/// Traces too long to be waited for, and one that is none.
struct Files {
  Scratch folder;
  std::string first = folder.file("first.safetensors"), second = folder.file("second.safetensors"), bad = folder.file("bad.safetensors"),
              poisoned = folder.file("poisoned.safetensors");

  Files() {
    ViewModel view;
    view.run_script("clear\nset b off\nset size 128 128\nAna=red\n... 1080\ndel Ana\n... 18\n");
    TensorFile tensors = case_of(view.a());
    write_safetensors(first, tensors);
    view.run_script("set seed 9\n");
    write_safetensors(second, case_of(view.a()));
    std::ofstream(bad) << std::string(5 << 20, 'x');
    CaseFile wrong = read_case(tensors);
    wrong.in.k[wrong.in.k.numel() / 2] = std::nan("");  // in the middle
    write_safetensors(poisoned, to_tensor_file(wrong));
  }
};
const Files& files() {
  static const Files all;
  return all;
}

struct Patient : ViewModel {
  Patient() { work_in_background(true); }
};

/// As a window does, frame by frame.
void frames_until_done(ViewModel& view) {
  float before = 0;
  while (const auto work = view.working()) {
    CHECK((work->done >= before && work->done <= 1.0f));
    before = work->done;
    view.tick(0.01);
    view.side_a(), view.side_b();
    view.poll();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void check_same(ViewModel& x, ViewModel& y) {
  CHECK(x.document() == y.document());
  CHECK(x.length() == y.length());
  CHECK(x.transport.t() == y.transport.t());
  CHECK((x.b() == nullptr) == (y.b() == nullptr));
  for (const auto& [a, b] : {std::pair{&x.a(), &y.a()}, std::pair{x.b(), y.b()}}) {
    if (a == nullptr || b == nullptr) continue;
    REQUIRE(a->length() == b->length());
    CHECK(a->checkpoint_distance() == b->checkpoint_distance());
    for (int t = 0; t <= a->length(); t += 1 + a->length() / 9) CHECK_BITWISE_EQUAL(tensor(a->state(t)), tensor(b->state(t)));
    CHECK_BITWISE_EQUAL(tensor(a->state(a->length())), tensor(b->state(a->length())));
    CHECK_BITWISE_EQUAL(tensor(a->series().total), tensor(b->series().total));
    CHECK_BITWISE_EQUAL(tensor(a->series().growth), tensor(b->series().growth));
    CHECK_BITWISE_EQUAL(tensor(a->recall(0).residual), tensor(b->recall(0).residual));
    CHECK(a->largest() == b->largest());
  }
  CHECK_BITWISE_EQUAL(tensor(x.divergence()), tensor(y.divergence()));
  CHECK(describe(x) == describe(y));
}

}  // namespace

TEST_CASE("background: what is opened beside the caller has the bits of what is opened at once") {
  ViewModel at_once;
  at_once.open_trace({files().first, 0, 0});
  Patient view;
  const Document before = view.document();
  view.open_trace({files().first, 0, 0});
  REQUIRE(view.working());
  CHECK(view.working()->what == "opening first.safetensors");
  CHECK(view.document() == before);
  CHECK(view.length() == 26);
  frames_until_done(view);
  CHECK(view.a().checkpoint_distance() > 1);
  check_same(view, at_once);
  // Its sliders too: in the document at once, the old B meanwhile.
  const Vec apart = view.divergence();
  view.enter("set tie 0.5"), at_once.enter("set tie 0.5");
  REQUIRE(view.working());
  CHECK(view.document() == at_once.document());
  CHECK_BITWISE_EQUAL(tensor(view.divergence()), tensor(apart));
  frames_until_done(view);
  check_same(view, at_once);
  for (const char* line : {"set a kda", "set b gdn2-erase", "undo", "undo", "set b off", "redo", "set b delta", "go 700"}) {
    INFO(line);
    try {
      at_once.enter(line);
    } catch (const Error&) {
      continue;
    }
    view.enter(line);
    view.finish();
    check_same(view, at_once);
  }
}

TEST_CASE("background: a slider that is pulled ends where it is let go, as one step of undo") {
  Patient view;
  view.open_trace({files().first, 0, 0});
  view.finish();
  const Document before = view.document();
  for (int n = 1; n <= 8; ++n) {
    Document next = view.document();
    next.b.morph = true;
    next.b.collapse.scalar = n / 8.0;
    view.change(std::move(next), true);
    view.poll();
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * n));
  }
  view.change(view.document());
  view.finish();
  CHECK(view.document().b.collapse.scalar == 1.0);
  ViewModel at_once;
  at_once.open_trace({files().first, 0, 0});
  Document next = at_once.document();
  next.b.morph = true;
  next.b.collapse.scalar = 1.0;
  at_once.change(std::move(next));
  check_same(view, at_once);
  view.undo();
  view.finish();
  CHECK(view.document() == before);
}

TEST_CASE("background: a view that is closed, copied or changed while it opens") {
  for (int wait : {0, 1, 20, 60, 120}) {
    Patient view;
    view.open_trace({files().first, 0, 0});
    std::this_thread::sleep_for(std::chrono::milliseconds(wait));
    ViewModel copy = view;
    CHECK_FALSE(copy.working());
    copy.enter("go end"), copy.enter("Zed=red");
    CHECK(copy.length() == 27);
    if (wait == 20) view.enter("go end"), view.enter("Zed=red");  // gives the opening up
    if (wait == 20) CHECK_FALSE(view.working());
    if (wait == 60) static_cast<ViewModel&>(view) = ViewModel();
  }
}

TEST_CASE("background: of two sources the last counts, the other leaves nothing behind") {
  for (int wait : {0, 5, 50}) {
    Patient view;
    const Document before = view.document();
    view.open_trace({files().first, 0, 0});
    std::this_thread::sleep_for(std::chrono::milliseconds(wait));
    view.open_trace({files().second, 0, 0});
    frames_until_done(view);
    CHECK(view.document().trace->path == files().second);
    ViewModel at_once;
    at_once.open_trace({files().second, 0, 0});
    CHECK_BITWISE_EQUAL(tensor(view.a().state(500)), tensor(at_once.a().state(500)));
    CHECK(view.undo());
    view.finish();
    CHECK(view.document() == before);
    CHECK_FALSE(view.history().can_undo());
    CHECK(view.redo());
    view.finish();
    CHECK(view.document().trace->path == files().second);
    CHECK_BITWISE_EQUAL(tensor(view.a().state(500)), tensor(at_once.a().state(500)));
  }
}

TEST_CASE("background: what cannot be opened is said when it is found, and all stays as it was") {
  for (const std::string& path : {files().bad, files().poisoned}) {
    Patient view;
    const Document before = view.document();
    view.open_trace({files().first, 0, 0});
    view.open_trace({path, 0, 0});  // while the other is opening
    CHECK_THROWS_AS(view.finish(), Error);
    CHECK_FALSE(view.working());
    CHECK(view.document() == before);
    CHECK(view.length() == 26);
    view.enter("go end");
    view.enter("Zed=red");
    CHECK(view.length() == 27);
  }
  // With a slider on its way: the document has it, so its runs still come.
  Patient view;
  view.open_trace({files().first, 0, 0});
  view.finish();
  view.enter("set tie 0.25");
  view.open_trace({files().bad, 0, 0});
  CHECK_THROWS_AS(view.finish(), Error);
  CHECK(view.working());
  view.finish();
  ViewModel at_once;
  at_once.open_trace({files().first, 0, 0});
  at_once.enter("set tie 0.25");
  CHECK(view.document() == at_once.document());
  CHECK_BITWISE_EQUAL(tensor(view.divergence()), tensor(at_once.divergence()));
  // A file that is gone.
  CHECK_THROWS_AS(view.open_trace({files().folder.file("absent"), 0, 0}), Error);
  CHECK(view.document() == at_once.document());
}

TEST_CASE("background: given up by whoever waits; a script waits; what is to come after comes after") {
  Patient view;
  view.open_trace({files().first, 0, 0});
  view.give_up();
  CHECK_FALSE(view.working());
  CHECK(view.length() == 26);
  view.open_trace({files().first, 0, 0});
  int done = 0;
  view.when_ready([&](ViewModel& opened) { done = opened.length(), opened.enter("go 77"); });
  CHECK(done == 0);
  view.finish();
  CHECK(done == 1100);
  CHECK(view.transport.t() == 77);
  view.when_ready([&](ViewModel&) { done = -1; });
  CHECK(done == -1);
  view.enter("set tie 0.5");
  CHECK(view.working());
  view.run_script("set scalar 0.5\ngo 5\n");
  CHECK_FALSE(view.working());
  CHECK(view.transport.t() == 5);
  // A session comes with its moment.
  Patient other;
  open_session(other, session_text(view), "s.json");
  CHECK(other.working());
  CHECK(other.transport.t() == 14);
  other.finish();
  check_same(other, view);
}

TEST_CASE("background: checkpoints open, decode and run again as they do at once") {
  const Scratch scratch;
  ModelSource source = reading(random_stack(scratch), "1 2 3 4 5 6 7 8");
  ViewModel at_once;
  at_once.open_model(source);
  Patient view;
  view.open_model(source);
  REQUIRE(view.working());
  frames_until_done(view);
  check_same(view, at_once);
  for (const char* line : {"rerun on", "set b delta", "decode 5", "set tie 0.5", "decode 2", "layer 2", "head 1", "head 2", "undo"}) {
    INFO(line);
    view.enter(line), at_once.enter(line);  // mostly before the one before it has come
    if (std::string(line) == "head 1") view.finish();
  }
  view.finish();
  check_same(view, at_once);
  source.path = scratch.file("nowhere");
  view.open_model(source);
  CHECK_THROWS_AS(view.finish(), Error);
  check_same(view, at_once);
}

TEST_CASE("background: work tells how far it is, stops when told, and hands on what it threw") {
  Background fails([](Work&) { throw Error("no"); }, nullptr);
  fails.wait();
  CHECK_THROWS_WITH_AS(std::rethrow_exception(fails.failure()), "no", Error);
  std::atomic<int> at{0};
  auto endless = std::make_unique<Background>(
      [&](Work& work) {
        work.stage(0.5f, 1.0f);
        for (;; ++at) work.report(0.5);
      },
      nullptr);
  while (at == 0) std::this_thread::yield();
  CHECK(endless->done() == 0.75f);
  bool after = false;
  Background next([&](Work&) { after = true; }, std::move(endless));  // stops and waits for the other
  next.wait();
  CHECK(after);
  CHECK_FALSE(next.failure());
}

TEST_SUITE_END();
