// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What is drawn, as SVG: the widgets write here beside ImGui's triangles, so that every panel becomes a vector picture without
// code of its own. Letters stay letters, bars and lines shapes; a heatmap is a PNG of one pixel a cell, embedded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fw::viz {

class Svg {
 public:
  /// The picture shows [x, x + width) x [y, y + height) of the display; colours are 0xAABBGGRR.
  Svg(float x, float y, float width, float height, std::uint32_t background);

  void rectangle(float x, float y, float w, float h, std::uint32_t colour, float rounding);
  void outline(float x, float y, float w, float h, std::uint32_t colour, float thickness, float rounding);
  void line(float x0, float y0, float x1, float y1, std::uint32_t colour, float thickness);
  void polyline(const std::vector<std::pair<float, float>>& points, std::uint32_t colour, float thickness);
  /// `top` of the letters' box; `width` is what they take on the screen, to which other fonts are fitted.
  void text(float x, float top, float width, float size, std::string_view letters, std::uint32_t colour, bool bold);
  void image(float x, float y, float w, float h, std::string_view png);

  /// The whole file.
  std::string document() const;

 private:
  std::string head_, body_;
};

/// For href="data:...;base64,".
std::string base64(std::string_view bytes);

}  // namespace fw::viz
