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

Texel texel(const Image& image, Int x, Int y) {
  const std::uint32_t p =
      image.at(static_cast<int>(std::clamp<Int>(x, 0, image.width - 1)), static_cast<int>(std::clamp<Int>(y, 0, image.height - 1)));
  return {{p & 0xff, (p >> 8) & 0xff, (p >> 16) & 0xff, p >> 24}};
}

Texel sample(const CpuTextures::Picture& texture, Int u, Int v) {
  if (!texture.smooth) return texel(texture.image, u >> 8, v >> 8);
  const Int x = u - kSub / 2, y = v - kSub / 2, fx = x & 255, fy = y & 255;
  if (fx == 0 && fy == 0) return texel(texture.image, x >> 8, y >> 8);
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
  std::uint32_t out = 0xff000000u;
  for (int k = 0; k < 3; ++k) {
    const Int source = (colour[k] * tint.c[k] + 127) / 255, below = (pixel >> (8 * k)) & 0xff;
    out |= static_cast<std::uint32_t>((source * alpha + below * (255 - alpha) + 127) / 255) << (8 * k);
  }
  pixel = out;
}

/// Floor of a/b for b > 0, rounded to nearest.
Int divided(Int a, Int b) {
  const Int n = a + b / 2;
  return n >= 0 ? n / b : -((-n + b - 1) / b);
}

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
  for (int y = y0; y < y1; ++y) {
    const Int down = y - y0;
    Int wa = to_a.value + down * to_a.dy, wb = to_b.value + down * to_b.dy, wc = to_c.value + down * to_c.dy;
    for (int x = x0; x < x1; ++x, wa += to_a.dx, wb += to_b.dx, wc += to_c.dx) {
      if (wa < bias_a || wb < bias_b || wc < bias_c) continue;
      Int colour[4];
      for (int k = 0; k < 4; ++k)
        colour[k] = flat ? a.c[k] : std::clamp<Int>(divided(wa * a.c[k] + wb * b.c[k] + wc * c.c[k], area), 0, 255);
      if (texture != nullptr && !one_texel) {
        // Relative to one corner, so that the products stay small.
        const Int u = a.u + divided(wb * (b.u - a.u) + wc * (c.u - a.u), area),
                  v = a.v + divided(wb * (b.v - a.v) + wc * (c.v - a.v), area);
        tint = sample(*texture, u, v);
      }
      blend(image.at(x, y), colour, tint);
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
