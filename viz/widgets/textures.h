// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The one thing widgets need from whoever renders: a picture put where the renderer can sample it. The CPU rasteriser and
// the OpenGL window each implement it, so panels know neither.
#pragma once

#include <cstdint>
#include <vector>

#include "imgui.h"

namespace fw::viz {

class Textures {
 public:
  virtual ~Textures() = default;
  /// Picture of a slot, replaced when it was there before; pixels as 0xAABBGGRR, row by row. Sampled without smoothing.
  virtual ImTextureID upload(int slot, int width, int height, const std::vector<std::uint32_t>& pixels) = 0;
};

}  // namespace fw::viz
