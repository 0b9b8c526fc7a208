// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Projections, convolution, gates -> rule -> normalised and gated output -> projection, for every recurrent variant; gates and rule are those of
// rule.h. q, k, v read the same rows and are one product.
#include "core/error.h"
#include "model/cuda/mixers.h"
#include "model/cuda/rule.h"

namespace fw::model::device {
namespace {

namespace layers = cuda::layers;

class RecurrentMixer : public Mixer {
 public:
  RecurrentMixer(const ModelConfig& config, const MixerSlots& slots, std::unique_ptr<Rule> rule)
      : c_(config), slots_(slots), rule_(std::move(rule)), qkv_(fused({slots.q_proj, slots.k_proj, slots.v_proj})),
        conv_(fused({slots.q_conv, slots.k_conv, slots.v_conv})) {}

  void place(Arena& arena, const Context& context, bool training) override {
    const index_t n = context.all_rows(), HV = c_.value_heads();
    qkv_raw_ = arena.take(n * qkv_.rows), pre_ = arena.take(n * qkv_.rows);
    q_ = arena.take(n * slots_.q_proj.rows), k_ = arena.take(n * slots_.k_proj.rows), v_ = arena.take(n * slots_.v_proj.rows);
    o_ = arena.take(n * HV * c_.head_v_dim), normed_ = arena.take(n * HV * c_.head_v_dim), inverse_ = arena.take(n * HV);
    if (slots_.gate_low) z_low_ = arena.take(n * slots_.gate_low.rows);
    if (slots_.gate) z_ = arena.take(n * slots_.gate.rows);
    rule_->place(arena, context, training);
  }

  void place_scratch(Arena& arena, const Context& context, bool training, bool alone) override {
    const index_t n = context.all_rows(), values = c_.value_heads() * c_.head_v_dim;
    rule_->place_scratch(arena, context, training, alone);
    if (!training) return;
    dnormed_ = arena.take(n * values), d_o_ = arena.take(n * values);
    if (slots_.gate) dz_ = arena.take(n * values);
    if (slots_.gate_low) dz_low_ = arena.take(n * slots_.gate_low.rows);
    dq_ = arena.take(n * slots_.q_proj.rows), dk_ = arena.take(n * slots_.k_proj.rows), dv_ = arena.take(n * slots_.v_proj.rows);
    dqkv_ = arena.take(n * qkv_.rows);
  }

  void forward(const Context& context, const float* x, float* y) override {
    const index_t d = c_.hidden_size, values = c_.value_heads() * c_.head_v_dim;
    context.project(qkv_, x, d, qkv_raw_, qkv_.rows);
    layers::convolve(context.rows, convolution(context), context.stream);
    rule_->forward(context, x, tensors());
    if (slots_.gate_low) {
      context.project(fused({slots_.gate_low}), x, d, z_low_, slots_.gate_low.rows);
      context.project(fused({slots_.gate}), z_low_, slots_.gate_low.rows, z_, values);
    } else if (slots_.gate) {
      context.project(fused({slots_.gate}), x, d, z_, values);
    }
    layers::gated_norm(context.rows, gated_norm(context), context.stream);
    context.project(fused({slots_.o_proj}), normed_, values, y, d);
  }

  void backward(const Context& context, const float* x, const float* dy, float* dx) override {
    const index_t d = c_.hidden_size, values = c_.value_heads() * c_.head_v_dim;
    const Matrix out = fused({slots_.o_proj}), gate = fused({slots_.gate}), gate_low = fused({slots_.gate_low});
    context.weight_gradient(out, normed_, values, dy, d);
    context.input_gradient(out, dy, d, dnormed_, values, false);
    layers::gated_norm_backward(context.rows, gated_norm(context), dnormed_, d_o_, slots_.gate ? dz_ : nullptr, context.gradient(slots_.o_norm), context.stream);
    if (slots_.gate_bias) layers::column_sums(context.rows, dz_, values, values, context.gradient(slots_.gate_bias), context.stream);
    if (gate_low) {
      context.weight_gradient(gate, z_low_, gate_low.rows, dz_, values);
      context.input_gradient(gate, dz_, values, dz_low_, gate_low.rows, false);
      context.weight_gradient(gate_low, x, d, dz_low_, gate_low.rows);
      context.input_gradient(gate_low, dz_low_, gate_low.rows, dx, d, false);
    } else if (gate) {
      context.weight_gradient(gate, x, d, dz_, values);
      context.input_gradient(gate, dz_, values, dx, d, false);
    }
    rule_->backward(context, x, tensors(), {d_o_, dq_, dk_, dv_}, dx, static_cast<bool>(gate));
    layers::convolve_backward(context.rows, convolution(context), dq_, dk_, dv_, dqkv_, conv_gradient(context), context.stream);
    context.weight_gradient(qkv_, x, d, dqkv_, qkv_.rows);
    context.input_gradient(qkv_, dqkv_, qkv_.rows, dx, d, gate || rule_->reads_x());
  }

 private:
  RuleTensors tensors() const { return {q_, k_, v_, o_}; }
  layers::Convolution convolution(const Context& context) const {
    layers::Convolution p;
    p.x = qkv_raw_, p.pre = pre_, p.q = q_, p.k = k_, p.v = v_;
    if (conv_) p.weight = {context.values + conv_.offset, context.stride};
    p.taps = c_.conv_size, p.q_width = slots_.q_proj.rows, p.k_width = slots_.k_proj.rows, p.v_width = slots_.v_proj.rows;
    return p;
  }
  Partial conv_gradient(const Context& context) const { return conv_ ? Partial{context.partial + conv_.offset, context.stride} : Partial{}; }
  layers::GatedNorm gated_norm(const Context& context) const {
    layers::GatedNorm p;
    p.x = o_, p.z = z_, p.w = context.parameter(slots_.o_norm), p.bias = context.parameter(slots_.gate_bias);
    p.silu = c_.output_gate_act == GateActivation::silu, p.eps = static_cast<float>(c_.norm_eps);
    p.heads = c_.value_heads(), p.width = c_.head_v_dim, p.y = normed_, p.inverse = inverse_;
    return p;
  }

  ModelConfig c_;
  MixerSlots slots_;
  std::unique_ptr<Rule> rule_;
  Matrix qkv_, conv_;
  float *qkv_raw_ = nullptr, *pre_ = nullptr, *q_ = nullptr, *k_ = nullptr, *v_ = nullptr;
  float *o_ = nullptr, *normed_ = nullptr, *inverse_ = nullptr, *z_low_ = nullptr, *z_ = nullptr;
  float *dnormed_ = nullptr, *d_o_ = nullptr, *dz_ = nullptr, *dz_low_ = nullptr, *dq_ = nullptr, *dk_ = nullptr, *dv_ = nullptr, *dqkv_ = nullptr;
};

}  // namespace

std::unique_ptr<Mixer> make_recurrent_mixer(const ModelConfig& config, Variant variant, const MixerSlots& slots) {
  for (const auto& [field, value] : {std::pair<const char*, index_t>{"head_k_dim", config.head_k_dim}, {"head_v_dim", config.head_v_dim}})
    if (value < 16 || value > 256) throw Error(std::string("backend cuda: ") + field + " must be in 16..256, got " + std::to_string(value) + "; --backend omp has any width");
  return std::make_unique<RecurrentMixer>(config, slots, variant == Variant::mamba3 ? make_mamba3_rule(config, slots) : make_delta_rule(config, variant, slots));
}

}  // namespace fw::model::device
