// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The Mamba-3 core, put off by a token so that the engine's decayed linear attention computes it (cuda/layers/mamba3.h). Step, trapezoid
// and angles are one product (`side`), the decay another: dt_bias lies between them in the flat vector.
#include <cmath>

#include "cuda/layers/mamba3.h"
#include "model/cuda/rule.h"

namespace fw::model::device {
namespace {

namespace layers = cuda::layers;

class Mamba3Rule : public Rule {
 public:
  Mamba3Rule(const ModelConfig& config, const MixerSlots& slots)
      : c_(config), slots_(slots), decay_(fused({slots.decay})), side_(fused({slots.dt, slots.trapezoid, slots.angle})) {}

  void place(Arena& arena, const Context& context, bool training) override {
    const index_t n = context.all_rows(), HV = c_.value_heads(), K = c_.head_k_dim, V = c_.head_v_dim;
    call_ = {};
    call_.options.variant = Variant::mamba2;
    call_.B = n / context.rows.T, call_.T = context.rows.T;
    call_.H = call_.HV = HV, call_.Dk = K, call_.Dv = V;
    call_.tensors = call_.g = DType::f32;
    call_.precision = cuda::Precision::accurate;
    p_.rows = n, p_.replica_rows = context.rows.rows, p_.T = context.rows.T;
    p_.H = c_.num_heads, p_.HV = HV, p_.K = K, p_.V = V, p_.P = c_.pairs();
    p_.scale = 1.0f / std::sqrt(static_cast<float>(K)), p_.l2norm = c_.qk_l2norm, p_.l2norm_eps = static_cast<float>(Options{}.l2norm_eps);
    decay_raw_ = arena.take(n * HV), side_raw_ = arena.take(n * side_.rows);
    p_.dt = arena.take(n * HV), p_.g = arena.take(n * HV), p_.lambda = arena.take(n * HV), p_.alike = arena.take(n * HV);
    if (p_.P > 0) p_.angle = arena.take(n * HV * p_.P);
    p_.q_turned = arena.take(n * HV * K), p_.k_before = arena.take(n * HV * K), p_.v_before = arena.take(n * HV * V);
    if (training) saved_ = arena.take<char>(static_cast<index_t>(cuda::saved_bytes(call_)));
  }

  void place_scratch(Arena& arena, const Context& context, bool training, bool alone) override {
    const index_t n = context.all_rows(), HV = p_.HV;
    factors_kept_ = alone;
    const std::size_t bytes = training ? cuda::backward_workspace_bytes(call_, true) : cuda::forward_workspace_bytes(call_);
    workspace_ = arena.take<char>(static_cast<index_t>(bytes));
    if (!training) return;
    dq_turned_ = arena.take(n * HV * p_.K), dk_before_ = arena.take(n * HV * p_.K), dv_before_ = arena.take(n * HV * p_.V);
    dg_ = arena.take(n * HV);
    d_.dread = arena.take(n * HV), d_.dwrite = arena.take(n * HV);
    if (p_.P > 0) d_.dangle = arena.take(n * HV * p_.P);
    d_.ddecay = arena.take(n * HV), d_.dside = arena.take(n * side_.rows);
    d_.dq_turned = dq_turned_, d_.dk_before = dk_before_, d_.dv_before = dv_before_, d_.dg = dg_;
  }

  bool reads_x() const override { return true; }

  void forward(const Context& context, const float* x, const RuleTensors& t) override {
    context.project(decay_, x, c_.hidden_size, decay_raw_, decay_.rows);
    context.project(side_, x, c_.hidden_size, side_raw_, side_.rows);
    const layers::Mamba3<float> p = rule(context, t);
    layers::mamba3_factors(p, context.stream);
    cuda::forward(call_, inputs(), {t.o, nullptr}, saved_, workspace_, context.stream);
    layers::mamba3_own_read(p, context.stream);
  }

  void backward(const Context& context, const float* x, const RuleTensors& t, const RuleGradients& d, float* dx, bool add) override {
    const index_t d_model = c_.hidden_size;
    cuda::Gradients shifted;
    shifted.dq = dq_turned_, shifted.dk = dk_before_, shifted.dv = dv_before_, shifted.dg = dg_;
    cuda::backward(call_, inputs(), {d.d_o, nullptr}, shifted, {saved_, factors_kept_}, workspace_, context.stream);
    layers::Mamba3Gradients<float> grads = d_;
    grads.d_o = d.d_o, grads.dq = d.dq, grads.dk = d.dk, grads.dv = d.dv;
    layers::mamba3_backward(rule(context, t), grads, context.stream);
    layers::column_sums(context.rows, d_.dside, side_.rows, p_.HV, context.gradient(slots_.dt_bias), context.stream);
    context.weight_gradient(decay_, x, d_model, d_.ddecay, decay_.rows);
    context.weight_gradient(side_, x, d_model, d_.dside, side_.rows);
    context.input_gradient(decay_, d_.ddecay, decay_.rows, dx, d_model, add);
    context.input_gradient(side_, d_.dside, side_.rows, dx, d_model, true);
  }

 private:
  cuda::Inputs inputs() const {
    cuda::Inputs in;
    in.q = p_.q_turned, in.k = p_.k_before, in.v = p_.v_before, in.g = p_.g;
    return in;
  }
  layers::Mamba3<float> rule(const Context& context, const RuleTensors& t) const {
    layers::Mamba3<float> p = p_;
    const Parameter bias = context.parameter(slots_.dt_bias);
    p.q = t.q, p.k = t.k, p.v = t.v, p.o = t.o;
    p.decay = decay_raw_, p.side = side_raw_, p.bias = bias.data, p.bias_stride = bias.stride;
    return p;
  }

  ModelConfig c_;
  MixerSlots slots_;
  Matrix decay_, side_;
  bool factors_kept_ = false;
  cuda::Call call_;
  layers::Mamba3<float> p_;
  layers::Mamba3Gradients<float> d_;
  float *decay_raw_ = nullptr, *side_raw_ = nullptr;
  float *dq_turned_ = nullptr, *dk_before_ = nullptr, *dv_before_ = nullptr, *dg_ = nullptr;
  char *saved_ = nullptr, *workspace_ = nullptr;
};

}  // namespace

std::unique_ptr<Rule> make_mamba3_rule(const ModelConfig& config, const MixerSlots& slots) {
  return std::make_unique<Mamba3Rule>(config, slots);
}

}  // namespace fw::model::device
