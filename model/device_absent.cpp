// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// DeviceTraining in builds without CUDA: it cannot be made.
#include <cstdlib>

#include "core/error.h"
#include "model/cuda/device_training.h"

namespace fw::model {

struct DeviceTraining::Work {};
DeviceTraining::DeviceTraining(const ModelConfig&, const OptimizerOptions&, index_t, const DeviceOptions&) {
  throw Error("backend: expected one of naive, omp, got \"cuda\", which this build does not have (no nvcc at configure time)");
}
DeviceTraining::~DeviceTraining() = default;
index_t DeviceTraining::replicas() const { std::abort(); }
const ModelConfig& DeviceTraining::config() const { std::abort(); }
const OptimizerOptions& DeviceTraining::options() const { std::abort(); }
const ParameterTable& DeviceTraining::table() const { std::abort(); }
void DeviceTraining::upload(index_t, std::span<const float>, const OptimizerState&) { std::abort(); }
void DeviceTraining::download(index_t, std::vector<float>&, OptimizerState&) const { std::abort(); }
void DeviceTraining::enqueue(std::span<const Batch>) { std::abort(); }
index_t DeviceTraining::in_flight() const { std::abort(); }
std::vector<StepResult> DeviceTraining::wait() { std::abort(); }
std::vector<StepResult> DeviceTraining::train_step(std::span<const Batch>) { std::abort(); }
std::vector<LossResult> DeviceTraining::loss(std::span<const Batch>) { std::abort(); }
std::vector<LossResult> DeviceTraining::loss_and_gradient(std::span<const Batch>, std::vector<std::vector<float>>&) { std::abort(); }
std::vector<Tensor<float>> DeviceTraining::logits(std::span<const Batch>) { std::abort(); }
std::vector<std::vector<Prediction>> DeviceTraining::predict(std::span<const Batch>) { std::abort(); }
std::size_t DeviceTraining::bytes() const { std::abort(); }
void DeviceTraining::poison() { std::abort(); }

}  // namespace fw::model
