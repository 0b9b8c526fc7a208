// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/session.h"

#include <string>

#include "core/error.h"
#include "fixtures.h"
#include "support/scratch.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE_MESSAGE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

std::string refusal(ViewModel& view, const std::string& text) {
  try {
    open_session(view, text, "s.json");
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("session: comes back whole, with the same numbers") {
  ViewModel view;
  view.run_script(
      "set seed 11\nset size 12 20\nset policy uniform\nset alpha 0.99 0.9\nset a gdn\nset tie 0.25\nset no-erase 0.125\ngate "
      "b[0:3]=0.1\nZed=red @a=0.1\n"
      "go 9\nfork\nS[1,2]=0.1\nperturb 0.01\nset map erase\nset scale root\nset range now\nset theme dark\n");
  view.transport.go(7, Phase::read);
  ViewModel other;
  open_session(other, session_text(view), "s.json");
  CHECK(other.document() == view.document());
  CHECK(other.options == view.options);
  CHECK(other.transport.t() == 7);
  CHECK(other.transport.phase() == Phase::read);
  CHECK(session_text(other) == session_text(view));
  CHECK(other.a().state(other.a().length()) == view.a().state(view.a().length()));
  CHECK(other.b()->state(other.b()->length()) == view.b()->state(view.b()->length()));
}

TEST_CASE("session: breakpoints, order, zoom, loop, speed and what is locked come back; undo leaves them alone") {
  ViewModel view;
  view.run_script(
      "stop recall Ana 0.5\nstop erase 0.25\nstop apart 2\nset gates b\nset rows norm\nset facts impact\nzoom key 4 11\nzoom time 3 9\n"
      "loop 3 10\nspeed 9\nlock Bo\nlock row 3\n");
  view.options.front = {"impact", "history"};
  view.enter("go 14");
  view.enter("Zed=red");
  view.enter("undo");
  CHECK(view.breakpoints.any());
  ViewModel other;
  other.enter("stop erase 0.9");
  open_session(other, session_text(view), "s.json");
  CHECK(other.breakpoints == view.breakpoints);
  CHECK(other.options == view.options);
  CHECK(other.selection.locked() == view.selection.locked());
  CHECK((other.transport.speed() == 9 && other.transport.looping()));
  CHECK((other.transport.first() == 3 && other.transport.last() == 10));
  CHECK(session_text(other) == session_text(view));
  CHECK_FALSE(other.history().can_undo());
  // Playing stops there.
  other.enter("loop off");
  other.enter("go 10");
  other.transport.play();
  for (int i = 0; i < 100 && other.transport.playing(); ++i) other.tick(0.1);
  CHECK_FALSE(other.stopped.empty());
}

TEST_CASE("session: of an earlier program, without what is new, opens as it was saved") {
  ViewModel view, fresh;
  const std::string old = session_text(fresh);
  for (const char* word : {"stop", "zoom", "rows", "facts", "front", "locked", "playing", "gates_of_b"})
    CHECK(old.find("\"" + std::string(word) + "\"") == std::string::npos);
  view.run_script("stop erase 0.1\nzoom key 1 4\nset rows decay\nspeed 20\nloop 2 5\nlock Ana\n");
  open_session(view, old, "s.json");
  CHECK(view.breakpoints == Breakpoints());
  CHECK(view.options == ViewOptions());
  CHECK(view.selection.locked().empty());
  CHECK((view.transport.speed() == Transport().speed() && !view.transport.looping() && !view.transport.has_range()));
}

TEST_CASE("session: what is locked or stopped at and is not there any more does no harm") {
  ViewModel view, other;
  view.run_script("lock Bo\nlock row 31\nstop recall Bo 0.5\n");
  std::string text = session_text(view);
  text = replaced(text, "\"dk\": 32", "\"dk\": 8");
  for (std::size_t at; (at = text.find("\"del Bo\"")) != std::string::npos;) text.replace(at, 8, "\"...\"");
  for (std::size_t at; (at = text.find("Bo")) != std::string::npos && at < text.find("\"view\"");) text.replace(at, 2, "Zo");
  open_session(other, text, "s.json");
  CHECK(other.selection.locked().key == -1);
  CHECK(other.selection.locked().fact == -1);
  CHECK(other.breakpoints.fact == "Bo");
  other.enter("go 0");
  other.transport.play();
  for (int i = 0; i < 100 && other.transport.playing(); ++i) other.tick(0.5);
  CHECK(other.transport.t() == other.length());
  const std::string after = session_text(other);
  open_session(other, after, "s.json");
  CHECK(session_text(other) == after);
}

TEST_CASE("session: through a file; a place that cannot be written is named") {
  const Scratch folder;
  ViewModel view, other;
  view.enter("Zed=red");
  save_session(view, folder.file("s.json"));
  load_session(other, folder.file("s.json"));
  CHECK(other.document() == view.document());
  CHECK_THROWS_AS(save_session(view, folder.file("none/s.json")), Error);
  CHECK_THROWS_AS(load_session(other, folder.file("absent.json")), Error);
  CHECK_THROWS_AS(load_session(other, folder.file(".")), Error);
  CHECK_THROWS_AS(read_text(folder.file("s.json"), "session", 10), Error);
}

TEST_CASE("session: rejects what is damaged and keeps the view as it was") {
  ViewModel view;
  const Document before = view.document();
  const int t = view.transport.t();
  const std::string good = session_text(view);
  REQUIRE(refusal(view, good).empty());
  view.transport.go(t);
  const std::pair<const char*, const char*> faults[] = {
      {"\"fastweight_session\": 1", "\"fastweight_session\": 2"},
      {"\"fastweight_session\": 1", "\"other\": 1"},
      {"\"dk\": 32", "\"dk\": 0"},
      {"\"dk\": 32", "\"dk\": 32.5"},
      {"\"dk\": 32", "\"dk\": \"32\""},
      {"\"dk\": 32", "\"dk\": 1e99"},
      {"\"seed\": 7", "\"seed\": -7"},
      {"\"policy\": \"banded\"", "\"policy\": \"wild\""},
      {"\"alpha\": 0.998", "\"alpha\": 2"},
      {"\"Ana=red\"", "\"Ana\""},
      {"\"Ana=red\"", "5"},
      {"\"Ana=red\"", "\"\""},
      {"\"Ana=red\"", "\"del Zed\""},
      {"\"variant\": \"gdn2\"", "\"variant\": \"gdn3\""},
      {"\"variant\": \"gdn2\"", "\"variant\": \"softmax\""},
      {"\"variant\": \"gdn2\"", "\"variant\": 4"},
      {"\"tie\": 0.0", "\"tie\": 1.01"},
      {"\"beta_from\": \"both\"", "\"beta_from\": null"},
      {"\"compare\": true", "\"compare\": 1"},
      {"\"compare\": true", "\"compare\": true, \"branch\": []"},
      {"\"compare\": true", "\"compare\": true, \"branch\": {\"at\": 99, \"commands\": []}"},
      {"\"phase\": \"write\"", "\"phase\": \"nap\""},
      {"\"t\": 14", "\"t\": 99"},
      {"\"map\": \"S\"", "\"map\": \"heat\""},
      {"\"map\": \"S\"", "\"map\": \"S\", \"stop\": 1"},
      {"\"map\": \"S\"", "\"map\": \"S\", \"stop\": {\"erase_above\": -1}"},
      {"\"map\": \"S\"", "\"map\": \"S\", \"stop\": {\"recall_below\": 2}"},
      {"\"map\": \"S\"", "\"map\": \"S\", \"stop\": {\"fact\": 3}"},
      {"\"map\": \"S\"", "\"map\": \"S\", \"zoom\": {\"key\": {\"first\": 2}}"},
      {"\"map\": \"S\"", "\"map\": \"S\", \"zoom\": {\"key\": {\"first\": -2, \"count\": 4}}"},
      {"\"map\": \"S\"", "\"map\": \"S\", \"front\": [3]"},
      {"\"map\": \"S\"", "\"map\": \"S\", \"front\": \"impact\""},
      {"\"map\": \"S\"", "\"map\": \"S\", \"rows\": \"wild\""},
      {"\"map\": \"S\"", "\"map\": \"S\", \"playing\": {\"speed\": 1e9}"},
      {"\"map\": \"S\"", "\"map\": \"S\", \"playing\": {\"last\": 5}"},
      {"\"map\": \"S\"", "\"map\": \"S\", \"playing\": {\"first\": 7, \"last\": 5}"},
      {"\"map\": \"S\"", "\"map\": \"S\", \"locked\": {\"row\": \"3\"}"},
      {"\"view\"", "\"views\""},
      {"{", "["},
      {"}", ""}};
  for (const auto& [from, to] : faults) {
    const std::string why = refusal(view, replaced(good, from, to));
    CHECK_MESSAGE(!why.empty(), from, " -> ", to);
    CHECK(view.document() == before);
    CHECK(view.transport.t() == t);
  }
  CHECK(refusal(view, replaced(good, "\"dk\": 32", "\"dk\": 0")) ==
        "session: s.json: settings: dk: expected a whole number in [1,256], got 0");
  for (const std::string& text :
       {std::string(), std::string("null"), std::string("\xff\xfe"), good.substr(0, good.size() / 2), std::string(5000, '[')})
    CHECK_FALSE(refusal(view, text).empty());
}

TEST_SUITE_END();
