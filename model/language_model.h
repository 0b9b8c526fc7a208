// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A small language model: embedding, blocks, final RMSNorm, head.
//   x += mixer(attn_norm(x)); x += down(silu(gate(h)) (.) up(h)), h = mlp_norm(x);  logits = W_head norm(x)
// All parameters lie in one flat vector in the order of the table, and so do gradients. The loss is the mean cross entropy over
// the targets that are scored; the head is computed only there. A batch is cut into pieces of rows whose number depends on the
// batch and the model alone; gradients of pieces are added in order: the bits do not depend on the number of threads.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "model/mixer.h"
#include "model/tasks/batch.h"

namespace fw::model {

/// B sequences in the middle of being decoded: constant memory, whatever their length.
template <class T>
struct DecodeState {
  std::vector<MixerState<T>> layers;
  index_t B = 0;
  index_t position() const { return layers.empty() ? 0 : layers.front().position; }
  std::size_t bytes() const;
};

struct LossResult {
  double loss = 0;  ///< mean over scored targets
  index_t scored = 0, right = 0;
  double accuracy() const { return scored ? static_cast<double>(right) / static_cast<double>(scored) : 0.0; }
};

template <class T>
class LanguageModel {
 public:
  /// Parameters are zero until initialise() or a checkpoint. Throws on a configuration or backend that cannot be.
  explicit LanguageModel(const ModelConfig& config, std::string_view backend = "omp");
  ~LanguageModel();
  LanguageModel(LanguageModel&&) noexcept;
  LanguageModel& operator=(LanguageModel&&) noexcept;

  const ModelConfig& config() const { return config_; }
  const ParameterTable& table() const { return layout_.table; }
  std::string_view backend_name() const { return backend_->name; }
  std::vector<T>& parameters() { return parameters_; }
  const std::vector<T>& parameters() const { return parameters_; }
  void initialise(std::uint64_t seed);
  int threads = 0;  ///< 0: all cores
  /// Sees the rules' calls of logits() and continued(), layer after layer; null: nobody. It must outlive those calls.
  RuleObserver<T>* observer = nullptr;
  /// Changes what the rules of logits() and continued() are given; null: nothing. It must outlive those calls.
  RuleTransform<T>* transform = nullptr;

  /// Logits of every token: tokens [B,T] -> [B,T,vocab].
  Tensor<T> logits(std::span<const std::int32_t> tokens, index_t B, index_t T_);
  /// The same for tokens that follow what `state` has seen; the state moves on. last_only: [B,1,vocab], of the last token.
  Tensor<T> continued(std::span<const std::int32_t> tokens, index_t B, index_t T_, DecodeState<T>& state, bool last_only = false);
  DecodeState<T> new_state(index_t B) const;

  LossResult loss(const Batch& batch);
  /// gradient [table().size()] is overwritten.
  LossResult loss_and_gradient(const Batch& batch, std::vector<T>& gradient);

 private:
  struct Workspace;
  CallContext<T> call(index_t B, index_t T_, bool training, int inner_threads) const;
  void check_tokens(const char* who, std::span<const std::int32_t> tokens, index_t B, index_t T_) const;
  void blocks(const CallContext<T>& call, const std::int32_t* tokens, Workspace& w, DecodeState<T>* state);
  LossResult piece(const CallContext<T>& call, const Batch& batch, index_t first, double scale, Workspace& w, T* gradient);
  void blocks_backward(const CallContext<T>& call, const std::int32_t* tokens, Workspace& w, T* gradient);
  LossResult run(const Batch& batch, std::vector<T>* gradient);
  Workspace& workspace(std::size_t i);

  ModelConfig config_;
  ParameterLayout layout_;
  const Backend<T>* backend_;
  std::vector<std::unique_ptr<Mixer<T>>> mixers_;
  std::vector<T> parameters_;
  std::vector<std::unique_ptr<Workspace>> workspaces_;
  std::vector<std::vector<T>> piece_gradients_;
};

}  // namespace fw::model
