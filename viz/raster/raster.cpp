// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/raster/raster.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/parallel.h"
#include "viz/raster/paint.h"

namespace fw::viz {
namespace {

constexpr float kFarthest = 32000.0f;  // pixels; keeps every product below 2^63
constexpr int kBand = 32;              // rows that are drawn together at least

/// To 1/256 of a pixel; the multiplication is exact, so only this rounding depends on the float.
int fixed(float x) { return static_cast<int>(std::floor(std::clamp(x, -kFarthest, kFarthest) * kSub + 0.5f)); }

Vertex vertex_of(const ImDrawVert& in, const ImVec2& origin, const CpuTextures::Picture* texture) {
  Vertex out{};
  out.x = fixed(in.pos.x - origin.x);
  out.y = fixed(in.pos.y - origin.y);
  if (texture != nullptr) {
    out.u = static_cast<Int>(std::floor(static_cast<double>(in.uv.x) * texture->image.width * kSub + 0.5));
    out.v = static_cast<Int>(std::floor(static_cast<double>(in.uv.y) * texture->image.height * kSub + 0.5));
  }
  out.colour = in.col;
  return out;
}

Texel texel(const Image& image, int x, int y) {
  return texel_of(image.at(std::clamp(x, 0, image.width - 1), std::clamp(y, 0, image.height - 1)));
}

}  // namespace

Texel sample(const CpuTextures::Picture& texture, Int at_u, Int at_v) {
  const int u = static_cast<int>(at_u), v = static_cast<int>(at_v);
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

ImTextureID CpuTextures::upload(int slot, int width, int height, const std::vector<std::uint32_t>& pixels) {
  Image image(width, height, 0);
  image.pixels.assign(pixels.begin(), pixels.begin() + static_cast<std::ptrdiff_t>(image.pixels.size()));
  Picture& picture = pictures_[static_cast<std::uintptr_t>(slot)];
  picture = {};
  picture.image = std::move(image);
  return (ImTextureID)(std::uintptr_t)slot;
}

void CpuTextures::upload_fonts() {
  unsigned char* bytes = nullptr;
  int width = 0, height = 0;
  ImGui::GetIO().Fonts->GetTexDataAsRGBA32(&bytes, &width, &height);
  Image image(width, height, 0);
  std::memcpy(image.pixels.data(), bytes, image.pixels.size() * sizeof(std::uint32_t));
  Picture& atlas = pictures_[kFontAtlas];
  atlas = {};
  atlas.smooth = true;
  atlas.white = std::all_of(image.pixels.begin(), image.pixels.end(), [](std::uint32_t p) { return (p & 0xffffff) == 0xffffff; });
  for (const std::uint32_t p : image.pixels) atlas.alpha.push_back(static_cast<std::uint8_t>(p >> 24));
  atlas.image = std::move(image);
  ImGui::GetIO().Fonts->SetTexID((ImTextureID)kFontAtlas);
}

const CpuTextures::Picture* CpuTextures::find(ImTextureID id) const {
  const auto found = pictures_.find((std::uintptr_t)id);
  return found == pictures_.end() ? nullptr : &found->second;
}

namespace {

/// A triangle, or a rectangle by its low and high corner, with the pixels it may touch.
struct Item {
  Window window;
  const CpuTextures::Picture* texture;
  bool upright;
  Along along;
  Vertex corner[3];
};

/// Kept from picture to picture: fresh pages cost more than what is written on them.
struct Items {
  std::vector<Item> all;  ///< in the order they are drawn
  std::vector<std::vector<std::uint32_t>> bands;

  void add(const Item& item, int height) {
    const auto count = static_cast<int>(bands.size());
    const auto index = static_cast<std::uint32_t>(all.size());
    all.push_back(item);
    for (int n = item.window.y0 * count / height; n < count && top_of(n, count, height) < item.window.y1; ++n)
      bands[static_cast<std::size_t>(n)].push_back(index);
  }
  static int top_of(int band, int count, int height) { return static_cast<int>(static_cast<Int>(band) * height / count); }
};

/// Everything that touches the image.
void collect(const ImDrawData& data, const CpuTextures& textures, const Image& image, Items& out) {
  const ImVec2 origin = data.DisplayPos;
  for (int n = 0; n < data.CmdListsCount; ++n) {
    const ImDrawList& list = *data.CmdLists[n];
    for (const ImDrawCmd& command : list.CmdBuffer) {
      if (command.UserCallback != nullptr) continue;  // there is no graphics state to change
      const auto edge = [](float x, int most) { return static_cast<int>(std::clamp(std::floor(x), 0.0f, static_cast<float>(most))); };
      const Window clip{edge(command.ClipRect.x - origin.x, image.width), edge(command.ClipRect.y - origin.y, image.height),
                        edge(command.ClipRect.z - origin.x, image.width), edge(command.ClipRect.w - origin.y, image.height)};
      if (clip.x0 >= clip.x1 || clip.y0 >= clip.y1) continue;
      const CpuTextures::Picture* texture = textures.find(command.GetTexID());
      Vertex corner[6];
      const auto read = [&](unsigned first, int to) {
        for (unsigned k = 0; k < 3; ++k) {
          const auto index = static_cast<int>(command.VtxOffset + list.IdxBuffer[static_cast<int>(command.IdxOffset + first + k)]);
          corner[to + static_cast<int>(k)] = vertex_of(list.VtxBuffer[index], origin, texture);
        }
      };
      bool ahead = false;  // the second half was read and found to be no part of a rectangle
      for (unsigned i = 0; i + 2 < command.ElemCount; i += 3) {
        if (ahead)
          std::copy_n(corner + 3, 3, corner);
        else
          read(i, 0);
        if ((ahead = i + 5 < command.ElemCount)) read(i + 3, 3);
        Item item;
        item.texture = texture;
        item.upright = ahead && is_rectangle(corner, texture, item.corner, item.along);
        if (!item.upright) std::copy_n(corner, 3, item.corner);
        const auto [least_x, most_x] = std::minmax({corner[0].x, corner[1].x, corner[2].x});
        const auto [least_y, most_y] = std::minmax({corner[0].y, corner[1].y, corner[2].y});
        item.window = {std::max(clip.x0, least_x >> 8), std::max(clip.y0, least_y >> 8), std::min(clip.x1, (most_x >> 8) + 1),
                       std::min(clip.y1, (most_y >> 8) + 1)};
        if (item.window.x0 < item.window.x1 && item.window.y0 < item.window.y1) out.add(item, image.height);
        if (item.upright) i += 3, ahead = false;
      }
    }
  }
}

}  // namespace

void rasterise(const ImDrawData& data, const CpuTextures& textures, Image& image) {
  // Bands of rows are drawn by whoever is free; none sees what another does.
  const int bands = std::max(1, std::min(4 * available_threads(), image.height / kBand));
  static thread_local Items kept;
  Items& items = kept;  // of this thread, for the others
  items.all.clear();
  items.bands.resize(static_cast<std::size_t>(bands));
  for (auto& band : items.bands) band.clear();
  collect(data, textures, image, items);
  parallel_for(bands, 0, [&](index_t n) {
    const int top = Items::top_of(static_cast<int>(n), bands, image.height),
              bottom = Items::top_of(static_cast<int>(n) + 1, bands, image.height);
    for (const std::uint32_t index : items.bands[static_cast<std::size_t>(n)]) {
      const Item& item = items.all[index];
      const Window window{item.window.x0, std::max(item.window.y0, top), item.window.x1, std::min(item.window.y1, bottom)};
      if (window.y0 >= window.y1) continue;
      if (item.upright)
        rectangle(image, window, item.corner[0], item.corner[1], item.along, item.texture);
      else
        triangle(image, window, item.corner[0], item.corner[1], item.corner[2], item.texture);
    }
  });
}

}  // namespace fw::viz
