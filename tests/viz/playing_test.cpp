// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "viz/model/describe.h"
#include "viz/model/session.h"
#include "viz/model/view_model.h"

using namespace fw;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

/// Plays until it stops by itself or so many ticks have passed; one token a tick.
int play(ViewModel& view, int ticks = 100) {
  view.transport.set_speed(10);
  if (!view.transport.playing()) view.transport.play();
  for (int i = 0; i < ticks && view.transport.playing(); ++i) view.tick(0.1000001);
  return view.transport.t();
}

}  // namespace

TEST_CASE("playing: a range is looped") {
  ViewModel view;
  view.enter("loop 3 6");
  CHECK(view.transport.looping());
  view.enter("go 3");
  CHECK(play(view, 3) == 6);
  CHECK(play(view, 1) == 3);
  CHECK(play(view, 9) == 4);
  view.enter("go 20");
  view.enter("play");
  CHECK(view.transport.t() == 3);
  view.enter("loop off");
  CHECK_FALSE(view.transport.has_range());
  CHECK(play(view) == view.length());
  CHECK_FALSE(view.transport.playing());
  view.enter("go 0");
  view.enter("speed 33");
  CHECK(view.transport.speed() == 33);
  view.enter("step 4");
  view.enter("step -1");
  CHECK(view.transport.t() == 3);
  view.transport.play();
  view.enter("pause");
  CHECK_FALSE(view.transport.playing());
}

TEST_CASE("playing: a range outlives a shorter run") {
  ViewModel view;
  view.enter("loop 10 20");
  view.enter("clear");
  view.enter("Ana=red");
  CHECK(view.transport.last() == 1);
  view.transport.play();
  for (int i = 0; i < 5; ++i) view.tick(0.5);
  CHECK((view.transport.t() >= 0 && view.transport.t() <= 1));
}

TEST_CASE("playing: stops where the recall of a fact falls, once, and goes on") {
  ViewModel view;
  view.enter("stop recall Fay 0.8");
  view.enter("go 0");
  const int t = play(view);
  const auto& cosine = view.a().recall(view.a().timeline().find_fact("Fay")).cosine;
  REQUIRE((t > 1 && t < view.length()));
  CHECK(view.stopped == "recall of Fay fell below 0.8 at token " + std::to_string(t));
  CHECK((cosine[static_cast<std::size_t>(t - 1)] < 0.8 && cosine[static_cast<std::size_t>(t - 2)] >= 0.8));
  CHECK(play(view) == view.length());
  CHECK(view.stopped.empty());
}

TEST_CASE("playing: stops at a large erase and where A and B part") {
  ViewModel view;
  view.enter("stop erase 0.6");
  view.enter("go 0");
  const int t = play(view);
  CHECK(view.a().series().erase[static_cast<std::size_t>(t - 1)] > 0.6);
  view.enter("stop off");
  view.enter("stop apart 0.25");
  CHECK(text_of(view.breakpoints) == "A and B more than 0.25 apart");
  view.enter("go 0");
  const int apart = play(view);
  CHECK(view.divergence()[static_cast<std::size_t>(apart)] > 0.25);
  CHECK(view.divergence()[static_cast<std::size_t>(apart - 1)] <= 0.25);
  view.enter("stop off");
  CHECK(text_of(view.breakpoints) == "none");
  view.enter("go 0");
  CHECK(play(view) == view.length());
}

TEST_CASE("playing: what cannot be meant is refused with what was expected") {
  ViewModel view;
  for (const char* line : {"loop",
                           "loop 5",
                           "loop 5 5",
                           "loop 5 9999",
                           "stop",
                           "stop recall",
                           "stop recall Nobody 0.5",
                           "stop recall 2",
                           "stop erase -1",
                           "stop apart",
                           "speed",
                           "speed 0",
                           "speed fast",
                           "step x",
                           "play it",
                           "set heads c",
                           "set font 3",
                           "set font",
                           "set classroom maybe",
                           "set half-life 3"}) {
    INFO(line);
    const std::string before = session_text(view);
    CHECK_THROWS_AS(view.enter(line), Error);
    CHECK(session_text(view) == before);
  }
}

TEST_CASE("session: view options come back, and are not needed") {
  ViewModel view, other;
  for (const char* line : {"set heads b", "set half-life on", "set classroom on", "set font 21"}) view.enter(line);
  std::string text = session_text(view);
  open_session(other, text, "s");
  CHECK(other.options == view.options);
  for (const char* key : {"\"heads\": \"b\",", "\"half_life\": true,", "\"classroom\": true,"}) {
    const std::size_t at = text.find(key);
    REQUIRE(at != std::string::npos);
    text.erase(at, std::string(key).size());
  }
  open_session(other, text, "s");
  CHECK(other.options.heads == Heads::both);
  CHECK_FALSE(other.options.classroom);
}

TEST_SUITE_END();
