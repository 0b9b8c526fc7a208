// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One training step, and what is needed to go on later as if nothing had happened: the model, AdamW's moments, the step count.
// The data belong to the caller, who draws batch number step(): same parameters, same batches, same bits.
#pragma once

#include "model/language_model.h"
#include "model/optimizer.h"

namespace fw::model {

struct StepResult {
  index_t step = 0;     ///< steps done, this one included
  double loss = 0;      ///< before the step
  double accuracy = 0;  ///< of the scored targets, before the step
  double norm = 0;      ///< of the gradient before clipping
  double lr = 0;
  index_t scored = 0;
};

class Training {
 public:
  /// The model must outlive this.
  Training(LanguageModel<float>& model, const OptimizerOptions& options);
  /// Gradient of the batch's loss and one step of AdamW. Throws on a loss or a gradient that is not finite; the model is then as before.
  StepResult train_step(const Batch& batch);

  LanguageModel<float>& model() { return model_; }
  const LanguageModel<float>& model() const { return model_; }
  const OptimizerOptions& options() const { return options_; }
  OptimizerState& state() { return state_; }
  const OptimizerState& state() const { return state_; }
  index_t step() const { return state_.step; }

 private:
  LanguageModel<float>& model_;
  OptimizerOptions options_;
  OptimizerState state_;
  std::vector<float> gradient_;
};

}  // namespace fw::model
