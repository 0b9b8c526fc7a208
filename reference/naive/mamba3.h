// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mamba-3 core, one input and one output a token (SISO); arXiv 2605.22791 (16). One token, one head.
//   (M1) Theta = Theta_prev + theta                         cumulative angle, not reduced modulo 2 pi
//   (M2) q~ = Rot(Theta) q,  k~ = Rot(Theta) k              pairs (2i,2i+1), i < P
//   (M3) S = alpha S_prev + eta k~_prev v_prev^T + zeta k~ v^T
//        alpha = exp g,  eta = (1 - lambda) dt alpha,  zeta = lambda dt        trapezoid over the token before and this one
//   (M4) o = scale S^T q~
// Shapes: S [Dk,Dv]; q k [Dk]; v o [Dv]; theta [P]; g dt lambda scalar. Ranges: g <= 0, dt > 0, lambda in [0,1].
// The first token has no token before it, unless its rotated key and value were handed over.
// Collapses: lambda = 1, dt = 1, theta = 0 gives the Mamba-2 core. Left out: norms and biases of q and k, skip D, gate z.
#pragma once

#include "core/variant.h"
#include "naive/mamba3_token.h"

namespace fw::naive {

struct Mamba3 {
  static constexpr Variant id = Variant::mamba3;
  template <class T>
  using Token = Mamba3Token<T, Vector<T>>;
  template <class T>
  using State = Mamba3State<T, Vector<T>>;
  template <class T>
  using Output = Vector<T>;

  template <class T, class Record = NoRecord>
  static void step(State<T>& state, const Token<T>& x, T scale, Vector<T>& o, Record&& record = {}) {
    using std::exp;
    const T alpha = exp(x.g), eta = (T(1) - x.lambda) * x.dt * alpha, zeta = x.lambda * x.dt;
    state.angle += x.theta;                                                // (M1) [P]
    const Vector<T> q = rotated(x.q, state.angle);                         // (M2) [Dk]
    const Vector<T> k = rotated(x.k, state.angle);
    state.S *= alpha;                                                      // (M3) [Dk,Dv]
    state.S.noalias() += (eta * state.key) * state.value.transpose();
    state.S.noalias() += (zeta * k) * x.v.transpose();
    o.noalias() = scale * (state.S.transpose() * q);                       // (M4) [Dv]
    record(q, k, alpha, eta, zeta);
    state.key = k;
    state.value = x.v;
  }
};

}  // namespace fw::naive
