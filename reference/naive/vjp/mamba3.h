// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of naive/mamba3.h: one token, one head, the forward lines from last to first. On entry `d` is the gradient that
// reaches the state behind the token (memory, angle, rotated key, value) from later tokens, on exit the one that reaches
// the state before it. Every member of dx is overwritten.
//   (MB4) dS += scale q~ do^T                        dq~ = scale S do
//   (MB3) dk~ += zeta dS v                           dv = dvalue + zeta dS^T k~          dzeta = k~^T dS v
//         dkey_prev = eta dS v_prev                  dvalue_prev = eta dS^T k~_prev      deta = k~_prev^T dS v_prev
//         dg = sum(dS (.) alpha S_prev) + eta deta   no division by alpha: 0 at g = -inf
//         dlambda = dt (dzeta - alpha deta)          ddt = lambda dzeta + (1 - lambda) alpha deta
//         dS_prev = alpha dS
//   (MB2) dq = Rot(-Theta) dq~, dk likewise; a rotated pair (x,y) turns towards (-y,x), so dTheta += dy x - dx y
//   (MB1) dtheta = dTheta, which goes on to the token before
#pragma once

#include "naive/mamba3.h"
#include "naive/vjp/mamba3_token.h"

namespace fw::naive {

template <class T>
void step_vjp(Mamba3, const Mamba3State<T, Vector<T>>& prev, const Mamba3Token<T, Vector<T>>& x, T scale, const Vector<T>& d_o,
              Mamba3State<T, Vector<T>>& d, Mamba3Token<T, Vector<T>>& dx) {
  // forward again, from the state before the token
  using std::exp;
  const T alpha = exp(x.g), eta = (T(1) - x.lambda) * x.dt * alpha, zeta = x.lambda * x.dt;
  const Vector<T> angle = prev.angle + x.theta, q = rotated(x.q, angle), k = rotated(x.k, angle);
  const Matrix<T> S_decayed = alpha * prev.S;
  Matrix<T> S = S_decayed;
  S.noalias() += (eta * prev.key) * prev.value.transpose();
  S.noalias() += (zeta * k) * x.v.transpose();

  // o = scale S^T q~
  const Vector<T> dq = scale * (S * d_o);                                      // (MB4) [Dk]
  d.S.noalias() += (scale * q) * d_o.transpose();
  // S = S_decayed + eta k~_prev v_prev^T + zeta k~ v^T, and k~, v are handed on
  const Vector<T> dS_v = d.S * x.v, dS_v_prev = d.S * prev.value;              // (MB3) [Dk]
  const Vector<T> dk = d.key + zeta * dS_v;
  dx.v = d.value;
  dx.v.noalias() += zeta * (d.S.transpose() * k);                              // [Dv]
  d.key = eta * dS_v_prev;
  d.value.noalias() = eta * (d.S.transpose() * prev.key);
  const T dzeta = k.cwiseProduct(dS_v).sum(), deta = prev.key.cwiseProduct(dS_v_prev).sum();
  // zeta = lambda dt, eta = (1 - lambda) dt alpha, S_decayed = exp(g) S_prev
  dx.g = d.S.cwiseProduct(S_decayed).sum() + eta * deta;
  dx.lambda = x.dt * (dzeta - alpha * deta);
  dx.dt = x.lambda * dzeta + (T(1) - x.lambda) * alpha * deta;
  d.S *= alpha;
  // q~ = Rot(Theta) q, k~ = Rot(Theta) k
  add_angle_gradient(q, dq, d.angle);                                          // (MB2) [P]
  add_angle_gradient(k, dk, d.angle);
  dx.q = rotated(dq, Vector<T>(-angle));
  dx.k = rotated(dk, Vector<T>(-angle));
  // Theta = Theta_prev + theta
  dx.theta = d.angle;                                                          // (MB1) [P]
}

}  // namespace fw::naive
