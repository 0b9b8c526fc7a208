// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of naive/mamba3_mimo.h: the lines (MB4)-(MB1) of naive/vjp/mamba3.h with rows: what was one product per token is
// one per row m, and dS, dg, dlambda, ddt and dTheta sum over the rows. On entry `d` is the gradient of the state behind the
// token, on exit of the one before it. Every member of dx is overwritten.
#pragma once

#include "naive/mamba3_mimo.h"
#include "naive/vjp/mamba3_token.h"

namespace fw::naive {

template <class T>
void step_vjp(Mamba3Mimo, const Mamba3State<T, Matrix<T>>& prev, const Mamba3Token<T, Matrix<T>>& x, T scale, const Matrix<T>& d_o,
              Mamba3State<T, Matrix<T>>& d, Mamba3Token<T, Matrix<T>>& dx) {
  // forward again, from the state before the token
  using std::exp;
  const T alpha = exp(x.g), eta = (T(1) - x.lambda) * x.dt * alpha, zeta = x.lambda * x.dt;
  const index_t M = x.q.rows();
  const Vector<T> angle = prev.angle + x.theta;
  const Matrix<T> q = rotated(x.q, angle), k = rotated(x.k, angle);
  const Matrix<T> S_decayed = alpha * prev.S;
  Matrix<T> S = S_decayed;
  for (index_t m = 0; m < M; ++m) S.noalias() += (eta * prev.key.row(m)).transpose() * prev.value.row(m);
  for (index_t m = 0; m < M; ++m) S.noalias() += (zeta * k.row(m)).transpose() * x.v.row(m);

  // o_m = scale S^T q~_m
  Matrix<T> dq(M, S.rows());                                                   // (MB4) [M,Dk]
  for (index_t m = 0; m < M; ++m) {
    const Vector<T> d_o_m = d_o.row(m);
    dq.row(m) = (scale * (S * d_o_m)).transpose();
    d.S.noalias() += (scale * q.row(m)).transpose() * d_o.row(m);
  }
  // S = S_decayed + eta sum_m k~_prev,m v_prev,m^T + zeta sum_m k~_m v_m^T, and k~, v are handed on
  Matrix<T> dk = d.key;                                                        // (MB3) [M,Dk]
  dx.v = d.value;                                                              // [M,Dv]
  T dzeta(0), deta(0);
  for (index_t m = 0; m < M; ++m) {
    const Vector<T> k_m = k.row(m), v_m = x.v.row(m), key_m = prev.key.row(m), value_m = prev.value.row(m);
    const Vector<T> dS_v = d.S * v_m, dS_v_prev = d.S * value_m;
    dk.row(m) += (zeta * dS_v).transpose();
    dx.v.row(m).transpose().noalias() += zeta * (d.S.transpose() * k_m);
    d.key.row(m) = (eta * dS_v_prev).transpose();
    d.value.row(m).transpose().noalias() = eta * (d.S.transpose() * key_m);
    dzeta += k_m.cwiseProduct(dS_v).sum();
    deta += key_m.cwiseProduct(dS_v_prev).sum();
  }
  // zeta = lambda dt, eta = (1 - lambda) dt alpha, S_decayed = exp(g) S_prev
  dx.g = d.S.cwiseProduct(S_decayed).sum() + eta * deta;
  dx.lambda = x.dt * (dzeta - alpha * deta);
  dx.dt = x.lambda * dzeta + (T(1) - x.lambda) * alpha * deta;
  d.S *= alpha;
  // q~_m = Rot(Theta) q_m, k~_m = Rot(Theta) k_m
  for (index_t m = 0; m < M; ++m) {                                     // (MB2) [P], summed over the rows
    add_angle_gradient(Vector<T>(q.row(m)), Vector<T>(dq.row(m)), d.angle);
    add_angle_gradient(Vector<T>(k.row(m)), Vector<T>(dk.row(m)), d.angle);
  }
  dx.q = rotated(dq, Vector<T>(-angle));
  dx.k = rotated(dk, Vector<T>(-angle));
  // Theta = Theta_prev + theta
  dx.theta = d.angle;                                                          // (MB1) [P]
}

}  // namespace fw::naive
