// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of naive/gdn2.h: one token, one head. On entry dS is the gradient reaching S_t from later tokens, on exit it is
// the gradient reaching S_{t-1}. Adds nothing to what was in dx: every member the rule uses is overwritten.
//   (B1) dS += scale q do^T            dq = scale S do
//   (B2) dk = dS delta                 ddelta = dS^T k
//   (B3) dz = ddelta, dr = -ddelta
//   (B4) de = S_decayed dr             dS_decayed = dS + e dr^T
//   (B5) dw = dz (.) v, dv = dz (.) w, db = de (.) k, dk += de (.) b
//   (B6) dg = rowsum(dS_decayed (.) S_decayed)     no division by alpha: safe at any decay, 0 at g = -inf
//   (B7) dS_prev = Diag(exp g) dS_decayed
#pragma once

#include "naive/gdn2.h"

namespace fw::naive {

template <class T>
void step_vjp(Gdn2, const Matrix<T>& S_prev, const Token<T>& x, T scale, const Vector<T>& d_o, Matrix<T>& dS, Token<T>& dx) {
  // forward again, from the state before the token
  const Vector<T> alpha = elementwise_exp(x.g);
  const Vector<T> e = x.b.cwiseProduct(x.k);
  const Vector<T> z = x.w.cwiseProduct(x.v);
  const Matrix<T> S_decayed = alpha.asDiagonal() * S_prev;
  const Vector<T> delta = z - S_decayed.transpose() * e;
  Matrix<T> S = S_decayed;
  S.noalias() += x.k * delta.transpose();

  // o = scale S^T q
  dx.q.noalias() = scale * (S * d_o);                               // (B1) [Dk]
  dS.noalias() += (scale * x.q) * d_o.transpose();
  // S = S_decayed + k delta^T
  dx.k.noalias() = dS * delta;                                      // (B2) [Dk]
  const Vector<T> dz = dS.transpose() * x.k;                        // (B3) [Dv]; delta = z - r, so dr = -dz
  // r = S_decayed^T e
  const Vector<T> de = -(S_decayed * dz);                           // (B4) [Dk]
  dS.noalias() -= e * dz.transpose();                               // now dS_decayed
  // z = w v, e = b k
  dx.w = dz.cwiseProduct(x.v);                                      // (B5)
  dx.v = dz.cwiseProduct(x.w);
  dx.b = de.cwiseProduct(x.k);
  dx.k += de.cwiseProduct(x.b);
  // S_decayed = Diag(exp g) S_prev
  dx.g = dS.cwiseProduct(S_decayed).rowwise().sum();                // (B6) [Dk]
  dS = alpha.asDiagonal() * dS;                                     // (B7)
}

}  // namespace fw::naive
