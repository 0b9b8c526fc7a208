// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// From the tensors of a call to what the kernels read: pointers, strides and activations of one prep, one value head.
#pragma once

#include <cmath>

#include "omp/plan.h"

namespace fw::omp {

template <class T>
PrepSource<T> prep_source(const Inputs<T>& in, const Options& options, const Plan& plan, index_t prep) {
  const Geometry& geo = plan.geo;
  const auto& span = plan.span(prep);
  const index_t hv = plan.first_head(prep), h = geo.key_head(hv), batch = span.batch, begin = span.begin;
  PrepSource<T> p;
  p.Dk = geo.Dk;
  p.Kp = plan.Kp;
  p.scale = T(geo.scale);
  p.l2norm = options.l2norm_qk;
  p.l2norm_eps = T(options.l2norm_eps);
  p.sigmoid = options.sigmoid_gates;
  p.erase_gain = options.erase_times_two ? T(2) : T(1);
  p.q = in.q.row(batch, begin, h);
  p.k = in.k.row(batch, begin, h);
  p.k_stride = geo.H * geo.Dk;
  if (plan.decay != Decay::none) {
    const index_t head = geo.head_of(geo.g_heads, hv), channels = geo.g_channels ? geo.Dk : 1;
    p.g = in.g.data() + ((batch * geo.T + begin) * geo.g_heads + head) * channels;
    p.g_stride = geo.g_heads * channels;
    if (options.decay_activation != DecayActivation::none) {
      p.form = options.decay_activation == DecayActivation::softplus ? DecayForm::softplus : DecayForm::bounded;
      p.A = std::exp(in.A_log(head));
      p.lower = T(options.decay_lower_bound);
      if (in.dt_bias.defined()) {
        p.bias_channels = in.dt_bias.shape().rank() == 2;
        p.bias = in.dt_bias.row(head);
      }
    }
  }
  if (plan.erase == Erase::scalar) {
    p.b = in.beta.row(batch, begin, hv);
    p.b_stride = geo.HV;
  } else if (plan.erase != Erase::none) {
    p.b = in.b.row(batch, begin, geo.head_of(geo.b_heads, hv));
    p.b_stride = geo.b_heads * geo.Dk;
  }
  return p;
}

template <class T>
ValueSource<T> value_source(const Inputs<T>& in, const Options& options, const Plan& plan, index_t prep, index_t head) {
  const Geometry& geo = plan.geo;
  const auto& span = plan.span(prep);
  const index_t hv = plan.first_head(prep) + head;
  ValueSource<T> p;
  p.Dv = geo.Dv;
  p.write = plan.write;
  p.sigmoid = options.sigmoid_gates;
  p.v = in.v.row(span.batch, span.begin, hv);
  p.v_stride = geo.HV * geo.Dv;
  if (plan.write == Write::scalar) {
    p.w = in.beta.row(span.batch, span.begin, hv);
    p.w_stride = geo.HV;
    p.gain = options.erase_times_two ? T(2) : T(1);
  } else if (plan.write != Write::one) {
    p.w = in.w.row(span.batch, span.begin, hv);
    p.w_stride = p.v_stride;
  }
  return p;
}

/// Whose business the rows of a block are when several tiles share them.
struct Share {
  index_t part, parts;
};

/// Ask for the rows of `tokens` tokens from `token` on of a tensor whose first row is `first` (null: nothing).
template <class T>
void ask_for(Errands& errands, Share share, const T* first, index_t stride, index_t width, index_t token, index_t tokens, bool written = false) {
  if (!first || tokens <= 0) return;
  constexpr index_t size = sizeof(T);
  errands.add({reinterpret_cast<const char*>(first + token * stride), stride * size, width * size, static_cast<int>(tokens),
               static_cast<int>(share.part), static_cast<int>(share.parts), written});
}

/// The rows that prepare reads, and those that values reads.
template <class T>
void ask_for(Errands& errands, Share share, const PrepSource<T>& p, const Plan& plan, index_t token, index_t tokens) {
  ask_for(errands, share, p.q, p.k_stride, p.Dk, token, tokens);
  ask_for(errands, share, p.k, p.k_stride, p.Dk, token, tokens);
  ask_for(errands, share, p.g, p.g_stride, plan.decay == Decay::channel ? p.Dk : 1, token, tokens);
  ask_for(errands, share, p.b, p.b_stride, plan.erase == Erase::scalar ? 1 : p.Dk, token, tokens);
}
template <class T>
void ask_for(Errands& errands, Share share, const ValueSource<T>& v, index_t token, index_t tokens) {
  ask_for(errands, share, v.v, v.v_stride, v.Dv, token, tokens);
  ask_for(errands, share, v.w, v.w_stride, v.write == Write::scalar ? 1 : v.Dv, token, tokens);
}

/// Panel `panel` of a prep, of the panels at `panels` <- state [Dk,Dv] of its head (null: zeros), and back.
template <class T>
void load_panel(const Plan& plan, const T* state, index_t panel, T* panels) {
  const index_t t = panel % plan.tiles, width = plan.width(t), columns = plan.columns(t);
  T* S = panels + panel * plan.panel();
  for (index_t i = 0; i < plan.Kp; ++i)
    for (index_t j = 0; j < width; ++j) S[i * width + j] = state && i < plan.geo.Dk && j < columns ? state[i * plan.geo.Dv + t * plan.tile + j] : T(0);
}
template <class T>
void store_panel(const Plan& plan, const T* panels, index_t panel, T* state) {
  const index_t t = panel % plan.tiles, width = plan.width(t);
  const T* S = panels + panel * plan.panel();
  for (index_t i = 0; i < plan.geo.Dk; ++i)
    for (index_t j = 0; j < plan.columns(t); ++j) state[i * plan.geo.Dv + t * plan.tile + j] = S[i * width + j];
}

}  // namespace fw::omp
