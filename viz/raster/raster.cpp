// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/raster/raster.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

namespace fw::viz {
namespace {

constexpr int kSub = 256;                        // steps of a pixel
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

struct Texel {
  Int c[4];
};

std::uint32_t nearest(const Image& image, Int x, Int y) {
  return image.at(static_cast<int>(std::clamp<Int>(x, 0, image.width - 1)), static_cast<int>(std::clamp<Int>(y, 0, image.height - 1)));
}

Texel texel(const Image& image, Int x, Int y) {
  const std::uint32_t p = nearest(image, x, y);
  return {{p & 0xff, (p >> 8) & 0xff, (p >> 16) & 0xff, p >> 24}};
}

Texel sample(const CpuTextures::Picture& texture, Int u, Int v) {
  if (!texture.smooth) return texel(texture.image, u >> 8, v >> 8);
  const Int x = u - kSub / 2, y = v - kSub / 2, fx = x & 255, fy = y & 255;
  if (fx == 0 && fy == 0) return texel(texture.image, x >> 8, y >> 8);
  const Image& image = texture.image;
  if (((nearest(image, x >> 8, y >> 8) | nearest(image, (x >> 8) + 1, y >> 8) | nearest(image, x >> 8, (y >> 8) + 1) |
        nearest(image, (x >> 8) + 1, (y >> 8) + 1)) >>
       24) == 0)
    return {};  // between the letters
  const Texel a = texel(texture.image, x >> 8, y >> 8), b = texel(texture.image, (x >> 8) + 1, y >> 8);
  const Texel c = texel(texture.image, x >> 8, (y >> 8) + 1), d = texel(texture.image, (x >> 8) + 1, (y >> 8) + 1);
  Texel out{};
  for (int k = 0; k < 4; ++k)
    out.c[k] = ((a.c[k] * (256 - fx) + b.c[k] * fx) * (256 - fy) + (c.c[k] * (256 - fx) + d.c[k] * fx) * fy + 32768) >> 16;
  return out;
}

void blend(std::uint32_t& pixel, const Int colour[4], const Texel& tint) {
  const Int alpha = (colour[3] * tint.c[3] + 127) / 255;
  if (alpha == 0) return;
  if (alpha == 255 && colour[0] + colour[1] + colour[2] == 3 * 255) {
    pixel = 0xff000000u | static_cast<std::uint32_t>(tint.c[2] << 16 | tint.c[1] << 8 | tint.c[0]);
    return;
  }
  std::uint32_t out = 0xff000000u;
  for (int k = 0; k < 3; ++k) {
    const Int source = (colour[k] * tint.c[k] + 127) / 255, below = (pixel >> (8 * k)) & 0xff;
    out |= static_cast<std::uint32_t>((source * alpha + below * (255 - alpha) + 127) / 255) << (8 * k);
  }
  pixel = out;
}

Int floor_of(Int n, Int b) { return n >= 0 ? n / b : -((-n + b - 1) / b); }

/// numerator/area rounded to nearest along a row, where the numerator grows by the same amount from pixel to pixel: quotient and
/// remainder are carried on, which is exact and needs no division.
struct Slope {
  Int value, rest, step, step_rest, area;
  Slope(Int numerator, Int growth, Int over) : area(over) {
    const Int n = numerator + over / 2;
    value = floor_of(n, over), rest = n - value * over;
    step = floor_of(growth, over), step_rest = growth - step * over;
  }
  void next() {
    value += step, rest += step_rest;
    if (rest >= area) ++value, rest -= area;
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
  // Along a row every edge function is a straight line, so the pixels inside all three are one span; its ends by division are
  // exactly where a test of each pixel would find them.
  const Int dxs[3] = {to_a.dx, to_b.dx, to_c.dx}, biases[3] = {bias_a, bias_b, bias_c};
  const Int solid = (a.c[3] * tint.c[3] + 127) / 255;
  const bool plain = flat && (texture == nullptr || one_texel), opaque = plain && solid == 255;
  const bool white = flat && a.c[0] + a.c[1] + a.c[2] + a.c[3] == 4 * 255;
  const bool textured = texture != nullptr && !one_texel;
  for (int y = y0; y < y1; ++y) {
    const Int down = y - y0;
    const Int starts[3] = {to_a.value + down * to_a.dy, to_b.value + down * to_b.dy, to_c.value + down * to_c.dy};
    Int first = 0, last = x1 - x0 - 1;
    for (int k = 0; k < 3; ++k) {
      const Int missing = biases[k] - starts[k];  // the function must grow by this much
      if (dxs[k] > 0) {
        if (missing > 0) first = std::max(first, (missing + dxs[k] - 1) / dxs[k]);
      } else if (dxs[k] < 0) {
        last = missing > 0 ? -1 : std::min(last, missing / dxs[k]);
      } else if (missing > 0) {
        last = -1;
      }
    }
    if (first > last) continue;
    std::uint32_t* pixel = &image.at(x0 + static_cast<int>(first), y);
    if (opaque) {
      std::uint32_t colour = 0;
      blend(colour, a.c, tint);
      std::fill(pixel, pixel + (last - first + 1), colour);
      continue;
    }
    const Int wa = starts[0] + first * dxs[0], wb = starts[1] + first * dxs[1], wc = starts[2] + first * dxs[2];
    // A quantity of the corners at the first pixel; u and v relative to one corner, so that the products stay small.
    const auto slope = [&](Int at_a, Int at_b, Int at_c) {
      return Slope(wa * at_a + wb * at_b + wc * at_c, dxs[0] * at_a + dxs[1] * at_b + dxs[2] * at_c, area);
    };
    if (flat) {
      Slope u = slope(0, textured ? b.u - a.u : 0, textured ? c.u - a.u : 0),
            v = slope(0, textured ? b.v - a.v : 0, textured ? c.v - a.v : 0);
      if (textured && !texture->smooth && white) {  // a heatmap: its texels as they are
        for (Int x = first; x <= last; ++x, ++pixel, u.next(), v.next())
          if (const std::uint32_t p = nearest(texture->image, (a.u + u.value) >> 8, (a.v + v.value) >> 8); p >> 24 == 0xff) {
            *pixel = p;
          } else {
            tint = {{p & 0xff, (p >> 8) & 0xff, (p >> 16) & 0xff, p >> 24}};
            blend(*pixel, a.c, tint);
          }
        continue;
      }
      for (Int x = first; x <= last; ++x, ++pixel, u.next(), v.next()) {
        if (textured) tint = sample(*texture, a.u + u.value, a.v + v.value);
        blend(*pixel, a.c, tint);
      }
      continue;
    }
    Slope u = slope(0, b.u - a.u, c.u - a.u), v = slope(0, b.v - a.v, c.v - a.v);
    Slope shade[4] = {slope(a.c[0], b.c[0], c.c[0]), slope(a.c[1], b.c[1], c.c[1]), slope(a.c[2], b.c[2], c.c[2]),
                      slope(a.c[3], b.c[3], c.c[3])};
    for (Int x = first; x <= last; ++x, ++pixel, u.next(), v.next()) {
      if (textured) tint = sample(*texture, a.u + u.value, a.v + v.value);
      Int colour[4];
      for (int k = 0; k < 4; ++k) colour[k] = std::clamp<Int>(shade[k].value, 0, 255), shade[k].next();
      blend(*pixel, colour, tint);
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
  pictures_[kFontAtlas] = {std::move(image), true};
  ImGui::GetIO().Fonts->SetTexID((ImTextureID)kFontAtlas);
}

const CpuTextures::Picture* CpuTextures::find(ImTextureID id) const {
  const auto found = pictures_.find((std::uintptr_t)id);
  return found == pictures_.end() ? nullptr : &found->second;
}

void rasterise(const ImDrawData& data, const CpuTextures& textures, Image& image) {
  const ImVec2 origin = data.DisplayPos;
  for (int n = 0; n < data.CmdListsCount; ++n) {
    const ImDrawList& list = *data.CmdLists[n];
    for (const ImDrawCmd& command : list.CmdBuffer) {
      if (command.UserCallback != nullptr) continue;  // there is no graphics state to change
      const auto edge = [](float x, int most) { return static_cast<int>(std::clamp(std::floor(x), 0.0f, static_cast<float>(most))); };
      const Window window{edge(command.ClipRect.x - origin.x, image.width), edge(command.ClipRect.y - origin.y, image.height),
                          edge(command.ClipRect.z - origin.x, image.width), edge(command.ClipRect.w - origin.y, image.height)};
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

}  // namespace fw::viz
