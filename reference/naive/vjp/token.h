// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of naive/token.h: carries the gradient of one token back through activation and normalisation and adds it to
// the tensors of the call. q, k (and g, b per key head) accumulate over the value heads of a group; A_log and dt_bias
// accumulate over tokens, per sequence (the caller sums the sequences).
//   l2norm    dx = (dy - y (y.dy)) / sqrt(x.x + eps)
//   softplus  draw = -exp(A_log) sigmoid(raw + bias) dg,  dA_log = g dg,  dbias = draw
//   bounded   s = sigmoid(u), u = exp(A_log)(raw + bias):  du = lower s (1 - s) dg,  draw = exp(A_log) du,  dA_log = u du
//   sigmoid   draw = gain s (1 - s) dgate
#pragma once

#include <vector>

#include "naive/token.h"

namespace fw::naive {

template <class T>
Vector<T> l2_normalised_vjp(const Vector<T>& x, const Vector<T>& dy, double eps) {
  using std::sqrt;
  const T squares = x.cwiseProduct(x).sum() + T(eps);
  if (squares == T(0)) return Vector<T>::Zero(x.size());
  const T length = sqrt(squares);
  const Vector<T> y = x / length;
  return (dy - y * y.cwiseProduct(dy).sum()) / length;
}

/// Gradients whose sums run over tokens of one sequence: rows [N,Hg] and [N,Hg] or [N,Hg,Dk].
template <class T>
struct DecayParameterGradients {
  Tensor<T> dA_log, ddt_bias;
};

/// Room for the parameters of the decay activation that were given.
template <class T>
DecayParameterGradients<T> decay_parameter_gradients(const Inputs<T>& in, const Geometry& geo) {
  const auto per_sequence = [&](const Tensor<T>& parameter) {
    if (!parameter.defined()) return Tensor<T>();
    std::vector<index_t> sizes = parameter.shape().sizes();
    sizes.insert(sizes.begin(), geo.N);
    return Tensor<T>(Shape(sizes), T(0));
  };
  return {per_sequence(in.A_log), per_sequence(in.dt_bias)};
}

/// Sum over the sequences, in their order.
template <class T>
void sum_sequences(const DecayParameterGradients<T>& decay, Gradients<T>& grad) {
  const auto sum = [](const Tensor<T>& parts, Tensor<T>& total) {
    for (index_t i = 0; i < parts.numel(); ++i) total[i % total.numel()] += parts[i];
  };
  sum(decay.dA_log, grad.dA_log);
  sum(decay.ddt_bias, grad.ddt_bias);
}

/// Carries the gradient of the log-decay of one token, value head `hv`, back to g, A_log and dt_bias.
template <class T>
void add_decay_gradient(const Inputs<T>& in, const Geometry& geo, const Options& options, index_t n, index_t batch, index_t t, index_t hv,
                        const Vector<T>& d_decay, Gradients<T>& grad, DecayParameterGradients<T>& decay) {
  using std::exp;
  const index_t head = geo.head_of(geo.g_heads, hv), channels = geo.g_channels ? geo.Dk : 1;
  T* dg = grad.dg.row(batch, t, head);
  const T* raw = in.g.row(batch, t, head);
  for (index_t i = 0; i < channels; ++i) {
    T draw = d_decay[i];
    if (options.decay_activation != DecayActivation::none) {
      const T rate = exp(in.A_log(head)), shifted = raw[i] + decay_bias(in, head, i);
      T dA_log;
      if (options.decay_activation == DecayActivation::softplus) {
        draw = -rate * sigmoid(shifted) * d_decay[i];
        dA_log = -rate * softplus(shifted) * d_decay[i];
      } else {
        const T u = rate * shifted, s = sigmoid(u), du = T(options.decay_lower_bound) * s * sigmoid(T(-u)) * d_decay[i];
        draw = rate * du;
        dA_log = u * du;
      }
      decay.dA_log(n, head) += dA_log;
      if (in.dt_bias.defined()) (in.dt_bias.shape().rank() == 1 ? decay.ddt_bias(n, head) : decay.ddt_bias(n, head, i)) += draw;
    }
    dg[i] += draw;
  }
}

template <class T>
void add_token_gradient(const Inputs<T>& in, const Geometry& geo, const Options& options, index_t n, index_t batch, index_t t, index_t hv,
                        const Token<T>& dx, Gradients<T>& grad, DecayParameterGradients<T>& decay) {
  const index_t h = geo.key_head(hv);
  if (options.l2norm_qk) {
    const Vector<T> q = ConstVectorMap<T>(in.q.row(batch, t, h), geo.Dk), k = ConstVectorMap<T>(in.k.row(batch, t, h), geo.Dk);
    VectorMap<T>(grad.dq.row(batch, t, h), geo.Dk) += l2_normalised_vjp(q, dx.q, options.l2norm_eps);
    VectorMap<T>(grad.dk.row(batch, t, h), geo.Dk) += l2_normalised_vjp(k, dx.k, options.l2norm_eps);
  } else {
    VectorMap<T>(grad.dq.row(batch, t, h), geo.Dk) += dx.q;
    VectorMap<T>(grad.dk.row(batch, t, h), geo.Dk) += dx.k;
  }
  VectorMap<T>(grad.dv.row(batch, t, hv), geo.Dv) += dx.v;

  if (in.g.defined()) add_decay_gradient(in, geo, options, n, batch, t, hv, dx.g, grad, decay);
  const T erase_gain = options.erase_times_two ? T(2) : T(1);
  const auto through_sigmoid = [&](const T& raw, const T& gain) { return gain * sigmoid(raw) * sigmoid(T(-raw)); };
  if (in.b.defined()) {
    const index_t head = geo.head_of(geo.b_heads, hv);
    for (index_t i = 0; i < geo.Dk; ++i)
      grad.db.row(batch, t, head)[i] += options.sigmoid_gates ? dx.b[i] * through_sigmoid(in.b.row(batch, t, head)[i], erase_gain) : dx.b[i];
  }
  if (in.w.defined())
    for (index_t j = 0; j < geo.Dv; ++j)
      grad.dw.row(batch, t, hv)[j] += options.sigmoid_gates ? dx.w[j] * through_sigmoid(in.w.row(batch, t, hv)[j], T(1)) : dx.w[j];
  if (in.beta.defined())
    grad.dbeta(batch, t, hv) += options.sigmoid_gates ? dx.beta * through_sigmoid(in.beta(batch, t, hv), erase_gain) : dx.beta;
}

}  // namespace fw::naive
