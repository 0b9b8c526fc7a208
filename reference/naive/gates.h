// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What may stand in front of a rule: L2 normalisation of q and k, and the activations that turn a layer's raw numbers
// into gates. Analytic in T (branches look at the real part only and both sides are the same function).
//   l2norm     y = x / sqrt(x.x + eps)
//   softplus   g = -exp(A_log) softplus(raw + dt_bias)
//   bounded    g = lower sigmoid(exp(A_log) (raw + dt_bias)), lower in [-5,0)
//   sigmoid    b, w, beta = sigmoid(raw); erase gates times 2 where negative eigenvalues are allowed
#pragma once

#include <cmath>
#include <complex>

#include "naive/types.h"

namespace fw::naive {

inline double real_part(double x) { return x; }
inline float real_part(float x) { return x; }
inline double real_part(const std::complex<double>& x) { return x.real(); }

template <class T>
T sigmoid(const T& x) {
  using std::exp;
  if (real_part(x) >= 0) return T(1) / (T(1) + exp(-x));
  const T y = exp(x);
  return y / (T(1) + y);
}

template <class T>
T log_one_plus(const T& x) { return std::log1p(x); }
/// log(1 + z) for a complex step: real part by log1p, imaginary part (the derivative) by arg(1 + z).
inline std::complex<double> log_one_plus(const std::complex<double>& z) {
  return {std::log1p(z.real()), std::atan2(z.imag(), 1.0 + z.real())};
}

/// log(1 + exp(x)) without overflow at either end.
template <class T>
T softplus(const T& x) {
  using std::exp;
  return real_part(x) > 0 ? x + log_one_plus(T(exp(-x))) : log_one_plus(T(exp(x)));
}

template <class T>
Vector<T> l2_normalised(const Vector<T>& x, double eps) {
  using std::sqrt;
  const T squares = x.cwiseProduct(x).sum() + T(eps);
  return squares == T(0) ? Vector<T>(Vector<T>::Zero(x.size())) : Vector<T>(x / sqrt(squares));
}

}  // namespace fw::naive
