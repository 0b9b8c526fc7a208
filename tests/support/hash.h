// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A fingerprint of bits, for "the same numbers on every platform".
#pragma once

#include <bit>
#include <cstdint>

#include "core/problem.h"

namespace fw::test {

/// FNV-1a over the 64-bit patterns of numbers, byte by byte from the low end.
class Fingerprint {
 public:
  void add(double x) {
    auto bits = std::bit_cast<std::uint64_t>(x);
    for (int byte = 0; byte < 8; ++byte, bits >>= 8) value_ = (value_ ^ (bits & 0xff)) * 0x100000001b3u;
  }
  void add(const Tensor<double>& tensor) {
    for (index_t i = 0; i < tensor.numel(); ++i) add(tensor[i]);
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325u;
};

}  // namespace fw::test
