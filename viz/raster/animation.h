// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Animated PNG: every browser shows it, and it is a PNG with its first frame to everything else. Colours go through one palette of
// at most 255 entries (the nearest of a cut of the colour cube when there are more); a frame after the first holds only the
// rectangle that changed, and in it only the pixels that changed, the others being transparent.
#pragma once

#include <string>
#include <vector>

#include "viz/raster/image.h"

namespace fw::viz {

struct AnimationFrame {
  Image image;
  int milliseconds = 500;  ///< in [10, 60000]
};

/// The bytes of the file; it repeats for ever. Throws fw::Error for no frames, sizes that differ and durations out of range.
std::string apng_bytes(const std::vector<AnimationFrame>& frames);
/// A still picture by the same palette: exact up to 255 colours, and less than half the size of png_bytes.
std::string reduced_png_bytes(const Image& image);

}  // namespace fw::viz
