// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The main window without a display: an ImGui context with nothing behind it, frames driven by the caller, pictures by the
// CPU rasteriser. What the program's --screenshot and the tests use; the same code draws the window on a screen.
#pragma once

#include <memory>
#include <string>

#include "viz/app/main_window.h"
#include "viz/raster/raster.h"

namespace fw::viz {

struct HeadlessOptions {
  int width = 1600, height = 1000;  ///< in [320, 6400]
  float font_size = 0;              ///< pixels, in [8,48]; 0: what the view asks for, else chosen by the width
  int scale = 1;                    ///< in [1,4]: as many pixels for each, letters and lines as large
  std::string font;                 ///< a TrueType file; empty: looked for
  std::shared_ptr<Course> course;   ///< lessons, if there are to be any
};

class Headless {
 public:
  /// Throws fw::Error when a size is out of range or a font that was named cannot be used.
  explicit Headless(const HeadlessOptions& options);
  ~Headless();
  Headless(const Headless&) = delete;
  Headless& operator=(const Headless&) = delete;

  /// One frame; the pointer stands where it was last moved to, at first nowhere.
  void frame(ViewModel& view);
  /// One panel alone; `svg`, when not null, gets what is drawn.
  void frame(ViewModel& view, const char* panel, Svg* svg);
  /// Frames until the picture no longer changes by itself (or many have been drawn): of the window, or of one panel.
  void settle(ViewModel& view, const char* panel = nullptr);
  void move(float x, float y);
  void hold(bool down, int button = 0);
  /// Turn the wheel over what the pointer is on, for the next frame.
  void wheel(ViewModel& view, float steps);
  /// Letters typed into whatever has the keyboard; a line end is the Enter key, pressed over two frames.
  void type(ViewModel& view, const std::string& letters);
  /// What the last frame drew.
  Image picture(Theme theme) const;
  const PanelState& state() const { return state_; }
  PanelState& state() { return state_; }
  const Fonts& fonts() const { return fonts_; }

 private:
  ImGuiContext* context_;
  HeadlessOptions options_;
  CpuTextures textures_;
  Fonts fonts_;
  PanelState state_;
};

/// The size of the letters for a window of this width, and for a view that may ask for another.
float font_size_for(int width);
float font_size_for(const ViewModel& view, int width, float wanted);

/// A picture of the view as it stands.
Image screenshot(ViewModel& view, const HeadlessOptions& options);

}  // namespace fw::viz
