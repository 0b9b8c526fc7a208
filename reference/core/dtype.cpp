// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/dtype.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "core/error.h"

namespace fw {
namespace {

/// Round to `precision` significant bits with smallest normal exponent `min_exponent` (value = m * 2^e, 1 <= m < 2).
double round_significand(double value, int precision, int min_exponent) {
  if (value == 0.0 || !std::isfinite(value)) return value;
  const int exponent = std::max(std::ilogb(value), min_exponent);
  const double ulp = std::ldexp(1.0, exponent - (precision - 1));
  return std::nearbyint(value / ulp) * ulp;  // both scalings are exact: powers of two
}

/// The same for values well inside the normal range, on the bit pattern: keep `precision - 1` fraction bits, ties to even.
double round_fraction(double value, int precision) {
  const int dropped = 53 - precision;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t half = std::uint64_t{1} << (dropped - 1), odd = bits >> dropped & 1u;
  return std::bit_cast<double>((bits + half - 1 + odd) >> dropped << dropped);
}

/// |value| in [2^low, 2^high): no subnormal, no overflow to care about.
bool comfortable(double value, int low, int high) {
  const int exponent = static_cast<int>(std::bit_cast<std::uint64_t>(value) >> 52 & 0x7ffu) - 1023;
  return exponent >= low && exponent < high;
}

}  // namespace

std::size_t dtype_size(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::i64: return 8;
    case DType::f32:
    case DType::i32: return 4;
    case DType::bf16:
    case DType::f16: return 2;
  }
  throw Error("dtype_size: unknown dtype");
}

std::string_view dtype_name(DType dtype) {
  switch (dtype) {
    case DType::f64: return "f64";
    case DType::f32: return "f32";
    case DType::bf16: return "bf16";
    case DType::f16: return "f16";
    case DType::i64: return "i64";
    case DType::i32: return "i32";
  }
  throw Error("dtype_name: unknown dtype");
}

std::uint16_t bf16_bits(double value) {
  if (comfortable(value, -126, 127)) {
    const auto rounded = static_cast<float>(round_fraction(value, 8));  // exact
    return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(rounded) >> 16);
  }
  const std::uint16_t sign = std::signbit(value) ? 0x8000u : 0u;
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7fc0u);
  const double rounded = round_significand(std::fabs(value), 8, -126);
  if (rounded > 3.3895313892515355e38) return static_cast<std::uint16_t>(sign | 0x7f80u);
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(rounded));  // exact: fits float
  return static_cast<std::uint16_t>(sign | (bits >> 16));
}

double bf16_value(std::uint16_t bits) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
}

std::uint16_t f16_bits(double value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000u : 0u;
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00u);
  const double rounded = round_significand(std::fabs(value), 11, -14);
  if (rounded > 65504.0) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (rounded == 0.0) return sign;
  const int exponent = std::ilogb(rounded);
  if (exponent < -14) return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::ldexp(rounded, 24)));
  const auto mantissa = static_cast<std::uint16_t>(std::ldexp(rounded, 10 - exponent)) & 0x3ffu;
  return static_cast<std::uint16_t>(sign | ((exponent + 15) << 10) | mantissa);
}

double f16_value(std::uint16_t bits) {
  const double sign = (bits & 0x8000u) ? -1.0 : 1.0;
  const int exponent = (bits >> 10) & 0x1f;
  const int mantissa = bits & 0x3ff;
  if (exponent == 0x1f)
    return mantissa ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(static_cast<double>(mantissa), -24);
  return sign * std::ldexp(static_cast<double>(mantissa + 1024), exponent - 25);
}

double round_to_tf32(double value) {
  if (comfortable(value, -126, 127)) return round_fraction(value, 11);
  const double rounded = round_significand(value, 11, -126);
  return std::fabs(rounded) > 3.4028234663852886e38 && std::isfinite(rounded)
             ? std::copysign(std::numeric_limits<double>::infinity(), value)
             : rounded;
}

double round_to(DType dtype, double value) {
  switch (dtype) {
    case DType::f64: return value;
    case DType::f32: return static_cast<double>(static_cast<float>(value));
    case DType::bf16: return comfortable(value, -126, 127) ? round_fraction(value, 8) : bf16_value(bf16_bits(value));
    case DType::f16: return comfortable(value, -14, 15) ? round_fraction(value, 11) : f16_value(f16_bits(value));
    default: throw Error("round_to: dtype must be a floating type, got " + std::string(dtype_name(dtype)));
  }
}

}  // namespace fw
