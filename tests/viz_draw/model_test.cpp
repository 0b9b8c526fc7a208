// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The window with a trained checkpoint, driven by events.
#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "core/error.h"
#include "screen.h"
#include "viz/model_fixtures.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz_draw");

TEST_CASE("model: drawn at every moment, size and theme, with all run again and without") {
  for (auto [width, height] : {std::pair{1600, 1000}, {1280, 720}, {640, 480}})
    for (const char* script :
         {"go 0", "go 7", "rerun on\ngo end", "set b off", "prompt cup0\ndecode 5\nset theme dark", "head 1\nset map A-B"}) {
      ViewModel view;
      view.open_model(reading(kPour));
      view.run_script(script);
      CHECK(screenshot(view, sized(width, height)) == screenshot(view, sized(width, height)));
    }
}

TEST_CASE("model: arrow keys change the head, a step at the end decodes, space plays on") {
  ViewModel view;
  PanelState state;
  view.open_model(reading(kPour, "cup0 0->1"));
  press(view, state, Key::down);
  CHECK(view.stack().head == 1);
  press(view, state, Key::down);
  CHECK(view.stack().head == 1);
  press(view, state, Key::up);
  CHECK(view.stack().head == 0);
  press(view, state, Key::page_down);
  CHECK(view.stack().layer == 0);
  press(view, state, Key::right);
  CHECK((view.length() == 3 && view.transport.t() == 3));
  press(view, state, Key::space);
  CHECK(view.transport.playing());
  for (int i = 0; i < 10; ++i) play(view, state, 0.25);
  CHECK(view.length() > 8);
  CHECK_FALSE(state.refused);
}

TEST_CASE("model: the forward button decodes, a click on a token goes there, its word and forecast are told") {
  ViewModel view;
  view.open_model(reading(kPour, "cup0 0->1 1->2"));
  Screen hand(view);
  const Places at = hand.places();
  hand.click(at.bar.x + (1.9f + 0.25f + 1.9f + 0.25f + 3.6f + 0.25f + 0.9f) * hand.em(), at.bar.y + 0.5f * at.bar.h);
  CHECK(view.length() == 4);
  CHECK(view.transport.t() == 4);
  hand.click(at.ribbon.x + 10.5f * hand.em(), at.ribbon.y + 0.3f * at.ribbon.h);
  CHECK(view.transport.t() == 1);
}

TEST_CASE("model: the collapse panel's scope runs the whole model again") {
  ViewModel view;
  view.open_model(reading(kPour));
  Screen hand(view);
  const Places at = hand.places();
  hand.click(at.collapse.right() - 4.5f * hand.em(), at.collapse.y + 1.0f * hand.em());
  REQUIRE(view.document().model->rerun);
  CHECK(view.forecast_b() != nullptr);
  hand.click(at.collapse.right() - 10.5f * hand.em(), at.collapse.y + 1.0f * hand.em());
  CHECK_FALSE(view.document().model->rerun);
}

TEST_CASE("model: what the command box cannot open is told in the window and changes nothing") {
  ViewModel view;
  Screen hand(view);
  const Document before = view.document();
  for (const char* line : {"checkpoint nowhere", "checkpoint tests", "prompt cup0", "layer 3", "checkpoint a b c", "trace README.md"}) {
    hand.click(hand.places().status.x + 2, hand.places().status.y + 2);  // leave the box: while it is typed in it keeps its own text
    std::strcpy(hand.window.state().command, line);
    const Places at = hand.places();
    hand.click(at.bar.right() - 2.0f * hand.em(), at.bar.y + 0.5f * at.bar.h);
    INFO(line);
    CHECK(hand.window.state().refused);
    CHECK_FALSE(hand.window.state().message.empty());
    CHECK(view.document() == before);
    std::memset(hand.window.state().command, 0, sizeof hand.window.state().command);
    hand.frames(2);
  }
}

TEST_SUITE_END();
