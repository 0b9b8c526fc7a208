// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "omp/decode.h"

#include "omp/door.h"
#include "omp/sources.h"

namespace fw::omp {
namespace {

template <class T>
Plan decode_plan(index_t N, index_t HV, index_t Dk, index_t Dv, const Options& options, int lanes) {
  Geometry geo;
  geo.B = geo.N = N;
  geo.T = 1;
  geo.H = geo.HV = HV;
  geo.Dk = Dk;
  geo.Dv = Dv;
  for (index_t n = 0; n < N; ++n) geo.sequences.push_back({n, 0, 1});
  return make_plan(geo, options, lanes);
}

}  // namespace

template <class T>
Decoder<T>::Decoder(index_t N, index_t HV, index_t Dk, index_t Dv, const Options& options, Isa isa)
    : options_(options), isa_(resolve_isa(isa)), N_(N), HV_(HV), Dk_(Dk), Dv_(Dv) {
  const VariantInfo& row = info(options.variant);
  if (row.family != Family::delta_rule) throw Error("omp Decoder: variant must be of the delta-rule family, got " + std::string(row.name));
  if (N < 0 || HV < 1 || Dk < 1 || Dv < 1)
    throw Error("omp Decoder: sizes must be N >= 0 and HV, Dk, Dv >= 1, got [" + std::to_string(N) + "," + std::to_string(HV) + "," +
                std::to_string(Dk) + "," + std::to_string(Dv) + "]");
  const Plan plan = decode_plan<T>(N, HV, Dk, Dv, options, kernels<T>(isa_).lanes);
  Kp_ = plan.Kp;
  tile_ = plan.tile;
  tiles_ = plan.tiles;
  state_.resize(static_cast<std::size_t>(N * HV * tiles_ * Kp_ * tile_));
  pending_.resize(static_cast<std::size_t>(N * HV) * pending_step());
  factors_.resize(static_cast<std::size_t>(N * HV * Kp_));
  state_.zero();
  forget_pending();
}

template <class T>
void Decoder<T>::forget_pending() {
  pending_.zero();
  std::fill_n(factors_.data(), factors_.size(), 1.0);
}

template <class T>
void Decoder<T>::load(const Tensor<T>& state) {
  const Shape shape{N_, HV_, Dk_, Dv_};
  if (!state.defined() || !(state.shape() == shape))
    throw Error("omp Decoder::load: state must be [N,HV,Dk,Dv] = " + shape.str() + ", got " + (state.defined() ? state.shape().str() : "none"));
  const Plan plan = decode_plan<T>(N_, HV_, Dk_, Dv_, options_, kernels<T>(isa_).lanes);
  for (index_t i = 0; i < N_ * HV_; ++i)
    for (index_t t = 0; t < tiles_; ++t) load_panel(plan, state.data() + i * Dk_ * Dv_, t, state_.data() + i * tiles_ * plan.panel());
  forget_pending();
}

template <class T>
Tensor<T> Decoder<T>::state() const {
  const Plan plan = decode_plan<T>(N_, HV_, Dk_, Dv_, options_, kernels<T>(isa_).lanes);
  Tensor<T> out({N_, HV_, Dk_, Dv_});
  for (index_t i = 0; i < N_ * HV_; ++i) {
    T* S = out.data() + i * Dk_ * Dv_;
    for (index_t t = 0; t < tiles_; ++t) store_panel(plan, state_.data() + i * tiles_ * plan.panel(), t, S);
    const double* c = factors_.data() + i * Kp_;
    const T *k = pending_.data() + static_cast<std::size_t>(i) * pending_step(), *delta = k + Kp_;
    for (index_t r = 0; r < Dk_; ++r)
      for (index_t j = 0; j < Dv_; ++j) S[r * Dv_ + j] = T(c[r]) * S[r * Dv_ + j] + k[r] * delta[j];
  }
  return out;
}

template <class T>
void Decoder<T>::step(const Inputs<T>& token, Tensor<T>& o) {
  const Kernels<T>& k = kernels<T>(isa_);
  const Geometry geo = enter("decode", k, token, options_, {});
  if (geo.B != N_ || geo.T != 1 || geo.HV != HV_ || geo.Dk != Dk_ || geo.Dv != Dv_ || token.initial_state.defined() || !token.cu_seqlens.empty())
    throw Error("omp Decoder::step: token must be one token of each of " + std::to_string(N_) + " sequences, HV = " + std::to_string(HV_) +
                ", Dk = " + std::to_string(Dk_) + ", Dv = " + std::to_string(Dv_) + ", without initial_state and cu_seqlens; got q " +
                token.q.shape().str() + " and v " + token.v.shape().str());
  const Plan plan = make_plan(geo, options_, k.lanes);
  fit(o, {N_, 1, HV_, Dv_});
  const index_t heads = N_ * HV_;
  const int threads = static_cast<int>(std::min<index_t>(plan.threads, heads));
  scratch_.resize(static_cast<std::size_t>(threads * 8 * Kp_));
  run_team(threads, [&](Team team) {
    // neighbouring heads to one thread: its part of the state stays in its own cache from step to step
    const index_t first = heads * team.rank() / team.size(), last = heads * (team.rank() + 1) / team.size();
    for (index_t i = first; i < last; ++i) {
      const index_t prep = i / plan.heads;
      DecodeHead<T> head;
      head.prep = prep_source(token, options_, plan, prep);
      head.value = value_source(token, options_, plan, prep, i % plan.heads);
      head.S = state_.data() + i * tiles_ * plan.panel();
      head.panel_step = plan.panel();
      head.c = factors_.data() + i * Kp_;
      head.k = pending_.data() + static_cast<std::size_t>(i) * pending_step();
      head.delta = head.k + Kp_;
      head.o = o.data() + i * Dv_;
      head.scratch = scratch_.data() + team.rank() * 8 * Kp_;
      k.decode(head, plan.decay, plan.erase);
    }
  });
}

template class Decoder<float>;
template class Decoder<double>;

}  // namespace fw::omp
