// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A picture in memory, and as a PNG file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fw::viz {

struct Image {
  int width = 0, height = 0;
  std::vector<std::uint32_t> pixels;  ///< 0xAABBGGRR, row by row from the top

  Image() = default;
  Image(int w, int h, std::uint32_t colour)
      : width(w), height(h), pixels(static_cast<std::size_t>(w) * static_cast<std::size_t>(h), colour) {}
  std::uint32_t& at(int x, int y) {
    return pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)];
  }
  std::uint32_t at(int x, int y) const {
    return pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)];
  }
  bool operator==(const Image&) const = default;
};

/// The bytes of an opaque RGB PNG. Throws fw::Error for an empty image.
std::string png_bytes(const Image& image);

}  // namespace fw::viz
