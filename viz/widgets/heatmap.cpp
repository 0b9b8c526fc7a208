// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/widgets/heatmap.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "viz/raster/image.h"

namespace fw::viz {
namespace {

constexpr int kLegendSteps = 128;

Grid part_of(const Grid& grid, const Range& rows, const Range& cols) {
  if (rows.count == grid.rows && cols.count == grid.cols) return grid;
  Grid out(rows.count, cols.count);
  for (int i = 0; i < rows.count; ++i)
    for (int j = 0; j < cols.count; ++j) out(i, j) = grid(rows.first + i, cols.first + j);
  return out;
}

/// Pull an axis along by the way of the pointer since it was last asked; what is left of it stays for the next time.
bool pull(const Axis& axis, float way, float length) {
  const int cells = static_cast<int>(-way / length * static_cast<float>(axis.shown.count));
  if (cells != 0) *axis.zoom = moved({axis.shown.first + axis.offset, axis.shown.count}, axis.total, cells);
  return cells != 0;
}

}  // namespace

Colour colour_of(double x, const Scale& scale, Theme theme) {
  if (!std::isfinite(x)) return nothing(theme);
  if (!scale.is_signed) return sequential(scale.high > scale.low ? (x - scale.low) / (scale.high - scale.low) : 1.0);
  const double y = scale.range > 0 ? x / scale.range : 0.0;
  return diverging(scale.root ? signed_root(y) : y, theme);
}

std::uint64_t stamp_of(std::initializer_list<double> things) {
  std::uint64_t stamp = 0xcbf29ce484222325u;
  for (double x : things) stamp = (stamp ^ std::bit_cast<std::uint64_t>(x)) * 0x9e3779b97f4a7c15u, stamp ^= stamp >> 29;
  return stamp;
}

Grid pooled(const Grid& grid, int rows, int cols) {
  rows = std::clamp(rows, 1, std::max(1, grid.rows));
  cols = std::clamp(cols, 1, std::max(1, grid.cols));
  if (rows == grid.rows && cols == grid.cols) return grid;
  Grid out(rows, cols, std::nan(""));
  for (int i = 0; i < grid.rows; ++i)
    for (int j = 0; j < grid.cols; ++j) {
      double& most = out(static_cast<int>(static_cast<long long>(i) * rows / grid.rows),
                         static_cast<int>(static_cast<long long>(j) * cols / grid.cols));
      const double x = grid(i, j);
      if (std::isnan(most) || std::fabs(x) > std::fabs(most)) most = x;
    }
  return out;
}

Axis axis_of(Range& zoom, int n) { return {shown_part(zoom, n), &zoom, 0, n}; }

Axis axis_of(Range& zoom, int n, int offset, int total) {
  const int first = std::max(zoom.first, offset), last = std::min(zoom.first + zoom.count, offset + n);
  return {first < last ? Range{first - offset, last - first} : Range{0, n}, &zoom, offset, total};
}

void zoom_by_pointer(Ui& ui, const Rect& r, Axis* rows, Axis* cols) {
  const ImGuiIO& io = ImGui::GetIO();
  if (!ui.hovered(r)) return;
  const auto each = [&](Axis* axis, float at, auto&& f) {
    if (axis != nullptr && axis->zoom != nullptr && axis->shown.count > 0) f(*axis, static_cast<double>(at));
  };
  const float x = (io.MousePos.x - r.x) / r.w, y = (io.MousePos.y - r.y) / r.h;
  if (ImGui::IsMouseDoubleClicked(1)) {
    each(rows, y, [](Axis& axis, double) { *axis.zoom = {}; });
    each(cols, x, [](Axis& axis, double) { *axis.zoom = {}; });
  } else if (io.MouseWheel != 0) {
    const auto zoom = [&](Axis& axis, double at) {
      *axis.zoom = zoomed({axis.shown.first + axis.offset, axis.shown.count}, axis.total, at, static_cast<double>(io.MouseWheel));
    };
    each(rows, y, zoom);
    each(cols, x, zoom);
  } else if (ImGui::IsMouseDragging(1, 0.0f)) {
    const ImVec2 way = ImGui::GetMouseDragDelta(1, 0.0f);
    bool done = false;
    each(rows, y, [&](Axis& axis, double) { done = pull(axis, way.y, r.h) || done; });
    each(cols, x, [&](Axis& axis, double) { done = pull(axis, way.x, r.w) || done; });
    if (done) ImGui::ResetMouseDragDelta(1);
  }
}

Cell heatmap(Ui& ui, const Rect& r, Slot slot, const Grid& whole, const Scale& scale, std::uint64_t stamp, const Axes* axes) {
  fill(ui, r, nothing(ui.theme()));
  const Range rows = axes != nullptr ? axes->rows.shown : Range{0, whole.rows},
              cols = axes != nullptr ? axes->cols.shown : Range{0, whole.cols};
  const bool all = rows.count == whole.rows && cols.count == whole.cols;
  const Grid cut = all ? Grid() : part_of(whole, rows, cols);
  const Grid& grid = all ? whole : cut;
  if (grid.rows == 0 || grid.cols == 0 || r.w < 2 || r.h < 2) return {};
  if (ui.svg != nullptr) {
    const Grid shown = pooled(grid, static_cast<int>(r.h), static_cast<int>(r.w));
    // Each cell as a square of pixels, twice as fine as the screen: viewers that smooth pictures then cannot blur the cells.
    const int across = std::max(1, static_cast<int>(2 * r.w) / shown.cols), down = std::max(1, static_cast<int>(2 * r.h) / shown.rows);
    Image cells(shown.cols * across, shown.rows * down, 0);
    for (int y = 0; y < cells.height; ++y)
      for (int x = 0; x < cells.width; ++x) cells.at(x, y) = colour_of(shown(y / down, x / across), scale, ui.theme());
    ui.svg->image(r.x, r.y, r.w, r.h, png_bytes(cells));
  }
  Picture& mine = ui.state.pictures[static_cast<int>(slot)];
  stamp ^=
      stamp_of({scale.is_signed ? 1.0 : 0.0, scale.range, scale.low, scale.high, scale.root ? 1.0 : 0.0, static_cast<double>(ui.theme()),
                static_cast<double>(grid.rows), static_cast<double>(grid.cols), std::floor(r.w), std::floor(r.h)});
  if (!all) stamp ^= stamp_of({static_cast<double>(rows.first), static_cast<double>(cols.first), 1.0});
  if (!mine.uploaded || mine.stamp != stamp) {
    const Grid shown = pooled(grid, static_cast<int>(r.h), static_cast<int>(r.w));
    std::vector<std::uint32_t> pixels;
    pixels.reserve(shown.a.size());
    for (double x : shown.a) pixels.push_back(colour_of(x, scale, ui.theme()));
    mine = {true, stamp, ui.textures.upload(static_cast<int>(slot), shown.cols, shown.rows, pixels)};
  }
  ui.draw->AddImage(mine.id, ImVec2(r.x, r.y), ImVec2(r.right(), r.bottom()));
  frame(ui, {r.x - 1, r.y - 1, r.w + 2, r.h + 2}, ui.colours().border);
  if (!ui.hovered(r)) return {};
  if (axes != nullptr) {
    Axis down = axes->rows, across = axes->cols;
    zoom_by_pointer(ui, r, &down, &across);
  }
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  return {rows.first + std::clamp(static_cast<int>((mouse.y - r.y) / r.h * static_cast<float>(grid.rows)), 0, grid.rows - 1),
          cols.first + std::clamp(static_cast<int>((mouse.x - r.x) / r.w * static_cast<float>(grid.cols)), 0, grid.cols - 1)};
}

void crosshair(const Ui& ui, const Rect& r, const Grid& grid, int row, int col, const Axes* axes) {
  const Colour c = ui.colours().cursor;
  const Range rows = axes != nullptr ? axes->rows.shown : Range{0, grid.rows},
              cols = axes != nullptr ? axes->cols.shown : Range{0, grid.cols};
  row -= rows.first, col -= cols.first;
  if (row >= 0 && row < rows.count) {
    const float h = r.h / static_cast<float>(rows.count);
    frame(ui, {r.x - 1, r.y + h * static_cast<float>(row) - 1, r.w + 2, std::max(h, 2.0f) + 2}, c, 1.2f);
  }
  if (col >= 0 && col < cols.count) {
    const float w = r.w / static_cast<float>(cols.count);
    frame(ui, {r.x + w * static_cast<float>(col) - 1, r.y - 1, std::max(w, 2.0f) + 2, r.h + 2}, c, 1.2f);
  }
}

void legend(Ui& ui, const Rect& r, const Scale& scale, int digits, const std::string& at_low, const std::string& at_high) {
  Rect rest = r;
  const std::string low = !at_low.empty() ? at_low : number(scale.is_signed ? -scale.range : scale.low, digits),
                    high = !at_high.empty() ? at_high : number(scale.is_signed ? scale.range : scale.high, digits, scale.is_signed);
  const float gap = 0.35f * ui.em;
  text(ui, rest.cut_left(text_width(ui, low, Face::small) + 1, gap), low, ui.colours().muted, Face::small);
  text(ui, rest.cut_right(text_width(ui, high, Face::small) + 1, gap), high, ui.colours().muted, Face::small);
  const Rect strip = rest.inset(0, std::max(0.0f, 0.5f * (rest.h - 0.55f * ui.em)));
  if (strip.w < 4) return;
  Grid cells(1, kLegendSteps);
  for (int i = 0; i < kLegendSteps; ++i)
    cells.a[static_cast<std::size_t>(i)] = scale.is_signed ? (2 * (i + 0.5) / kLegendSteps - 1) : (i + 0.5) / kLegendSteps;
  Scale unit = scale;
  unit.range = 1.0, unit.low = 0.0, unit.high = 1.0;
  heatmap(ui, strip,
          !scale.is_signed ? Slot::legend_range
          : scale.root     ? Slot::legend_root
                           : Slot::legend_signed,
          cells, unit, stamp_of({strip.w, scale.root ? 1.0 : 0.0}));
  if (scale.is_signed) fill(ui, {std::floor(strip.x + 0.5f * strip.w), strip.bottom(), 1, 3}, ui.colours().muted);
}

}  // namespace fw::viz
