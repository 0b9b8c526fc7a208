// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Most of what is drawn are upright rectangles: areas, letters, pictures, horizontal and vertical lines. Of the two triangles
// that each comes as, every pixel belongs to exactly one, and both have the same place in the texture there:
//   u(x) = u_low + nearest((x - x_low) (u_high - u_low) / (x_high - x_low))
// so columns and rows are worked out once each and no edge is looked at.
#include <vector>

#include "viz/raster/paint.h"

namespace fw::viz {
namespace {

/// The pixels of [low, high) by their centres, cut to [first, last).
struct Range {
  int from, to;
  Range(Int low, Int high, int first, int last)
      : from(static_cast<int>(std::max<Int>(first, (low + kSub / 2 - 1) >> 8))),
        to(static_cast<int>(std::min<Int>(last, (high + kSub / 2 - 1) >> 8))) {}
};

/// Places in the texture of the pixels from `from` on, along one axis on which they run from `at_low` to `at_high`.
class Places {
 public:
  Places() = default;
  Places(Int low, Int high, Int at_low, Int at_high, int from) : base_(at_low), quotient_(kSub * (at_high - at_low), high - low) {
    quotient_.start_nearest((static_cast<Int>(from) * kSub + kSub / 2 - low) * (at_high - at_low));
  }
  Int next() {
    const Int place = base_ + quotient_.value;
    quotient_.next();
    return place;
  }

 private:
  Int base_ = 0;
  Quotient quotient_;
};

/// Two neighbouring texels and the share of the second in 1/256.
struct Pair {
  int first, second, share;
  Pair(Int place, int size) {
    const int at = static_cast<int>(place) - kSub / 2;
    first = std::clamp(at >> 8, 0, size - 1), second = std::clamp((at >> 8) + 1, 0, size - 1), share = at & 255;
  }
};

/// Letters: only the alpha of the texture differs.
void letters(Image& image, const Range& x, const Range& y, const Texel& colour, const CpuTextures::Picture& texture, Places u, Places v) {
  static thread_local std::vector<Pair> columns;
  columns.clear();
  const int width = texture.image.width;
  for (int n = x.from; n < x.to; ++n) columns.emplace_back(u.next(), width);
  for (int n = y.from; n < y.to; ++n) {
    const Pair row(v.next(), texture.image.height);
    const std::uint8_t* const above = texture.alpha.data() + static_cast<std::ptrdiff_t>(row.first) * width;
    const std::uint8_t* const below = texture.alpha.data() + static_cast<std::ptrdiff_t>(row.second) * width;
    std::uint32_t* pixel = &image.at(x.from, n);
    for (const Pair& c : columns) {
      const int top = above[c.first] * (256 - c.share) + above[c.second] * c.share,
                bottom = below[c.first] * (256 - c.share) + below[c.second] * c.share;
      const Paint paint(colour, {{255, 255, 255, (top * (256 - row.share) + bottom * row.share + 32768) >> 16}});
      if (paint.alpha != 0) *pixel = paint.over(*pixel);
      ++pixel;
    }
  }
}

/// Pictures by their nearest texel: rows of pixels often repeat the one above.
void texels(Image& image, const Range& x, const Range& y, const Texel& colour, const Image& texture, Places u, Places v) {
  static thread_local std::vector<int> columns;
  columns.clear();
  for (int n = x.from; n < x.to; ++n) columns.push_back(std::clamp(static_cast<int>(u.next()) >> 8, 0, texture.width - 1));
  int last = -1;
  bool solid = false;
  for (int n = y.from; n < y.to; ++n) {
    const int row = std::clamp(static_cast<int>(v.next()) >> 8, 0, texture.height - 1);
    std::uint32_t* pixel = &image.at(x.from, n);
    if (row == last && solid) {
      std::copy_n(&image.at(x.from, n - 1), x.to - x.from, pixel);
      continue;
    }
    last = row, solid = true;
    const std::uint32_t* const from = texture.pixels.data() + static_cast<std::ptrdiff_t>(row) * texture.width;
    int shown = -1;
    Paint paint;
    for (const int c : columns) {
      if (c != shown) {
        shown = c;
        paint = Paint(colour, texel_of(from[c]));
        solid = solid && paint.alpha == 255;
      }
      if (paint.alpha != 0) *pixel = paint.over(*pixel);
      ++pixel;
    }
  }
}

}  // namespace

bool is_rectangle(const Vertex corner[6], const CpuTextures::Picture* texture, Vertex out[2], Along& along) {
  int x0 = corner[0].x, x1 = x0, y0 = corner[0].y, y1 = y0;
  for (int n = 1; n < 3; ++n) {
    x0 = std::min(x0, corner[n].x), x1 = std::max(x1, corner[n].x);
    y0 = std::min(y0, corner[n].y), y1 = std::max(y1, corner[n].y);
  }
  if (x0 == x1 || y0 == y1) return false;
  const Vertex* at[4] = {};  // by 1 for the larger x plus 2 for the larger y
  int missing[2] = {};
  for (int half = 0; half < 2; ++half) {
    int seen = 0;
    for (int n = 3 * half; n < 3 * half + 3; ++n) {
      const Vertex& c = corner[n];
      if ((c.x != x0 && c.x != x1) || (c.y != y0 && c.y != y1) || c.colour != corner[0].colour) return false;
      const int place = (c.x == x1 ? 1 : 0) + (c.y == y1 ? 2 : 0);
      if (at[place] != nullptr && (at[place]->u != c.u || at[place]->v != c.v)) return false;
      at[place] = &c;
      seen |= 1 << place;
    }
    missing[half] = seen ^ 15;
  }
  // Each lacks one corner, and the two are opposite.
  if (!((missing[0] == 1 && missing[1] == 8) || (missing[0] == 8 && missing[1] == 1) || (missing[0] == 2 && missing[1] == 4) ||
        (missing[0] == 4 && missing[1] == 2)))
    return false;
  out[0] = *at[0], out[1] = *at[3];
  along = {};
  if (texture == nullptr) return true;
  bool v_with_x = false;
  const auto runs = [&](Int Vertex::*place, bool& with_x, bool& with_y) {
    with_x = at[0]->*place != at[1]->*place, with_y = at[0]->*place != at[2]->*place;
    return at[1]->*place - at[0]->*place == at[3]->*place - at[2]->*place && !(with_x && with_y);
  };
  return runs(&Vertex::u, along.u_with_x, along.u_with_y) && runs(&Vertex::v, v_with_x, along.v_with_y) && !v_with_x;
}

void rectangle(Image& image, const Window& window, const Vertex& low, const Vertex& high, const Along& along,
               const CpuTextures::Picture* texture) {
  const Range x(low.x, high.x, window.x0, window.x1), y(low.y, high.y, window.y0, window.y1);
  if (x.from >= x.to || y.from >= y.to) return;
  const Texel colour = texel_of(low.colour);
  if (!along.u_with_x) {  // one colour, or one a row
    const bool varies = along.u_with_y || along.v_with_y;
    Paint paint(colour, texture == nullptr ? Texel{{255, 255, 255, 255}} : sample(*texture, low.u, low.v));
    Places u, v;
    if (varies) u = Places(low.y, high.y, low.u, high.u, y.from), v = Places(low.y, high.y, low.v, high.v, y.from);
    for (int n = y.from; n < y.to; ++n) {
      if (varies) paint = Paint(colour, sample(*texture, u.next(), v.next()));
      std::uint32_t* const pixel = &image.at(x.from, n);
      paint.over(pixel, pixel + (x.to - x.from));
    }
    return;
  }
  const Places u(low.x, high.x, low.u, high.u, x.from), v(low.y, high.y, low.v, high.v, y.from);
  if (!texture->smooth) return texels(image, x, y, colour, texture->image, u, v);
  if (texture->white) return letters(image, x, y, colour, *texture, u, v);
  Places row = v;
  for (int n = y.from; n < y.to; ++n) {
    Places column = u;
    const Int at = row.next();
    for (int m = x.from; m < x.to; ++m) {
      const Paint paint(colour, sample(*texture, column.next(), at));
      if (paint.alpha != 0) image.at(m, n) = paint.over(image.at(m, n));
    }
  }
}

}  // namespace fw::viz
