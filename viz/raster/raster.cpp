// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/raster/raster.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/parallel.h"

namespace fw::viz {
namespace {

constexpr int kSub = 256;                        // steps of a pixel
constexpr int kNarrow = 24;                      // pixels of a row that are tried one by one
constexpr float kFarthest = 32000.0f;            // pixels; keeps every product below 2^63
constexpr std::uintptr_t kFontAtlas = 1u << 20;  // an id no slot has

using Int = std::int64_t;

/// To 1/256 of a pixel; the multiplication is exact, so only this rounding depends on the float.
Int fixed(float x) { return static_cast<Int>(std::floor(std::clamp(x, -kFarthest, kFarthest) * kSub + 0.5f)); }

struct Vertex {
  Int x, y, u, v;  // in 1/256 of a pixel and of a texel: then no product below passes 2^63 up to 6400 pixels
  Int c[4];
  bool same_colour(const Vertex& o) const { return std::memcmp(c, o.c, sizeof c) == 0; }
};

struct Window {
  int x0, y0, x1, y1;
};

Vertex vertex_of(const ImDrawVert& in, const ImVec2& origin, const CpuTextures::Picture* texture) {
  Vertex out{};
  out.x = fixed(in.pos.x - origin.x);
  out.y = fixed(in.pos.y - origin.y);
  if (texture != nullptr) {
    out.u = static_cast<Int>(std::floor(static_cast<double>(in.uv.x) * texture->image.width * kSub + 0.5));
    out.v = static_cast<Int>(std::floor(static_cast<double>(in.uv.y) * texture->image.height * kSub + 0.5));
  }
  for (int k = 0; k < 4; ++k) out.c[k] = (in.col >> (8 * k)) & 0xff;
  return out;
}

/// Red, green, blue and alpha, each in [0,255].
struct Texel {
  int c[4];
};

Texel texel(const Image& image, int x, int y) {
  const std::uint32_t p = image.at(std::clamp(x, 0, image.width - 1), std::clamp(y, 0, image.height - 1));
  return {{static_cast<int>(p & 0xff), static_cast<int>((p >> 8) & 0xff), static_cast<int>((p >> 16) & 0xff), static_cast<int>(p >> 24)}};
}

/// u, v in 1/256 of a texel.
Texel sample(const CpuTextures::Picture& texture, int u, int v) {
  if (!texture.smooth) return texel(texture.image, u >> 8, v >> 8);
  const int x = u - kSub / 2, y = v - kSub / 2, fx = x & 255, fy = y & 255;
  if (fx == 0 && fy == 0) return texel(texture.image, x >> 8, y >> 8);
  const Texel a = texel(texture.image, x >> 8, y >> 8), b = texel(texture.image, (x >> 8) + 1, y >> 8);
  const Texel c = texel(texture.image, x >> 8, (y >> 8) + 1), d = texel(texture.image, (x >> 8) + 1, (y >> 8) + 1);
  Texel out{{255, 255, 255, 0}};
  for (int k = texture.white ? 3 : 0; k < 4; ++k)
    out.c[k] = ((a.c[k] * (256 - fx) + b.c[k] * fx) * (256 - fy) + (c.c[k] * (256 - fx) + d.c[k] * fx) * fy + 32768) >> 16;
  return out;
}

/// The pixel that `colour` times `tint` makes over another.
struct Paint {
  int alpha = 0;
  int source[3] = {};

  Paint(const int colour[4], const Texel& tint) : alpha((colour[3] * tint.c[3] + 127) / 255) {
    if (alpha == 0) return;
    for (int k = 0; k < 3; ++k) source[k] = ((colour[k] * tint.c[k] + 127) / 255) * alpha + 127;
  }
  void over(std::uint32_t& pixel) const {
    std::uint32_t out = 0xff000000u;
    for (int k = 0; k < 3; ++k) {
      const auto below = static_cast<int>((pixel >> (8 * k)) & 0xff);
      out |= static_cast<std::uint32_t>((source[k] + below * (255 - alpha)) / 255) << (8 * k);
    }
    pixel = out;
  }
};

Int floor_of(Int a, Int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

/// The nearest whole number to a/b for b > 0 as a grows by the same amount from pixel to pixel: exact, with one division for a row.
struct Quotient {
  Int b, step, step_rest, value = 0, rest = 0;

  Quotient(Int growth, Int divisor) : b(divisor), step(growth == 0 ? 0 : floor_of(growth, divisor)), step_rest(growth - step * divisor) {}
  void start(Int a) {
    const Int n = a + b / 2;
    value = n >= 0 && n < b ? 0 : floor_of(n, b), rest = n - value * b;
  }
  void next() {
    value += step, rest += step_rest;
    if (rest >= b) ++value, rest -= b;
  }
};

/// Left or top edges own the pixels that lie exactly on them (y grows downwards, triangle turned clockwise on the screen).
bool owns(const Vertex& from, const Vertex& to) { return to.y < from.y || (to.y == from.y && to.x > from.x); }

void triangle(Image& image, const Window& window, Vertex a, Vertex b, Vertex c, const CpuTextures::Picture* texture) {
  Int area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  if (area == 0) return;
  if (area < 0) std::swap(b, c), area = -area;
  const int x0 = std::max<int>(window.x0, static_cast<int>(std::min({a.x, b.x, c.x}) >> 8)),
            x1 = std::min<int>(window.x1, static_cast<int>(std::max({a.x, b.x, c.x}) >> 8) + 1);
  const int y0 = std::max<int>(window.y0, static_cast<int>(std::min({a.y, b.y, c.y}) >> 8)),
            y1 = std::min<int>(window.y1, static_cast<int>(std::max({a.y, b.y, c.y}) >> 8) + 1);
  const bool flat = a.same_colour(b) && a.same_colour(c), one_texel = a.u == b.u && a.u == c.u && a.v == b.v && a.v == c.v;
  Texel tint{{255, 255, 255, 255}};
  if (texture != nullptr && one_texel) tint = sample(*texture, a.u, a.v);
  // An edge's function at a pixel's centre is twice the area to its opposite corner; its owner counts zero as inside.
  struct Edge {
    Int value, dx, dy;
  };
  const auto edge = [&](const Vertex& p, const Vertex& q) {
    const Int dx = q.x - p.x, dy = q.y - p.y, at_x = static_cast<Int>(x0) * kSub + kSub / 2, at_y = static_cast<Int>(y0) * kSub + kSub / 2;
    return Edge{dx * (at_y - p.y) - dy * (at_x - p.x), -dy * kSub, dx * kSub};
  };
  const Edge to_a = edge(b, c), to_b = edge(c, a), to_c = edge(a, b);
  const Int bias_a = owns(b, c) ? 0 : 1, bias_b = owns(c, a) ? 0 : 1, bias_c = owns(a, b) ? 0 : 1;
  int colour[4];
  for (int k = 0; k < 4; ++k) colour[k] = static_cast<int>(a.c[k]);
  const bool textured = texture != nullptr && !one_texel, plain = flat && !textured;
  const Paint paint(colour, tint);
  if (plain && paint.alpha == 0) return;
  // A number given at the corners, as its sum with the edges' functions for weights.
  struct Blend {
    Int a, b, c;
    Quotient quotient;
    bool varies() const { return a != b || a != c; }
  };
  const auto blend = [&](Int at_a, Int at_b, Int at_c) {
    return Blend{at_a, at_b, at_c, Quotient(to_a.dx * at_a + to_b.dx * at_b + to_c.dx * at_c, area)};
  };
  // Places in the texture are relative to one corner, so that the products stay small.
  Blend u = blend(0, b.u - a.u, c.u - a.u), v = blend(0, b.v - a.v, c.v - a.v);
  Blend channel[4] = {blend(a.c[0], b.c[0], c.c[0]), blend(a.c[1], b.c[1], c.c[1]), blend(a.c[2], b.c[2], c.c[2]),
                      blend(a.c[3], b.c[3], c.c[3])};
  for (int y = y0; y < y1; ++y) {
    const Int down = y - y0;
    const Int wa = to_a.value + down * to_a.dy, wb = to_b.value + down * to_b.dy, wc = to_c.value + down * to_c.dy;
    // The pixels of this row on which all three edges have the centre inside.
    Int from = 0, to = x1 - x0;
    if (to <= kNarrow) {
      const auto inside = [&](Int x) { return wa + x * to_a.dx >= bias_a && wb + x * to_b.dx >= bias_b && wc + x * to_c.dx >= bias_c; };
      while (from < to && !inside(from)) ++from;
      while (to > from && !inside(to - 1)) --to;
    } else {
      const auto cut = [&](Int w, Int dx, Int bias) {
        if (dx > 0)
          from = std::max(from, -floor_of(w - bias, dx));
        else if (dx < 0)
          to = std::min(to, floor_of(w - bias, -dx) + 1);
        else if (w < bias)
          to = 0;
      };
      cut(wa, to_a.dx, bias_a), cut(wb, to_b.dx, bias_b), cut(wc, to_c.dx, bias_c);
    }
    if (from >= to) continue;
    std::uint32_t* pixel = &image.at(x0 + static_cast<int>(from), y);
    std::uint32_t* const end = pixel + (to - from);
    if (plain) {
      if (paint.alpha == 255) {
        std::uint32_t solid = 0;
        paint.over(solid);
        std::fill(pixel, end, solid);
      } else {
        for (; pixel < end; ++pixel) paint.over(*pixel);
      }
      continue;
    }
    const auto start = [&](Blend& of) {  // inside: every weight is in [0, area]
      of.quotient.start((wa + from * to_a.dx) * of.a + (wb + from * to_b.dx) * of.b + (wc + from * to_c.dx) * of.c);
    };
    if (textured) start(u), start(v);
    if (flat && !texture->smooth) {
      // Neighbours often show the same texel.
      Int last_u = -1, last_v = -1;
      Paint here(colour, {});
      std::uint32_t solid = 0;
      for (bool first = true; pixel < end; ++pixel, u.quotient.next(), v.quotient.next(), first = false) {
        const Int at_u = (a.u + u.quotient.value) >> 8, at_v = (a.v + v.quotient.value) >> 8;
        if (first || at_u != last_u || at_v != last_v) {
          last_u = at_u, last_v = at_v;
          here = Paint(colour, texel(texture->image, static_cast<int>(at_u), static_cast<int>(at_v)));
          here.over(solid);
        }
        if (here.alpha == 255)
          *pixel = solid;
        else if (here.alpha != 0)
          here.over(*pixel);
      }
      continue;
    }
    if (!flat)
      for (Blend& of : channel)
        if (of.varies()) start(of);
    for (; pixel < end; ++pixel) {
      for (int k = 0; !flat && k < 4; ++k)
        if (channel[k].varies())
          colour[k] = static_cast<int>(std::clamp<Int>(channel[k].quotient.value, 0, 255)), channel[k].quotient.next();
      if (textured) {
        tint = sample(*texture, static_cast<int>(a.u + u.quotient.value), static_cast<int>(a.v + v.quotient.value));
        u.quotient.next(), v.quotient.next();
      }
      const Paint here(colour, tint);
      if (here.alpha != 0) here.over(*pixel);
    }
  }
}

}  // namespace

ImTextureID CpuTextures::upload(int slot, int width, int height, const std::vector<std::uint32_t>& pixels) {
  Image image(width, height, 0);
  image.pixels.assign(pixels.begin(), pixels.begin() + static_cast<std::ptrdiff_t>(image.pixels.size()));
  pictures_[static_cast<std::uintptr_t>(slot)] = {std::move(image), false};
  return (ImTextureID)(std::uintptr_t)slot;
}

void CpuTextures::upload_fonts() {
  unsigned char* bytes = nullptr;
  int width = 0, height = 0;
  ImGui::GetIO().Fonts->GetTexDataAsRGBA32(&bytes, &width, &height);
  Image image(width, height, 0);
  std::memcpy(image.pixels.data(), bytes, image.pixels.size() * sizeof(std::uint32_t));
  const bool white = std::all_of(image.pixels.begin(), image.pixels.end(), [](std::uint32_t p) { return (p & 0xffffff) == 0xffffff; });
  pictures_[kFontAtlas] = {std::move(image), true, white};
  ImGui::GetIO().Fonts->SetTexID((ImTextureID)kFontAtlas);
}

const CpuTextures::Picture* CpuTextures::find(ImTextureID id) const {
  const auto found = pictures_.find((std::uintptr_t)id);
  return found == pictures_.end() ? nullptr : &found->second;
}

namespace {

/// The rows [top, bottom).
void rasterise_band(const ImDrawData& data, const CpuTextures& textures, Image& image, int top, int bottom) {
  const ImVec2 origin = data.DisplayPos;
  for (int n = 0; n < data.CmdListsCount; ++n) {
    const ImDrawList& list = *data.CmdLists[n];
    for (const ImDrawCmd& command : list.CmdBuffer) {
      if (command.UserCallback != nullptr) continue;  // there is no graphics state to change
      const auto edge = [](float x, int most) { return static_cast<int>(std::clamp(std::floor(x), 0.0f, static_cast<float>(most))); };
      const Window window{
          edge(command.ClipRect.x - origin.x, image.width), std::max(top, edge(command.ClipRect.y - origin.y, image.height)),
          edge(command.ClipRect.z - origin.x, image.width), std::min(bottom, edge(command.ClipRect.w - origin.y, image.height))};
      if (window.x0 >= window.x1 || window.y0 >= window.y1) continue;
      const CpuTextures::Picture* texture = textures.find(command.GetTexID());
      for (unsigned i = 0; i + 2 < command.ElemCount; i += 3) {
        Vertex corner[3];
        for (unsigned k = 0; k < 3; ++k) {
          const auto index = static_cast<int>(command.VtxOffset + list.IdxBuffer[static_cast<int>(command.IdxOffset + i + k)]);
          corner[k] = vertex_of(list.VtxBuffer[index], origin, texture);
        }
        triangle(image, window, corner[0], corner[1], corner[2], texture);
      }
    }
  }
}

}  // namespace

void rasterise(const ImDrawData& data, const CpuTextures& textures, Image& image) {
  const int bands = image.height < 256 ? 1 : std::min(8, available_threads());
  parallel_for(bands, 0, [&](index_t n) {
    rasterise_band(data, textures, image, static_cast<int>(n * image.height / bands), static_cast<int>((n + 1) * image.height / bands));
  });
}

}  // namespace fw::viz
