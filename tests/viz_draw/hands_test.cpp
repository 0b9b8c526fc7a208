// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Widgets driven by events: the pointer, its button, letters. Places come from the layout, effects are read from the view model.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "screen.h"
#include "support/scratch.h"
#include "viz/panels/registry.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz_draw");

TEST_CASE("hands: a bar of a gate is pulled, live, and undone in one step") {
  Screen h;
  const Places at = h.places();
  const float em = h.em();
  const Document before = h.view.document();
  // The first of three rows: bars take the left 16 % below the title and the row's head.
  const Rect& g = at.gates;
  const float x = g.x + 0.55f * em, y = g.y + (0.35f + 1.5f + 1.3f) * em + 1.5f;
  h.press_at(x + 0.5f * em, y);
  const float near_left = static_cast<float>(h.view.a().gates(14).b[0]);
  h.move(x + 2.0f * em, y);
  const float middle = static_cast<float>(h.view.a().gates(14).b[0]);
  CHECK((near_left > 0 && middle > near_left && middle < 0.9f));
  h.release();
  CHECK_FALSE(h.view.document() == before);
  press(h.view, h.window.state(), Key::undo);
  CHECK(h.view.document() == before);
}

TEST_CASE("hands: a fact and a cell of S are overwritten by a double click") {
  Screen h;
  const Places at = h.places();
  const float em = h.em();
  h.view.transport.to_end();
  const float x = at.associations.x + 2 * em, y = at.associations.y + (0.35f + 1.5f + 1.35f + 0.7f) * em;
  h.click(x, y), h.click(x, y);
  REQUIRE(h.window.state().prompt == "Ana=");
  const int T = h.view.length();
  h.window.type(h.view, "teal\n");
  CHECK(h.view.length() == T + 1);
  CHECK(h.view.document().commands.back().value == "teal");

  h.move(5, 5), h.frames(30);
  const float sx = at.state.x + 0.25f * at.state.w, sy = at.state.y + 0.5f * at.state.h;
  h.click(sx, sy), h.click(sx, sy);
  REQUIRE(h.window.state().prompt.rfind("S[", 0) == 0);
  h.window.type(h.view, "0.5\n");
  CHECK(h.view.document().commands.back().verb == Verb::set_cell);
  CHECK(h.view.document().commands.back().number == 0.5);
}

TEST_CASE("hands: the question mark opens and closes how to read a panel") {
  Screen h;
  const Places at = h.places();
  const float em = h.em();
  const float x = at.gauges.right() - 1.2f * em, y = at.gauges.y + 1.0f * em;
  h.click(x, y);
  CHECK(h.window.state().reading == "gauges");
  h.click(x, y);
  CHECK(h.window.state().reading.empty());
  h.move(at.spectrum.x + 3 * em, at.spectrum.y + 5 * em);
  press(h.view, h.window.state(), Key::help);
  CHECK(h.window.state().reading == "spectrum");
}

TEST_CASE("hands: what is under the pointer names its number and formula, and C copies it") {
  Screen h;
  const Places at = h.places();
  h.move(at.state.x + 0.2f * at.state.w, at.state.y + 0.5f * at.state.h);
  CHECK(h.window.state().hint.find("S[") != std::string::npos);
  CHECK(h.window.state().hint.find("= ") != std::string::npos);
  press(h.view, h.window.state(), Key::copy);
  CHECK(h.window.state().picture_wanted == "copy");
  CHECK(h.window.state().message == "copied: " + h.window.state().hint);
  // Everywhere else the status line says something too.
  for (const Rect& r : {at.step, at.gates, at.associations, at.recall, at.impact, at.readout, at.attention, at.retention, at.interference,
                        at.spectrum, at.gauges}) {
    h.window.state().hint.clear();
    for (float f = 0.15f; f < 0.95f && h.window.state().hint.empty(); f += 0.05f) h.move(r.x + 0.3f * r.w, r.y + f * r.h);
    CHECK_FALSE(h.window.state().hint.empty());
  }
}

TEST_CASE("hands: the command box takes facts, steers, reports refusals and asks for pictures") {
  Screen h;
  h.view.transport.to_end();
  const int T = h.view.length();
  h.command("Ivy=gold");
  CHECK(h.view.length() == T + 1);
  h.command("go 3");
  CHECK(h.view.transport.t() == 3);
  h.command("nonsense");
  CHECK(h.window.state().refused);
  CHECK(h.window.state().message.find("expected") != std::string::npos);
  h.command("help gates");
  CHECK(h.window.state().reading == "gates");
  h.command("focus impact");
  CHECK(h.window.state().chosen == "impact");
  h.command("png memory 2");
  CHECK(h.window.state().picture_wanted == "png memory 2");
  CHECK_FALSE(h.window.state().refused);
}

TEST_CASE("hands: bad sessions and traces are refused in the window, which stays as it was") {
  const Scratch folder;
  std::ofstream(folder.file("bad.json")) << "{\"fastweight_session\": 1, \"settings\": 3}";
  std::ofstream(folder.file("bad.safetensors")) << "\x10\x01garbage";
  Screen h;
  const Document before = h.view.document();
  for (const std::string& line : std::vector<std::string>{
           "open " + folder.file("bad.json"), "open " + folder.file("none.json"), "trace " + folder.file("bad.safetensors"),
           "trace " + folder.file("none.safetensors"), "open", "help nothing", "svg x.svg nothing at all"}) {
    INFO(line);
    h.window.state().refused = false;
    h.command(line);
    const bool asked = !h.window.state().picture_wanted.empty();  // pictures are refused between frames
    CHECK((h.window.state().refused || asked));
    CHECK((asked || !h.window.state().message.empty()));
    h.window.state().picture_wanted.clear();
    CHECK(h.view.document() == before);
  }
}

TEST_CASE("hands: scrub, play, a collapse slider") {
  Screen h;
  const Places at = h.places();
  const float em = h.em();
  // The scrubber stands behind five buttons and the time.
  const float x = at.bar.x + (1.9f * 3 + 3.6f + 1.9f + 0.25f * 6 + 4.85f) * em, y = at.bar.y + 0.5f * at.bar.h;
  h.press_at(x + 0.10f * 1600, y);
  const int right = h.view.transport.t();
  h.move(x + 0.03f * 1600, y);
  const int left = h.view.transport.t();
  h.release();
  CHECK((left < right && left >= 0 && right > 14));
  press(h.view, h.window.state(), Key::home);
  press(h.view, h.window.state(), Key::space);
  CHECK(h.view.transport.playing());
  for (int i = 0; i < 64; ++i) h.view.tick(1.0 / 60), h.frames(1);
  CHECK(h.view.transport.t() == 4);
  press(h.view, h.window.state(), Key::space);
  const Rect& c = at.collapse;
  const Document before = h.view.document();
  const float sy = c.y + (0.35f + 1.5f + 1.65f + 0.7f) * em, sx = c.x + 0.55f * em + 5.9f * em;
  h.press_at(sx + 2 * em, sy);
  h.move(sx + 3 * em, sy);
  h.release();
  CHECK(h.view.document().b.morph);
  CHECK((h.view.document().b.collapse.tie > 0 && h.view.document().b.collapse.tie < 1));
  CHECK(h.view.undo());
  CHECK(h.view.document() == before);
}

TEST_CASE("keys: panels, letters, maps and presets") {
  ViewModel view;
  PanelState state;
  press(view, state, Key::tab);
  CHECK(state.chosen == "memory");
  press(view, state, Key::tab, true);
  CHECK(state.chosen == panel_list().back().name);
  press(view, state, Key::panel_3);
  CHECK(state.chosen == "gates");
  press(view, state, Key::picture);
  CHECK(state.picture_wanted == "png gates");
  press(view, state, Key::picture, true);
  CHECK(state.picture_wanted == "png");
  press(view, state, Key::csv);
  CHECK(state.picture_wanted == "csv gates");
  press(view, state, Key::d);
  CHECK(view.options.map == Map::compare);
  press(view, state, Key::d);
  CHECK(view.options.map == Map::state);
  press(view, state, Key::a);
  CHECK(view.options.heads == Heads::a);
  press(view, state, Key::normalise);
  CHECK_FALSE(view.options.run_range);
  press(view, state, Key::presets);
  CHECK(view.document().b.variant == Variant::gdn);
  press(view, state, Key::bigger);
  CHECK(view.options.font == 16);
  press(view, state, Key::smaller);
  press(view, state, Key::smaller);
  CHECK(view.options.font == 14);
  press(view, state, Key::classroom);
  press(view, state, Key::half_life);
  CHECK((view.options.classroom && view.options.half_life));
  press(view, state, Key::reset);
  CHECK((view.options.font == 0 && !view.options.classroom && state.chosen.empty()));
}

TEST_SUITE_END();
