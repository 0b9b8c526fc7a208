// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What a kernel of lower precision does to the numbers, without leaving the arithmetic of T: every operand of a matrix
// product is rounded to the type of the products, sums stay in T, and intermediates that such a kernel stores in its tensor
// type (A_inv, Y, U, R) are rounded where they are made. The triangular solve (C2) stays in T (N4), and so does the carried
// state unless bf16_state_carry is set. With Products::exact nothing is copied or rounded.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include "core/dtype.h"

namespace fw::chunkwise {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Row = Eigen::Matrix<T, 1, Eigen::Dynamic>;
/// A matrix, or a block of one: looked at, not copied.
template <class T>
using View = Eigen::Ref<const Matrix<T>>;

struct Rounding {
  enum class Products { exact, bf16, f16, tf32 };
  Products products = Products::exact;
  bool bf16_state_carry = false;  ///< the state, and in reverse its gradient, is rounded to bfloat16 at every chunk edge

  bool exact() const { return products == Products::exact; }
};

/// Nearest number of `precision` significant bits, ties to even, by adding half a unit to the bit pattern. Below
/// 2^min_exponent the unit is that of the subnormals; past 2^(max_exponent+1) the result is infinite. NaN stays NaN.
template <int precision, int min_exponent, int max_exponent>
inline double round_significand(double x) {
  constexpr int kDropped = 53 - precision;
  constexpr std::uint64_t kBelow = (std::uint64_t{1} << kDropped) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff) - 1023;
  if (exponent < min_exponent) {
    // 1.5 * 2^(52 + exponent of the unit): adding it leaves no bits below the unit, the subtraction is exact
    constexpr double kMagic = 1.5 * std::bit_cast<double>(static_cast<std::uint64_t>(52 + min_exponent - precision + 1 + 1023) << 52);
    return std::copysign((std::fabs(x) + kMagic) - kMagic, x);
  }
  if (exponent == 1024) return x;
  const double rounded = std::bit_cast<double>((bits + (kBelow >> 1) + ((bits >> kDropped) & 1)) & ~kBelow);
  constexpr double kTooLarge = std::bit_cast<double>(static_cast<std::uint64_t>(max_exponent + 1 + 1023) << 52);
  return std::fabs(rounded) < kTooLarge ? rounded : std::copysign(std::numeric_limits<double>::infinity(), x);
}

inline double fast_round_to_bf16(double x) { return round_significand<8, -126, 127>(x); }
inline double fast_round_to_f16(double x) { return round_significand<11, -14, 15>(x); }
inline double fast_round_to_tf32(double x) { return round_significand<11, -126, 127>(x); }

/// Round `count` numbers in place; the choice of type is made once.
template <class T>
void round_numbers(T* x, index_t count, Rounding::Products products) {
  const auto each = [&](auto&& rounded) {
    for (index_t i = 0; i < count; ++i) x[i] = static_cast<T>(rounded(static_cast<double>(x[i])));
  };
  switch (products) {
    case Rounding::Products::exact: return;
    case Rounding::Products::bf16: return each(fast_round_to_bf16);
    case Rounding::Products::f16: return each(fast_round_to_f16);
    case Rounding::Products::tf32: return each(fast_round_to_tf32);
  }
}

/// Round a stored intermediate in place. Works on matrices and rows that own their numbers.
template <class Plain>
void round_stored(Plain& m, const Rounding& rounding) {
  round_numbers(m.data(), m.size(), rounding.products);
}

/// An operand of a matrix product: `m` itself when products are exact, else a rounded copy. `m` must be a matrix or a block
/// that lives longer than the operand.
template <class T>
class Operand {
 public:
  Operand(const View<T>& m, const Rounding& rounding)
      : rounded_(rounding.exact() ? Matrix<T>() : Matrix<T>(m)),
        view_(rounding.exact() ? m.data() : rounded_.data(), m.rows(), m.cols(),
              Eigen::OuterStride<>(rounding.exact() ? m.outerStride() : m.cols())) {
    round_stored(rounded_, rounding);
  }
  Operand(const Operand&) = delete;
  Operand& operator=(const Operand&) = delete;

  const auto& operator*() const { return view_; }
  auto transpose() const { return view_.transpose(); }

 private:
  Matrix<T> rounded_;
  Eigen::Map<const Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>> view_;
};

}  // namespace fw::chunkwise
