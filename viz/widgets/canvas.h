// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What panels draw with: rectangles that are cut into pieces, text that never leaves its place, bars, lines, and the context
// they all share. Every length is a multiple of the font size, so that one number scales the whole picture.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "imgui.h"
#include "viz/widgets/palette.h"
#include "viz/widgets/svg.h"
#include "viz/widgets/textures.h"

namespace fw::viz {

class Course;

struct Rect {
  float x = 0, y = 0, w = 0, h = 0;
  float right() const { return x + w; }
  float bottom() const { return y + h; }
  Rect inset(float dx, float dy) const { return {x + dx, y + dy, w - 2 * dx, h - 2 * dy}; }
  /// Cut a piece off one side (and a gap), the rest stays.
  Rect cut_left(float size, float gap = 0);
  Rect cut_right(float size, float gap = 0);
  Rect cut_top(float size, float gap = 0);
  Rect cut_bottom(float size, float gap = 0);
  bool holds(float px, float py) const { return px >= x && py >= y && px < right() && py < bottom(); }
};

/// Three faces of one size; null faces mean the built-in font.
struct Fonts {
  ImFont* regular = nullptr;
  ImFont* small = nullptr;
  ImFont* bold = nullptr;
  float size = 15, small_size = 12;
  bool greek = false;  ///< the font has Greek letters and mathematical signs
};

/// A heatmap that was handed to the renderer, and what it showed.
struct Picture {
  bool uploaded = false;
  std::uint64_t stamp = 0;
  ImTextureID id{};
};

/// Of panels, kept between frames; belongs to one renderer.
struct PanelState {
  std::map<int, Picture> pictures;
  char command[512] = {};
  std::string message;  ///< the last refusal, or what was done
  bool refused = false;
  std::string picture_wanted;  ///< a command of pictures.h (png, svg, csv, animate, copy), carried out between frames
  bool focus_command = false;
  std::string pointed;             ///< panel under the pointer
  std::string chosen;              ///< panel chosen by key: what P, E and ? are about when none is pointed at
  std::string reading;             ///< panel whose "how to read this" is open
  std::string hint;                ///< the number and formula last under the pointer: what C copies
  std::vector<std::string> bring;  ///< panels to be brought to the front of their places
  std::string prompt;              ///< beginning of the command that the small window completes; empty: none is open
  char answer[64] = {};
  float em = 15;                   ///< size of the letters of the last frame
  bool asking = false;             ///< the small window is to open
  bool blink = false;              ///< B held: the memory of B stands where A's does
  std::shared_ptr<Course> course;  ///< null: no lessons here
  std::vector<std::string> lit;    ///< panels pointed at, for lit_for more seconds
  float lit_for = 0;
  std::string mentioned;            ///< the panel whose name in a lesson is under the pointer
  std::vector<std::string> bottom;  ///< panels of the bottom row during a lesson
  int lesson_shown = -1;            ///< the card these were set for
  float lesson_scroll = 0, lesson_height = 0;
  int table_first = -1, table_of = -1;  ///< first fact shown after the wheel was turned, while this one is tracked; -1: around it
  int history_first = -1;               ///< the same of the edit history
  int seen_generation = -1, seen_t = -1;
  bool quiet = false;    ///< nothing has changed since the frame before: time to work out what takes longer
  bool working = false;  ///< and there is more of it
};

struct Ui {
  ViewModel& view;
  Textures& textures;
  const Fonts& fonts;
  PanelState& state;
  ImDrawList* draw = nullptr;
  float em = 15;
  std::string hint;    ///< what is under the pointer, for the status line
  Svg* svg = nullptr;  ///< when not null everything is written there too
  Rect read{};         ///< place of the panel whose "how to read this" is open
  float reserve = 0;   ///< kept free at the right end of the present panel's title

  const Palette& colours() const { return palette_of(view.options.theme); }
  Theme theme() const { return view.options.theme; }
  /// `math` when the font has it, else `ascii`.
  const char* sign(const char* math, const char* ascii) const { return fonts.greek ? math : ascii; }
  bool hovered(const Rect& r) const;
  bool clicked(const Rect& r) const;
};

enum class Face { regular, small, bold };
enum class Align { left, centre, right };

float text_width(const Ui& ui, std::string_view text, Face face = Face::regular);
/// The first of these that fits into `width`, else the last: put the fullest first.
std::string fitting(const Ui& ui, float width, std::initializer_list<std::string> candidates, Face face = Face::small);
/// In the middle of the height of `r`; shortened with "..." when it is too wide. Returns the width drawn.
float text(const Ui& ui, const Rect& r, std::string_view text, Colour colour, Face face = Face::regular, Align align = Align::left);

void fill(const Ui& ui, const Rect& r, Colour colour, float rounding = 0);
void frame(const Ui& ui, const Rect& r, Colour colour, float thickness = 1, float rounding = 0);
void line(const Ui& ui, float x0, float y0, float x1, float y1, Colour colour, float thickness = 1);

/// A panel's surface with its title and what it shows; returns the place inside. `reserve`: kept free at the title's right end.
Rect panel(const Ui& ui, const Rect& r, std::string_view title, std::string_view what, float reserve = 0);

/// Words broken at blanks and line ends into lines of at most this width.
std::vector<std::string_view> lines_of(const Ui& ui, std::string_view words, float width, Face face = Face::small);

/// A horizontal bar of value/range from the left edge, on a track. Not a number: the track alone.
void bar(const Ui& ui, const Rect& r, double value, double range, Colour colour);
/// From the middle, to either side.
void signed_bar(const Ui& ui, const Rect& r, double value, double range, Colour colour);
/// A line over time: values at x = 0..n-1 spread over the width, y in [low, high] clamped; gaps where it is no number.
void sparkline(const Ui& ui, const Rect& r, const Vec& values, double low, double high, Colour colour, int first = 0, int count = -1);

/// Width of the row of buttons below when every name has all the room it likes.
float choice_width(const Ui& ui, const std::string_view* names, int count);
/// A row of small buttons of which one is on; returns the one clicked, else -1. Where it is tight the room around the names goes first.
int choice(Ui& ui, const Rect& r, const char* id, const std::string_view* names, int count, int on);
/// One button; `on` draws it as pressed.
bool button(Ui& ui, const Rect& r, const char* id, std::string_view text, bool on = false, bool enabled = true);
/// A horizontal slider without a label; true while it changes x. `done` is set when it is let go.
bool slider(Ui& ui, const Rect& r, const char* id, double& x, double low, double high, Colour colour, bool* done = nullptr);

/// "-0.00" never: a number with `digits` decimals; "-" when it is none.
std::string number(double x, int digits = 2, bool plus = false);

}  // namespace fw::viz
