// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// How keys and values lie to each other: schemes, shapes, noise, numbered facts.
#include <cmath>

#include "core/error.h"
#include "fixtures.h"
#include "viz/model/session.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

double energy(const Vec& x, int first, int last) {
  double sum = 0.0;
  for (int i = first; i < last; ++i) sum += x[static_cast<std::size_t>(i)] * x[static_cast<std::size_t>(i)];
  return sum;
}
/// Products of unit vectors: judged on the scale of one, zero included.
void check_near(double got, double expected) { CHECK_CLOSE(tensor(1.0 + got), tensor(1.0 + expected), kExactToRounding); }

std::string refusal(const std::string& script, const Settings& settings) {
  try {
    timeline_of(script, settings);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("names: orthonormal keys and values are orthonormal, as many as there are channels and not one more") {
  Settings s = uniform(4, 4);
  s.keys = s.values = Scheme::orthonormal;
  const auto line = timeline_of("facts 4\n", s);
  REQUIRE(line->length() == 4);
  CHECK(line->facts[3].key == "f4");
  CHECK(line->codebook[3].text == "v4");
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      check_near(dot(line->facts[i].k, line->facts[j].k), i == j ? 1.0 : 0.0);
      check_near(dot(line->codebook[i].value, line->codebook[j].value), i == j ? 1.0 : 0.0);
    }
  CHECK(refusal("facts 5\n", s) == "timeline: \"f5\": expected at most 4 orthonormal keys in so many channels, got one more");
}

TEST_CASE("names: shared keys have the cosine asked for, all in the first half of the channels") {
  Settings s = uniform(16, 8);
  s.keys = Scheme::shared;
  s.shared = 0.3;
  const auto line = timeline_of("facts 5\n", s);
  for (std::size_t i = 0; i < 5; ++i) {
    check_near(energy(line->facts[i].k, 0, 8), 0.3);
    for (std::size_t j = 0; j < i; ++j) check_near(dot(line->facts[i].k, line->facts[j].k), 0.3);
  }
}

TEST_CASE("names: a key takes the shape or the neighbour it was given, before its first use") {
  for (const Scheme scheme : {Scheme::random, Scheme::orthonormal}) {
    Settings s = uniform(12, 12);
    s.keys = scheme;
    const auto line =
        timeline_of("key Ana [0:4]=1 [4:12]=2\nkey ... [8:12]=1\nCy=teal\nAna=red\nkey Bo near Ana -0.5\nBo=blue\n... 2\n", s);
    const Vec &ana = line->facts[1].k, &bo = line->facts[2].k;
    check_near(energy(ana, 0, 4), 1.0 / 3.0);
    check_near(norm(ana), 1.0);
    check_near(dot(ana, bo), -0.5);
    check_near(norm(bo), 1.0);
    check_near(energy(line->entries[3].k, 8, 12), 1.0);
    CHECK(line->entries[3].k != line->entries[4].k);
    CHECK(refusal("Ana=red\nkey Ana [0:4]=1\n", s) == "timeline: key Ana [0:4]=1: expected a key that was not used before, got \"Ana\"");
    CHECK(refusal("key Ana [0:13]=1\n", s) == "timeline: key Ana [0:13]=1: expected channels inside 0:12, got 0:13");
  }
}

TEST_CASE("names: noise fills the channels that mean nothing, anew with every token") {
  Settings s = uniform(8, 8);
  s.signal = 3;
  const auto line = timeline_of("Ana=red\nAna=red\n...\n", s);
  const Vec &first = line->entries[0].v, &again = line->entries[1].v;
  check_near(energy(first, 0, 3), 1.0);
  CHECK(energy(first, 3, 8) > 0.1);
  CHECK(Vec(first.begin(), first.begin() + 3) == Vec(again.begin(), again.begin() + 3));
  CHECK(first != again);
  CHECK(energy(line->codebook[0].value, 3, 8) == 0.0);
  CHECK(energy(line->facts[0].at(1)->value, 3, 8) == 0.0);
  s.signal = 9;
  CHECK(refusal("Ana=red\n", s) == "timeline: signal: expected 0 to 8 channels, got 9");
}

TEST_CASE("names: settings and shapes come back from a session, and a log is cut inside numbered facts") {
  ViewModel view;
  view.enter("clear");
  view.run_script(
      "set keys shared 0.25\nset values orthonormal\nset signal 12\nset beta-from b\nset motion reduced\nkey x near Ana 0.5\nfacts 6\n");
  ViewModel other;
  open_session(other, session_text(view), "text");
  CHECK(other.document() == view.document());
  CHECK(other.options == view.options);
  CHECK(other.document().a.collapse.beta == BetaFrom::b);
  CHECK(view.length() == 6);
  CHECK(tokens_of(prefix_of(view.document().commands, 4)) == 4);
  CHECK_THROWS_AS(view.enter("set keys shared 2"), Error);
  CHECK_THROWS_AS(view.enter("set values shared"), Error);
  CHECK_THROWS_AS(view.enter("set signal 0"), Error);
}

TEST_SUITE_END();
