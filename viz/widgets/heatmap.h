// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A matrix as a picture: one texel a cell, drawn as one textured rectangle (never a rectangle per cell). A matrix with more
// cells than there are pixels is pooled: each texel shows the number of largest size among its cells, never their mean,
// which would let signed numbers vanish.
#pragma once

#include "viz/widgets/canvas.h"

namespace fw::viz {

/// One per picture on the screen.
enum class Slot : int {
  state_a = 1,
  state_b,
  decay,
  erase,
  write,
  change,
  gate_b,
  gate_w,
  gate_a,
  attention,
  retention,
  keys,
  legend_signed,
  legend_root,
  legend_range
};

struct Scale {
  bool is_signed = true;  ///< diverging around 0, [-range, range]; else sequential in [low, high]
  double range = 1.0, low = 0.0, high = 1.0;
  bool root = false;  ///< colours by signed square root
};
Colour colour_of(double x, const Scale& scale, Theme theme);

struct Cell {
  int row = -1, col = -1;
  explicit operator bool() const { return row >= 0; }
};

/// One axis of a picture: which of its cells are shown, and the range of the view that the wheel makes narrower or wider.
struct Axis {
  Range shown;
  Range* zoom = nullptr;
  int offset = 0, total = 0;  ///< cell 0 of the picture is number `offset` of the `total` that the range is about
};
/// An axis of n cells that are all the range is about.
Axis axis_of(Range& zoom, int n);
/// An axis of the n cells from `offset` on out of `total`.
Axis axis_of(Range& zoom, int n, int offset, int total);
struct Axes {
  Axis rows, cols;
};

/// Draw; the cell under the pointer. `stamp` must change whenever anything about the picture does. With axes a part of it is
/// drawn, and the wheel over it zooms, the right button pulls it along, twice the right button shows all again.
Cell heatmap(Ui& ui, const Rect& r, Slot slot, const Grid& grid, const Scale& scale, std::uint64_t stamp, const Axes* axes = nullptr);
/// Outline of a row (-1: none) and a column.
void crosshair(const Ui& ui, const Rect& r, const Grid& grid, int row, int col, const Axes* axes = nullptr);
/// The same for a chart over one axis from left to right.
void zoom_by_pointer(Ui& ui, const Rect& r, Axis* rows, Axis* cols);
/// The colours of a scale with its ends (and 0), in `r`.
/// `at_low`, `at_high`: what stands at the ends instead of their numbers.
void legend(Ui& ui, const Rect& r, const Scale& scale, int digits = 2, const std::string& at_low = {}, const std::string& at_high = {});

/// A number from the things a picture depends on.
std::uint64_t stamp_of(std::initializer_list<double> things);

/// At most rows x cols cells, each the number of largest size of those it stands for.
Grid pooled(const Grid& grid, int rows, int cols);

}  // namespace fw::viz
