// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Element types of tensors in files and kernels, and the two 16-bit floats as C++ types.
// Every conversion rounds to nearest, ties to even, straight from double (no double rounding through float),
// keeps NaN a NaN, overflows to infinity, and produces subnormals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fw {

using index_t = std::int64_t;

enum class DType : std::uint8_t { f64, f32, bf16, f16, i64, i32 };

/// Bytes of one element.
std::size_t dtype_size(DType dtype);
/// "f64", "f32", "bf16", "f16", "i64", "i32".
std::string_view dtype_name(DType dtype);
inline bool is_floating(DType dtype) { return dtype != DType::i64 && dtype != DType::i32; }

/// Round a double to bfloat16 (8 bits of precision) or IEEE half (11 bits): the bit pattern.
std::uint16_t bf16_bits(double value);
std::uint16_t f16_bits(double value);
/// Exact value of a bit pattern.
double bf16_value(std::uint16_t bits);
double f16_value(std::uint16_t bits);

struct bf16 {
  std::uint16_t bits = 0;
  bf16() = default;
  explicit bf16(double value) : bits(bf16_bits(value)) {}
  explicit operator double() const { return bf16_value(bits); }
  explicit operator float() const { return static_cast<float>(bf16_value(bits)); }
};

struct f16 {
  std::uint16_t bits = 0;
  f16() = default;
  explicit f16(double value) : bits(f16_bits(value)) {}
  explicit operator double() const { return f16_value(bits); }
  explicit operator float() const { return static_cast<float>(f16_value(bits)); }
};

template <class T>
struct dtype_of;
template <>
struct dtype_of<double> { static constexpr DType value = DType::f64; };
template <>
struct dtype_of<float> { static constexpr DType value = DType::f32; };
template <>
struct dtype_of<bf16> { static constexpr DType value = DType::bf16; };
template <>
struct dtype_of<f16> { static constexpr DType value = DType::f16; };
template <>
struct dtype_of<std::int64_t> { static constexpr DType value = DType::i64; };
template <>
struct dtype_of<std::int32_t> { static constexpr DType value = DType::i32; };

/// What a kernel's products see: the value rounded to 1+8+10 bits (tf32), or to a tensor type.
double round_to_tf32(double value);
double round_to(DType dtype, double value);

}  // namespace fw
