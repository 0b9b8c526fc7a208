// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Any triangle, row by row: which pixels of the row lie inside, then their colours. An edge's function at a pixel's centre is
// twice the area to its opposite corner, so the three are also the weights that mix what is given at the corners.
#include <utility>

#include "viz/raster/paint.h"

namespace fw::viz {
namespace {

constexpr int kNarrow = 24;  // pixels of a row that are tried one by one

/// Left or top edges own the pixels that lie exactly on them (y grows downwards, triangle turned clockwise on the screen).
bool owns(const Vertex& from, const Vertex& to) { return to.y < from.y || (to.y == from.y && to.x > from.x); }

/// The edge from p to q: inside where value + x dx >= 0 in the pixel x of the row.
struct Edge {
  Int value, dx, dy, bias;
  Quotient cut;  ///< where the row meets it

  Edge(const Vertex& p, const Vertex& q, int x0, int y0)
      : dx((static_cast<Int>(p.y) - q.y) * kSub), dy((static_cast<Int>(q.x) - p.x) * kSub), bias(owns(p, q) ? 0 : 1) {
    const Int at_x = static_cast<Int>(x0) * kSub + kSub / 2, at_y = static_cast<Int>(y0) * kSub + kSub / 2;
    value = (static_cast<Int>(q.x) - p.x) * (at_y - p.y) - (static_cast<Int>(q.y) - p.y) * (at_x - p.x);
  }
  bool inside(Int x) const { return value + x * dx >= bias; }
  void find_cut() {
    if (dx == 0) return;
    cut = Quotient(dy, dx > 0 ? dx : -dx);
    cut.start(value - bias);
  }
  void narrow(Int& from, Int& to) const {
    if (dx > 0)
      from = std::max(from, -cut.value);
    else if (dx < 0)
      to = std::min(to, cut.value + 1);
    else if (value < bias)
      to = 0;
  }
  void next_row(bool wide) {
    value += dy;
    if (wide && dx != 0) cut.next();
  }
};

/// A number given at the corners, as its sum with the edges' functions for weights; constant in flat triangles.
struct Blend {
  Int a = 0, b = 0, c = 0;
  bool varies = false;
  Quotient quotient;

  Blend() = default;
  Blend(Int at_a, Int at_b, Int at_c, const Edge& to_a, const Edge& to_b, const Edge& to_c, Int area)
      : a(at_a), b(at_b), c(at_c), varies(at_a != at_b || at_a != at_c) {
    if (varies) quotient = Quotient(to_a.dx * a + to_b.dx * b + to_c.dx * c, area);
  }
  /// Inside, where every weight is in [0, area].
  void start(Int wa, Int wb, Int wc) {
    if (varies) quotient.start_nearest(wa * a + wb * b + wc * c);
  }
  Int next() {
    if (!varies) return a;
    const Int value = quotient.value;
    quotient.next();
    return value;
  }
};

}  // namespace

void triangle(Image& image, const Window& window, Vertex a, Vertex b, Vertex c, const CpuTextures::Picture* texture) {
  Int area = (static_cast<Int>(b.x) - a.x) * (c.y - a.y) - (static_cast<Int>(b.y) - a.y) * (c.x - a.x);
  if (area == 0) return;
  if (area < 0) std::swap(b, c), area = -area;
  const int x0 = std::max(window.x0, std::min({a.x, b.x, c.x}) >> 8), x1 = std::min(window.x1, (std::max({a.x, b.x, c.x}) >> 8) + 1);
  const int y0 = std::max(window.y0, std::min({a.y, b.y, c.y}) >> 8), y1 = std::min(window.y1, (std::max({a.y, b.y, c.y}) >> 8) + 1);
  if (x0 >= x1 || y0 >= y1) return;
  const bool flat = a.colour == b.colour && a.colour == c.colour, one_texel = a.u == b.u && a.u == c.u && a.v == b.v && a.v == c.v;
  Texel tint{{255, 255, 255, 255}};
  if (texture != nullptr && one_texel) tint = sample(*texture, a.u, a.v);
  const bool textured = texture != nullptr && !one_texel, plain = flat && !textured;
  Texel colour = texel_of(a.colour);
  const Paint paint(colour, tint);
  if (plain && paint.alpha == 0) return;

  Edge to_a(b, c, x0, y0), to_b(c, a, x0, y0), to_c(a, b, x0, y0);
  const bool wide = x1 - x0 > kNarrow;
  if (wide) to_a.find_cut(), to_b.find_cut(), to_c.find_cut();
  const auto blend = [&](Int at_a, Int at_b, Int at_c) { return Blend(at_a, at_b, at_c, to_a, to_b, to_c, area); };
  Blend u, v, channel[4];
  // Places in the texture are relative to one corner, so that the products stay small.
  if (textured) u = blend(0, b.u - a.u, c.u - a.u), v = blend(0, b.v - a.v, c.v - a.v);
  const Texel of_b = texel_of(b.colour), of_c = texel_of(c.colour);
  for (int k = 0; !flat && k < 4; ++k) channel[k] = blend(colour.c[k], of_b.c[k], of_c.c[k]);

  for (int y = y0; y < y1; ++y, to_a.next_row(wide), to_b.next_row(wide), to_c.next_row(wide)) {
    // The pixels of this row on which all three edges have the centre inside.
    Int from = 0, to = x1 - x0;
    if (wide) {
      to_a.narrow(from, to), to_b.narrow(from, to), to_c.narrow(from, to);
    } else {
      const auto inside = [&](Int x) { return to_a.inside(x) && to_b.inside(x) && to_c.inside(x); };
      while (from < to && !inside(from)) ++from;
      while (to > from && !inside(to - 1)) --to;
    }
    if (from >= to) continue;
    std::uint32_t* pixel = &image.at(x0 + static_cast<int>(from), y);
    std::uint32_t* const end = pixel + (to - from);
    if (plain) {
      paint.over(pixel, end);
      continue;
    }
    const Int wa = to_a.value + from * to_a.dx, wb = to_b.value + from * to_b.dx, wc = to_c.value + from * to_c.dx;
    for (Blend* of : {&u, &v, &channel[0], &channel[1], &channel[2], &channel[3]}) of->start(wa, wb, wc);
    for (; pixel < end; ++pixel) {
      for (int k = 0; !flat && k < 4; ++k) colour.c[k] = static_cast<int>(std::clamp<Int>(channel[k].next(), 0, 255));
      if (textured) tint = sample(*texture, a.u + u.next(), a.v + v.next());
      const Paint here(colour, tint);
      if (here.alpha != 0) *pixel = here.over(*pixel);
    }
  }
}

}  // namespace fw::viz
