// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Draws what Dear ImGui asks for without a graphics card: triangles with colours and textures into an image. Vertices are
// rounded to 1/256 of a pixel once; from there on everything is integer arithmetic (edge functions, barycentric colours and
// texture coordinates, blending), so the pixels do not depend on compiler, flags or instruction set. Rules: pixel centres,
// top-left edges, so that shared edges are drawn once; the font atlas is sampled bilinearly, pictures by their nearest texel.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "viz/raster/image.h"
#include "viz/widgets/textures.h"

namespace fw::viz {

class CpuTextures : public Textures {
 public:
  static constexpr std::uintptr_t kFontAtlas = 1u << 20;  ///< an id no slot has
  ImTextureID upload(int slot, int width, int height, const std::vector<std::uint32_t>& pixels) override;
  /// The font atlas of the current ImGui context; call once after its fonts are chosen.
  void upload_fonts();

  struct Picture {
    Image image;
    bool smooth = false;
    bool white = false;               ///< only alpha differs, as in an atlas of letters
    std::vector<std::uint8_t> alpha;  ///< of a smooth picture, once more
  };
  /// Null for what was never uploaded.
  const Picture* find(ImTextureID id) const;

 private:
  std::map<std::uintptr_t, Picture> pictures_;
};

/// Everything in `data` over what `image` holds; `data` covers the image from its DisplayPos on.
void rasterise(const ImDrawData& data, const CpuTextures& textures, Image& image);

}  // namespace fw::viz
