// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Sliding-window attention with rotary positions, as in the paper's hybrid: q, k, v projections, rotation, attention, output
// projection; no normalisation of q and k, no output gate. The state of a continued sequence is a ring of the last
// window_size - 1 keys (after rotation) and values: a slot for each position modulo that number.
#include <algorithm>

#include "model/attention.h"
#include "model/mixer.h"
#include "model/ops.h"

namespace fw::model {
namespace {

template <class T>
struct AttentionCache : MixerCache<T> {
  Tensor<T> q, k, v, o;            // [n,*] after rotation
  Tensor<T> all_keys, all_values;  // with the past
  Tensor<T> d_o, dq, dk, dv;
};

template <class T>
class AttentionMixer : public Mixer<T> {
 public:
  AttentionMixer(const ModelConfig& config, const MixerSlots& slots)
      : slots_(slots),
        heads_(config.attention_heads()),
        kv_heads_(config.attention_kv_heads()),
        width_(config.hidden_size / heads_),
        window_(config.window_size),
        d_(config.hidden_size),
        theta_(config.rope_theta) {}

  std::unique_ptr<MixerCache<T>> make_cache() const override { return std::make_unique<AttentionCache<T>>(); }

  void forward(const CallContext<T>& call, const T* params, const T* x, MixerCache<T>& cache, MixerState<T>* state, T* y) const override {
    auto& c = static_cast<AttentionCache<T>&>(cache);
    const index_t B = call.B, T_ = call.T_, n = B * T_, kv = kv_heads_ * width_, position = state ? state->position : 0;
    linear(params, slots_.q_proj, slots_.q_bias, x, n, shaped(c.q, {n, d_}));
    linear(params, slots_.k_proj, slots_.k_bias, x, n, shaped(c.k, {n, kv}));
    linear(params, slots_.v_proj, slots_.v_bias, x, n, shaped(c.v, {n, kv}));
    rotary(c.q.data(), B, T_, heads_, width_, position, theta_, +1);
    rotary(c.k.data(), B, T_, kv_heads_, width_, position, theta_, +1);
    const T *keys = c.k.data(), *values = c.v.data();
    const index_t past = std::min(position, window_ - 1);
    if (past > 0) {
      keys = with_past(state->keys, c.k, B, T_, position, past, c.all_keys);
      values = with_past(state->values, c.v, B, T_, position, past, c.all_values);
    }
    attention({B, T_, past + T_, heads_, kv_heads_, width_, window_}, c.q.data(), keys, values, shaped(c.o, {n, d_}));
    if (state) {
      remember(c.k, B, T_, position, state->keys);
      remember(c.v, B, T_, position, state->values);
      state->position += T_;
    }
    linear(params, slots_.o_proj, {}, c.o.data(), n, y);
  }

  void backward(const CallContext<T>& call, const T* params, const T* x, MixerCache<T>& cache, const T* dy, T* grads,
                T* dx) const override {
    auto& c = static_cast<AttentionCache<T>&>(cache);
    const index_t B = call.B, T_ = call.T_, n = B * T_, kv = kv_heads_ * width_;
    linear_backward(params, grads, slots_.o_proj, {}, c.o.data(), dy, n, shaped(c.d_o, {n, d_}), Into::overwrite);
    attention_backward({B, T_, T_, heads_, kv_heads_, width_, window_}, c.q.data(), c.k.data(), c.v.data(), c.d_o.data(),
                       shaped(c.dq, {n, d_}), shaped(c.dk, {n, kv}), shaped(c.dv, {n, kv}));
    rotary(c.dq.data(), B, T_, heads_, width_, 0, theta_, -1);
    rotary(c.dk.data(), B, T_, kv_heads_, width_, 0, theta_, -1);
    linear_backward(params, grads, slots_.q_proj, slots_.q_bias, x, c.dq.data(), n, dx, Into::overwrite);
    linear_backward(params, grads, slots_.k_proj, slots_.k_bias, x, c.dk.data(), n, dx, Into::add);
    linear_backward(params, grads, slots_.v_proj, slots_.v_bias, x, c.dv.data(), n, dx, Into::add);
  }

 private:
  index_t ring() const { return window_ - 1; }
  /// The last `past` tokens out of the ring, then those of this call: [B,past+T,kv].
  const T* with_past(const Tensor<T>& stored, const Tensor<T>& fresh, index_t B, index_t T_, index_t position, index_t past,
                     Tensor<T>& all) const {
    const index_t kv = kv_heads_ * width_;
    T* to = shaped(all, {B, past + T_, kv});
    for (index_t b = 0; b < B; ++b) {
      for (index_t s = position - past; s < position; ++s, to += kv) std::copy_n(stored.row(b, s % ring()), kv, to);
      to = std::copy_n(fresh.data() + b * T_ * kv, T_ * kv, to);
    }
    return all.data();
  }
  void remember(const Tensor<T>& fresh, index_t B, index_t T_, index_t position, Tensor<T>& stored) const {
    if (ring() == 0) return;
    const index_t kv = kv_heads_ * width_;
    if (!stored.defined()) stored = Tensor<T>({B, ring(), kv});
    for (index_t b = 0; b < B; ++b)
      for (index_t t = std::max<index_t>(0, T_ - ring()); t < T_; ++t)
        std::copy_n(fresh.data() + (b * T_ + t) * kv, kv, stored.row(b, (position + t) % ring()));
  }

  MixerSlots slots_;
  index_t heads_, kv_heads_, width_, window_, d_;
  double theta_;
};

}  // namespace

template <class T>
std::unique_ptr<Mixer<T>> make_attention_mixer(const ModelConfig& config, const MixerSlots& slots) {
  return std::make_unique<AttentionMixer<T>>(config, slots);
}
template std::unique_ptr<Mixer<float>> make_attention_mixer(const ModelConfig&, const MixerSlots&);
template std::unique_ptr<Mixer<double>> make_attention_mixer(const ModelConfig&, const MixerSlots&);

}  // namespace fw::model
