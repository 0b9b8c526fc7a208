// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Is a text well-formed UTF-8? Names may hold any letter, but bytes that are none could be neither drawn nor written as JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fw::viz {

/// Index of the first byte that begins no well-formed character (too short, too long, a surrogate, beyond U+10FFFF); npos: none.
inline std::size_t first_malformed(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return i;
    std::uint32_t point = length == 1 ? lead : lead & (0x7fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return i;
      point = point << 6 | (next & 0x3fu);
    }
    if ((length == 3 && point < 0x800) || (length == 4 && point < 0x10000) || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
      return i;
    i += length;
  }
  return std::string_view::npos;
}

}  // namespace fw::viz
