// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The loop around the step_vjp() of an attention rule. The weights of a token are computed again when it is visited:
// memory per value head in flight is that of q, k, v and their gradients.
#pragma once

#include "naive/softmax_driver.h"
#include "naive/vjp/driver.h"
#include "naive/vjp/softmax.h"

namespace fw::naive {

template <class Rule, class T>
void walk_attention_back(const Inputs<T>& in, const Upstream<T>& up, const Geometry& geo, const Options& options, index_t n, index_t hv,
                         Gradients<T>& grad) {
  const Geometry::Sequence& seq = geo.sequences[static_cast<std::size_t>(n)];
  const AttentionSequence<T> s = read_sequence(in, geo, options, n, hv);
  AttentionSequence<T> d{Matrix<T>::Zero(seq.length, geo.Dk), Matrix<T>::Zero(seq.length, geo.Dk), Matrix<T>::Zero(seq.length, geo.Dv)};
  for (index_t t = 0; t < seq.length; ++t) {
    const index_t first = Rule::first_seen(t, options.window), seen = t - first + 1;
    const Vector<T> q = s.q.row(t), d_o = ConstVectorMap<T>(up.d_o.row(seq.batch, seq.begin + t, hv), geo.Dv);
    Vector<T> dq(geo.Dk);
    step_vjp<T>(Rule{}, s.k.middleRows(first, seen), s.v.middleRows(first, seen), q, T(geo.scale), d_o, dq, d.k.middleRows(first, seen),
                d.v.middleRows(first, seen));
    d.q.row(t) = dq.transpose();
  }
  DecayParameterGradients<T> none;
  Token<T> dx;
  for (index_t t = 0; t < seq.length; ++t) {
    dx.q = d.q.row(t);
    dx.k = d.k.row(t);
    dx.v = d.v.row(t);
    add_token_gradient(in, geo, options, n, seq.batch, seq.begin + t, hv, dx, grad, none);
  }
}

template <class Rule, class T>
Gradients<T> run_attention_backward(const char* who, const Inputs<T>& in, const Upstream<T>& up, const Options& options) {
  const Geometry geo = check_inputs(who, in, options);
  check_upstream(who, geo, up, options);
  Gradients<T> grad = zero_gradients(in);
  if (!up.d_o.defined()) return grad;
  // one piece of work per key head: the value heads that share it add to the same rows, one after the other
  parallel_for(geo.N * geo.H, options.threads, [&](index_t piece) {
    const index_t n = piece / geo.H, h = piece % geo.H;
    for (index_t hv = h * geo.group; hv < (h + 1) * geo.group; ++hv) walk_attention_back<Rule>(in, up, geo, options, n, hv, grad);
  });
  return grad;
}

}  // namespace fw::naive
