// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/raster/raster.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/random.h"
#include "imgui.h"
#include "stb_image.h"

using namespace fw;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz_draw");

namespace {

constexpr std::uint32_t kWhite = 0xffffffffu, kBlack = 0xff000000u;

/// A draw list made by hand: no ImGui context, no font.
struct Drawing {
  ImDrawList list{nullptr};
  ImDrawList* lists[1] = {&list};
  ImDrawData data;

  Drawing(float width, float height) {
    ImDrawCmd command{};
    command.ClipRect = ImVec4(0, 0, width, height);
    list.CmdBuffer.push_back(command);
  }
  void triangle(ImVec2 a, ImVec2 b, ImVec2 c, ImU32 colour, ImVec2 ua = {}, ImVec2 ub = {}, ImVec2 uc = {}) {
    const auto add = [&](ImVec2 at, ImVec2 uv) {
      ImDrawVert v{};
      v.pos = at, v.uv = uv, v.col = colour;
      list.IdxBuffer.push_back(static_cast<ImDrawIdx>(list.VtxBuffer.Size));
      list.VtxBuffer.push_back(v);
    };
    add(a, ua), add(b, ub), add(c, uc);
    list.CmdBuffer[0].ElemCount += 3;
  }
  void use(ImTextureID texture) {
#if IMGUI_VERSION_NUM >= 19200
    list.CmdBuffer[0].TexRef = ImTextureRef(texture);
#else
    list.CmdBuffer[0].TextureId = texture;
#endif
  }
  void rectangle(float x0, float y0, float x1, float y1, ImU32 colour) {
    triangle({x0, y0}, {x1, y0}, {x1, y1}, colour, {0, 0}, {1, 0}, {1, 1});
    triangle({x0, y0}, {x1, y1}, {x0, y1}, colour, {0, 0}, {1, 1}, {0, 1});
  }
  Image image(int width, int height, const CpuTextures& textures = {}) {
    data.Valid = true;
    data.CmdListsCount = 1;
#if IMGUI_VERSION_NUM >= 18980
    data.CmdLists.clear();
    data.CmdLists.push_back(&list);
#else
    data.CmdLists = lists;
#endif
    data.DisplayPos = ImVec2(0, 0);
    Image out(width, height, kWhite);
    rasterise(data, textures, out);
    return out;
  }
};

std::uint64_t fingerprint(const Image& image) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::uint32_t p : image.pixels)
    for (int shift = 0; shift < 32; shift += 8) hash = (hash ^ ((p >> shift) & 0xff)) * 0x100000001b3u;
  return hash;
}

}  // namespace

TEST_CASE("raster: a rectangle covers its pixels and no others") {
  Drawing d(8, 8);
  d.rectangle(2, 1, 5, 7, kBlack);
  const Image image = d.image(8, 8);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) CHECK(image.at(x, y) == (x >= 2 && x < 5 && y >= 1 && y < 7 ? kBlack : kWhite));
}

TEST_CASE("raster: shared edges are drawn once, whichever way triangles turn") {
  for (bool turned : {false, true}) {
    Drawing d(64, 64);
    const ImVec2 middle(31.3f, 29.7f), corner[] = {{0, 0}, {64, 0}, {64, 64}, {0, 64}};
    for (int i = 0; i < 4; ++i)
      turned ? d.triangle(middle, corner[(i + 1) % 4], corner[i], 0x80000000u)
             : d.triangle(middle, corner[i], corner[(i + 1) % 4], 0x80000000u);
    const Image image = d.image(64, 64);
    for (std::uint32_t p : image.pixels) CHECK(p == image.pixels[0]);
    CHECK(image.pixels[0] == 0xff7f7f7fu);
  }
}

TEST_CASE("raster: clipped to its rectangle and to the picture") {
  Drawing d(8, 8);
  d.rectangle(-100, -100, 100, 100, kBlack);
  d.list.CmdBuffer[0].ClipRect = ImVec4(3, 2, 6, 50);
  const Image image = d.image(8, 8);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) CHECK(image.at(x, y) == (x >= 3 && x < 6 && y >= 2 ? kBlack : kWhite));
}

TEST_CASE("raster: pictures show their nearest texel, one for one") {
  CpuTextures textures;
  std::vector<std::uint32_t> pixels(35);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = 0xff000000u | static_cast<std::uint32_t>(i * 7);
  Drawing d(64, 64);
  d.use(textures.upload(3, 7, 5, pixels));
  d.rectangle(0, 0, 63, 45, kWhite);
  const Image image = d.image(64, 64, textures);
  for (int y = 0; y < 45; ++y)
    for (int x = 0; x < 63; ++x) CHECK(image.at(x, y) == pixels[static_cast<std::size_t>(y / 9 * 7 + x / 9)]);
  CHECK(image.at(63, 0) == kWhite);
}

TEST_CASE("raster: an unknown texture, an empty triangle and positions that are no numbers do no harm") {
  Drawing d(8, 8);
  d.use((ImTextureID)(std::uintptr_t)99);
  d.triangle({1, 1}, {1, 1}, {5, 5}, kBlack);
  d.triangle({1e30f, -1e30f}, {-1e30f, 1e30f}, {3, 3}, 0x00ffffffu);
  const float inf = std::numeric_limits<float>::infinity();
  d.triangle({inf, 0}, {0, inf}, {-inf, -inf}, 0x00ffffffu);
  CHECK(d.image(8, 8) == Image(8, 8, kWhite));
}

TEST_CASE("raster: the same pixels on every compiler") {
  Drawing d(200, 150);
  const Random random(5, "triangles");
  CpuTextures textures;
  std::vector<std::uint32_t> pixels(64);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint32_t>(random.bits(1000 + i));
  d.use(textures.upload(1, 8, 8, pixels));
  for (std::uint64_t n = 0; n < 60; ++n) {
    const auto f = [&](std::uint64_t i) { return static_cast<float>(random.uniform(100000 + n * 20 + i)); };
    d.triangle({220 * f(0) - 10, 170 * f(1) - 10}, {220 * f(2) - 10, 170 * f(3) - 10}, {220 * f(4) - 10, 170 * f(5) - 10},
               static_cast<ImU32>(random.bits(n)), {f(6), f(7)}, {f(8), f(9)}, {f(10), f(11)});
    for (int k = 1; k <= 3; ++k)
      d.list.VtxBuffer[d.list.VtxBuffer.Size - k].col = static_cast<ImU32>(random.bits(500 + 3 * n + static_cast<std::uint64_t>(k)));
  }
  CHECK(fingerprint(d.image(200, 150, textures)) == 8596823753995411705u);
}

TEST_CASE("raster: an upright rectangle has the pixels of its two triangles, with letters and pictures in it") {
  ImGuiContext* const context = ImGui::CreateContext();
  ImGui::GetIO().IniFilename = nullptr;
  CpuTextures textures;
  textures.upload_fonts();
  const Random random(11, "rectangles");
  std::vector<std::uint32_t> pixels(72);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint32_t>(random.bits(i)) | (i % 3 == 0 ? 0xff000000u : 0u);
  const ImTextureID used[] = {textures.upload(1, 9, 8, pixels), (ImTextureID)CpuTextures::kFontAtlas, (ImTextureID)(std::uintptr_t)99};
  for (const ImTextureID texture : used)
    for (const bool whole : {false, true}) {
      Drawing one(300, 200), two(300, 200);
      one.use(texture), two.use(texture);
      for (std::uint64_t n = 0; n < 200; ++n) {
        const auto f = [&](std::uint64_t i) { return static_cast<float>(random.uniform(5000 + n * 20 + i)); };
        const auto place = [&](float x) { return whole ? std::floor(x) : x; };
        const float x0 = place(300 * f(0) - 10), y0 = place(200 * f(1) - 10), x1 = x0 + place(40 * f(2)), y1 = y0 + place(40 * f(3));
        // The texture runs as it does in a picture, in a horizontal and a vertical line, or not at all.
        const std::uint64_t kind = n % 5;
        const float u0 = f(4), v0 = f(5), u1 = kind == 1 || kind == 3 ? u0 : u0 + 0.3f * (f(6) - 0.5f),
                    v1 = kind >= 2 && kind < 4 ? v0 : v0 + 0.3f * (f(7) - 0.5f);
        const ImVec2 at[4] = {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}};
        const ImVec2 uv[4] = {{u0, v0}, {kind == 4 ? u0 : u1, v0}, {u1, v1}, {kind == 4 ? u1 : u0, v1}};
        auto colour = static_cast<ImU32>(random.bits(900 + n));
        if (n % 4 == 0) colour |= 0xff000000u;
        // All ways in which two triangles share a diagonal and turn.
        const int r = static_cast<int>(random.bits(2000 + n) % 4), turn = n % 2 == 0 ? 1 : 3;
        const int a = r, b = (r + turn) % 4, c = (r + 2) % 4, d = (r + 4 - turn) % 4;
        for (Drawing* to : {&one, &two}) {
          to->triangle(at[a], at[b], at[c], colour, uv[a], uv[b], uv[c]);
          if (to == &two) to->triangle({-5, -5}, {-5, -5}, {-5, -5}, 0);  // no longer neighbours
          to->triangle(at[d], at[c], at[a], colour, uv[d], uv[c], uv[a]);
        }
      }
      const Image a = one.image(300, 200, textures), b = two.image(300, 200, textures);
      CHECK(a == b);
      CHECK_FALSE(a == Image(300, 200, kWhite));
    }
  ImGui::DestroyContext(context);
}

TEST_CASE("raster: a picture does not depend on the one before it, nor a row on the height") {
  Drawing d(64, 2000);
  const Random random(2, "rows");
  for (std::uint64_t n = 0; n < 100; ++n) {
    const auto f = [&](std::uint64_t i) { return static_cast<float>(random.uniform(n * 10 + i)); };
    d.triangle({64 * f(0), 2000 * f(1)}, {64 * f(2), 2000 * f(3)}, {64 * f(4), 2000 * f(5)}, static_cast<ImU32>(random.bits(7000 + n)));
  }
  const Image tall = d.image(64, 2000);
  for (int height : {1, 31, 64, 777}) {
    const Image cut = d.image(64, height);
    CHECK(std::equal(cut.pixels.begin(), cut.pixels.end(), tall.pixels.begin()));
  }
  CHECK(d.image(64, 2000) == tall);
}

TEST_CASE("png: comes back pixel for pixel") {
  Image image(13, 7, kBlack);
  const Random random(1, "pixels");
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = 0xff000000u | static_cast<std::uint32_t>(random.bits(i) & 0xffffff);
  const std::string bytes = png_bytes(image);
  int width = 0, height = 0, channels = 0;
  stbi_uc* back =
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()), &width, &height, &channels, 4);
  REQUIRE(back != nullptr);
  CHECK((width == 13 && height == 7 && channels == 3));
  CHECK(std::equal(image.pixels.begin(), image.pixels.end(), reinterpret_cast<const std::uint32_t*>(back)));
  stbi_image_free(back);
  CHECK_THROWS_AS(png_bytes(Image()), Error);
}

TEST_SUITE_END();
