// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/error.h"
#include "cuda/layers/attention.h"
#include "model/cuda/mixers.h"

namespace fw::model::device {
namespace {

class AttentionMixer : public Mixer {
 public:
  AttentionMixer(const ModelConfig& config, const MixerSlots& slots)
      : c_(config), slots_(slots), qkv_(fused({slots.q_proj, slots.k_proj, slots.v_proj})), bias_(fused({slots.q_bias, slots.k_bias, slots.v_bias})) {}

  void place(Arena& arena, const Context& context, bool) override {
    const index_t n = context.all_rows();
    raw_ = arena.take(n * qkv_.rows), o_ = arena.take(n * c_.hidden_size), log_sum_ = arena.take(n * c_.attention_heads());
  }
  void place_scratch(Arena& arena, const Context& context, bool training, bool) override {
    const index_t n = context.all_rows();
    if (!training) return;
    d_o_ = arena.take(n * c_.hidden_size), dqkv_ = arena.take(n * qkv_.rows), dots_ = arena.take(n * c_.attention_heads());
  }
  void forward(const Context& context, const float* x, float* y) override {
    context.project(qkv_, x, c_.hidden_size, raw_, qkv_.rows);
    cuda::layers::attention(context.rows, attention(context), context.stream);
    context.project(fused({slots_.o_proj}), o_, c_.hidden_size, y, c_.hidden_size);
  }
  void backward(const Context& context, const float* x, const float* dy, float* dx) override {
    const Matrix out = fused({slots_.o_proj});
    const index_t d = c_.hidden_size;
    context.weight_gradient(out, o_, d, dy, d);
    context.input_gradient(out, dy, d, d_o_, d, false);
    cuda::layers::attention_backward(context.rows, attention(context), d_o_, dqkv_, dots_, context.stream);
    if (bias_) cuda::layers::column_sums(context.rows, dqkv_, qkv_.rows, qkv_.rows, {context.partial + bias_.offset, context.stride}, context.stream);
    context.weight_gradient(qkv_, x, d, dqkv_, qkv_.rows);
    context.input_gradient(qkv_, dqkv_, qkv_.rows, dx, d, false);
  }

 private:
  cuda::layers::Attention attention(const Context& context) const {
    cuda::layers::Attention p;
    p.qkv = raw_, p.o = o_, p.log_sum = log_sum_;
    if (bias_) p.bias = {context.values + bias_.offset, context.stride};
    p.heads = c_.attention_heads(), p.kv_heads = c_.attention_kv_heads(), p.width = c_.hidden_size / c_.attention_heads();
    p.window = c_.window_size, p.theta = c_.rope_theta;
    return p;
  }

  ModelConfig c_;
  MixerSlots slots_;
  Matrix qkv_, bias_;
  float *raw_ = nullptr, *o_ = nullptr, *log_sum_ = nullptr, *d_o_ = nullptr, *dqkv_ = nullptr, *dots_ = nullptr;
};

}  // namespace

std::unique_ptr<Mixer> make_attention_mixer(const ModelConfig& config, const MixerSlots& slots) {
  if (const index_t width = config.hidden_size / config.attention_heads(); width > 256)
    throw Error("backend cuda: heads of attention must be at most 256 wide, got " + std::to_string(width) + "; --backend omp has any width");
  return std::make_unique<AttentionMixer>(config, slots);
}

}  // namespace fw::model::device
