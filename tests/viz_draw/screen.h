// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The window without a display, for the tests of what is drawn: a pointer, its buttons and wheel, the command box, and the
// places where things stand. The view is its own unless one is given.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "viz/app/headless.h"
#include "viz/model/course.h"

namespace fw::test {

inline viz::HeadlessOptions sized(int width, int height) {
  viz::HeadlessOptions o;
  o.width = width;
  o.height = height;
  return o;
}

class Screen {
  std::unique_ptr<viz::ViewModel> own_;
  int width_, height_;

 public:
  viz::ViewModel& view;
  viz::Headless window;

  explicit Screen(int width = 1600, int height = 1000)
      : own_(std::make_unique<viz::ViewModel>()), width_(width), height_(height), view(*own_), window(sized(width, height)) {
    frames(2);
  }
  explicit Screen(viz::ViewModel& shown, int width = 1600, int height = 1000)
      : width_(width), height_(height), view(shown), window(sized(width, height)) {
    frames(2);
  }

  viz::PanelState& state() { return window.state(); }
  float em() const { return window.fonts().size; }
  /// Where the panels stand now; `bottom`: during a lesson.
  viz::Places places(const std::vector<std::string>* bottom = nullptr) const {
    return viz::places_for(static_cast<float>(width_), static_cast<float>(height_), em(),
                           static_cast<int>(view.a().timeline().facts.size()), view.options.classroom, bottom);
  }
  void frames(int n) {
    for (int i = 0; i < n; ++i) window.frame(view);
  }
  void move(float x, float y) { window.move(x, y), frames(2); }
  void press_at(float x, float y, int button = 0) { move(x, y), window.hold(true, button), frames(2); }
  void release(int button = 0) { window.hold(false, button), frames(2); }
  void click(float x, float y, int button = 0) { press_at(x, y, button), release(button); }
  void wheel(float x, float y, float steps) { move(x, y), window.wheel(view, steps), frames(1); }
  void press(viz::Key key, bool shift = false) { viz::press(view, window.state(), key, shift), frames(2); }
  /// Type a line into the box; a line that was refused before stays in it to be mended, and goes.
  void command(const std::string& line) {
    click(5, static_cast<float>(height_) - 5);
    window.state().command[0] = '\0';
    press(viz::Key::slash);
    window.type(view, line + "\n");
    frames(2);
  }
};

}  // namespace fw::test
