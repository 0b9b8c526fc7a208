// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The inside of DeviceTraining: memory, networks and graphs by shape of batch, batches on their way to the device and results on their way
// back.
#pragma once

#include <map>

#include "cuda/layers/optimizer.h"
#include "cuda/support/device_buffer.h"
#include "cuda/support/session.h"
#include "model/cuda/device_training.h"
#include "model/cuda/network.h"

namespace fw::model {

struct DeviceTraining::Work {
  Work(const ModelConfig& config, const OptimizerOptions& options, index_t replicas, const DeviceOptions& device);
  ~Work();

  /// A network and its recorded step.
  struct Plan {
    std::unique_ptr<device::Network> network;
    cuda::Graph step;
    bool warm = false;  ///< ran once: everything is loaded, so that it can be recorded
  };
  /// Scored rows and sizes of batches that fit together; throws on what does not.
  struct Request {
    device::BatchShape shape;
    std::vector<std::vector<std::int32_t>> rows;  ///< of the head, in the padded batch
  };

  void check_replica(const char* who, index_t replica) const;
  void nothing_in_flight(const char* who) const;
  Request request(const char* who, std::span<const Batch> batches, bool training, bool every_row) const;
  Plan& plan_of(const device::BatchShape& shape);
  /// Writes the batch into pinned memory number `slot` and enqueues the copy.
  void send(const device::Network& network, const Request& request, std::span<const Batch> batches, std::size_t slot);
  cuda::layers::Optimize optimize(const device::Network& network) const;
  void one_step(Plan& plan);
  /// Numbers of the device to `to`, all of it; the device must be done with them.
  template <class T>
  static void copy_back(const T* from, std::vector<T>& to) {
    const cuda::Disturbance gate;
    cuda::check(cudaMemcpy(to.data(), from, to.size() * sizeof(T), cudaMemcpyDeviceToHost), "device training: copy from the device");
  }
  /// Forward, and backward where the shape trains; ends when the device is done.
  device::Network& run(const Request& request, std::span<const Batch> batches);
  std::vector<LossResult> losses(const device::Network& network) const;
  [[noreturn]] void report(index_t replica, const cuda::layers::StepRecord& record) const;

  ModelConfig config;
  OptimizerOptions options;
  DeviceOptions device;
  ParameterLayout layout;
  index_t R, P, stride;  ///< parameters, and from one replica to the next
  cuda::OwnStream stream;
  std::unique_ptr<cuda::Blas> blas;
  cuda::DeviceBuffer values, m, v, gradient, decays, squares, control, arena;
  cuda::PinnedBuffer records;
  cuda::PinnedBuffer inputs[kInFlight];
  cuda::Event done[kInFlight];
  std::map<device::BatchShape, Plan> plans;
  index_t enqueued = 0, taken = 0;
};

}  // namespace fw::model
