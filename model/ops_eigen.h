// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The layers of ops.h for one instruction set, in the namespace FW_MODEL_ISA; matmul_eigen.h says how code for different instruction
// sets is kept apart. Memory is Eigen's or the caller's: a std::vector in here would be shared by all of them.
#pragma once

#include <cmath>

#include "model/attention_eigen.h"
#include "model/matmul_eigen.h"
#include "model/op_table.h"

namespace fw::model::FW_MODEL_ISA {

template <class T>
using Array = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
template <class T>
using ConstArray = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;

/// 1 / (1 + exp(-x)) as an expression. `x` must be an lvalue map.
template <class A>
auto sigmoid_of(const A& x) {
  using T = typename A::Scalar;
  return (T(1) + (-x).exp()).inverse();
}
template <class T>
using Owned = Eigen::Array<T, Eigen::Dynamic, 1>;

/// Weights [D,W] with the taps outside: [W,D].
template <class T>
Owned<T> taps_first(const T* weight, index_t W, index_t D) {
  Owned<T> out(W * D);
  for (index_t c = 0; c < D; ++c)
    for (index_t j = 0; j < W; ++j) out[j * D + c] = weight[c * W + j];
  return out;
}

template <class T>
void rms_norm_backward_add(const T* x, const T* w, const T* inverse, const T* dy, index_t n, index_t d, T* dx, T* dw) {
  const ConstArray<T> weight(w, d);
  Array<T> dweight(dw, d);
  for (index_t i = 0; i < n; ++i) {
    const ConstArray<T> x_i(x + i * d, d), dy_i(dy + i * d, d);
    const T r = inverse[i];
    const T dot = (dy_i * weight * x_i).sum() * r * r * r / static_cast<T>(d);
    Array<T>(dx + i * d, d) += r * dy_i * weight - dot * x_i;
    dweight += r * dy_i * x_i;
  }
}

template <class T>
void gated_rms_norm(const T* x, const T* w, const T* z, GateActivation act, double eps, index_t n, index_t d, T* y, T* inverse) {
  const ConstArray<T> weight(w, d);
  for (index_t i = 0; i < n; ++i) {
    const ConstArray<T> x_i(x + i * d, d);
    Array<T> y_i(y + i * d, d);
    const T r = T(1) / std::sqrt(x_i.square().sum() / static_cast<T>(d) + static_cast<T>(eps));
    inverse[i] = r;
    y_i = r * x_i * weight;
    if (!z) continue;
    const ConstArray<T> z_i(z + i * d, d);
    if (act == GateActivation::silu)
      y_i *= z_i * sigmoid_of(z_i);
    else
      y_i *= sigmoid_of(z_i);
  }
}

template <class T>
void gated_rms_norm_backward(const T* x, const T* w, const T* z, GateActivation act, const T* inverse, const T* dy, index_t n, index_t d,
                             T* dx, T* dw, T* dz) {
  std::fill_n(dx, n * d, T(0));
  if (!z) return rms_norm_backward_add(x, w, inverse, dy, n, d, dx, dw);
  const ConstArray<T> weight(w, d);
  Owned<T> s(d), dnorm(d);
  for (index_t i = 0; i < n; ++i) {
    const ConstArray<T> x_i(x + i * d, d), dy_i(dy + i * d, d), z_i(z + i * d, d);
    Array<T> dz_i(dz + i * d, d);
    s = sigmoid_of(z_i);
    dz_i = dy_i * inverse[i] * x_i * weight;
    // d act: silu' = s (1 + z (1 - s)), sigmoid' = s (1 - s)
    if (act == GateActivation::silu) {
      dz_i *= s * (T(1) + z_i * (T(1) - s));
      dnorm = dy_i * z_i * s;
    } else {
      dz_i *= s * (T(1) - s);
      dnorm = dy_i * s;
    }
    rms_norm_backward_add(x + i * d, w, inverse + i, dnorm.data(), index_t(1), d, dx + i * d, dw);
  }
}

template <class T>
void short_conv_silu(const T* x, const T* weight, index_t W, index_t B, index_t T_, index_t D, T* history, T* p, T* y) {
  if (W == 0) {
    std::copy_n(x, B * T_ * D, p);
    return silu(p, B * T_ * D, y);
  }
  const Owned<T> taps = taps_first(weight, W, D);
  for (index_t b = 0; b < B; ++b) {
    // input number s of the row, s < 0 from the history
    const auto input = [&](index_t s) -> const T* {
      if (s >= 0) return x + (b * T_ + s) * D;
      return history ? history + (b * (W - 1) + W - 1 + s) * D : nullptr;
    };
    for (index_t t = 0; t < T_; ++t) {
      Array<T> p_t(p + (b * T_ + t) * D, D);
      p_t.setZero();
      for (index_t j = 0; j < W; ++j)
        if (const T* from = input(t - (W - 1) + j)) p_t += ConstArray<T>(taps.data() + j * D, D) * ConstArray<T>(from, D);
    }
    if (!history) continue;
    // the last W-1 inputs, oldest first: ascending order never overwrites what is still to be read
    for (index_t j = 0; j < W - 1; ++j) {
      const T* from = input(T_ - (W - 1) + j);
      std::copy_n(from, D, history + (b * (W - 1) + j) * D);
    }
  }
  silu(p, B * T_ * D, y);
}

template <class T>
void short_conv_silu_backward(const T* x, const T* weight, index_t W, index_t B, index_t T_, index_t D, const T* p, const T* dy, T* dx,
                              T* dweight) {
  if (W == 0) return silu_backward(p, dy, B * T_ * D, dx);
  const Owned<T> taps = taps_first(weight, W, D);
  Owned<T> dtaps = Owned<T>::Zero(W * D), dp(T_ * D);
  std::fill_n(dx, B * T_ * D, T(0));
  for (index_t b = 0; b < B; ++b) {
    silu_backward(p + b * T_ * D, dy + b * T_ * D, T_ * D, dp.data());
    for (index_t t = 0; t < T_; ++t) {
      const ConstArray<T> dp_t(dp.data() + t * D, D);
      for (index_t j = std::max<index_t>(0, W - 1 - t); j < W; ++j) {
        const index_t at = (b * T_ + t - (W - 1) + j) * D;
        Array<T>(dx + at, D) += ConstArray<T>(taps.data() + j * D, D) * dp_t;
        Array<T>(dtaps.data() + j * D, D) += ConstArray<T>(x + at, D) * dp_t;
      }
    }
  }
  for (index_t c = 0; c < D; ++c)
    for (index_t j = 0; j < W; ++j) dweight[c * W + j] += dtaps[j * D + c];
}

template <class T>
void silu(const T* x, index_t n, T* y) {
  const ConstArray<T> x_(x, n);
  Array<T>(y, n) = x_ * sigmoid_of(x_);
}

template <class T>
void silu_backward(const T* x, const T* dy, index_t n, T* dx) {
  constexpr index_t kPiece = 512;
  Owned<T> s(kPiece);
  for (index_t at = 0; at < n; at += kPiece) {
    const index_t m = std::min(kPiece, n - at);
    const ConstArray<T> x_(x + at, m);
    s.head(m) = sigmoid_of(x_);
    Array<T>(dx + at, m) = ConstArray<T>(dy + at, m) * s.head(m) * (T(1) + x_ * (T(1) - s.head(m)));
  }
}

template <class T>
void swiglu(const T* a, const T* u, index_t n, T* y) {
  const ConstArray<T> a_(a, n);
  Array<T>(y, n) = a_ * sigmoid_of(a_) * ConstArray<T>(u, n);
}

template <class T>
void swiglu_backward(const T* a, const T* u, const T* dy, index_t n, T* da, T* du) {
  constexpr index_t kPiece = 512;
  Owned<T> s(kPiece);
  for (index_t at = 0; at < n; at += kPiece) {
    const index_t m = std::min(kPiece, n - at);
    const ConstArray<T> a_(a + at, m), u_(u + at, m), dy_(dy + at, m);
    s.head(m) = sigmoid_of(a_);
    Array<T>(da + at, m) = dy_ * u_ * s.head(m) * (T(1) + a_ * (T(1) - s.head(m)));
    Array<T>(du + at, m) = dy_ * a_ * s.head(m);
  }
}

template <class T>
double cross_entropy(T* logits, const std::int32_t* targets, index_t n, index_t vocab, double scale, bool gradient, index_t* right) {
  double loss = 0;
  for (index_t i = 0; i < n; ++i) {
    Array<T> row(logits + i * vocab, vocab);
    const index_t target = targets[i];
    index_t best = 0;
    const T top = row.maxCoeff(&best);
    if (right && best == target) ++*right;
    const T at_target = row[target];
    if (gradient) {
      row = (row - top).exp();
      const T sum = row.sum();
      loss += std::log(static_cast<double>(sum)) + static_cast<double>(top - at_target);
      row *= static_cast<T>(scale) / sum;
      row[target] -= static_cast<T>(scale);
    } else {
      loss += std::log(static_cast<double>((row - top).exp().sum())) + static_cast<double>(top - at_target);
    }
  }
  return loss;
}

template <class T>
OpTable<T> op_table() {
  namespace isa = FW_MODEL_ISA;
  return {isa::product<T>,

          isa::rms_norm_backward_add<T>,
          isa::gated_rms_norm<T>,
          isa::gated_rms_norm_backward<T>,
          isa::short_conv_silu<T>,
          isa::short_conv_silu_backward<T>,
          isa::silu<T>,
          isa::silu_backward<T>,
          isa::swiglu<T>,
          isa::swiglu_backward<T>,
          isa::cross_entropy<T>,
          isa::attention<T>,
          isa::attention_backward<T>};
}
template OpTable<float> op_table();
template OpTable<double> op_table();

}  // namespace fw::model::FW_MODEL_ISA
