// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/edits.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "viz/fixtures.h"
#include "viz/model/view_model.h"

using namespace fw;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

std::string text_of_log(const std::vector<Command>& log) {
  std::string out;
  for (const Command& c : log) out += text_of(c) + "; ";
  return out;
}

Document document_of(const std::string& script) {
  Document d;
  d.settings = test::uniform(6, 5);
  d.commands = parse_script(script);
  return d;
}

}  // namespace

TEST_CASE("edits: a gate of one channel is set from a token on, and set again in place") {
  const Document d = document_of("Ana=red\n... 3\nBo=blue\n");
  const Document once = with_gate(d, false, 3, 'b', 2, 0.25);
  CHECK(text_of_log(once.commands) == "Ana=red; ...; gate b[2:3]=0.25; ... 2; Bo=blue; ");
  CHECK(text_of_log(with_gate(once, false, 3, 'b', 2, 0.75).commands) == "Ana=red; ...; gate b[2:3]=0.75; ... 2; Bo=blue; ");
  const Document two = with_gate(once, false, 3, 'w', 1, 0.5);
  CHECK(text_of_log(two.commands) == "Ana=red; ...; gate b[2:3]=0.25; gate w[1:2]=0.5; ... 2; Bo=blue; ");
  CHECK(text_of_log(with_gate(two, false, 3, 'b', 2, 7.0).commands) == "Ana=red; ...; gate w[1:2]=0.5; gate b[2:3]=2; ... 2; Bo=blue; ");
  CHECK(text_of_log(with_gate(d, false, 1, 'a', 0, -1.0).commands) == "gate a[0:1]=0; Ana=red; ... 3; Bo=blue; ");
  const Timeline line = build_timeline(two.settings, two.commands);
  CHECK(line.entries[1].b[2] != 0.25);
  for (std::size_t t : {std::size_t{2}, std::size_t{4}}) {
    CHECK(line.entries[t].b[2] == 0.25);
    CHECK(line.entries[t].w[1] == 0.5);
    CHECK(line.entries[t].b[1] != 0.25);
  }
  CHECK(line.length() == build_timeline(d.settings, d.commands).length());
}

TEST_CASE("edits: B's gate makes a branch with the same tokens, A stays") {
  const Document d = document_of("Ana=red\nBo=blue\nAna?\n");
  const Document of_b = with_gate(d, true, 2, 'w', 0, 0.0);
  CHECK(of_b.commands == d.commands);
  REQUIRE(of_b.branch.has_value());
  CHECK(of_b.branch->at == 1);
  CHECK(text_of_log(of_b.branch->commands) == "Ana=red; gate w[0:1]=0; Bo=blue; Ana?; ");
  CHECK(with_gate(of_b, false, 1, 'b', 0, 1.0).branch->at == 0);
}

TEST_CASE("edits: a trace and a t without a token are refused") {
  Document d = document_of("Ana=red\n");
  for (int t : {0, 2})
    CHECK_THROWS_WITH_AS(with_gate(d, false, t, 'b', 0, 1), ("gate: expected a token in [1,1], got " + std::to_string(t)).c_str(), Error);
  d.commands.clear();
  d.trace = TraceSource{"k.safetensors", 0, 0};
  CHECK_THROWS_WITH_AS(with_gate(d, false, 1, 'b', 0, 1), "gate: expected typed facts, got a trace (k.safetensors)", Error);
}

TEST_CASE("edits: a drag is one step of undo") {
  ViewModel view;
  const auto before = view.document();
  for (int i = 0; i < 5; ++i) view.change(with_gate(view.document(), false, 14, 'b', 3, 0.1 * i), true);
  view.change(view.document());
  CHECK(view.a().gates(14).b[3] == 0.4);
  CHECK(view.a().gates(13).b[3] != 0.4);
  CHECK(view.undo());
  CHECK(view.document() == before);
  CHECK_FALSE(view.undo());
}

TEST_SUITE_END();
