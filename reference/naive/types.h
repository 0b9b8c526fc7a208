// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The few linear-algebra types of the naive references. Everything here must stay analytic in the scalar T: sums of
// products, no conjugation (use .transpose(), never .adjoint() or complex .dot()), no abs, no norm. Then
// T = std::complex<double> gives exact derivatives by the complex step.
#pragma once

#include <cmath>
#include <complex>

#include <Eigen/Core>

namespace fw::naive {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
template <class T>
using MatrixMap = Eigen::Map<Matrix<T>>;
template <class T>
using ConstMatrixMap = Eigen::Map<const Matrix<T>>;
template <class T>
using VectorMap = Eigen::Map<Vector<T>>;
template <class T>
using ConstVectorMap = Eigen::Map<const Vector<T>>;

/// exp of every element, one by one: exp(-inf) is exactly 0 (Eigen's own array exp stops at the smallest normal number).
template <class T>
Vector<T> elementwise_exp(const Vector<T>& x) {
  using std::exp;
  return x.unaryExpr([](const T& element) -> T { return exp(element); });
}

/// Everything one value head sees at one token, after normalisation and gate activation. A gradient has the same shape.
/// q k [Dk], v [Dv]; g [Dk] or [1]; b [Dk]; w [Dv]; beta scalar. Members a variant does not use stay empty (beta 0).
template <class T>
struct Token {
  Vector<T> q, k, v, g, b, w;
  T beta{0};

  /// Same sizes, all zero.
  void set_zero_like(const Token& other) {
    q.setZero(other.q.size());
    k.setZero(other.k.size());
    v.setZero(other.v.size());
    g.setZero(other.g.size());
    b.setZero(other.b.size());
    w.setZero(other.w.size());
    beta = T(0);
  }
};

/// What a step computed on its way, for whoever wants to look inside: erase direction e [Dk], write value z [Dv],
/// answer of the memory r [Dv], edit delta = z - r [Dv], and the decayed state [Dk,Dv].
template <class T>
struct StepRecord {
  Vector<T> e, z, r, delta;
  Matrix<T> S_decayed;
};

/// The default recorder of a step: looks away.
struct NoRecord {
  template <class... A>
  void operator()(const A&...) const {}
};

}  // namespace fw::naive
