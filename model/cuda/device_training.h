// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Training on a CUDA device: R replicas of one configuration side by side, each with its own parameters, moments and data, so that several seeds
// of a small model fill the GPU together. Parameters are the flat vector of the table, as on the CPU, and go to and fro with upload and download:
// checkpoints, resuming and evaluation do not know who trained.
// A step is recorded in a CUDA graph once per shape of batch and then replayed. enqueue() returns at once; wait() gives the results of the oldest
// step that was enqueued. Everything is float32; no atomics: the same calls give the same bits.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "model/experiment.h"

namespace fw::model {

struct DeviceOptions {
  bool graphs = true;  ///< off: every kernel is launched anew, with the same bits
};

class DeviceTraining {
 public:
  /// Steps that can be on their way at once.
  static constexpr index_t kInFlight = 4;

  /// Throws where there is no device, or no kernel for something in the configuration.
  DeviceTraining(const ModelConfig& config, const OptimizerOptions& options, index_t replicas, const DeviceOptions& device = {});
  ~DeviceTraining();
  DeviceTraining(const DeviceTraining&) = delete;
  DeviceTraining& operator=(const DeviceTraining&) = delete;

  index_t replicas() const;
  const ModelConfig& config() const;
  const OptimizerOptions& options() const;
  const ParameterTable& table() const;

  /// No step may be on its way. Empty moments: zeros.
  void upload(index_t replica, std::span<const float> parameters, const OptimizerState& state);
  void download(index_t replica, std::vector<float>& parameters, OptimizerState& state) const;

  /// One batch for every replica. Shorter ones are filled up with tokens that nobody scores.
  void enqueue(std::span<const Batch> batches);
  /// Steps enqueued whose results were not taken.
  index_t in_flight() const;
  /// Of every replica. Throws on a loss or a gradient that is not finite, in the words of the CPU's training: the parameters of that replica are then
  /// those before the step, and stay so until upload().
  std::vector<StepResult> wait();
  std::vector<StepResult> train_step(std::span<const Batch> batches);

  /// Without a step; in_flight() must be 0 for all of these.
  std::vector<LossResult> loss(std::span<const Batch> batches);
  std::vector<LossResult> loss_and_gradient(std::span<const Batch> batches, std::vector<std::vector<float>>& gradients);
  /// Logits of every token [B,T,vocab], targets are not read.
  std::vector<Tensor<float>> logits(std::span<const Batch> batches);
  /// The likeliest token at every scored position.
  std::vector<std::vector<Prediction>> predict(std::span<const Batch> batches);

  /// Bytes of the device's memory in use.
  std::size_t bytes() const;
  /// Fills everything that a step must write before it reads it with NaN.
  void poison();

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace fw::model
