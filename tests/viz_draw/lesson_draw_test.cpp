// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Lessons on the (pretended) screen: every letter is in the font, every card draws, and a lesson is taken with the pointer.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "imgui.h"
#include "screen.h"
#include "viz/panels/registry.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz_draw");

namespace {

/// A screen with the lessons.
struct Room : Screen {
  std::shared_ptr<Course> course = std::make_shared<Course>(built_in_lessons());
  explicit Room(int width = 1280, int height = 720) : Screen(width, height) { state().course = course; }
};

/// Code points of UTF-8.
std::vector<unsigned> points_of(const std::string& text) {
  std::vector<unsigned> out;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    unsigned point = more == 0 ? c : c & (0x3fu >> more);
    for (int k = 1; k <= more; ++k) point = (point << 6) | (static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]) & 0x3fu);
    out.push_back(point);
    i += static_cast<std::size_t>(more) + 1;
  }
  return out;
}

}  // namespace

TEST_CASE("lesson: every letter of every lesson is in the font") {
  Room s;
  s.frames(1);
#if IMGUI_VERSION_NUM < 19200
  if (!s.window.fonts().greek) return;
  for (const auto& [file, text] : lesson_files()) {
    const std::string name(file);
    for (unsigned point : points_of(text))
      if (point >= 0x20) {
        INFO(name, ": U+", point);
        CHECK(s.window.fonts().regular->FindGlyphNoFallback(static_cast<ImWchar>(point)) != nullptr);
      }
  }
#endif
}

TEST_CASE("lesson: every panel that a lesson may point at has a place and a name") {
  const std::vector<std::string> bottom = {"attention", "interference", "gauges"};
  const Places at = places_for(1280, 720, 13, 8, false, &bottom);
  for (const std::string& name : lesson_targets()) {
    INFO(name);
    CHECK(find_panel(name) != nullptr);
    CHECK((at.find(name) != nullptr) == (name != "retention" && name != "spectrum"));
  }
  CHECK(at.collapse.w <= 0);
  CHECK(at.lesson.right() <= at.state.x);
}

TEST_CASE("lesson: every card draws, with text that fits its panel at 1280x720") {
  Room s;
  for (int n = 0; n < static_cast<int>(s.course->lessons().size()); ++n)
    for (int k = 0; k < static_cast<int>(s.course->lessons()[static_cast<std::size_t>(n)].cards.size()); ++k) {
      s.course->start(s.view, n, k);
      if (s.course->card().ask) s.course->predict(s.view, s.course->card().ask->answer);
      s.frames(2);
      INFO("lesson ", s.course->lesson().name, ", card ", k + 1);
      CHECK(s.window.state().lesson_height > 0);
      CHECK(s.window.state().lesson_height < 560);
      CHECK_FALSE(s.window.state().refused);
    }
}

TEST_CASE("lesson: in a narrow window every card brings what it points at to the front, and forgets the card before") {
  Room s(920, 640);
  for (int n = 0; n < static_cast<int>(s.course->lessons().size()); ++n)
    for (int k = 0; k < static_cast<int>(s.course->lessons()[static_cast<std::size_t>(n)].cards.size()); ++k) {
      s.course->start(s.view, n, k);
      s.frames(2);
      const auto& focus = s.course->card().focus;
      const auto& front = s.view.options.front;
      INFO("lesson ", s.course->lesson().name, ", card ", k + 1);
      for (const char* behind : {"gates", "impact", "readout"}) {
        const bool wanted = std::find(focus.begin(), focus.end(), behind) != focus.end();
        const bool alone = wanted && (std::string(behind) == "gates" ? std::find(focus.begin(), focus.end(), "memory") == focus.end()
                                                                     : std::count(focus.begin(), focus.end(), "recall") == 0);
        const bool shown = std::find(front.begin(), front.end(), behind) != front.end();
        CHECK((!shown || wanted));
        if (alone && std::string(behind) == "gates") CHECK(shown);
      }
    }
}

TEST_CASE("lesson: taken by hand, from the list to a solved task") {
  Room s;
  s.press(Key::lessons);
  CHECK(s.course->open());
  const float em = s.em();
  const Places at = s.places(&s.state().bottom);
  s.course->start(s.view, 0);
  s.frames(2);
  const float foot = at.lesson.bottom() - 1.2f * em, sixth = at.lesson.w / 6;
  s.click(at.lesson.x + 1.5f * sixth, foot);  // Next
  CHECK(s.course->card_index() == 1);
  CHECK_FALSE(s.course->revealed());
  for (float y = at.lesson.y; y < foot - 2 * em && !s.course->revealed(); y += 0.7f * em) s.click(at.lesson.x + 4 * em, y);
  CHECK(s.course->revealed());
  s.click(at.lesson.x + 0.5f * sixth, foot);  // Back
  CHECK(s.course->card_index() == 0);
  s.course->start(s.view, 0, 4);
  s.frames(2);
  s.press(Key::slash);
  s.window.type(s.view, "Ana=teal\n");
  s.frames(3);
  CHECK(s.course->solved(0, 4));
  s.press(Key::lessons);
  CHECK_FALSE(s.course->open());
}

TEST_CASE("lesson: a reference lights its panel, brings it into the bottom row, and stands still when motion is reduced") {
  Room s;
  s.course->start(s.view, 0);
  s.frames(2);
  point_at(s.window.state(), {"attention"});
  CHECK(s.window.state().bottom.front() == "attention");
  CHECK(s.window.state().lit_for > 1.9f);
  s.view.enter("set motion reduced");
  s.frames(1);
  const Image first = s.window.picture(Theme::light);
  s.frames(30);
  CHECK(s.window.state().lit_for > 0.0f);
  CHECK(s.window.picture(Theme::light).pixels == first.pixels);
  s.frames(120);
  CHECK(s.window.state().lit_for <= 0.0f);
}

TEST_SUITE_END();
