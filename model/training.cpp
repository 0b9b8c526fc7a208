// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/training.h"

#include <cmath>

#include "core/error.h"

namespace fw::model {

Training::Training(LanguageModel<float>& model, const OptimizerOptions& options) : model_(model), options_(options) {
  check_options(options);
}

StepResult Training::train_step(const Batch& batch) {
  const LossResult result = model_.loss_and_gradient(batch, gradient_);
  if (!std::isfinite(result.loss))
    throw Error("train_step: loss must be finite, got " + std::to_string(result.loss) + " at step " + std::to_string(step() + 1));
  const double norm = adamw_step(model_.table(), options_, model_.parameters(), gradient_, state_);
  return {step(), result.loss, result.accuracy(), norm, learning_rate(options_, step()), result.scored};
}

}  // namespace fw::model
