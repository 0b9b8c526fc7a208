// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Colours by role, light and dark, and the two colour maps. Signed numbers: blue - neutral - orange with 0 always neutral;
// numbers in a range: dark blue to yellow, monotone in lightness. Both survive the usual colour-vision deficiencies and grey;
// erase is blue and write orange throughout, and nothing is told by hue alone. Not a number is hatched grey.
#pragma once

#include <cstdint>

#include "viz/model/view_model.h"

namespace fw::viz {

/// 0xAABBGGRR, as the renderers take it.
using Colour = std::uint32_t;

struct Palette {
  Colour window, panel, inset, border, grid;       ///< surfaces and lines
  Colour text, muted, heading, accent, on_accent;  ///< writing
  Colour erase, write, decay, head_a, head_b, signal, crosstalk, bad;
  Colour chip_write, chip_erase, chip_query, chip_filler, chip_surgery;
  Colour cursor;  ///< crosshair and time line
};
const Palette& palette_of(Theme theme);

/// x in [-1,1] (beyond: the end colour), 0 neutral.
Colour diverging(double x, Theme theme);
/// x in [0,1].
Colour sequential(double x);
/// For what is no number.
Colour nothing(Theme theme);
/// The same colour, `alpha` in [0,255].
constexpr Colour faded(Colour c, std::uint32_t alpha) { return (c & 0x00ffffffu) | (alpha << 24); }

/// sign(x) sqrt(|x|): spreads small numbers.
double signed_root(double x);

}  // namespace fw::viz
