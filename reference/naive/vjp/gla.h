// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of naive/gla.h: one token, one head, the forward lines from last to first with tags (B1)-(B7) of
// docs/derivation.md. On entry dS is the gradient reaching S_t from later tokens, on exit the gradient reaching S_{t-1}.
// Every member of dx that the rule uses is overwritten.
#pragma once

#include "naive/gla.h"

namespace fw::naive {

template <class T>
void step_vjp(Gla, const Matrix<T>& S_prev, const Token<T>& x, T scale, const Vector<T>& d_o, Matrix<T>& dS, Token<T>& dx) {
  // forward again, from the state before the token
  const Vector<T> alpha = elementwise_exp(x.g);
  const Matrix<T> S_decayed = alpha.asDiagonal() * S_prev;
  Matrix<T> S = S_decayed;
  S.noalias() += x.k * x.v.transpose();

  // o = scale S^T q
  dx.q.noalias() = scale * (S * d_o);                               // (B1) [Dk]
  dS.noalias() += (scale * x.q) * d_o.transpose();
  // S = S_decayed + k v^T
  dx.k.noalias() = dS * x.v;                                        // (B2) [Dk]
  dx.v.noalias() = dS.transpose() * x.k;                            // (B3), (B5) with w = 1
  // S_decayed = Diag(exp g) S_prev
  dx.g = dS.cwiseProduct(S_decayed).rowwise().sum();                // (B6) [Dk]
  dS = alpha.asDiagonal() * dS;                                     // (B7)
}

}  // namespace fw::naive
