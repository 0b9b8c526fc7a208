// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The naive reference looked at from inside: its own step() of every rule with a recorder, one token after the other.
#include <algorithm>

#include "core/parallel.h"
#include "model/trace.h"
#include "naive/delta.h"
#include "naive/driver.h"
#include "naive/gdn.h"
#include "naive/gdn2.h"
#include "naive/gdn2_erase.h"
#include "naive/gdn2_write.h"
#include "naive/gla.h"
#include "naive/kda.h"
#include "naive/linear.h"
#include "naive/mamba2.h"
#include "naive/mamba3.h"
#include "naive/mamba3_driver.h"

namespace fw::model {
namespace {

template <class V>
void put(const V& values, double* to) {
  std::copy_n(values.data(), values.size(), to);
}
/// The file holds floats.
void round_to_float(Tensor<double>& t) {
  for (index_t i = 0; i < t.numel(); ++i) t[i] = static_cast<double>(static_cast<float>(t[i]));
}

/// Keeps the state after the tokens that are asked for.
class StateKeeper {
 public:
  StateKeeper(const std::vector<index_t>& tokens, Tensor<float>& states) : tokens_(tokens), states_(states) {}
  template <class M>
  void after(index_t t, index_t hv, const M& S) {
    if (next_ == tokens_.size() || tokens_[next_] != t) return;
    float* to = states_.row(static_cast<index_t>(next_++), hv);
    for (index_t i = 0; i < S.size(); ++i) to[i] = static_cast<float>(S.data()[i]);
  }

 private:
  const std::vector<index_t>& tokens_;
  Tensor<float>& states_;
  std::size_t next_ = 0;
};

template <class Rule>
void replay_delta(TraceLayer& l, const Geometry& geo, const std::vector<index_t>& state_tokens, int threads) {
  const Shape values{1, geo.T, geo.HV, geo.Dv};
  l.e = naive::poisoned<double>({1, geo.T, geo.HV, geo.Dk});
  for (Tensor<double>* t : {&l.r, &l.z, &l.delta, &l.out.o}) *t = naive::poisoned<double>(values);
  l.out.final_state = naive::poisoned<double>({1, geo.HV, geo.Dk, geo.Dv});
  parallel_for(geo.HV, threads, [&](index_t hv) {
    StateKeeper keeper(state_tokens, l.states);
    naive::Matrix<double> S = naive::initial_state(l.in, geo, 0, hv);
    naive::Token<double> x;
    naive::Vector<double> o(geo.Dv);
    for (index_t t = 0; t < geo.T; ++t) {
      naive::read_token(l.in, geo, l.options, 0, t, hv, x);
      Rule::step(S, x, geo.scale, o, [&](const auto& e, const auto& z, const auto& r, const auto& delta, const auto&) {
        put(e, l.e.row(0, t, hv)), put(z, l.z.row(0, t, hv)), put(r, l.r.row(0, t, hv)), put(delta, l.delta.row(0, t, hv));
      });
      put(o, l.out.o.row(0, t, hv));
      keeper.after(t, hv, S);
    }
    put(S, l.out.final_state.row(0, hv));
  });
}

void replay_mamba3(TraceLayer& l, const Geometry& geo, const std::vector<index_t>& state_tokens, int threads) {
  l.q_rotated = naive::poisoned<double>({1, geo.T, geo.HV, geo.Dk});
  l.k_rotated = l.q_rotated;
  l.out.o = naive::poisoned<double>({1, geo.T, geo.HV, geo.Dv});
  l.out.final_state = naive::poisoned<double>({1, geo.HV, geo.Dk, geo.Dv});
  if (geo.P > 0) l.out.final_angle = naive::poisoned<double>({1, geo.HV, geo.P});
  l.out.final_key = naive::poisoned<double>({1, geo.HV, geo.Dk});
  l.out.final_value = naive::poisoned<double>({1, geo.HV, geo.Dv});
  parallel_for(geo.HV, threads, [&](index_t hv) {
    StateKeeper keeper(state_tokens, l.states);
    naive::Mamba3::State<double> state;
    naive::Mamba3::Token<double> x;
    naive::Vector<double> o(geo.Dv);
    naive::read_state(l.in, geo, 0, hv, state);
    for (index_t t = 0; t < geo.T; ++t) {
      naive::read_token(l.in, geo, l.options, 0, t, hv, x);
      naive::Mamba3::step(state, x, geo.scale, o, [&](const auto& q, const auto& k, auto...) {
        put(q, l.q_rotated.row(0, t, hv)), put(k, l.k_rotated.row(0, t, hv));
      });
      put(o, l.out.o.row(0, t, hv));
      keeper.after(t, hv, state.S);
    }
    put(state.S, l.out.final_state.row(0, hv));
    if (geo.P > 0) put(state.angle, l.out.final_angle.row(0, hv));
    put(state.key, l.out.final_key.row(0, hv));
    put(state.value, l.out.final_value.row(0, hv));
  });
}

/// What read_token makes of raw inputs, back in tensors of the same shapes; the options then have nothing left to do.
void activate(TraceLayer& l, const Geometry& geo) {
  const Inputs<double> raw = l.in;
  const bool mamba3 = l.options.variant == Variant::mamba3;
  for (index_t hv = 0; hv < geo.HV; ++hv)
    for (index_t t = 0; t < geo.T; ++t) {
      const index_t h = geo.key_head(hv);
      if (mamba3) {
        naive::Mamba3::Token<double> x;
        naive::read_token(raw, geo, l.options, 0, t, hv, x);
        put(x.q, l.in.q.row(0, t, h)), put(x.k, l.in.k.row(0, t, h));
        l.in.g(0, t, geo.head_of(geo.g_heads, hv)) = x.g;
        continue;
      }
      naive::Token<double> x;
      naive::read_token(raw, geo, l.options, 0, t, hv, x);
      put(x.q, l.in.q.row(0, t, h)), put(x.k, l.in.k.row(0, t, h));
      if (raw.g.defined()) put(x.g, l.in.g.row(0, t, geo.head_of(geo.g_heads, hv)));
      if (raw.b.defined()) put(x.b, l.in.b.row(0, t, geo.head_of(geo.b_heads, hv)));
      if (raw.w.defined()) put(x.w, l.in.w.row(0, t, hv));
      if (raw.beta.defined()) l.in.beta(0, t, hv) = x.beta;
    }
  l.in.A_log = {}, l.in.dt_bias = {};
  for_each_input(l.in, [](const char*, Tensor<double>& t) { round_to_float(t); });
  l.unit_qk = l.unit_qk || l.options.l2norm_qk;
  Options done;
  done.variant = l.options.variant, done.scale = geo.scale;
  l.options = done;
}

}  // namespace

void replay(TraceLayer& l, const std::vector<index_t>& state_tokens, int threads) {
  const std::string who = "trace layer " + std::to_string(l.layer);
  Geometry geo = check_inputs(who.c_str(), l.in, l.options);
  if (geo.B != 1 || geo.N != 1) throw Error(who + ": B must be 1, one sequence, got " + std::to_string(geo.B));
  activate(l, geo);
  geo = check_inputs(who.c_str(), l.in, l.options);
  l.states = state_tokens.empty() ? Tensor<float>() : Tensor<float>({static_cast<index_t>(state_tokens.size()), geo.HV, geo.Dk, geo.Dv});
  const auto with = [&](auto rule) { replay_delta<decltype(rule)>(l, geo, state_tokens, threads); };
  switch (l.options.variant) {
    case Variant::linear: with(naive::Linear{}); break;
    case Variant::mamba2: with(naive::Mamba2{}); break;
    case Variant::gla: with(naive::Gla{}); break;
    case Variant::delta: with(naive::Delta{}); break;
    case Variant::gdn: with(naive::Gdn{}); break;
    case Variant::kda: with(naive::Kda{}); break;
    case Variant::gdn2_write: with(naive::Gdn2Write{}); break;
    case Variant::gdn2_erase: with(naive::Gdn2Erase{}); break;
    case Variant::gdn2: with(naive::Gdn2{}); break;
    case Variant::mamba3: replay_mamba3(l, geo, state_tokens, threads); break;
    default: throw Error(who + ": variant must be one a recurrent layer can have, got " + std::string(info(l.options.variant).name));
  }
  for (Tensor<double>* t : {&l.e, &l.r, &l.z, &l.delta, &l.q_rotated, &l.k_rotated}) round_to_float(*t);
  for_each_output(l.out, [](const char*, Tensor<double>& t) { round_to_float(t); });
}

}  // namespace fw::model
