// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Projections that read the same rows are one product: q, k, v; then b, w and the first half of the decay (`side`). Gates reach the rule
// as it wants them: b, w and beta raw (it takes the sigmoid), the decay activated, because A_log and dt_bias differ between replicas.
#include "core/error.h"
#include "model/cuda/mixers.h"

namespace fw::model::device {
namespace {

namespace layers = cuda::layers;

class RecurrentMixer : public Mixer {
 public:
  RecurrentMixer(const ModelConfig& config, Variant variant, const MixerSlots& slots)
      : c_(config), row_(info(variant)), slots_(slots), qkv_(fused({slots.q_proj, slots.k_proj, slots.v_proj})), conv_(fused({slots.q_conv, slots.k_conv, slots.v_conv})) {
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
    qkv_raw_ = arena.take(n * qkv_.rows), pre_ = arena.take(n * qkv_.rows);
    q_ = arena.take(n * slots_.q_proj.rows), k_ = arena.take(n * slots_.k_proj.rows), v_ = arena.take(n * slots_.v_proj.rows);
    if (scaled_) v_scaled_ = arena.take(n * slots_.v_proj.rows);
    if (side_) side_raw_ = arena.take(n * side_.rows);
    if (slots_.beta) first_ = arena.take(n * slots_.beta.rows);
    if (slots_.write) second_ = arena.take(n * slots_.write.rows);
    if (decay_) decay_raw_ = arena.take(n * decay_.rows);
    if (slots_.decay) g_ = arena.take(n * slots_.decay.rows);
    o_ = arena.take(n * HV * c_.head_v_dim), normed_ = arena.take(n * HV * c_.head_v_dim), inverse_ = arena.take(n * HV);
    if (slots_.gate_low) z_low_ = arena.take(n * slots_.gate_low.rows);
    if (slots_.gate) z_ = arena.take(n * slots_.gate.rows);
    if (training) saved_ = arena.take<char>(static_cast<index_t>(cuda::saved_bytes(call_)));
  }

  void place_scratch(Arena& arena, const Context& context, bool training, bool alone) override {
    const index_t n = context.all_rows(), values = c_.value_heads() * c_.head_v_dim;
    factors_kept_ = alone;
    const std::size_t bytes = training ? cuda::backward_workspace_bytes(call_, true) : cuda::forward_workspace_bytes(call_);
    workspace_ = arena.take<char>(static_cast<index_t>(bytes));
    if (!training) return;
    dnormed_ = arena.take(n * values), d_o_ = arena.take(n * values);
    if (slots_.gate) dz_ = arena.take(n * values);
    if (slots_.gate_low) dz_low_ = arena.take(n * slots_.gate_low.rows);
    dq_ = arena.take(n * slots_.q_proj.rows), dk_ = arena.take(n * slots_.k_proj.rows), dv_ = arena.take(n * slots_.v_proj.rows);
    if (slots_.beta) dfirst_ = arena.take(n * slots_.beta.rows);
    if (slots_.write) dsecond_ = arena.take(n * slots_.write.rows);
    if (slots_.decay) dg_ = arena.take(n * slots_.decay.rows);
    if (decay_) draw_ = arena.take(n * decay_.rows);
    if (side_) dside_ = arena.take(n * side_.rows);
    dqkv_ = arena.take(n * qkv_.rows);
  }

  void forward(const Context& context, const float* x, float* y) override {
    const index_t d = c_.hidden_size, values = c_.value_heads() * c_.head_v_dim;
    context.project(qkv_, x, d, qkv_raw_, qkv_.rows);
    layers::convolve(context.rows, convolution(context), context.stream);
    if (side_) context.project(side_, x, d, side_raw_, side_.rows);
    if (decay_) context.project(decay_, side_raw_ + side_decay_, side_.rows, decay_raw_, decay_.rows);
    if (side_) layers::gates(context.rows, gates(context), context.stream);
    cuda::forward(call_, inputs(), {o_, nullptr}, saved_, workspace_, context.stream);
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
    rule_backward(context);
    if (side_) {
      layers::GateGradients grads;
      grads.first = dfirst_, grads.second = dsecond_, grads.g = dg_, grads.dside = dside_;
      grads.dv = scaled_ ? dv_ : nullptr;
      grads.draw = decay_ ? draw_ : dside_ + side_decay_, grads.draw_stride = decay_ ? decay_.rows : side_.rows;
      grads.A_log = context.gradient(slots_.A_log), grads.bias = context.gradient(slots_.dt_bias ? slots_.dt_bias : slots_.decay_bias);
      layers::gates_backward(context.rows, gates(context), grads, context.stream);
      if (decay_) {
        context.weight_gradient(decay_, side_raw_ + side_decay_, side_.rows, draw_, decay_.rows);
        context.input_gradient(decay_, draw_, decay_.rows, dside_ + side_decay_, side_.rows, false);
      }
      context.weight_gradient(side_, x, d, dside_, side_.rows);
      context.input_gradient(side_, dside_, side_.rows, dx, d, static_cast<bool>(gate));
    }
    layers::convolve_backward(context.rows, convolution(context), dq_, dk_, dv_, dqkv_, conv_gradient(context), context.stream);
    context.weight_gradient(qkv_, x, d, dqkv_, qkv_.rows);
    context.input_gradient(qkv_, dqkv_, qkv_.rows, dx, d, gate || side_);
  }

 private:
  void rule_backward(const Context& context) const {
    cuda::Gradients grads;
    grads.dq = dq_, grads.dk = dk_, grads.dv = dv_;
    if (row_.decay != Decay::none) grads.dg = dg_;
    if (slots_.write) grads.db = dfirst_, grads.dw = dsecond_;
    else if (slots_.beta) grads.dbeta = dfirst_;
    cuda::backward(call_, inputs(), {d_o_, nullptr}, grads, {saved_, factors_kept_}, workspace_, context.stream);
  }
  cuda::Inputs inputs() const {
    cuda::Inputs in;
    in.q = q_, in.k = k_, in.v = scaled_ ? v_scaled_ : v_;
    if (row_.decay != Decay::none) in.g = g_;
    if (slots_.write) in.b = first_, in.w = second_;
    else if (slots_.beta) in.beta = first_;
    return in;
  }
  layers::Convolution convolution(const Context& context) const {
    layers::Convolution p;
    p.x = qkv_raw_, p.pre = pre_, p.q = q_, p.k = k_, p.v = v_;
    if (conv_) p.weight = {context.values + conv_.offset, context.stride};
    p.taps = c_.conv_size, p.q_width = slots_.q_proj.rows, p.k_width = slots_.k_proj.rows, p.v_width = slots_.v_proj.rows;
    return p;
  }
  Partial conv_gradient(const Context& context) const { return conv_ ? Partial{context.partial + conv_.offset, context.stride} : Partial{}; }
  layers::Gates gates(const Context& context) const {
    layers::Gates p;
    p.side = side_raw_, p.side_width = side_.rows, p.first_width = slots_.beta.rows, p.second_width = slots_.write.rows;
    p.first = first_, p.second = second_;
    if (!slots_.decay) return p;
    p.decay = slots_.A_log ? layers::Gates::Decay::softplus : layers::Gates::Decay::log_sigmoid;
    p.raw = decay_ ? decay_raw_ : side_raw_ + side_decay_, p.raw_stride = decay_ ? decay_.rows : side_.rows;
    p.decay_width = slots_.decay.rows, p.head_width = row_.decay == Decay::channel ? c_.head_k_dim : 1;
    p.A_log = context.parameter(slots_.A_log), p.bias = context.parameter(slots_.dt_bias ? slots_.dt_bias : slots_.decay_bias);
    p.g = g_, p.steps_values = scaled_, p.v = v_, p.v_out = v_scaled_, p.value_width = c_.head_v_dim;
    return p;
  }
  layers::GatedNorm gated_norm(const Context& context) const {
    layers::GatedNorm p;
    p.x = o_, p.z = z_, p.w = context.parameter(slots_.o_norm), p.bias = context.parameter(slots_.gate_bias);
    p.silu = c_.output_gate_act == GateActivation::silu, p.eps = static_cast<float>(c_.norm_eps);
    p.heads = c_.value_heads(), p.width = c_.head_v_dim, p.y = normed_, p.inverse = inverse_;
    return p;
  }

  ModelConfig c_;
  const VariantInfo& row_;
  MixerSlots slots_;
  Matrix qkv_, conv_, side_, decay_;  ///< decay_: behind a bottleneck
  index_t side_decay_ = 0;            ///< first column of the decay in side
  bool scaled_ = false, factors_kept_ = false;
  Options options_;
  cuda::Call call_;
  float *qkv_raw_ = nullptr, *pre_ = nullptr, *q_ = nullptr, *k_ = nullptr, *v_ = nullptr, *v_scaled_ = nullptr, *side_raw_ = nullptr, *first_ = nullptr, *second_ = nullptr;
  float *decay_raw_ = nullptr, *g_ = nullptr, *o_ = nullptr, *normed_ = nullptr, *inverse_ = nullptr, *z_low_ = nullptr, *z_ = nullptr;
  float *dnormed_ = nullptr, *d_o_ = nullptr, *dz_ = nullptr, *dz_low_ = nullptr, *dq_ = nullptr, *dk_ = nullptr, *dv_ = nullptr, *dfirst_ = nullptr, *dsecond_ = nullptr;
  float *dg_ = nullptr, *draw_ = nullptr, *dside_ = nullptr, *dqkv_ = nullptr;
  char *saved_ = nullptr, *workspace_ = nullptr;
};

}  // namespace

std::unique_ptr<Mixer> make_recurrent_mixer(const ModelConfig& config, Variant variant, const MixerSlots& slots) {
  if (info(variant).family != Family::delta_rule)
    throw Error("backend cuda: mixers of a model on the device must be of the delta-rule family or swa, got " + std::string(info(variant).name) + "; --backend omp has it");
  for (const auto& [field, value] : {std::pair<const char*, index_t>{"head_k_dim", config.head_k_dim}, {"head_v_dim", config.head_v_dim}})
    if (value < 16 || value > 256) throw Error(std::string("backend cuda: ") + field + " must be in 16..256, got " + std::to_string(value) + "; --backend omp has any width");
  return std::make_unique<RecurrentMixer>(config, variant, slots);
}

}  // namespace fw::model::device
