// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The main window on a screen: GLFW, OpenGL 3 through ImGui's own backends. Sleeps until something happens: while nothing
// plays and nothing moves, a frame is drawn a few times after the last event and then none.
#pragma once

#include <memory>
#include <string>

#include "viz/model/course.h"

namespace fw::viz {

struct WindowOptions {
  int width = 1600, height = 1000;
  float font_size = 0;
  std::string font;
  std::shared_ptr<Course> course;  ///< lessons; null: none
  int frames = 0;                  ///< end after so many frames; 0: when the window is closed
  std::string message;             ///< what could not be opened, for the status line
};

/// Returns when the window is closed. Throws fw::Error, with the way out, when there is no display or no OpenGL 3.
void run_window(ViewModel& view, const WindowOptions& options);

}  // namespace fw::viz
