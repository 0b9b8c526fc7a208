// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of naive/gdn2_erase.h: one token, one head, the forward lines from last to first with tags (B1)-(B7) of
// docs/derivation.md. On entry dS is the gradient reaching S_t from later tokens, on exit the gradient reaching S_{t-1}.
// Every member of dx that the rule uses is overwritten.
#pragma once

#include "naive/gdn2_erase.h"

namespace fw::naive {

template <class T>
void step_vjp(Gdn2Erase, const Matrix<T>& S_prev, const Token<T>& x, T scale, const Vector<T>& d_o, Matrix<T>& dS, Token<T>& dx) {
  // forward again, from the state before the token
  const Vector<T> alpha = elementwise_exp(x.g);
  const T channels(static_cast<double>(x.w.size()));
  const T w_mean = x.w.sum() / channels;
  const Vector<T> e = x.b.cwiseProduct(x.k);
  const Vector<T> z = w_mean * x.v;
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
  // z = mean(w) v, e = b k
  dx.w.setConstant(dz.cwiseProduct(x.v).sum() / channels);          // (B5), every channel of w moves the mean alike
  dx.v = w_mean * dz;
  dx.b = de.cwiseProduct(x.k);
  dx.k += de.cwiseProduct(x.b);
  // S_decayed = Diag(exp g) S_prev
  dx.g = dS.cwiseProduct(S_decayed).rowwise().sum();                // (B6) [Dk]
  dS = alpha.asDiagonal() * dS;                                     // (B7)
}

}  // namespace fw::naive
