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
