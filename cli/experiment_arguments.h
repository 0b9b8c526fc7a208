// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The options that train and ablate share: sizes of the model, the optimizer, the batch. A variant is named by its rule, with ":neg" behind it
// where the erase gate reaches 2 and eigenvalues -1, and ":hybrid" where every second layer is sliding-window attention.
#pragma once

#include <string>

#include "model/experiment.h"

namespace CLI {
class App;
}

namespace fw::cli {

struct ExperimentArguments {
  index_t layers = 1, hidden = 32, heads = 2, value_heads = 0, key_width = 16, value_width = 16, convolution = 4, mlp = 64, batch = 64;
  index_t window = 64;
  bool hybrid = false, no_gate = false, tie = false;
  std::string initialisation = "paper", output_gate = "silu";
  model::OptimizerOptions optimizer;
  std::string backend = "omp";
  int threads = 0;
};
void add_experiment_options(CLI::App& command, ExperimentArguments& arguments);

struct VariantChoice {
  Variant variant = Variant::gdn2;
  bool negative = false, hybrid = false;
  std::string name;  ///< "gdn2:neg"
};
/// who: for the message. Throws on an unknown rule, or on :neg for a rule without erase.
VariantChoice variant_choice(const std::string& who, const std::string& text);
model::ModelConfig model_config(const ExperimentArguments& arguments, const VariantChoice& choice);

/// "loss 0.312, acc 0.841, 108k tokens/s, 12 s left": of a training, for the line of progress.
std::string training_stage(const model::TrainingProgress& progress);
/// "{...}" of scores, as one line of JSON; a table row is for people.
std::string scores_json(const model::Scores& scores);
/// "T=32: 0.994 (chance 0.25), loss 0.02; 4 wrong: stale 3, other 1"
std::string scores_line(const model::Scores& scores);

}  // namespace fw::cli
