// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What the rasteriser's shapes share: corners in 1/256 of a pixel, exact quotients that step from pixel to pixel, texels, and a
// colour laid over what is there:  pixel <- (source alpha + 127 + pixel (255 - alpha)) / 255, whole numbers throughout.
#pragma once

#include <algorithm>
#include <cstdint>

#include "viz/raster/raster.h"

namespace fw::viz {

using Int = std::int64_t;
constexpr int kSub = 256;  // steps of a pixel

/// In 1/256 of a pixel and of a texel: then no product below passes 2^63 up to 6400 pixels.
struct Vertex {
  int x, y;
  Int u, v;
  std::uint32_t colour;
};

/// Pixels [x0,x1) x [y0,y1).
struct Window {
  int x0, y0, x1, y1;
};

inline Int floor_of(Int a, Int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

/// floor(a / b) for b > 0 as a grows by the same amount from step to step: exact, with divisions at the start alone.
struct Quotient {
  Int b = 1, step = 0, step_rest = 0, value = 0, rest = 0;

  Quotient() = default;
  Quotient(Int growth, Int divisor) : b(divisor), step(growth == 0 ? 0 : floor_of(growth, divisor)), step_rest(growth - step * divisor) {}
  void start(Int a) { value = a >= 0 && a < b ? 0 : floor_of(a, b), rest = a - value * b; }
  /// The nearest whole number instead.
  void start_nearest(Int a) { start(a + b / 2); }
  void next() {
    value += step, rest += step_rest;
    if (rest >= b) ++value, rest -= b;
  }
};

/// Red, green, blue and alpha, each in [0,255].
struct Texel {
  int c[4];
};

inline Texel texel_of(std::uint32_t p) {
  return {{static_cast<int>(p & 0xff), static_cast<int>((p >> 8) & 0xff), static_cast<int>((p >> 16) & 0xff), static_cast<int>(p >> 24)}};
}
/// u, v in 1/256 of a texel: the nearest texel, or four of them mixed where the picture is smooth.
Texel sample(const CpuTextures::Picture& texture, Int u, Int v);

/// x / 255 in both halves of a word, each below 65535.
inline std::uint32_t halves_over_255(std::uint32_t x) { return ((x + 0x00010001u + ((x >> 8) & 0x00ff00ffu)) >> 8) & 0x00ff00ffu; }

/// The pixel that `colour` times `tint` makes over another. Red and blue share one word, green has another.
struct Paint {
  std::uint32_t alpha = 0, red_blue = 0, green = 0;

  Paint() = default;
  Paint(const Texel& colour, const Texel& tint) : alpha(static_cast<std::uint32_t>((colour.c[3] * tint.c[3] + 127) / 255)) {
    const auto source = [&](int k) { return static_cast<std::uint32_t>((colour.c[k] * tint.c[k] + 127) / 255) * alpha + 127; };
    red_blue = source(0) | (source(2) << 16), green = source(1);
  }
  std::uint32_t over(std::uint32_t pixel) const {
    const std::uint32_t rest = 255 - alpha;
    return 0xff000000u | halves_over_255(red_blue + (pixel & 0x00ff00ffu) * rest) |
           (halves_over_255(green + ((pixel >> 8) & 0xff) * rest) << 8);
  }
  void over(std::uint32_t* pixel, std::uint32_t* end) const {
    if (alpha == 255)
      std::fill(pixel, end, over(0));
    else if (alpha != 0)
      for (; pixel < end; ++pixel) *pixel = over(*pixel);
  }
};

/// The pixels whose centre lies inside. Left and top edges own the pixels exactly on them.
void triangle(Image& image, const Window& window, Vertex a, Vertex b, Vertex c, const CpuTextures::Picture* texture);

/// Which way the places in the texture run over an upright rectangle.
struct Along {
  bool u_with_x = false, u_with_y = false, v_with_y = false;
};
/// True when two triangles are an upright rectangle in one colour; then `out` gets its corners of least and of largest x and y.
bool is_rectangle(const Vertex corner[6], const CpuTextures::Picture* texture, Vertex out[2], Along& along);
/// The pixels that its triangles would draw, to the bit.
void rectangle(Image& image, const Window& window, const Vertex& low, const Vertex& high, const Along& along,
               const CpuTextures::Picture* texture);

}  // namespace fw::viz
