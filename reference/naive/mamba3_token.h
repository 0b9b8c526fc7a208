// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What one value head of a Mamba-3 rule sees at one token, what it carries from token to token, and the rotation.
// `Rows` is Vector<T> for SISO (one query, key and value a token) and Matrix<T> for MIMO (M of each, one per row).
//   rotation of pair i = channels (2i, 2i+1), i < P, by angle a:   (x, y) -> (x cos a - y sin a, x sin a + y cos a)
// Channels from 2P on are not rotated. P = 0 (no theta) rotates nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>

#include "naive/token.h"

namespace fw::naive {

/// q k [(M,)Dk], v [(M,)Dv], theta [P], g dt lambda scalar. A gradient has the same shape.
template <class T, class Rows>
struct Mamba3Token {
  Rows q, k, v;
  Vector<T> theta;
  T g{0}, dt{0}, lambda{0};
};

/// The memory S [Dk,Dv], the angle since the start of the sequence [P], and the token before: its rotated key [(M,)Dk] and
/// its value [(M,)Dv], both zero where there is none. A gradient has the same shape.
template <class T, class Rows>
struct Mamba3State {
  Matrix<T> S;
  Vector<T> angle;
  Rows key, value;
};

template <class T>
Vector<T> rotated(Vector<T> x, const Vector<T>& angle) {
  using std::cos;
  using std::sin;
  for (index_t i = 0; i < angle.size(); ++i) {
    const T c = cos(angle[i]), s = sin(angle[i]), first = x[2 * i], second = x[2 * i + 1];
    x[2 * i] = first * c - second * s;
    x[2 * i + 1] = first * s + second * c;
  }
  return x;
}
/// Every row turned by the same angles.
template <class T>
Matrix<T> rotated(Matrix<T> rows, const Vector<T>& angle) {
  for (index_t m = 0; m < rows.rows(); ++m) rows.row(m) = rotated(Vector<T>(rows.row(m)), angle).transpose();
  return rows;
}

template <class T>
void resize_rows(Vector<T>& x, index_t, index_t width) { x.resize(width); }
template <class T>
void resize_rows(Matrix<T>& x, index_t M, index_t width) { x.resize(M, width); }

/// The M * width numbers at `from`; zeros for a null pointer.
template <class T, class Rows>
void read_rows(const T* from, index_t M, index_t width, Rows& to) {
  resize_rows(to, M, width);
  if (from) std::copy_n(from, M * width, to.data());
  else to.setZero();
}

template <class T, class Rows>
void l2_normalise_rows(Rows& x, index_t M, index_t width, double eps) {
  for (index_t m = 0; m < M; ++m) {
    VectorMap<T> row(x.data() + m * width, width);
    row = l2_normalised(Vector<T>(row), eps);
  }
}

/// Token t (counted from the batch row's start) of batch row `batch`, value head `hv`.
template <class T, class Rows>
void read_token(const Inputs<T>& in, const Geometry& geo, const Options& options, index_t batch, index_t t, index_t hv,
                Mamba3Token<T, Rows>& x) {
  const index_t h = geo.key_head(hv);
  read_rows(in.q.row(batch, t, h), geo.M, geo.Dk, x.q);
  read_rows(in.k.row(batch, t, h), geo.M, geo.Dk, x.k);
  read_rows(in.v.row(batch, t, hv), geo.M, geo.Dv, x.v);
  if (options.l2norm_qk) {
    l2_normalise_rows<T>(x.q, geo.M, geo.Dk, options.l2norm_eps);
    l2_normalise_rows<T>(x.k, geo.M, geo.Dk, options.l2norm_eps);
  }
  x.theta.resize(geo.P);
  if (in.theta.defined()) std::copy_n(in.theta.row(batch, t, hv), geo.P, x.theta.data());
  x.g = read_decay(in, geo, options, batch, t, hv)[0];
  x.dt = in.dt(batch, t, hv);
  x.lambda = in.lambda(batch, t, hv);
}

/// State of sequence n, value head hv before its first token; what was not given is zero.
template <class T, class Rows>
void read_state(const Inputs<T>& in, const Geometry& geo, index_t n, index_t hv, Mamba3State<T, Rows>& state) {
  const auto at = [&](const Tensor<T>& given) { return given.defined() ? given.row(n, hv) : nullptr; };
  read_rows(at(in.initial_state), geo.Dk, geo.Dv, state.S);
  read_rows(at(in.initial_angle), 1, geo.P, state.angle);
  read_rows(at(in.initial_key), geo.M, geo.Dk, state.key);
  read_rows(at(in.initial_value), geo.M, geo.Dv, state.value);
}

}  // namespace fw::naive
