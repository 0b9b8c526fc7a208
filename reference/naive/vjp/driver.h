// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The loop around a rule's step_vjp(): tokens from last to first. The states a step needs are not all kept: one in
// kSegment is saved on the way forward, and a segment's states are computed again when the walk reaches it. Memory per
// value head in flight: (T / kSegment + kSegment) * Dk * Dv scalars.
#pragma once

#include <algorithm>
#include <vector>

#include "naive/driver.h"
#include "naive/vjp/token.h"

namespace fw::naive {

inline constexpr index_t kSegment = 64;

/// Zero gradients shaped like the inputs that were given.
template <class T>
Gradients<T> zero_gradients(const Inputs<T>& in) {
  std::vector<const Tensor<T>*> given;
  for_each_input(in, [&](const char*, const Tensor<T>& t) { given.push_back(&t); });
  Gradients<T> grad;
  std::size_t i = 0;
  for_each_gradient(grad, [&](const char*, Tensor<T>& d) {
    const Tensor<T>& like = *given[i++];
    if (like.defined()) d = Tensor<T>(like.shape(), T(0));
  });
  return grad;
}

template <class Rule, class T>
void walk_back(const Inputs<T>& in, const Upstream<T>& up, const Geometry& geo, const Options& options, index_t n, index_t hv,
               Gradients<T>& grad, DecayParameterGradients<T>& decay) {
  const Geometry::Sequence& seq = geo.sequences[static_cast<std::size_t>(n)];
  const T scale(geo.scale);
  Token<T> x, dx;
  Vector<T> o(geo.Dv), d_o = Vector<T>::Zero(geo.Dv);
  Matrix<T> S = initial_state(in, geo, n, hv);

  std::vector<Matrix<T>> segment_starts;
  for (index_t t = 0; t < seq.length; ++t) {
    if (t % kSegment == 0) segment_starts.push_back(S);
    read_token(in, geo, options, seq.batch, seq.begin + t, hv, x);
    Rule::step(S, x, scale, o);
  }
  Matrix<T> dS = Matrix<T>::Zero(geo.Dk, geo.Dv);
  if (up.dfinal_state.defined()) dS = ConstMatrixMap<T>(up.dfinal_state.row(n, hv), geo.Dk, geo.Dv);

  // the state before each token of one segment; the matrices are reused by the next one
  std::vector<Matrix<T>> before(static_cast<std::size_t>(std::min(kSegment, seq.length)), S);
  for (index_t segment = static_cast<index_t>(segment_starts.size()) - 1; segment >= 0; --segment) {
    const index_t first = segment * kSegment, last = std::min(first + kSegment, seq.length);
    before[0] = segment_starts[static_cast<std::size_t>(segment)];
    for (index_t t = first; t + 1 < last; ++t) {
      Matrix<T>& next = before[static_cast<std::size_t>(t + 1 - first)];
      next = before[static_cast<std::size_t>(t - first)];
      read_token(in, geo, options, seq.batch, seq.begin + t, hv, x);
      Rule::step(next, x, scale, o);
    }
    for (index_t t = last - 1; t >= first; --t) {
      const index_t at = seq.begin + t;
      read_token(in, geo, options, seq.batch, at, hv, x);
      if (up.d_o.defined()) d_o = ConstVectorMap<T>(up.d_o.row(seq.batch, at, hv), geo.Dv);
      dx.set_zero_like(x);
      step_vjp(Rule{}, before[static_cast<std::size_t>(t - first)], x, scale, d_o, dS, dx);
      add_token_gradient(in, geo, options, n, seq.batch, at, hv, dx, grad, decay);
    }
  }
  if (in.initial_state.defined()) MatrixMap<T>(grad.dinitial_state.row(n, hv), geo.Dk, geo.Dv) = dS;
}

template <class Rule, class T>
Gradients<T> run_backward(const char* who, const Inputs<T>& in, const Upstream<T>& up, const Options& options) {
  const Geometry geo = check_inputs(who, in, options);
  check_upstream(who, geo, up, options);
  Gradients<T> grad = zero_gradients(in);
  DecayParameterGradients<T> decay = decay_parameter_gradients(in, geo);

  // one piece of work per key head: the value heads that share it add to the same rows, one after the other
  parallel_for(geo.N * geo.H, options.threads, [&](index_t piece) {
    const index_t n = piece / geo.H, h = piece % geo.H;
    for (index_t hv = h * geo.group; hv < (h + 1) * geo.group; ++hv) walk_back<Rule>(in, up, geo, options, n, hv, grad, decay);
  });
  sum_sequences(decay, grad);
  return grad;
}

}  // namespace fw::naive
