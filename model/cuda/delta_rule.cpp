// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The rules of the delta family. b, w and the first half of the decay read the same rows and are one product (`side`). Gates reach the rule as
// it wants them: b, w and beta raw (it takes the sigmoid), the decay activated, because A_log and dt_bias differ between replicas.
#include "model/cuda/rule.h"

namespace fw::model::device {
namespace {

namespace layers = cuda::layers;

class DeltaRule : public Rule {
 public:
  DeltaRule(const ModelConfig& config, Variant variant, const MixerSlots& slots) : c_(config), row_(info(variant)), slots_(slots) {
    const bool two_steps = static_cast<bool>(slots.decay_low);
    side_ = fused({slots.beta, slots.write, two_steps ? slots.decay_low : slots.decay});
    side_decay_ = slots.beta.rows + slots.write.rows;
    if (two_steps) decay_ = fused({slots.decay});
    options_.variant = variant;
    options_.l2norm_qk = config.qk_l2norm;
    options_.sigmoid_gates = true;
    options_.erase_times_two = config.allow_neg_eigval;
    scaled_ = variant == Variant::mamba2;
  }

  void place(Arena& arena, const Context& context, bool training) override {
    const index_t n = context.all_rows(), HV = c_.value_heads();
    call_ = {};
    call_.options = options_;
    call_.B = n / context.rows.T, call_.T = context.rows.T;
    call_.H = c_.num_heads, call_.HV = HV, call_.Dk = c_.head_k_dim, call_.Dv = c_.head_v_dim;
    call_.g_heads = row_.decay == Decay::channel ? slots_.decay.rows / c_.head_k_dim : HV;
    call_.b_heads = c_.num_heads;
    call_.tensors = call_.g = DType::f32;
    call_.precision = cuda::Precision::accurate;
    if (scaled_) v_scaled_ = arena.take(n * slots_.v_proj.rows);
    if (side_) side_raw_ = arena.take(n * side_.rows);
    if (slots_.beta) first_ = arena.take(n * slots_.beta.rows);
    if (slots_.write) second_ = arena.take(n * slots_.write.rows);
    if (decay_) decay_raw_ = arena.take(n * decay_.rows);
    if (slots_.decay) g_ = arena.take(n * slots_.decay.rows);
    if (training) saved_ = arena.take<char>(static_cast<index_t>(cuda::saved_bytes(call_)));
  }

  void place_scratch(Arena& arena, const Context& context, bool training, bool alone) override {
    const index_t n = context.all_rows();
    factors_kept_ = alone;
    const std::size_t bytes = training ? cuda::backward_workspace_bytes(call_, true) : cuda::forward_workspace_bytes(call_);
    workspace_ = arena.take<char>(static_cast<index_t>(bytes));
    if (!training) return;
    if (slots_.beta) dfirst_ = arena.take(n * slots_.beta.rows);
    if (slots_.write) dsecond_ = arena.take(n * slots_.write.rows);
    if (slots_.decay) dg_ = arena.take(n * slots_.decay.rows);
    if (decay_) draw_ = arena.take(n * decay_.rows);
    if (side_) dside_ = arena.take(n * side_.rows);
  }

  bool reads_x() const override { return static_cast<bool>(side_); }

  void forward(const Context& context, const float* x, const RuleTensors& t) override {
    if (side_) context.project(side_, x, c_.hidden_size, side_raw_, side_.rows);
    if (decay_) context.project(decay_, side_raw_ + side_decay_, side_.rows, decay_raw_, decay_.rows);
    if (side_) layers::gates(context.rows, gates(context, t), context.stream);
    cuda::forward(call_, inputs(t), {t.o, nullptr}, saved_, workspace_, context.stream);
  }

  void backward(const Context& context, const float* x, const RuleTensors& t, const RuleGradients& d, float* dx, bool add) override {
    rule_backward(context, t, d);
    if (!side_) return;
    layers::GateGradients grads;
    grads.first = dfirst_, grads.second = dsecond_, grads.g = dg_, grads.dside = dside_;
    grads.dv = scaled_ ? d.dv : nullptr;
    grads.draw = decay_ ? draw_ : dside_ + side_decay_, grads.draw_stride = decay_ ? decay_.rows : side_.rows;
    grads.A_log = context.gradient(slots_.A_log), grads.bias = context.gradient(slots_.dt_bias ? slots_.dt_bias : slots_.decay_bias);
    layers::gates_backward(context.rows, gates(context, t), grads, context.stream);
    if (decay_) {
      context.weight_gradient(decay_, side_raw_ + side_decay_, side_.rows, draw_, decay_.rows);
      context.input_gradient(decay_, draw_, decay_.rows, dside_ + side_decay_, side_.rows, false);
    }
    context.weight_gradient(side_, x, c_.hidden_size, dside_, side_.rows);
    context.input_gradient(side_, dside_, side_.rows, dx, c_.hidden_size, add);
  }

 private:
  void rule_backward(const Context& context, const RuleTensors& t, const RuleGradients& d) const {
    cuda::Gradients grads;
    grads.dq = d.dq, grads.dk = d.dk, grads.dv = d.dv;
    if (row_.decay != Decay::none) grads.dg = dg_;
    if (slots_.write) grads.db = dfirst_, grads.dw = dsecond_;
    else if (slots_.beta) grads.dbeta = dfirst_;
    cuda::backward(call_, inputs(t), {d.d_o, nullptr}, grads, {saved_, factors_kept_}, workspace_, context.stream);
  }
  cuda::Inputs inputs(const RuleTensors& t) const {
    cuda::Inputs in;
    in.q = t.q, in.k = t.k, in.v = scaled_ ? v_scaled_ : t.v;
    if (row_.decay != Decay::none) in.g = g_;
    if (slots_.write) in.b = first_, in.w = second_;
    else if (slots_.beta) in.beta = first_;
    return in;
  }
  layers::Gates gates(const Context& context, const RuleTensors& t) const {
    layers::Gates p;
    p.side = side_raw_, p.side_width = side_.rows, p.first_width = slots_.beta.rows, p.second_width = slots_.write.rows;
    p.first = first_, p.second = second_;
    if (!slots_.decay) return p;
    p.decay = slots_.A_log ? layers::Gates::Decay::softplus : layers::Gates::Decay::log_sigmoid;
    p.raw = decay_ ? decay_raw_ : side_raw_ + side_decay_, p.raw_stride = decay_ ? decay_.rows : side_.rows;
    p.decay_width = slots_.decay.rows, p.head_width = row_.decay == Decay::channel ? c_.head_k_dim : 1;
    p.A_log = context.parameter(slots_.A_log), p.bias = context.parameter(slots_.dt_bias ? slots_.dt_bias : slots_.decay_bias);
    p.g = g_, p.steps_values = scaled_, p.v = t.v, p.v_out = v_scaled_, p.value_width = c_.head_v_dim;
    return p;
  }

  ModelConfig c_;
  const VariantInfo& row_;
  MixerSlots slots_;
  Matrix side_, decay_;     ///< decay_: behind a bottleneck
  index_t side_decay_ = 0;  ///< first column of the decay in side
  bool scaled_ = false, factors_kept_ = false;
  Options options_;
  cuda::Call call_;
  float *v_scaled_ = nullptr, *side_raw_ = nullptr, *first_ = nullptr, *second_ = nullptr, *decay_raw_ = nullptr, *g_ = nullptr;
  float *dfirst_ = nullptr, *dsecond_ = nullptr, *dg_ = nullptr, *draw_ = nullptr, *dside_ = nullptr;
  char *saved_ = nullptr, *workspace_ = nullptr;
};

}  // namespace

std::unique_ptr<Rule> make_delta_rule(const ModelConfig& config, Variant variant, const MixerSlots& slots) {
  return std::make_unique<DeltaRule>(config, variant, slots);
}

}  // namespace fw::model::device
