// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The loop around the step_vjp() of a Mamba-3 rule: tokens from last to first, with one state in kSegment saved and a
// segment's states computed again when the walk reaches it, as in naive/vjp/driver.h.
#pragma once

#include <algorithm>
#include <vector>

#include "naive/mamba3_driver.h"
#include "naive/vjp/driver.h"
#include "naive/vjp/mamba3_token.h"

namespace fw::naive {

template <class Rule, class T>
void walk_mamba3_back(const Inputs<T>& in, const Upstream<T>& up, const Geometry& geo, const Options& options, index_t n, index_t hv,
                      Gradients<T>& grad, DecayParameterGradients<T>& decay) {
  using State = typename Rule::template State<T>;
  const Geometry::Sequence& seq = geo.sequences[static_cast<std::size_t>(n)];
  const T scale(geo.scale);
  typename Rule::template Token<T> x, dx;
  typename Rule::template Output<T> o, d_o;
  State state, d;
  resize_rows(o, geo.M, geo.Dv);
  read_state(in, geo, n, hv, state);
  const auto advance = [&](index_t t) {
    read_token(in, geo, options, seq.batch, seq.begin + t, hv, x);
    Rule::step(state, x, scale, o);
  };

  std::vector<State> segment_starts;
  for (index_t t = 0; t < seq.length; ++t) {
    if (t % kSegment == 0) segment_starts.push_back(state);
    advance(t);
  }
  read_final_gradient(up, geo, n, hv, d);

  std::vector<State> before;
  for (index_t segment = static_cast<index_t>(segment_starts.size()) - 1; segment >= 0; --segment) {
    const index_t first = segment * kSegment, last = std::min(first + kSegment, seq.length);
    state = segment_starts[static_cast<std::size_t>(segment)];
    before.assign(1, state);
    for (index_t t = first; t + 1 < last; ++t) {
      advance(t);
      before.push_back(state);
    }
    for (index_t t = last - 1; t >= first; --t) {
      const index_t at = seq.begin + t;
      read_token(in, geo, options, seq.batch, at, hv, x);
      read_rows(up.d_o.defined() ? up.d_o.row(seq.batch, at, hv) : nullptr, geo.M, geo.Dv, d_o);
      step_vjp(Rule{}, before[static_cast<std::size_t>(t - first)], x, scale, d_o, d, dx);
      add_token_gradient(in, geo, options, n, seq.batch, at, hv, dx, grad, decay);
    }
  }
  write_initial_gradient(d, n, hv, grad);
}

template <class Rule, class T>
Gradients<T> run_mamba3_backward(const char* who, const Inputs<T>& in, const Upstream<T>& up, const Options& options) {
  const Geometry geo = check_inputs(who, in, options);
  check_upstream(who, geo, up, options);
  Gradients<T> grad = zero_gradients(in);
  DecayParameterGradients<T> decay = decay_parameter_gradients(in, geo);

  // one piece of work per key head: the value heads that share it add to the same rows, one after the other
  parallel_for(geo.N * geo.H, options.threads, [&](index_t piece) {
    const index_t n = piece / geo.H, h = piece % geo.H;
    for (index_t hv = h * geo.group; hv < (h + 1) * geo.group; ++hv) walk_mamba3_back<Rule>(in, up, geo, options, n, hv, grad, decay);
  });
  sum_sequences(decay, grad);
  return grad;
}

}  // namespace fw::naive
