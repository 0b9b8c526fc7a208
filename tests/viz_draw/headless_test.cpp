// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/app/headless.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "imgui.h"
#include "screen.h"
#include "viz/app/fonts.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz_draw");

namespace {

std::vector<Rect> places_of(const Places& l) {
  return {l.bar,     l.ribbon,  l.state,     l.step,      l.gates,        l.collapse, l.associations, l.recall, l.impact,
          l.readout, l.history, l.attention, l.retention, l.interference, l.spectrum, l.gauges,       l.status};
}

std::size_t colours_in(const Image& image, const Rect& r) {
  std::set<std::uint32_t> found;
  for (int y = static_cast<int>(r.y); y < static_cast<int>(r.bottom()); ++y)
    for (int x = static_cast<int>(r.x); x < static_cast<int>(r.right()); ++x) found.insert(image.at(x, y));
  return found.size();
}

}  // namespace

TEST_CASE("layout: no panel leaves the window or covers another") {
  for (auto [width, height] : {std::pair{1600, 1000}, {1280, 720}, {1920, 1080}, {1000, 1400}, {2560, 1440}, {920, 700}, {640, 700}}) {
    const auto places = places_of(places_for(static_cast<float>(width), static_cast<float>(height), font_size_for(width)));
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Rect& r = places[i];
      CHECK((r.x >= 0 && r.y >= 0 && r.right() <= static_cast<float>(width) && r.bottom() <= static_cast<float>(height)));
      CHECK((r.w > 60 && r.h > 15));
      for (std::size_t j = 0; j < i; ++j) {
        const Rect& o = places[j];
        const bool shared = r.x == o.x && r.y == o.y && r.w == o.w && r.h == o.h;  // by tabs
        CHECK((shared || r.x >= o.right() || o.x >= r.right() || r.y >= o.bottom() || o.y >= r.bottom()));
      }
    }
  }
}

TEST_CASE("screenshot: every panel has drawn something, in both themes and sizes, and the same each time") {
  for (auto [width, height] : {std::pair{1600, 1000}, {1280, 720}})
    for (Theme theme : {Theme::light, Theme::dark}) {
      ViewModel view, other;
      view.options.theme = other.options.theme = theme;
      const Image image = screenshot(view, sized(width, height));
      CHECK(image == screenshot(view, sized(width, height)));
      CHECK(image == screenshot(other, sized(width, height)));
      for (const Rect& r : places_of(places_for(static_cast<float>(width), static_cast<float>(height), font_size_for(width))))
        CHECK(colours_in(image, r) > 8);
    }
}

TEST_CASE("headless: what is extreme is drawn without harm") {
  for (const char* script :
       {"clear", "clear\nset size 1 1\nset policy uniform\nAna=red\nAna?", "clear\nset size 256 3\nAna=red\nBo=blue\n...",
        "clear\n... 600\nAna=red", "set b off",
        "clear\nAna=red\nscale 1000000\nscale 1000000\nscale 1000000\nscale 1000000\nscale 1000000\nscale 1000000\nscale 1000000\nscale "
        "1000000\nscale 1000000",
        "clear\ngate a=0\nAna=red\nBo=blue", "go 5\nfork\ndel Ana", "go 20\nfork", "clear\nAna=red\nS[0,0]=1000000\nperturb 1000000",
        "set map A-B\nset scale root\nset range now\nsub erase", "go 0",
        "clear\nAVeryLongNameOfAKeyThatFitsNowhereInAnyColumn=AndAValueThatIsJustAsLongAsItsKeyIfNotLonger\nlock "
        "AVeryLongNameOfAKeyThatFitsNowhereInAnyColumn"}) {
    ViewModel view;
    view.run_script(script);
    for (auto [width, height] : {std::pair{1600, 1000}, {640, 480}, {320, 320}})
      CHECK(screenshot(view, sized(width, height)).width == width);
  }
}

TEST_CASE("headless: a hundred facts and long runs stay below the limits of one draw list") {
  ViewModel view;
  std::string script = "clear\nset size 128 128\n";
  for (int i = 0; i < 100; ++i) script += "Key" + std::to_string(i) + "=value" + std::to_string(i % 17) + "\n";
  view.run_script(script);
  Headless window(sized(1600, 1000));
  for (int i = 0; i < 2; ++i) window.frame(view);
  const ImDrawData* data = ImGui::GetDrawData();
  for (int n = 0; n < data->CmdListsCount; ++n) CHECK(data->CmdLists[n]->VtxBuffer.Size < 60000);
}

TEST_CASE("headless: the pointer previews, a click locks, Esc lets go") {
  Screen s;
  const Rect state = s.places().state;
  s.move(state.x + 0.2f * state.w, state.y + 0.5f * state.h);
  s.frames(1);
  const Focus over = s.view.selection.focused();
  REQUIRE((over.key >= 0 && over.value >= 0));
  CHECK(s.view.selection.locked().empty());
  s.window.hold(true), s.frames(2);
  s.release();
  CHECK(s.view.selection.locked().key == over.key);
  s.move(5, 5);
  s.frames(1);
  CHECK(s.view.selection.focused().key == over.key);
  s.press(Key::escape);
  CHECK(s.view.selection.focused().empty());
}

TEST_CASE("headless: a click on a token goes there, the buttons step") {
  Screen s;
  const Places at = s.places();
  s.view.transport.go(20);
  s.click(at.ribbon.x + 2.2f * s.em(), at.ribbon.y + 0.3f * at.ribbon.h);
  const int first = s.view.transport.t();
  CHECK((first >= 1 && first < 10));
  s.click(at.bar.x + 0.9f * s.em(), at.bar.y + 0.5f * at.bar.h);
  CHECK(s.view.transport.t() == 0);
  s.click(at.bar.x + (1.9f + 0.25f + 1.9f + 0.25f + 3.6f + 0.25f + 0.9f) * s.em(), at.bar.y + 0.5f * at.bar.h);
  CHECK(s.view.transport.t() == 1);
}

TEST_CASE("keys: do what the status line says") {
  ViewModel view;
  PanelState state;
  view.transport.go(14);
  press(view, state, Key::right);
  CHECK(view.transport.t() == 15);
  press(view, state, Key::left, true);
  CHECK(view.transport.t() == 5);
  press(view, state, Key::comma);
  CHECK(view.transport.phase() == Phase::erase);
  press(view, state, Key::period);
  CHECK(view.transport.phase() == Phase::write);
  press(view, state, Key::end);
  CHECK(view.transport.t() == view.length());
  press(view, state, Key::home);
  CHECK(view.transport.t() == 0);
  press(view, state, Key::space);
  CHECK(view.transport.playing());
  press(view, state, Key::map);
  CHECK(view.options.map == Map::change);
  press(view, state, Key::log_scale);
  CHECK(view.options.root_scale);
  press(view, state, Key::theme);
  CHECK(view.options.theme == Theme::dark);
  press(view, state, Key::slash);
  CHECK(state.focus_command);
  press(view, state, Key::fork);
  CHECK(view.document().branch.has_value());
  press(view, state, Key::undo);
  CHECK_FALSE(view.document().branch.has_value());
  press(view, state, Key::redo);
  CHECK(view.document().branch.has_value());
}

TEST_CASE("fonts: every sign that is drawn is in the font; a font that is none is refused") {
  Headless window(sized(640, 480));
#if IMGUI_VERSION_NUM < 19200
  if (window.fonts().greek)
    for (unsigned point : used_code_points())
      CHECK_MESSAGE(window.fonts().regular->FindGlyphNoFallback(static_cast<ImWchar>(point)) != nullptr, point);
#endif
  HeadlessOptions wrong;
  wrong.font = "/nowhere/font.ttf";
  CHECK_THROWS_WITH_AS(Headless{wrong}, "fonts: font: expected a TrueType file, got /nowhere/font.ttf", Error);
  CHECK_THROWS_AS(Headless{sized(4, 1000)}, Error);
  CHECK_THROWS_AS(Headless{sized(1000, 7000)}, Error);
  HeadlessOptions tiny;
  tiny.font_size = 2;
  CHECK_THROWS_AS(Headless{tiny}, Error);
}

TEST_CASE("heatmap: pooling keeps what is largest") {
  Grid g(4, 4);
  g(1, 0) = -3.0, g(0, 1) = 2.0, g(3, 3) = 0.5;
  const Grid p = pooled(g, 2, 2);
  CHECK(p(0, 0) == -3.0);
  CHECK(p(1, 1) == 0.5);
  CHECK(p(0, 1) == 0.0);
  CHECK(pooled(g, 9, 9) == g);
}

TEST_CASE("palette: signed colours are neutral at zero, apart at the ends and defined for what is no number") {
  for (Theme theme : {Theme::light, Theme::dark}) {
    CHECK(diverging(0.5, theme) != diverging(-0.5, theme));
    CHECK(diverging(7.0, theme) == diverging(1.0, theme));
    CHECK(diverging(std::nan(""), theme) == nothing(theme));
    const Colour zero = diverging(0.0, theme);
    const int r = zero & 0xff, b = (zero >> 16) & 0xff;
    CHECK(std::abs(r - b) < 12);
  }
  // Lightness of the range map rises throughout, so that it reads in grey.
  double last = -1;
  for (int i = 0; i <= 64; ++i) {
    const Colour c = sequential(i / 64.0);
    const double light = 0.2126 * (c & 0xff) + 0.7152 * ((c >> 8) & 0xff) + 0.0722 * ((c >> 16) & 0xff);
    CHECK(light > last);
    last = light;
  }
}

TEST_CASE("numbers: never a negative zero") {
  CHECK(number(-0.001, 2) == "0.00");
  CHECK(number(-0.001, 2, true) == "+0.00");
  CHECK(number(-0.01, 2) == "-0.01");
  CHECK(number(std::nan("")) == "-");
  CHECK(number(-INFINITY) == "-inf");
}

TEST_SUITE_END();
