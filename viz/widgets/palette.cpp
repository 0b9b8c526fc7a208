// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/widgets/palette.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fw::viz {
namespace {

constexpr Colour rgb(std::uint32_t hex) { return 0xff000000u | ((hex & 0xff) << 16) | (hex & 0xff00) | (hex >> 16); }

constexpr Palette kLight = {.window = rgb(0xeef1f4),
                            .panel = rgb(0xffffff),
                            .inset = rgb(0xf4f6f8),
                            .border = rgb(0xc9d1d9),
                            .grid = rgb(0xe1e5ea),
                            .text = rgb(0x1b2733),
                            .muted = rgb(0x66727f),
                            .heading = rgb(0x0b3d6b),
                            .accent = rgb(0x1f6fb5),
                            .on_accent = rgb(0xffffff),
                            .erase = rgb(0x0072b2),
                            .write = rgb(0xd55e00),
                            .decay = rgb(0x6b747d),
                            .head_a = rgb(0x00795a),
                            .head_b = rgb(0x9a4d84),
                            .signal = rgb(0x00795a),
                            .crosstalk = rgb(0xc9a227),
                            .bad = rgb(0xb3261e),
                            .chip_write = rgb(0xfbe6d3),
                            .chip_erase = rgb(0xd3e6f5),
                            .chip_query = rgb(0xd9efe5),
                            .chip_filler = rgb(0xe9ecef),
                            .chip_surgery = rgb(0xecdff0),
                            .cursor = rgb(0x111111)};

constexpr Palette kDark = {.window = rgb(0x14181d),
                           .panel = rgb(0x1d232a),
                           .inset = rgb(0x171c22),
                           .border = rgb(0x39434e),
                           .grid = rgb(0x2b333c),
                           .text = rgb(0xe4e9ee),
                           .muted = rgb(0x95a1ad),
                           .heading = rgb(0x8cc4f5),
                           .accent = rgb(0x3d8fd6),
                           .on_accent = rgb(0xffffff),
                           .erase = rgb(0x4aa5e0),
                           .write = rgb(0xf08a3c),
                           .decay = rgb(0x98a2ac),
                           .head_a = rgb(0x2fb48c),
                           .head_b = rgb(0xcf83b8),
                           .signal = rgb(0x2fb48c),
                           .crosstalk = rgb(0xd9b84a),
                           .bad = rgb(0xff8a80),
                           .chip_write = rgb(0x4d341f),
                           .chip_erase = rgb(0x1d3a52),
                           .chip_query = rgb(0x1d4236),
                           .chip_filler = rgb(0x2a3138),
                           .chip_surgery = rgb(0x43304a),
                           .cursor = rgb(0xf2f2f2)};

using Stop = std::array<int, 3>;

/// Evenly spaced stops, x in [0,1].
template <std::size_t N>
Colour between(const std::array<Stop, N>& stops, double x) {
  const double at = std::clamp(x, 0.0, 1.0) * (N - 1);
  const auto i = std::min<std::size_t>(static_cast<std::size_t>(at), N - 2);
  const double f = at - static_cast<double>(i);
  std::uint32_t c[3];
  for (std::size_t k = 0; k < 3; ++k) c[k] = static_cast<std::uint32_t>(stops[i][k] + f * (stops[i + 1][k] - stops[i][k]) + 0.5);
  return 0xff000000u | (c[2] << 16) | (c[1] << 8) | c[0];
}

constexpr std::array<Stop, 7> kSignedLight = {Stop{7, 58, 112}, {29, 111, 176}, {146, 193, 224}, {247, 247, 246},
                                              {247, 184, 124},  {217, 100, 16}, {127, 46, 0}};
constexpr std::array<Stop, 7> kSignedDark = {Stop{170, 217, 252}, {70, 152, 219}, {33, 78, 117},  {30, 34, 39},
                                             {122, 66, 20},       {226, 125, 38}, {255, 204, 143}};
constexpr std::array<Stop, 6> kRange = {Stop{0, 30, 77}, {52, 66, 108}, {97, 102, 112}, {140, 136, 116}, {196, 178, 89}, {255, 232, 70}};

}  // namespace

const Palette& palette_of(Theme theme) { return theme == Theme::dark ? kDark : kLight; }

Colour diverging(double x, Theme theme) {
  if (!std::isfinite(x)) return nothing(theme);
  return between(theme == Theme::dark ? kSignedDark : kSignedLight, 0.5 + 0.5 * x);
}

Colour sequential(double x) { return std::isfinite(x) ? between(kRange, x) : nothing(Theme::light); }

Colour nothing(Theme theme) { return palette_of(theme).inset; }

double signed_root(double x) { return std::copysign(std::sqrt(std::fabs(x)), x); }

}  // namespace fw::viz
