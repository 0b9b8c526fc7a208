// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Projections, convolution, gates -> rule -> normalised and gated output -> projection, for every recurrent variant.
// Normalisation of q and k, sigmoid of the step sizes and the softplus decay are computed inside the rule, whose backward
// returns the gradients of the raw values; gates with another form are made by recurrent_gates.h.
#include <algorithm>

#include "model/mixer.h"
#include "model/ops.h"
#include "model/recurrent_gates.h"

namespace fw::model {
namespace {

template <class T>
struct RecurrentCache : MixerCache<T> {
  Tensor<T> q_raw, k_raw, v_raw;  // [n,*] before the convolution
  Tensor<T> q_pre, k_pre, v_pre;  // [n,*] before SiLU
  Inputs<T> in;
  Outputs<T> out;
  Kept<T> kept;
  GateCache<T> gates;
  Tensor<T> decay_low, gate_low, z;  // bottlenecks [n,*], output gate before its activation [n,HV*V]
  Tensor<T> inverse, normed;         // [n*HV], [n,HV*V]
  // backward
  Upstream<T> up;
  Gradients<T> grad;
  Tensor<T> dnormed, dz, dlow, draw;
};

template <class T>
class RecurrentMixer : public Mixer<T> {
 public:
  RecurrentMixer(const ModelConfig& config, Variant variant, const MixerSlots& slots) : c_(config), slots_(slots) {
    options_.variant = variant;
    options_.l2norm_qk = config.qk_l2norm;
    options_.sigmoid_gates = true;
    options_.erase_times_two = config.allow_neg_eigval;
    options_.check_ranges = false;
    options_.check_finite = false;
    // mamba2 and mamba3 need the step size itself, GLA has its own form
    if (slots.A_log && variant != Variant::mamba2) options_.decay_activation = DecayActivation::softplus;
  }

  std::unique_ptr<MixerCache<T>> make_cache() const override { return std::make_unique<RecurrentCache<T>>(); }

  void forward(const CallContext<T>& call, const T* params, const T* x, MixerCache<T>& cache, MixerState<T>* state, T* y) const override {
    auto& c = static_cast<RecurrentCache<T>&>(cache);
    const index_t B = call.B, T_ = call.T_, n = B * T_, HV = c_.value_heads(), K = c_.head_k_dim, V = c_.head_v_dim, H = c_.num_heads;
    convolve(call, params, slots_.q_proj, slots_.q_conv, x, c.q_raw, c.q_pre, state ? &state->q_inputs : nullptr,
             shaped(c.in.q, {B, T_, H, K}));
    convolve(call, params, slots_.k_proj, slots_.k_conv, x, c.k_raw, c.k_pre, state ? &state->k_inputs : nullptr,
             shaped(c.in.k, {B, T_, H, K}));
    convolve(call, params, slots_.v_proj, slots_.v_conv, x, c.v_raw, c.v_pre, state ? &state->v_inputs : nullptr,
             shaped(c.in.v, {B, T_, HV, V}));
    if (slots_.write) {
      linear(params, slots_.beta, {}, x, n, shaped(c.in.b, {B, T_, H, K}));
      linear(params, slots_.write, {}, x, n, shaped(c.in.w, {B, T_, HV, V}));
    } else if (slots_.beta) {
      linear(params, slots_.beta, {}, x, n, shaped(c.in.beta, {B, T_, HV}));
    }
    if (slots_.decay) {
      const T* from = x;
      if (slots_.decay_low) {
        linear(params, slots_.decay_low, {}, x, n, shaped(c.decay_low, {n, slots_.decay_low.rows}));
        from = c.decay_low.data();
      }
      const bool channels = info(options_.variant).decay == Decay::channel;
      const Shape shape = channels ? Shape{B, T_, slots_.decay.rows / K, K} : Shape{B, T_, slots_.decay.rows};
      linear(params, slots_.decay, slots_.decay_bias, from, n, shaped(c.in.g, shape));
      if (options_.decay_activation == DecayActivation::softplus) {
        const index_t heads = slots_.A_log.rows;
        std::copy_n(params + slots_.A_log.offset, heads, shaped(c.in.A_log, {heads}));
        std::copy_n(params + slots_.dt_bias.offset, slots_.dt_bias.rows, shaped(c.in.dt_bias, channels ? Shape{heads, K} : Shape{heads}));
      }
    }
    make_gates(c_, options_.variant, slots_, params, x, n, c.gates, c.in);
    if (state) {
      c.in.initial_state = std::move(state->state), c.in.initial_angle = std::move(state->angle);
      c.in.initial_key = std::move(state->key), c.in.initial_value = std::move(state->value);
    }
    Options options = options_;
    options.threads = call.threads;
    Inputs<T> changed;
    if (call.transform && !call.training) changed = c.in, call.transform->transform(call.layer, changed, options);
    const Inputs<T>& in = call.transform && !call.training ? changed : c.in;
    call.backend->forward(in, options, c.out, call.training ? &c.kept : nullptr);
    if (call.observer) call.observer->observe(call.layer, in, options, c.out);
    if (state) {
      state->state = std::move(c.out.final_state), state->angle = std::move(c.out.final_angle);
      state->key = std::move(c.out.final_key), state->value = std::move(c.out.final_value);
      c.out.final_state = {}, c.out.final_angle = {}, c.out.final_key = {}, c.out.final_value = {};
      c.in.initial_state = {}, c.in.initial_angle = {}, c.in.initial_key = {}, c.in.initial_value = {};
      state->position += T_;
    }
    const T* z = output_gate(params, x, n, c);
    gated_rms_norm(c.out.o.data(), params + slots_.o_norm.offset, z, c_.output_gate_act, c_.norm_eps, n * HV, V,
                   shaped(c.normed, {n, HV * V}), shaped(c.inverse, {n * HV}));
    linear(params, slots_.o_proj, {}, c.normed.data(), n, y);
  }

  void backward(const CallContext<T>& call, const T* params, const T* x, MixerCache<T>& cache, const T* dy, T* grads,
                T* dx) const override {
    auto& c = static_cast<RecurrentCache<T>&>(cache);
    const index_t B = call.B, T_ = call.T_, n = B * T_, HV = c_.value_heads(), V = c_.head_v_dim;
    std::fill_n(dx, n * c_.hidden_size, T(0));
    linear_backward(params, grads, slots_.o_proj, {}, c.normed.data(), dy, n, shaped(c.dnormed, {n, HV * V}), Into::overwrite);
    const T* z = slots_.gate ? c.z.data() : nullptr;
    gated_rms_norm_backward(c.out.o.data(), params + slots_.o_norm.offset, z, c_.output_gate_act, c.inverse.data(), c.dnormed.data(),
                            n * HV, V, shaped(c.up.d_o, {B, T_, HV, V}), grads + slots_.o_norm.offset,
                            slots_.gate ? shaped(c.dz, {n, HV * V}) : nullptr);
    if (slots_.gate)
      through_bottleneck(params, grads, slots_.gate_low, slots_.gate, slots_.gate_bias, x, c.gate_low, c.dz.data(), n, c.dlow, dx);
    Options options = options_;
    options.threads = call.threads;
    call.backend->backward(c.in, c.up, options, c.grad, c.kept);
    gates_backward(c_, options_.variant, slots_, params, x, n, c.gates, c.in, c.grad, grads, dx);
    if (slots_.decay) {
      through_bottleneck(params, grads, slots_.decay_low, slots_.decay, slots_.decay_bias, x, c.decay_low, c.grad.dg.data(), n, c.dlow, dx);
      if (options_.decay_activation == DecayActivation::softplus) {
        for (index_t i = 0; i < slots_.A_log.rows; ++i) grads[slots_.A_log.offset + i] += c.grad.dA_log[i];
        for (index_t i = 0; i < slots_.dt_bias.rows; ++i) grads[slots_.dt_bias.offset + i] += c.grad.ddt_bias[i];
      }
    }
    if (slots_.write) {
      linear_backward(params, grads, slots_.beta, {}, x, c.grad.db.data(), n, dx, Into::add);
      linear_backward(params, grads, slots_.write, {}, x, c.grad.dw.data(), n, dx, Into::add);
    } else if (slots_.beta) {
      linear_backward(params, grads, slots_.beta, {}, x, c.grad.dbeta.data(), n, dx, Into::add);
    }
    convolve_backward(call, params, grads, slots_.q_proj, slots_.q_conv, x, c.q_raw, c.q_pre, c.grad.dq.data(), c.draw, dx);
    convolve_backward(call, params, grads, slots_.k_proj, slots_.k_conv, x, c.k_raw, c.k_pre, c.grad.dk.data(), c.draw, dx);
    convolve_backward(call, params, grads, slots_.v_proj, slots_.v_conv, x, c.v_raw, c.v_pre, c.grad.dv.data(), c.draw, dx);
  }

 private:
  void convolve(const CallContext<T>& call, const T* params, Slot proj, Slot conv, const T* x, Tensor<T>& raw, Tensor<T>& pre,
                Tensor<T>* history, T* y) const {
    const index_t n = call.B * call.T_, W = c_.conv_size;
    linear(params, proj, {}, x, n, shaped(raw, {n, proj.rows}));
    if (history && W > 1 && !history->defined()) *history = Tensor<T>({call.B, W - 1, proj.rows});
    short_conv_silu(raw.data(), W ? params + conv.offset : nullptr, W, call.B, call.T_, proj.rows,
                    history && W > 1 ? history->data() : nullptr, shaped(pre, {n, proj.rows}), y);
  }
  void convolve_backward(const CallContext<T>& call, const T* params, T* grads, Slot proj, Slot conv, const T* x, const Tensor<T>& raw,
                         const Tensor<T>& pre, const T* dy, Tensor<T>& draw, T* dx) const {
    const index_t n = call.B * call.T_, W = c_.conv_size;
    short_conv_silu_backward(raw.data(), W ? params + conv.offset : nullptr, W, call.B, call.T_, proj.rows, pre.data(), dy,
                             shaped(draw, {n, proj.rows}), W ? grads + conv.offset : nullptr);
    linear_backward(params, grads, proj, {}, x, draw.data(), n, dx, Into::add);
  }
  /// Output gate before its activation, null when there is none.
  const T* output_gate(const T* params, const T* x, index_t n, RecurrentCache<T>& c) const {
    if (!slots_.gate) return nullptr;
    const T* from = x;
    if (slots_.gate_low) {
      linear(params, slots_.gate_low, {}, x, n, shaped(c.gate_low, {n, slots_.gate_low.rows}));
      from = c.gate_low.data();
    }
    linear(params, slots_.gate, slots_.gate_bias, from, n, shaped(c.z, {n, slots_.gate.rows}));
    return c.z.data();
  }
  /// Backward of one projection, or of two with the bottleneck `low` between them.
  void through_bottleneck(const T* params, T* grads, Slot first, Slot second, Slot bias, const T* x, const Tensor<T>& low, const T* dy,
                          index_t n, Tensor<T>& dlow, T* dx) const {
    if (!first) return linear_backward(params, grads, second, bias, x, dy, n, dx, Into::add);
    linear_backward(params, grads, second, bias, low.data(), dy, n, shaped(dlow, {n, first.rows}), Into::overwrite);
    linear_backward(params, grads, first, {}, x, dlow.data(), n, dx, Into::add);
  }

  ModelConfig c_;
  MixerSlots slots_;
  Options options_;
};

}  // namespace

template <class T>
std::unique_ptr<Mixer<T>> make_recurrent_mixer(const ModelConfig& config, Variant variant, const MixerSlots& slots) {
  return std::make_unique<RecurrentMixer<T>>(config, variant, slots);
}
template std::unique_ptr<Mixer<float>> make_recurrent_mixer(const ModelConfig&, Variant, const MixerSlots&);
template std::unique_ptr<Mixer<double>> make_recurrent_mixer(const ModelConfig&, Variant, const MixerSlots&);

}  // namespace fw::model
