// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/dtype.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "core/error.h"

using namespace fw;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

/// A 16-bit float described by its field widths: an independent decoder, straight from the definition.
struct Format {
  int exponent_bits, mantissa_bits;
  std::uint16_t (*to_bits)(double);
  double (*to_value)(std::uint16_t);

  std::uint16_t infinity() const { return static_cast<std::uint16_t>(((1 << exponent_bits) - 1) << mantissa_bits); }
  double decoded(std::uint16_t bits) const {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
    const int mantissa = bits & ((1 << mantissa_bits) - 1);
    const double sign = bits >> 15 ? -1.0 : 1.0;
    if (exponent == (1 << exponent_bits) - 1) return mantissa ? std::nan("") : sign * kInf;
    const double fraction = static_cast<double>(mantissa) / (1 << mantissa_bits);
    return sign * (exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1.0 + fraction, exponent - bias));
  }
};

const Format kFormats[] = {{8, 7, bf16_bits, bf16_value}, {5, 10, f16_bits, f16_value}};

}  // namespace

TEST_SUITE("core") {
  TEST_CASE("dtype core: all 65536 patterns of bf16 and f16 have the value of the definition and come back") {
    for (const Format& format : kFormats) {
      int wrong_value = 0, wrong_bits = 0;
      for (int pattern = 0; pattern < 65536; ++pattern) {
        const auto bits = static_cast<std::uint16_t>(pattern);
        const double expected = format.decoded(bits), value = format.to_value(bits);
        if (std::isnan(expected)) {
          wrong_value += !std::isnan(value);
          wrong_bits += !std::isnan(format.to_value(format.to_bits(value)));
          continue;
        }
        wrong_value += std::bit_cast<std::uint64_t>(value) != std::bit_cast<std::uint64_t>(expected);
        wrong_bits += format.to_bits(value) != bits;
      }
      CAPTURE(format.mantissa_bits);
      CHECK(wrong_value == 0);
      CHECK(wrong_bits == 0);
    }
  }

  TEST_CASE("dtype core: between any two neighbours the nearer one is taken, on a tie the even one") {
    for (const Format& format : kFormats) {
      int wrong = 0;
      for (std::uint16_t bits = 0; bits + 1 < format.infinity(); ++bits) {
        const auto next = static_cast<std::uint16_t>(bits + 1);
        const double low = format.decoded(bits), high = format.decoded(next), middle = low + 0.5 * (high - low);
        const std::uint16_t even = bits % 2 == 0 ? bits : next;
        wrong += format.to_bits(middle) != even;
        wrong += format.to_bits(std::nextafter(middle, 0.0)) != bits;
        wrong += format.to_bits(std::nextafter(middle, kInf)) != next;
        wrong += format.to_bits(-middle) != (even | 0x8000);
        wrong += format.to_bits(-std::nextafter(middle, kInf)) != (next | 0x8000);
      }
      CAPTURE(format.mantissa_bits);
      CHECK(wrong == 0);
    }
  }

  TEST_CASE("dtype core: overflow becomes infinity from half a step above the largest number") {
    for (const Format& format : kFormats) {
      const auto infinity = format.infinity(), largest = static_cast<std::uint16_t>(infinity - 1);
      const double top = format.decoded(largest), step = top - format.decoded(static_cast<std::uint16_t>(largest - 1));
      CHECK(format.to_bits(std::nextafter(top + 0.5 * step, 0.0)) == largest);
      CHECK(format.to_bits(top + 0.5 * step) == infinity);
      CHECK(format.to_bits(-(top + 0.5 * step)) == (infinity | 0x8000));
      for (double x : {top * 2, 1e300, std::numeric_limits<double>::max(), kInf}) {
        CHECK(format.to_bits(x) == infinity);
        CHECK(format.to_bits(-x) == (infinity | 0x8000));
      }
    }
  }

  TEST_CASE("dtype core: underflow, subnormals, signed zero and NaN") {
    for (const Format& format : kFormats) {
      const double smallest = format.decoded(1);
      CHECK(format.to_bits(smallest) == 1);
      CHECK(format.to_bits(0.5 * smallest) == 0);
      CHECK(format.to_bits(std::nextafter(0.5 * smallest, 1.0)) == 1);
      CHECK(format.to_bits(-0.25 * smallest) == 0x8000);
      CHECK(format.to_bits(std::numeric_limits<double>::denorm_min()) == 0);
      CHECK(format.to_bits(0.0) == 0);
      CHECK(format.to_bits(-0.0) == 0x8000);
      CHECK(std::signbit(format.to_value(0x8000)));
      CHECK(std::isnan(format.to_value(format.to_bits(std::nan("")))));
      CHECK(std::isnan(format.to_value(format.to_bits(std::numeric_limits<double>::signaling_NaN()))));
    }
    CHECK(bf16_value(1) == 0x1p-133);
    CHECK(f16_value(1) == 0x1p-24);
  }

  TEST_CASE("dtype core: no double rounding through float") {
    // One float step above a tie: rounding to float first would fall on the tie and then to the even neighbour below.
    CHECK(bf16_bits(1.0 + 0x1p-8 + 0x1p-40) == 0x3f81);
    CHECK(f16_bits(1.0 + 0x1p-11 + 0x1p-40) == 0x3c01);
    CHECK(round_to_tf32(1.0 + 0x1p-11 + 0x1p-40) == 1.0 + 0x1p-10);
  }

  TEST_CASE("dtype core: round_to and round_to_tf32 against closed forms") {
    CHECK(round_to(DType::f64, 0.1) == 0.1);
    CHECK(round_to(DType::f32, 0.1) == static_cast<double>(0.1f));
    CHECK(round_to(DType::bf16, 0.1) == 0.10009765625);
    CHECK(round_to(DType::f16, 0.1) == 0.0999755859375);
    CHECK(round_to_tf32(0.1) == 0.0999755859375);
    CHECK(round_to_tf32(-1.0 - 0x1p-11) == -1.0);
    CHECK(round_to_tf32(1.0 + 3 * 0x1p-11) == 1.0 + 0x1p-9);
    CHECK(round_to_tf32(0x1p-136) == 0x1p-136);
    CHECK(round_to_tf32(0x1p-138) == 0.0);
    CHECK(round_to_tf32(3.5e38) == kInf);
    CHECK(round_to_tf32(-kInf) == -kInf);
    CHECK(std::isnan(round_to_tf32(std::nan(""))));
    CHECK_THROWS_AS(round_to(DType::i64, 1.0), Error);
  }

  TEST_CASE("dtype core: sizes, names, C++ types") {
    CHECK(dtype_size(DType::f64) == 8);
    CHECK(dtype_size(DType::i64) == 8);
    CHECK(dtype_size(DType::f32) == 4);
    CHECK(dtype_size(DType::i32) == 4);
    CHECK(dtype_size(DType::bf16) == 2);
    CHECK(dtype_size(DType::f16) == 2);
    CHECK(dtype_name(DType::bf16) == "bf16");
    CHECK(is_floating(DType::f16));
    CHECK_FALSE(is_floating(DType::i32));
    CHECK(sizeof(bf16) == 2);
    CHECK(static_cast<double>(bf16(1.5)) == 1.5);
    CHECK(static_cast<float>(f16(-0.75)) == -0.75f);
    CHECK(dtype_of<f16>::value == DType::f16);
  }
}
