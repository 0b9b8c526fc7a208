// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of naive/kda.h: one token, one head, the forward lines from last to first with tags (B1)-(B7) of
// docs/derivation.md. On entry dS is the gradient reaching S_t from later tokens, on exit the gradient reaching S_{t-1}.
// Every member of dx that the rule uses is overwritten.
#pragma once

#include "naive/kda.h"

namespace fw::naive {

template <class T>
void step_vjp(Kda, const Matrix<T>& S_prev, const Token<T>& x, T scale, const Vector<T>& d_o, Matrix<T>& dS, Token<T>& dx) {
  // forward again, from the state before the token
  const Vector<T> alpha = elementwise_exp(x.g);
  const Vector<T> e = x.beta * x.k;
  const Vector<T> z = x.beta * x.v;
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
  // e = beta k, z = beta v: the tied gate sums both of its uses
  dx.v = x.beta * dz;                                               // (B5)
  dx.k += x.beta * de;
  dx.beta = de.cwiseProduct(x.k).sum() + dz.cwiseProduct(x.v).sum();
  // S_decayed = Diag(exp g) S_prev
  dx.g = dS.cwiseProduct(S_decayed).rowwise().sum();                // (B6) [Dk]
  dS = alpha.asDiagonal() * dS;                                     // (B7)
}

}  // namespace fw::naive
