// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Random numbers by position: every draw is a pure function of (seed, stream name, where), so tensors can be filled in
// any order, by any number of threads, at any length, and the bits are the same on every IEEE-754 platform.
// Generator: Philox4x32-10, J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// Normal: inverse cumulative distribution, M. Wichura, algorithm AS 241 (PPND16), Applied Statistics 37, 1988.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fw {

/// Ten rounds of Philox4x32: a keyed bijection of 128 bits.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// Quantile of the standard normal distribution, about 16 digits; p in (0,1). 0 and 1 give -inf and inf.
double normal_quantile(double p);

/// Where a tensor element stands, whatever the layout it is stored in. Coordinates are taken modulo 2^32.
struct Position {
  std::int64_t b = 0, t = 0, h = 0, i = 0;
};

class Random {
 public:
  /// Streams of different names are independent ("q", "v", ...), and so are seeds.
  Random(std::uint64_t seed, std::string_view stream);

  /// 64 random bits.
  std::uint64_t bits(const Position& at) const;
  /// Uniform in the open interval (0,1): an odd multiple of 2^-53.
  double uniform(const Position& at) const;
  /// Standard normal, |x| < 8.3.
  double normal(const Position& at) const;

  std::uint64_t bits(std::uint64_t index) const { return bits(position(index)); }
  double uniform(std::uint64_t index) const { return uniform(position(index)); }
  double normal(std::uint64_t index) const { return normal(position(index)); }

 private:
  static Position position(std::uint64_t index) {
    return {0, static_cast<std::int64_t>(index >> 32), 0, static_cast<std::int64_t>(index & 0xffffffffu)};
  }
  std::array<std::uint32_t, 2> key_;
};

}  // namespace fw
