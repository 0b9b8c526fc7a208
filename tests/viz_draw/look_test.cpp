// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// How things are looked at: zoom by the wheel, rows in another order, the edit history, panels that share a place.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "screen.h"
#include "viz/model/changes.h"
#include "viz/panels/registry.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz_draw");

namespace {

/// A place inside the first map of the memory, the left one.
struct Spot {
  float x, y;
};
Spot in_memory(const Screen& s) {
  const Rect r = s.places().state;
  return {r.x + 0.2f * r.w, r.y + 0.5f * r.h};
}

}  // namespace

TEST_CASE("zoom: the wheel over the memory narrows the channels of every panel that has them, and out again") {
  Screen s;
  const Spot at = in_memory(s);
  s.move(at.x, at.y);
  const Focus before = s.view.selection.focused();
  REQUIRE((before.key >= 0 && before.value >= 0));
  for (int i = 0; i < 3; ++i) s.wheel(at.x, at.y, 1);
  const Zoom zoom = s.view.options.zoom;
  CHECK((zoom.key.count > 4 && zoom.key.count < 32 && zoom.value.count == zoom.key.count));
  CHECK(zoom.time.count == 0);
  // What was under the pointer still is, give or take half a cell each time.
  const Focus after = s.view.selection.focused();
  CHECK(std::abs(after.key - before.key) <= 2);
  CHECK(std::abs(after.value - before.value) <= 2);
  // The bars of the gates show these channels: the first of them is at the top.
  const Rect g = s.places().gates;
  s.move(g.x + 1.0f * s.em(), g.y + (0.35f + 1.5f + 1.3f) * s.em() + 2);
  CHECK(s.view.selection.focused().key == zoom.key.first);
  for (int i = 0; i < 12; ++i) s.wheel(at.x, at.y, -1);
  CHECK_FALSE(s.view.options.zoom.any());
}

TEST_CASE("zoom: the right button pulls, twice shows all, 0 resets everything") {
  Screen s;
  const Spot at = in_memory(s);
  s.view.enter("zoom key 8 15");
  s.view.enter("zoom value 8 15");
  s.press_at(at.x, at.y, 1);
  s.move(at.x + 80, at.y + 80);
  s.release(1);
  CHECK((s.view.options.zoom.key.first < 8 && s.view.options.zoom.key.count == 8));
  CHECK((s.view.options.zoom.value.first < 8 && s.view.options.zoom.value.count == 8));
  s.move(5, 5), s.frames(40);
  s.click(at.x, at.y, 1), s.click(at.x, at.y, 1);
  CHECK_FALSE(s.view.options.zoom.any());
  s.view.enter("zoom time 3 9");
  s.view.enter("zoom fact 1 4");
  s.press(Key::reset);
  CHECK_FALSE(s.view.options.zoom.any());
}

TEST_CASE("zoom: a chart over time zooms all of them, and playing on is followed") {
  Screen s;
  const Rect r = s.places().recall;
  for (int i = 0; i < 3; ++i) s.wheel(r.x + 0.5f * r.w, r.y + 0.6f * r.h, 1);
  const Range time = s.view.options.zoom.time;
  REQUIRE((time.count > 4 && time.count < 26));
  // The same tokens stand in the gates: the first column is the first of them.
  const Rect g = s.places().gates;
  s.move(g.x + 0.2f * g.w, g.y + 0.2f * g.h);
  CHECK(s.view.selection.focused().token == time.first + 1);
  s.view.transport.go(time.first + 1);
  s.frames(1);
  CHECK(s.view.options.zoom.time == time);
  s.view.transport.go(26);
  s.frames(2);
  const Range followed = s.view.options.zoom.time;
  CHECK((followed.count == time.count && followed.first + followed.count == 26));
}

TEST_CASE("zoom: of the token pictures and of the keys; the cell told is the one under the pointer") {
  Screen s;
  s.view.enter("zoom time 5 10");
  s.view.enter("zoom write 2 6");
  s.view.enter("zoom fact 3 6");
  s.view.enter("zoom other 2 5");
  const Places at = s.places();
  s.move(at.attention.x + 1.0f * s.em(), at.attention.y + 2.3f * s.em());
  CHECK(s.state().hint.find("at t=5, i=2 ") != std::string::npos);
  const std::string third = s.view.a().timeline().facts[2].key, second = s.view.a().timeline().facts[1].key;
  s.state().hint.clear();
  for (float f = 0; f < 0.5f && s.state().hint.empty(); f += 0.02f)
    s.move(at.interference.x + f * at.interference.w, at.interference.y + 2.3f * s.em());
  CHECK(s.state().hint.find("cos(key(" + third + "), key(" + second + "))") != std::string::npos);
}

TEST_CASE("order: the button sorts the rows, and what is pointed at, edited and selected is the channel it says") {
  Screen s;
  const Rect r = s.places().state;
  s.view.enter("go 20");
  s.frames(2);
  s.click(r.right() - 4.4f * s.em(), r.y + 1.0f * s.em());
  REQUIRE(s.view.options.rows == RowOrder::norm);
  CHECK(s.view.options.rows_at == 20);
  const auto order = s.view.key_rows();
  REQUIRE(order != std::vector<int>());
  // The top row of the left map is the channel with the largest norm; its number is in the hint and in the selection.
  const float top = r.y + (0.35f + 1.5f + 1.65f + 1.3f) * s.em() + 4;
  s.move(r.x + 0.2f * r.w, top);
  CHECK(s.view.selection.focused().key == order[0]);
  CHECK(s.state().hint.find("S[" + std::to_string(order[0]) + ",") != std::string::npos);
  s.view.transport.to_end();
  s.move(5, 5), s.frames(30);
  s.click(r.x + 0.2f * r.w, top), s.click(r.x + 0.2f * r.w, top);
  CHECK(s.state().prompt.rfind("S[" + std::to_string(order[0]) + ",", 0) == 0);
  s.press(Key::escape);
  s.press(Key::sort_rows);
  CHECK(s.view.options.rows == RowOrder::decay);
  s.press(Key::sort_rows);
  CHECK(s.view.options.rows == RowOrder::channel);
}

TEST_CASE("order: a bar of a gate that is pulled in sorted rows sets the channel that stands there") {
  Screen s;
  s.view.enter("set rows norm");
  s.frames(2);
  const int first = s.view.key_rows()[0];
  const Rect g = s.places().gates;
  const float x = g.x + 0.55f * s.em(), y = g.y + (0.35f + 1.5f + 1.3f) * s.em() + 1.5f;
  s.press_at(x + 0.5f * s.em(), y);
  s.move(x + 2.0f * s.em(), y);
  s.release();
  CHECK(step_text(s.view.history(), s.view.history().position()).rfind("gate b[" + std::to_string(first) + ":", 0) == 0);
}

TEST_CASE("order: headings of the table sort it, the wheel moves its rows") {
  Screen s;
  const Rect r = s.places().associations;
  const float head = r.y + (0.35f + 1.5f + 0.6f) * s.em(), row = head + 1.6f * s.em();
  s.click(r.right() - 1.5f * s.em(), head);
  REQUIRE(s.view.options.facts == FactOrder::impact);
  s.move(r.x + 2 * s.em(), row);
  CHECK(s.view.selection.focused().fact == fact_order(s.view.side_a(), FactOrder::impact)[0]);
  s.click(r.right() - 1.5f * s.em(), head);
  CHECK(s.view.options.facts == FactOrder::written);
  s.press(Key::sort_facts);
  CHECK(s.view.options.facts == FactOrder::cosine);
  std::string script = "clear\nset size 64 64\n";
  for (int i = 0; i < 60; ++i) script += "Key" + std::to_string(i) + "=v" + std::to_string(i) + "\n";
  s.view.run_script(script + "set facts written\nlock Key0\n");
  s.frames(2);
  s.move(s.places().associations.x + 2 * s.em(), row);
  const int before = s.view.selection.focused().fact;
  s.view.selection.unlock();
  s.view.selection.lock({-1, -1, -1, 0});
  s.wheel(s.places().associations.x + 2 * s.em(), row, -4);
  CHECK(s.state().table_first == 12);
  // Under the pointer rows stand still; another fact brings them back.
  s.move(s.places().associations.x + 2 * s.em(), row + 3 * s.em());
  CHECK(s.state().table_first == 12);
  s.move(5, 5);
  s.view.selection.lock({-1, -1, -1, 40});
  s.frames(2);
  CHECK(s.state().table_first == -1);
  CHECK(before == 0);
}

TEST_CASE("history: the list goes back to any step and on again") {
  Screen s;
  s.view.transport.to_end();
  for (const char* line : {"Zed=red", "set b gdn", "del Zed"}) s.view.enter(line), s.view.transport.to_end();
  s.press(Key::history);
  CHECK(std::count(s.view.options.front.begin(), s.view.options.front.end(), "history") == 1);
  const Rect r = s.places().history;
  const float top = r.y + (0.35f + 1.5f) * s.em(), line = 1.3f * s.em();
  s.click(r.x + 6 * s.em(), top + 1.5f * line);
  CHECK(s.view.history().position() == 1);
  CHECK(s.state().hint.find("Zed=red") != std::string::npos);
  s.click(r.x + 6 * s.em(), top + 3.5f * line);
  CHECK(s.view.history().position() == 3);
  s.click(r.x + 6 * s.em(), top + 0.5f * line);
  CHECK((s.view.history().position() == 0 && s.view.history().count() == 4));
  s.press(Key::history);
  CHECK(s.view.options.front.empty());
}

TEST_CASE("places: panels that share one are reached by tabs, by command and by what a lesson points at") {
  Screen s(920, 700);
  s.state().course = std::make_shared<Course>(built_in_lessons());
  s.state().course->start(s.view, 0);
  s.frames(2);
  const std::vector<std::string>& bottom = s.state().bottom;
  const Places at = s.places(&bottom);
  CHECK((at.gates.x == at.state.x && at.gates.y == at.state.y && at.readout.y == at.recall.y));
  for (const char* panel : {"gates", "memory", "impact", "readout", "history", "recall"}) {
    point_at(s.state(), {panel});
    s.frames(2);
    const bool first = std::string(panel) == "memory" || std::string(panel) == "recall";
    const auto& front = s.view.options.front;
    CHECK((std::find(front.begin(), front.end(), panel) == front.end()) == first);
  }
  s.view.options.front = {"gates"};
  s.frames(2);
  // The left of the two tabs brings the memory back.
  s.click(at.state.right() - 7.2f * s.em(), at.state.y + 1.0f * s.em());
  CHECK(s.view.options.front.empty());
}

TEST_CASE("ranks: what takes longer is worked out while nothing changes, and then it is quiet") {
  Screen s;
  s.view.run_script("clear\nset size 96 96\nAna=red\n... 30\n");
  s.frames(2);
  CHECK(s.state().working);
  int frames = 0;
  for (; s.state().working && frames < 100; ++frames) s.frames(1);
  CHECK(frames > 5);
  CHECK(s.view.ranks_a().done());
  s.frames(1);
  CHECK_FALSE(s.state().working);
  // While a slider is dragged or the view plays on, there is no time for it.
  s.view.enter("set tie 0.5");
  s.frames(1);
  CHECK(s.view.ranks_b()->known() == 0);
}

TEST_SUITE_END();
