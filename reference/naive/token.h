// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Gathers what one value head sees at one token from the tensors of a call, normalised and activated, ready for step().
#pragma once

#include <cmath>

#include "core/problem.h"
#include "naive/gates.h"

namespace fw::naive {

/// The log-decay of one channel from its raw value (see gates.h). `A_log`, `bias` belong to the head (and channel).
template <class T>
T activated_decay(const T& raw, const T& A_log, const T& bias, const Options& options) {
  using std::exp;
  if (options.decay_activation == DecayActivation::softplus) return -exp(A_log) * softplus(T(raw + bias));
  return T(options.decay_lower_bound) * sigmoid(T(exp(A_log) * (raw + bias)));
}

/// dt_bias of head `head`, channel `channel`; zero when absent.
template <class T>
T decay_bias(const Inputs<T>& in, index_t head, index_t channel) {
  if (!in.dt_bias.defined()) return T(0);
  return in.dt_bias.shape().rank() == 1 ? in.dt_bias(head) : in.dt_bias(head, channel);
}

/// Log-decay of value head `hv` at token t: [Dk], or [1] for a scalar decay; empty where the variant has none.
template <class T>
Vector<T> read_decay(const Inputs<T>& in, const Geometry& geo, const Options& options, index_t batch, index_t t, index_t hv) {
  if (!in.g.defined()) return {};
  const index_t head = geo.head_of(geo.g_heads, hv), channels = geo.g_channels ? geo.Dk : 1;
  Vector<T> g = ConstVectorMap<T>(in.g.row(batch, t, head), channels);
  if (options.decay_activation != DecayActivation::none)
    for (index_t i = 0; i < channels; ++i) g[i] = activated_decay(g[i], in.A_log(head), decay_bias(in, head, i), options);
  return g;
}

/// Token t (counted from the batch row's start) of batch row `batch`, value head `hv`.
template <class T>
void read_token(const Inputs<T>& in, const Geometry& geo, const Options& options, index_t batch, index_t t, index_t hv, Token<T>& x) {
  const index_t h = geo.key_head(hv);
  x.q = ConstVectorMap<T>(in.q.row(batch, t, h), geo.Dk);
  x.k = ConstVectorMap<T>(in.k.row(batch, t, h), geo.Dk);
  x.v = ConstVectorMap<T>(in.v.row(batch, t, hv), geo.Dv);
  if (options.l2norm_qk) {
    x.q = l2_normalised(x.q, options.l2norm_eps);
    x.k = l2_normalised(x.k, options.l2norm_eps);
  }
  if (in.g.defined()) x.g = read_decay(in, geo, options, batch, t, hv);
  const T erase_gain = options.erase_times_two ? T(2) : T(1);
  if (in.b.defined()) {
    x.b = ConstVectorMap<T>(in.b.row(batch, t, geo.head_of(geo.b_heads, hv)), geo.Dk);
    if (options.sigmoid_gates)
      for (index_t i = 0; i < geo.Dk; ++i) x.b[i] = erase_gain * sigmoid(x.b[i]);
  }
  if (in.w.defined()) {
    x.w = ConstVectorMap<T>(in.w.row(batch, t, hv), geo.Dv);
    if (options.sigmoid_gates)
      for (index_t j = 0; j < geo.Dv; ++j) x.w[j] = sigmoid(x.w[j]);
  }
  if (in.beta.defined()) {
    x.beta = in.beta(batch, t, hv);
    if (options.sigmoid_gates) x.beta = erase_gain * sigmoid(x.beta);
  }
}

}  // namespace fw::naive
