// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/optimizer.h"

#include <cmath>
#include <numbers>
#include <string>

#include "core/error.h"

namespace fw::model {

double learning_rate(const OptimizerOptions& o, index_t t) {
  if (t <= o.warmup) return o.lr * static_cast<double>(t) / static_cast<double>(o.warmup);
  if (t >= o.steps) return o.lr * o.min_lr_ratio;
  const double done = static_cast<double>(t - o.warmup) / static_cast<double>(o.steps - o.warmup);
  return o.lr * (o.min_lr_ratio + (1.0 - o.min_lr_ratio) * 0.5 * (1.0 + std::cos(std::numbers::pi * done)));
}

void check_options(const OptimizerOptions& o) {
  const auto demand = [](bool good, const char* field, const char* expected, double got) {
    if (!good) throw Error(std::string("optimizer options: ") + field + " must be " + expected + ", got " + std::to_string(got));
  };
  demand(o.lr > 0, "lr", "above 0", o.lr);
  demand(o.min_lr_ratio >= 0 && o.min_lr_ratio <= 1, "min_lr_ratio", "in [0, 1]", o.min_lr_ratio);
  demand(o.warmup >= 0, "warmup", "at least 0", static_cast<double>(o.warmup));
  demand(o.steps >= 1, "steps", "at least 1", static_cast<double>(o.steps));
  demand(o.beta1 >= 0 && o.beta1 < 1, "beta1", "in [0, 1)", o.beta1);
  demand(o.beta2 >= 0 && o.beta2 < 1, "beta2", "in [0, 1)", o.beta2);
  demand(o.eps > 0, "eps", "above 0", o.eps);
  demand(o.weight_decay >= 0, "weight_decay", "at least 0", o.weight_decay);
  demand(o.clip >= 0, "clip", "at least 0", o.clip);
}

double adamw_step(const ParameterTable& table, const OptimizerOptions& o, std::vector<float>& parameters,
                  const std::vector<float>& gradient, OptimizerState& state) {
  const std::size_t n = parameters.size();
  if (static_cast<index_t>(n) != table.size() || gradient.size() != n)
    throw Error("adamw_step: parameters and gradient must have " + std::to_string(table.size()) + " numbers, got " + std::to_string(n) +
                " and " + std::to_string(gradient.size()));
  double squares = 0;
  for (const ParameterTensor& p : table.all()) {
    double own = 0;
    for (index_t i = p.offset; i < p.offset + p.numel(); ++i)
      own += static_cast<double>(gradient[static_cast<std::size_t>(i)]) * gradient[static_cast<std::size_t>(i)];
    if (!std::isfinite(own))
      throw Error("adamw_step: gradients must be finite, got one that is not in " + p.name + " at step " + std::to_string(state.step + 1));
    squares += own;
  }
  const double norm = std::sqrt(squares);
  if (state.m.size() != n) state.m.assign(n, 0.0f), state.v.assign(n, 0.0f);
  const index_t t = ++state.step;
  const double lr = learning_rate(o, t);
  const float shrink = o.clip > 0 && norm > o.clip ? static_cast<float>(o.clip / norm) : 1.0f;
  const float beta1 = static_cast<float>(o.beta1), beta2 = static_cast<float>(o.beta2), eps = static_cast<float>(o.eps);
  const float step = static_cast<float>(lr / (1.0 - std::pow(o.beta1, static_cast<double>(t))));
  const float correction = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(o.beta2, static_cast<double>(t))));
  for (const ParameterTensor& p : table.all()) {
    const float keep = 1.0f - (p.decays || o.decay_all ? static_cast<float>(lr * o.weight_decay) : 0.0f);
    float *x = parameters.data() + p.offset, *m = state.m.data() + p.offset, *v = state.v.data() + p.offset;
    const float* g = gradient.data() + p.offset;
    for (index_t i = 0; i < p.numel(); ++i) {
      const float g_i = g[i] * shrink;
      m[i] = beta1 * m[i] + (1.0f - beta1) * g_i;
      v[i] = beta2 * v[i] + (1.0f - beta2) * g_i * g_i;
      x[i] = keep * x[i] - step * m[i] / (std::sqrt(v[i]) * correction + eps);
    }
  }
  return norm;
}

}  // namespace fw::model
