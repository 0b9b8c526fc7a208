// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Models for the device, no two sizes alike, and the same replica on the CPU in double and on the device.
#pragma once

#include <string>
#include <vector>

#include "model/cuda/device_training.h"
#include "model/model_fixture.h"
#include "support/results.h"

namespace fw::test {

inline model::ModelConfig device_config(std::vector<Variant> mixers) {
  model::ModelConfig c = tiny_config(std::move(mixers));
  c.vocab_size = 37;
  c.hidden_size = 24;
  c.head_k_dim = 16;
  c.head_v_dim = 20;
  c.conv_size = 4;
  c.intermediate_size = 22;
  c.gla_rank = 5;
  c.window_size = 6;
  return c;
}

/// Parameters of a seed, float32.
inline std::vector<float> scattered(const model::ModelConfig& config, std::uint64_t seed) {
  model::LanguageModel<float> m(config, "omp");
  scatter_parameters(m, seed);
  return m.parameters();
}
/// The same numbers in double on the CPU.
inline model::LanguageModel<double> in_double(const model::ModelConfig& config, const std::vector<float>& parameters) {
  model::LanguageModel<double> m(config, "omp");
  for (std::size_t i = 0; i < parameters.size(); ++i) m.parameters()[i] = static_cast<double>(parameters[i]);
  return m;
}
/// Replica r has parameters of seed 7 + r.
inline void upload_scattered(model::DeviceTraining& training) {
  for (index_t r = 0; r < training.replicas(); ++r) training.upload(r, scattered(training.config(), 7 + static_cast<std::uint64_t>(r)), {});
}
/// Batches of one step, of seed `seed` and following.
inline std::vector<model::Batch> batches_for(index_t replicas, index_t B, index_t T, index_t vocab, std::uint64_t seed, index_t unscored = 3) {
  std::vector<model::Batch> all;
  for (index_t r = 0; r < replicas; ++r) all.push_back(random_batch(B, T, vocab, seed + static_cast<std::uint64_t>(1000 * r), unscored));
  return all;
}
struct Snapshot {
  std::vector<float> parameters;
  model::OptimizerState state;
  bool operator==(const Snapshot& other) const {
    return parameters == other.parameters && state.m == other.state.m && state.v == other.state.v && state.step == other.state.step;
  }
};
inline std::vector<Snapshot> snapshots(const model::DeviceTraining& training) {
  std::vector<Snapshot> all(static_cast<std::size_t>(training.replicas()));
  for (index_t r = 0; r < training.replicas(); ++r) training.download(r, all[static_cast<std::size_t>(r)].parameters, all[static_cast<std::size_t>(r)].state);
  return all;
}
inline model::OptimizerOptions short_training() {
  model::OptimizerOptions o;
  o.lr = 5e-3, o.warmup = 5, o.steps = 60;
  return o;
}

}  // namespace fw::test
