// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mamba-3 core of rank M (MIMO): M queries, keys and values a token, one memory of unchanged size. One token, one head.
//   (M1) Theta = Theta_prev + theta
//   (M2) q~_m = Rot(Theta) q_m,  k~_m = Rot(Theta) k_m      all rows turn alike
//   (M3) S = alpha S_prev + eta sum_m k~_prev,m v_prev,m^T + zeta sum_m k~_m v_m^T
//        alpha = exp g,  eta = (1 - lambda) dt alpha,  zeta = lambda dt
//   (M4) o_m = scale S^T q~_m
// Shapes: S [Dk,Dv]; q k [M,Dk]; v o [M,Dv]; theta [P]; g dt lambda scalar. Ranges as in naive/mamba3.h.
// Collapses: M = 1 gives naive/mamba3.h. Left out: the projections of one value to M rows and of M outputs to one.
#pragma once

#include "core/variant.h"
#include "naive/mamba3_token.h"

namespace fw::naive {

struct Mamba3Mimo {
  static constexpr Variant id = Variant::mamba3_mimo;
  template <class T>
  using Token = Mamba3Token<T, Matrix<T>>;
  template <class T>
  using State = Mamba3State<T, Matrix<T>>;
  template <class T>
  using Output = Matrix<T>;

  template <class T, class Record = NoRecord>
  static void step(State<T>& state, const Token<T>& x, T scale, Matrix<T>& o, Record&& record = {}) {
    using std::exp;
    const T alpha = exp(x.g), eta = (T(1) - x.lambda) * x.dt * alpha, zeta = x.lambda * x.dt;
    const index_t M = x.q.rows();
    state.angle += x.theta;                                                // (M1) [P]
    const Matrix<T> q = rotated(x.q, state.angle);                         // (M2) [M,Dk]
    const Matrix<T> k = rotated(x.k, state.angle);
    state.S *= alpha;                                                      // (M3) [Dk,Dv]
    for (index_t m = 0; m < M; ++m) state.S.noalias() += (eta * state.key.row(m)).transpose() * state.value.row(m);
    for (index_t m = 0; m < M; ++m) state.S.noalias() += (zeta * k.row(m)).transpose() * x.v.row(m);
    for (index_t m = 0; m < M; ++m) {                                      // (M4) [M,Dv]
      const Vector<T> q_m = q.row(m);
      o.row(m).transpose().noalias() = scale * (state.S.transpose() * q_m);
    }
    record(q, k, alpha, eta, zeta);
    state.key = k;
    state.value = x.v;
  }
};

}  // namespace fw::naive
