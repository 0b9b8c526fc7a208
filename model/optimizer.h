// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// AdamW (arXiv 1711.05101) on a flat vector, with a linear warm-up, a cosine decay and clipping of the global norm:
//   g <- g min(1, clip / ||g||)      m <- beta1 m + (1 - beta1) g      v <- beta2 v + (1 - beta2) g^2
//   x <- x - lr_t (m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay x)
//   lr_t = lr t / warmup for t <= warmup, then from lr to lr min_lr_ratio along half a cosine until `steps`, then constant
// Steps are counted from 1. Weight decay goes to matrices, convolutions and the embedding, unless decay_all.
#pragma once

#include <vector>

#include "model/parameter_table.h"

namespace fw::model {

struct OptimizerOptions {
  double lr = 3e-3;
  double min_lr_ratio = 0.1;
  index_t warmup = 50;
  index_t steps = 1000;  ///< where the cosine ends
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8;
  double weight_decay = 0.01;
  bool decay_all = false;  ///< as the authors of GDN-2 do
  double clip = 1.0;       ///< of the global norm; 0: none
  bool operator==(const OptimizerOptions&) const = default;
};

/// Learning rate of step t >= 1.
double learning_rate(const OptimizerOptions& options, index_t t);
/// Throws with the field, what it must be and what it is.
void check_options(const OptimizerOptions& options);

struct OptimizerState {
  index_t step = 0;         ///< steps done
  std::vector<float> m, v;  ///< moments, one number per parameter
};

/// One step. Returns the norm of the gradient before clipping; throws, with parameters and state untouched, where it is not finite,
/// and names the first tensor that is to blame.
double adamw_step(const ParameterTable& table, const OptimizerOptions& options, std::vector<float>& parameters,
                  const std::vector<float>& gradient, OptimizerState& state);

}  // namespace fw::model
