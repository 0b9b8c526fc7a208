// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Experiments on a CUDA device: several seeds of one experiment trained and scored side by side. Data are made by threads of the CPU while the
// device computes. In builds without CUDA a DeviceTraining cannot be made, and says so.
#pragma once

#include "model/cuda/device_training.h"
#include "model/experiment.h"

namespace fw::model {

/// Scores of every replica on `sequences` of the evaluation stream of its seed: the sequences that evaluate() of a model sees.
std::vector<Scores> evaluate(DeviceTraining& training, const Task& task, std::span<const std::uint64_t> seeds, index_t sequences, index_t batch = 64);

struct DeviceRun {
  std::vector<std::uint64_t> seeds;  ///< of the data, one a replica
  index_t batch = 64;
  index_t first = 0;                 ///< steps that were done before
  int threads = 0;                   ///< that make data; 0: all cores
  /// The next step, beyond the one given, after which nothing may be on its way when `told` is called; empty: the last.
  std::function<index_t(index_t)> pause;
};
struct DeviceProgress {
  std::vector<StepResult> steps;  ///< of every replica
  double tokens_per_second = 0, seconds_left = 0;
};
/// Trains up to the optimizer's steps, or until `told` says false; then the device may be some steps ahead of what was told.
void train(DeviceTraining& training, const Task& task, const DeviceRun& run, const std::function<bool(const DeviceProgress&)>& told);

}  // namespace fw::model
