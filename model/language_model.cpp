// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/language_model.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "core/error.h"
#include "core/parallel.h"
#include "model/ops.h"

namespace fw::model {
namespace {

constexpr index_t kPieces = 8;                       ///< a batch is cut into at most so many
constexpr index_t kPieceNumbers = index_t(1) << 28;  ///< in the gradients of all pieces together
constexpr index_t kFewTokens = 64;                   ///< below, starting threads costs more than the rule

/// Activations of one layer.
template <class T>
struct LayerCache {
  Tensor<T> x, normed, inverse;          // input of the block, after attn_norm
  Tensor<T> h, mlp_normed, mlp_inverse;  // after the mixer, after mlp_norm
  Tensor<T> gate, up, act;
  std::unique_ptr<MixerCache<T>> mixer;
};

}  // namespace

template <class T>
struct LanguageModel<T>::Workspace {
  std::vector<LayerCache<T>> layers;
  Tensor<T> x, normed, inverse;   // output of the last block, after the final norm
  Tensor<T> rows, logits, drows;  // scored rows
  std::vector<index_t> scored;
  std::vector<std::int32_t> targets;
  Tensor<T> dx, dy, dact, dgate, dup;
};

template <class T>
std::size_t DecodeState<T>::bytes() const {
  std::size_t n = 0;
  for (const MixerState<T>& layer : layers) n += layer.bytes();
  return n;
}

template <class T>
LanguageModel<T>::LanguageModel(const ModelConfig& config, std::string_view backend_name)
    : config_(config), layout_(layout_parameters(config)), backend_(&backend<T>(backend_name)) {
  for (std::size_t n = 0; n < config_.mixers.size(); ++n) {
    const MixerSlots& slots = layout_.slots.layers[n].mixer;
    mixers_.push_back(config_.mixers[n] == Variant::swa ? make_attention_mixer<T>(config_, slots)
                                                        : make_recurrent_mixer<T>(config_, config_.mixers[n], slots));
  }
  parameters_.assign(static_cast<std::size_t>(table().size()), T(0));
}
template <class T>
LanguageModel<T>::~LanguageModel() = default;
template <class T>
LanguageModel<T>::LanguageModel(LanguageModel&&) noexcept = default;
template <class T>
LanguageModel<T>& LanguageModel<T>::operator=(LanguageModel&&) noexcept = default;

template <class T>
void LanguageModel<T>::initialise(std::uint64_t seed) {
  model::initialise(table(), config_, seed, parameters_.data());
}

template <class T>
typename LanguageModel<T>::Workspace& LanguageModel<T>::workspace(std::size_t i) {
  while (workspaces_.size() <= i) {
    auto w = std::make_unique<Workspace>();
    for (const auto& mixer : mixers_) w->layers.push_back({{}, {}, {}, {}, {}, {}, {}, {}, {}, mixer->make_cache()});
    workspaces_.push_back(std::move(w));
  }
  return *workspaces_[i];
}

template <class T>
CallContext<T> LanguageModel<T>::call(index_t B, index_t T_, bool training, int inner_threads) const {
  return {B, T_, backend_, inner_threads, training, nullptr, 0};
}

template <class T>
void LanguageModel<T>::check_tokens(const char* who, std::span<const std::int32_t> tokens, index_t B, index_t T_) const {
  const std::string start = std::string(who) + ": ";
  if (B < 1 || T_ < 1) throw Error(start + "B and T must be at least 1, got B = " + std::to_string(B) + ", T = " + std::to_string(T_));
  if (static_cast<index_t>(tokens.size()) != B * T_)
    throw Error(start + "tokens must be [B,T] = " + Shape{B, T_}.str() + ", got " + std::to_string(tokens.size()) + " numbers");
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= config_.vocab_size)
      throw Error(start + "tokens must lie in [0, " + std::to_string(config_.vocab_size) + "), got " + std::to_string(tokens[i]) + " at " +
                  std::to_string(i));
}

template <class T>
void LanguageModel<T>::blocks(const CallContext<T>& call, const std::int32_t* tokens, Workspace& w, DecodeState<T>* state) {
  const T* p = parameters_.data();
  const index_t n = call.B * call.T_, d = config_.hidden_size, I = config_.mlp_width();
  const auto input_of = [&](std::size_t layer) -> Tensor<T>& { return layer < w.layers.size() ? w.layers[layer].x : w.x; };
  T* x = shaped(input_of(0), {n, d});
  for (index_t i = 0; i < n; ++i) std::copy_n(p + layout_.slots.embeddings.offset + tokens[i] * d, d, x + i * d);
  for (std::size_t l = 0; l < mixers_.size(); ++l) {
    LayerCache<T>& c = w.layers[l];
    const LayerSlots& s = layout_.slots.layers[l];
    rms_norm(c.x.data(), p + s.attn_norm.offset, config_.norm_eps, n, d, shaped(c.normed, {n, d}), shaped(c.inverse, {n}));
    T* h = shaped(c.h, {n, d});
    CallContext<T> here = call;
    here.layer = static_cast<index_t>(l);
    mixers_[l]->forward(here, p, c.normed.data(), *c.mixer, state ? &state->layers[l] : nullptr, h);
    for (index_t i = 0; i < n * d; ++i) h[i] += c.x[i];
    T* out = shaped(input_of(l + 1), {n, d});
    if (I == 0) {
      std::copy_n(h, n * d, out);
      continue;
    }
    rms_norm(h, p + s.mlp_norm.offset, config_.norm_eps, n, d, shaped(c.mlp_normed, {n, d}), shaped(c.mlp_inverse, {n}));
    linear(p, s.mlp_gate, {}, c.mlp_normed.data(), n, shaped(c.gate, {n, I}));
    linear(p, s.mlp_up, {}, c.mlp_normed.data(), n, shaped(c.up, {n, I}));
    swiglu(c.gate.data(), c.up.data(), n * I, shaped(c.act, {n, I}));
    std::copy_n(h, n * d, out);
    matmul_nt(c.act.data(), p + s.mlp_down.offset, out, n, d, I, Into::add);
  }
  rms_norm(w.x.data(), p + layout_.slots.norm.offset, config_.norm_eps, n, d, shaped(w.normed, {n, d}), shaped(w.inverse, {n}));
}

/// From w.dx, the gradient of the last block's output, down to the embedding.
template <class T>
void LanguageModel<T>::blocks_backward(const CallContext<T>& call, const std::int32_t* tokens, Workspace& w, T* g) {
  const T* p = parameters_.data();
  const index_t n = call.B * call.T_, d = config_.hidden_size, I = config_.mlp_width();
  T* dx = w.dx.data();
  T* dy = shaped(w.dy, {n, d});
  for (std::size_t l = mixers_.size(); l-- > 0;) {
    LayerCache<T>& c = w.layers[l];
    const LayerSlots& s = layout_.slots.layers[l];
    if (I > 0) {
      // x = h + down(silu(gate) up)
      linear_backward(p, g, s.mlp_down, {}, c.act.data(), dx, n, shaped(w.dact, {n, I}), Into::overwrite);
      swiglu_backward(c.gate.data(), c.up.data(), w.dact.data(), n * I, shaped(w.dgate, {n, I}), shaped(w.dup, {n, I}));
      linear_backward(p, g, s.mlp_gate, {}, c.mlp_normed.data(), w.dgate.data(), n, dy, Into::overwrite);
      linear_backward(p, g, s.mlp_up, {}, c.mlp_normed.data(), w.dup.data(), n, dy, Into::add);
      rms_norm_backward_add(c.h.data(), p + s.mlp_norm.offset, c.mlp_inverse.data(), dy, n, d, dx, g + s.mlp_norm.offset);
    }
    // h = x + mixer(norm(x))
    mixers_[l]->backward(call, p, c.normed.data(), *c.mixer, dx, g, dy);
    rms_norm_backward_add(c.x.data(), p + s.attn_norm.offset, c.inverse.data(), dy, n, d, dx, g + s.attn_norm.offset);
  }
  T* table = g + layout_.slots.embeddings.offset;
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < d; ++j) table[tokens[i] * d + j] += dx[i * d + j];
}

template <class T>
LossResult LanguageModel<T>::piece(const CallContext<T>& call, const Batch& batch, index_t first, double scale, Workspace& w, T* g) {
  const T* p = parameters_.data();
  const index_t n = call.B * call.T_, d = config_.hidden_size, vocab = config_.vocab_size;
  const std::int32_t *tokens = batch.tokens.data() + first * call.T_, *targets = batch.targets.data() + first * call.T_;
  blocks(call, tokens, w, nullptr);
  w.scored.clear(), w.targets.clear();
  for (index_t i = 0; i < n; ++i)
    if (targets[i] >= 0) w.scored.push_back(i), w.targets.push_back(targets[i]);
  const index_t m = static_cast<index_t>(w.scored.size());
  T* rows = shaped(w.rows, {m, d});
  for (index_t i = 0; i < m; ++i) std::copy_n(w.normed.data() + w.scored[static_cast<std::size_t>(i)] * d, d, rows + i * d);
  linear(p, layout_.slots.lm_head, {}, rows, m, shaped(w.logits, {m, vocab}));
  LossResult result;
  result.scored = m;
  result.loss = cross_entropy(w.logits.data(), w.targets.data(), m, vocab, scale, g != nullptr, &result.right);
  if (!g) return result;
  linear_backward(p, g, layout_.slots.lm_head, {}, rows, w.logits.data(), m, shaped(w.drows, {m, d}), Into::overwrite);
  T* dnormed = shaped(w.dy, {n, d});
  std::fill_n(dnormed, n * d, T(0));
  for (index_t i = 0; i < m; ++i) std::copy_n(w.drows.data() + i * d, d, dnormed + w.scored[static_cast<std::size_t>(i)] * d);
  std::fill_n(shaped(w.dx, {n, d}), n * d, T(0));
  const Slot norm = layout_.slots.norm;
  rms_norm_backward_add(w.x.data(), p + norm.offset, w.inverse.data(), dnormed, n, d, w.dx.data(), g + norm.offset);
  blocks_backward(call, tokens, w, g);
  return result;
}

template <class T>
LossResult LanguageModel<T>::run(const Batch& batch, std::vector<T>* gradient) {
  check_tokens("model loss", batch.tokens, batch.B, batch.T);
  if (batch.targets.size() != batch.tokens.size())
    throw Error("model loss: targets must be [B,T] = " + Shape{batch.B, batch.T}.str() + ", got " + std::to_string(batch.targets.size()) +
                " numbers");
  index_t scored = 0;
  for (const std::int32_t t : batch.targets) {
    if (t < -1 || t >= config_.vocab_size)
      throw Error("model loss: targets must lie in [-1, " + std::to_string(config_.vocab_size) + "), got " + std::to_string(t));
    scored += t >= 0;
  }
  if (scored == 0) throw Error("model loss: at least one target must be scored, got none in " + std::to_string(batch.targets.size()));

  // a gradient for each piece must be held: fewer pieces for large models
  const index_t pieces = std::min(batch.B, std::clamp<index_t>(kPieceNumbers / table().size(), 1, kPieces));
  const int crew = static_cast<int>(std::min<index_t>(threads > 0 ? threads : available_threads(), pieces));
  std::vector<LossResult> results(static_cast<std::size_t>(pieces));
  if (gradient) piece_gradients_.resize(static_cast<std::size_t>(pieces));
  workspace(static_cast<std::size_t>(crew - 1));
  std::atomic<index_t> next{0};
  parallel_for(crew, crew, [&](index_t worker) {
    for (index_t i = next++; i < pieces; i = next++) {
      const index_t first = batch.B * i / pieces, last = batch.B * (i + 1) / pieces;
      T* g = nullptr;
      if (gradient) {
        std::vector<T>& mine = piece_gradients_[static_cast<std::size_t>(i)];
        mine.assign(parameters_.size(), T(0));
        g = mine.data();
      }
      const int inner = crew > 1 ? 1 : threads;
      results[static_cast<std::size_t>(i)] = piece(call(last - first, batch.T, gradient != nullptr, inner), batch, first,
                                                   1.0 / static_cast<double>(scored), *workspaces_[static_cast<std::size_t>(worker)], g);
    }
  });
  LossResult all;
  for (const LossResult& r : results) all.loss += r.loss, all.scored += r.scored, all.right += r.right;
  all.loss /= static_cast<double>(all.scored);
  if (!gradient) return all;
  gradient->swap(piece_gradients_[0]);
  for (std::size_t i = 1; i < piece_gradients_.size(); ++i)
    for (std::size_t j = 0; j < gradient->size(); ++j) (*gradient)[j] += piece_gradients_[i][j];
  return all;
}

template <class T>
LossResult LanguageModel<T>::loss(const Batch& batch) {
  return run(batch, nullptr);
}
template <class T>
LossResult LanguageModel<T>::loss_and_gradient(const Batch& batch, std::vector<T>& gradient) {
  return run(batch, &gradient);
}

template <class T>
Tensor<T> LanguageModel<T>::logits(std::span<const std::int32_t> tokens, index_t B, index_t T_) {
  check_tokens("model logits", tokens, B, T_);
  Workspace& w = workspace(0);
  CallContext<T> mine = call(B, T_, false, threads);
  mine.observer = observer, mine.transform = transform;
  blocks(mine, tokens.data(), w, nullptr);
  Tensor<T> out({B, T_, config_.vocab_size});
  linear(parameters_.data(), layout_.slots.lm_head, {}, w.normed.data(), B * T_, out.data());
  return out;
}

template <class T>
DecodeState<T> LanguageModel<T>::new_state(index_t B) const {
  DecodeState<T> state;
  state.B = B;
  state.layers.resize(mixers_.size());
  return state;
}

template <class T>
Tensor<T> LanguageModel<T>::continued(std::span<const std::int32_t> tokens, index_t B, index_t T_, DecodeState<T>& state, bool last_only) {
  check_tokens("model continued", tokens, B, T_);
  if (state.layers.size() != mixers_.size() || state.B != B)
    throw Error("model continued: state must be new_state(" + std::to_string(B) + ") of this model, got one of " +
                std::to_string(state.layers.size()) + " layers for B = " + std::to_string(state.B));
  Workspace& w = workspace(0);
  CallContext<T> mine = call(B, T_, false, B * T_ < kFewTokens ? 1 : threads);
  mine.observer = observer, mine.transform = transform;
  blocks(mine, tokens.data(), w, &state);
  const T* rows = w.normed.data();
  const index_t d = config_.hidden_size;
  if (last_only) {
    T* last = shaped(w.rows, {B, d});
    for (index_t b = 0; b < B; ++b) std::copy_n(rows + ((b + 1) * T_ - 1) * d, d, last + b * d);
    rows = last;
  }
  Tensor<T> out({B, last_only ? 1 : T_, config_.vocab_size});
  linear(parameters_.data(), layout_.slots.lm_head, {}, rows, out.numel() / config_.vocab_size, out.data());
  return out;
}

template struct DecodeState<float>;
template struct DecodeState<double>;
template class LanguageModel<float>;
template class LanguageModel<double>;

}  // namespace fw::model
