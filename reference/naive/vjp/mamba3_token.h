// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of naive/mamba3_token.h: adds the gradient of one token to the tensors of the call. q and k (and g per key head)
// accumulate over the value heads of a group; A_log and dt_bias accumulate over tokens, per sequence.
#pragma once

#include "naive/mamba3_token.h"
#include "naive/vjp/token.h"

namespace fw::naive {

/// Gradient of the angles from that of one rotated vector, first P pairs: (x,y) turns towards (-y,x).
template <class T>
void add_angle_gradient(const Vector<T>& turned, const Vector<T>& d_turned, Vector<T>& d_angle) {
  for (index_t i = 0; i < d_angle.size(); ++i)
    d_angle[i] += d_turned[2 * i + 1] * turned[2 * i] - d_turned[2 * i] * turned[2 * i + 1];
}

/// to[m] += rows[m], through the normalisation of the raw rows where there is one.
template <class T, class Rows>
void add_rows(const Rows& rows, const T* raw, bool normalised, double eps, index_t M, index_t width, T* to) {
  for (index_t m = 0; m < M; ++m) {
    const Vector<T> d = ConstVectorMap<T>(rows.data() + m * width, width), x = ConstVectorMap<T>(raw + m * width, width);
    VectorMap<T>(to + m * width, width) += normalised ? l2_normalised_vjp(x, d, eps) : d;
  }
}

template <class T, class Rows>
void add_token_gradient(const Inputs<T>& in, const Geometry& geo, const Options& options, index_t n, index_t batch, index_t t, index_t hv,
                        const Mamba3Token<T, Rows>& dx, Gradients<T>& grad, DecayParameterGradients<T>& decay) {
  const index_t h = geo.key_head(hv);
  add_rows(dx.q, in.q.row(batch, t, h), options.l2norm_qk, options.l2norm_eps, geo.M, geo.Dk, grad.dq.row(batch, t, h));
  add_rows(dx.k, in.k.row(batch, t, h), options.l2norm_qk, options.l2norm_eps, geo.M, geo.Dk, grad.dk.row(batch, t, h));
  add_rows(dx.v, in.v.row(batch, t, hv), false, 0.0, geo.M, geo.Dv, grad.dv.row(batch, t, hv));
  add_decay_gradient(in, geo, options, n, batch, t, hv, Vector<T>(Vector<T>::Constant(1, dx.g)), grad, decay);
  grad.ddt(batch, t, hv) += dx.dt;
  grad.dlambda(batch, t, hv) += dx.lambda;
  if (in.theta.defined()) VectorMap<T>(grad.dtheta.row(batch, t, hv), geo.P) += dx.theta;
}

/// Gradient of the final state of sequence n, value head hv; what was not given is zero.
template <class T, class Rows>
void read_final_gradient(const Upstream<T>& up, const Geometry& geo, index_t n, index_t hv, Mamba3State<T, Rows>& d) {
  const auto at = [&](const Tensor<T>& given) { return given.defined() ? given.row(n, hv) : nullptr; };
  read_rows(at(up.dfinal_state), geo.Dk, geo.Dv, d.S);
  read_rows(at(up.dfinal_angle), 1, geo.P, d.angle);
  read_rows(at(up.dfinal_key), geo.M, geo.Dk, d.key);
  read_rows(at(up.dfinal_value), geo.M, geo.Dv, d.value);
}

/// Gradient of the state before the first token, to the initial tensors that were given.
template <class T, class Rows>
void write_initial_gradient(const Mamba3State<T, Rows>& d, index_t n, index_t hv, Gradients<T>& grad) {
  const auto write = [&](const auto& from, Tensor<T>& to) {
    if (to.defined()) std::copy_n(from.data(), from.size(), to.row(n, hv));
  };
  write(d.S, grad.dinitial_state);
  write(d.angle, grad.dinitial_angle);
  write(d.key, grad.dinitial_key);
  write(d.value, grad.dinitial_value);
}

}  // namespace fw::naive
