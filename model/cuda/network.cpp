// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/cuda/network.h"

#include <algorithm>

namespace fw::model::device {

namespace layers = cuda::layers;

namespace {

constexpr index_t kSlabRows = 128, kMostSlabs = 64;   ///< rows of a slab, about
constexpr index_t kPartialNumbers = index_t(1) << 28;  ///< in the slabs of all replicas

/// The largest divisor of n that is at most `most`.
index_t divisor_up_to(index_t n, index_t most) {
  for (index_t s = std::min(n, most); s > 1; --s)
    if (n % s == 0) return s;
  return 1;
}

}  // namespace

BatchInputs place_inputs(char* base, index_t replicas, const BatchShape& shape) {
  Arena arena(base);
  BatchInputs in;
  in.tokens = arena.take<std::int32_t>(replicas * shape.B * shape.T);
  in.index = arena.take<std::int32_t>(replicas * shape.M);
  in.targets = arena.take<std::int32_t>(replicas * shape.M);
  in.scale = arena.take<float>(replicas);
  in.bytes = arena.used;
  return in;
}

Network::Network(const ModelConfig& config, const ParameterLayout& layout, index_t replicas, const BatchShape& shape) : c_(config), layout_(layout), shape_(shape) {
  const index_t n = shape.B * shape.T;
  index_t slabs = 1;
  if (shape.training) {
    const index_t room = std::max<index_t>(1, kPartialNumbers / (replicas * layout.table.size()));
    slabs = divisor_up_to(n, std::min({kMostSlabs, room, (n + kSlabRows - 1) / kSlabRows}));
    shape_.M = (shape.M + slabs - 1) / slabs * slabs;
  }
  context_.rows = {replicas, n, slabs, shape.T};
  for (std::size_t l = 0; l < config.mixers.size(); ++l) {
    const MixerSlots& slots = layout.slots.layers[l].mixer;
    layers_.emplace_back().mixer = config.mixers[l] == Variant::swa ? make_attention_mixer(c_, slots) : make_recurrent_mixer(c_, config.mixers[l], slots);
  }
}

void Network::bind(cuda::Blas& blas, Stream stream, const float* values, index_t stride) {
  context_.blas = &blas, context_.stream = stream, context_.values = values, context_.stride = stride;
}

std::size_t Network::place(char* base) {
  const index_t R = context_.rows.replicas, n = context_.all_rows(), d = c_.hidden_size, I = c_.mlp_width(), m = R * shape_.M;
  const bool training = shape_.training;
  Arena arena(base);
  inputs_ = place_inputs(base, R, shape_);
  arena.used = inputs_.bytes;
  loss_.sums = arena.take<layers::LossSums>(R);
  loss_.predicted = arena.take<std::int32_t>(m), loss_.row_loss = arena.take<double>(m);
  rows_ = arena.take(m * d), rows_inverse_ = arena.take(m), loss_.logits = arena.take(m * c_.vocab_size);
  loss_.targets = inputs_.targets, loss_.scale = training ? inputs_.scale : nullptr, loss_.vocab = c_.vocab_size;
  if (training) context_.partial = arena.take(R * context_.rows.slabs * context_.stride);
  // without a backward, layers write where the layer before wrote, and the residual stream has two places
  float *x = arena.take(n * d), *other = training ? nullptr : arena.take(n * d);
  const std::size_t first = arena.used;
  std::size_t most = first;
  for (Layer& l : layers_) {
    if (!training) arena.used = first;
    l.x = x, l.h = training ? arena.take(n * d) : other;
    l.normed = arena.take(n * d), l.inverse = arena.take(n);
    l.mixer->place(arena, context_, training);
    if (I > 0) {
      l.mlp_normed = arena.take(n * d), l.mlp_inverse = arena.take(n);
      l.gate_up = arena.take(n * 2 * I), l.act = arena.take(n * I);
      if (training) x = arena.take(n * d);
    } else {
      other = x, x = l.h;
    }
    most = std::max(most, arena.used);
  }
  x_ = x;
  arena.used = most;
  y_ = arena.take(n * d);
  if (training) {
    dx_ = arena.take(n * d), dy_ = arena.take(n * d), drows_ = arena.take(m * d);
    if (I > 0) dact_ = arena.take(n * I), dgate_up_ = arena.take(n * 2 * I);
  }
  const std::size_t scratch = arena.used;
  for (Layer& l : layers_) {
    arena.used = scratch;
    l.mixer->place_scratch(arena, context_, training, layers_.size() == 1);
    most = std::max(most, arena.used);
  }
  return most;
}

layers::Norm Network::norm(const float* a, const float* b, Slot w, float* sum, float* normed, float* inverse) const {
  layers::Norm p;
  p.a = a, p.b = b, p.w = context_.parameter(w), p.eps = static_cast<float>(c_.norm_eps), p.d = c_.hidden_size;
  p.sum = sum, p.normed = normed, p.inverse = inverse;
  return p;
}
layers::Norm Network::head_norm() const {
  layers::Norm p = norm(x_, nullptr, layout_.slots.norm, nullptr, rows_, rows_inverse_);
  p.index = inputs_.index, p.source_rows = context_.rows.rows;
  return p;
}
/// The context with the rows of the head.
Context Network::head() const {
  Context context = context_;
  context.rows.rows = shape_.M;
  return context;
}

void Network::forward() {
  const index_t d = c_.hidden_size, I = c_.mlp_width();
  const Stream stream = context_.stream;
  layers::embed(context_.rows, inputs_.tokens, context_.parameter(layout_.slots.embeddings), d, layers_.front().x, stream);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& l = layers_[i];
    const LayerSlots& s = layout_.slots.layers[i];
    layers::norm(context_.rows, norm(l.x, nullptr, s.attn_norm, nullptr, l.normed, l.inverse), stream);
    l.mixer->forward(context_, l.normed, y_);
    layers::norm(context_.rows, norm(l.x, y_, I > 0 ? s.mlp_norm : Slot{}, l.h, l.mlp_normed, l.mlp_inverse), stream);
    if (I == 0) continue;
    context_.project(fused({s.mlp_gate, s.mlp_up}), l.mlp_normed, d, l.gate_up, 2 * I);
    layers::swiglu(context_.rows, l.gate_up, I, l.act, stream);
    context_.project(fused({s.mlp_down}), l.act, I, y_, d);
    float* out = i + 1 < layers_.size() ? layers_[i + 1].x : x_;
    layers::norm(context_.rows, norm(l.h, y_, {}, out, nullptr, nullptr), stream);
  }
  const Context at_head = head();
  layers::norm(at_head.rows, head_norm(), stream);
  at_head.project(fused({layout_.slots.lm_head}), rows_, d, loss_.logits, c_.vocab_size);
  layers::cross_entropy(at_head.rows, loss_, stream);
}

void Network::backward() {
  const index_t d = c_.hidden_size, I = c_.mlp_width();
  const Stream stream = context_.stream;
  const Context at_head = head();
  const Matrix lm_head = fused({layout_.slots.lm_head});
  at_head.weight_gradient(lm_head, rows_, d, loss_.logits, c_.vocab_size);
  at_head.input_gradient(lm_head, loss_.logits, c_.vocab_size, drows_, d, false);
  layers::fill_zero(dx_, context_.all_rows() * d, stream);
  layers::norm_backward(at_head.rows, head_norm(), x_, drows_, dx_, context_.gradient(layout_.slots.norm), stream);
  for (std::size_t i = layers_.size(); i-- > 0;) {
    Layer& l = layers_[i];
    const LayerSlots& s = layout_.slots.layers[i];
    if (I > 0) {
      const Matrix down = fused({s.mlp_down}), gate_up = fused({s.mlp_gate, s.mlp_up});
      context_.weight_gradient(down, l.act, I, dx_, d);
      context_.input_gradient(down, dx_, d, dact_, I, false);
      layers::swiglu_backward(context_.rows, l.gate_up, dact_, I, dgate_up_, stream);
      context_.weight_gradient(gate_up, l.mlp_normed, d, dgate_up_, 2 * I);
      context_.input_gradient(gate_up, dgate_up_, 2 * I, dy_, d, false);
      layers::norm_backward(context_.rows, norm(nullptr, nullptr, s.mlp_norm, nullptr, nullptr, l.mlp_inverse), l.h, dy_, dx_, context_.gradient(s.mlp_norm), stream);
    }
    l.mixer->backward(context_, l.normed, dx_, dy_);
    layers::norm_backward(context_.rows, norm(nullptr, nullptr, s.attn_norm, nullptr, nullptr, l.inverse), l.x, dy_, dx_, context_.gradient(s.attn_norm), stream);
  }
  const bool tied = layout_.slots.lm_head.offset == layout_.slots.embeddings.offset;
  layers::embed_backward(context_.rows, inputs_.tokens, dx_, c_.vocab_size, d, context_.gradient(layout_.slots.embeddings), tied, stream);
}

}  // namespace fw::model::device
