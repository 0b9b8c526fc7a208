// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/cuda/device_training.h"

#include <algorithm>

#include "core/error.h"
#include "cuda/run_problem.h"
#include "model/cuda/device_work.h"

namespace fw::model {

namespace layers = cuda::layers;

DeviceTraining::DeviceTraining(const ModelConfig& config, const OptimizerOptions& options, index_t replicas, const DeviceOptions& device) {
  if (const std::string why = cuda::why_no_device(); !why.empty()) throw Error("backend cuda: " + why);
  work_ = std::make_unique<Work>(config, options, replicas, device);
}
DeviceTraining::~DeviceTraining() = default;

index_t DeviceTraining::replicas() const { return work_->R; }
const ModelConfig& DeviceTraining::config() const { return work_->config; }
const OptimizerOptions& DeviceTraining::options() const { return work_->options; }
const ParameterTable& DeviceTraining::table() const { return work_->layout.table; }
index_t DeviceTraining::in_flight() const { return work_->enqueued - work_->taken; }

void DeviceTraining::upload(index_t replica, std::span<const float> parameters, const OptimizerState& state) {
  Work& w = *work_;
  w.check_replica("device upload", replica);
  w.nothing_in_flight("device upload");
  const auto fits = [&](const char* name, std::size_t size, bool may_be_empty) {
    if (static_cast<index_t>(size) != w.P && !(may_be_empty && size == 0))
      throw Error(std::string("device upload: ") + name + " must have " + std::to_string(w.P) + " numbers, got " + std::to_string(size));
  };
  fits("parameters", parameters.size(), false);
  fits("m", state.m.size(), true);
  fits("v", state.v.size(), true);
  w.stream.wait();
  const std::vector<float> zeros(state.m.empty() || state.v.empty() ? static_cast<std::size_t>(w.P) : 0);
  const auto copy = [&](const cuda::DeviceBuffer& to, const float* from) {
    const cuda::Disturbance gate;
    cuda::check(
        cudaMemcpy(to.as<float>() + replica * w.stride, from, static_cast<std::size_t>(w.P) * sizeof(float), cudaMemcpyHostToDevice),
        "device upload: copy");
  };
  copy(w.values, parameters.data());
  copy(w.m, state.m.empty() ? zeros.data() : state.m.data());
  copy(w.v, state.v.empty() ? zeros.data() : state.v.data());
  layers::Control control;
  control.step = state.step, control.ticks = w.enqueued;
  const cuda::Disturbance gate;
  cuda::check(cudaMemcpy(w.control.as<layers::Control>() + replica, &control, sizeof(control), cudaMemcpyHostToDevice),
              "device upload: copy");
  cuda::check(cudaStreamSynchronize(nullptr), "device upload");  // the steps' stream does not wait for copies of small pieces
}

void DeviceTraining::download(index_t replica, std::vector<float>& parameters, OptimizerState& state) const {
  const Work& w = *work_;
  w.check_replica("device download", replica);
  w.stream.wait();
  for (const auto& [from, to] : {std::pair{&w.values, &parameters}, {&w.m, &state.m}, {&w.v, &state.v}}) {
    to->resize(static_cast<std::size_t>(w.P));
    Work::copy_back(from->as<float>() + replica * w.stride, *to);
  }
  std::vector<layers::Control> control(1);
  Work::copy_back(w.control.as<layers::Control>() + replica, control);
  state.step = control.front().step;
}

void DeviceTraining::enqueue(std::span<const Batch> batches) {
  Work& w = *work_;
  if (in_flight() >= kInFlight)
    throw Error("device enqueue: at most " + std::to_string(kInFlight) + " steps may be on their way, got one more");
  const Work::Request request = w.request("model loss", batches, true, false);
  Work::Plan& plan = w.plan_of(request.shape);
  const auto slot = static_cast<std::size_t>(w.enqueued % kInFlight);
  w.send(*plan.network, request, batches, slot);
  w.one_step(plan);
  w.done[slot].record(w.stream);
  ++w.enqueued;
}

std::vector<StepResult> DeviceTraining::wait() {
  Work& w = *work_;
  if (in_flight() == 0) throw Error("device wait: a step must have been enqueued, got none");
  const index_t slot = w.taken % kInFlight;
  w.done[static_cast<std::size_t>(slot)].wait();
  const layers::StepRecord* records = w.records.as<layers::StepRecord>() + slot * w.R;
  ++w.taken;
  std::vector<StepResult> results;
  for (index_t r = 0; r < w.R; ++r) {
    const layers::StepRecord& s = records[r];
    if (!s.good) w.report(r, s);
    results.push_back({s.step, s.loss, static_cast<double>(s.right) / static_cast<double>(s.scored), s.norm, s.lr, s.scored});
  }
  return results;
}

std::vector<StepResult> DeviceTraining::train_step(std::span<const Batch> batches) {
  work_->nothing_in_flight("device train_step");
  enqueue(batches);
  return wait();
}

std::vector<LossResult> DeviceTraining::loss(std::span<const Batch> batches) {
  Work& w = *work_;
  w.nothing_in_flight("device loss");
  return w.losses(w.run(w.request("model loss", batches, false, false), batches));
}

std::vector<LossResult> DeviceTraining::loss_and_gradient(std::span<const Batch> batches, std::vector<std::vector<float>>& gradients) {
  Work& w = *work_;
  w.nothing_in_flight("device loss_and_gradient");
  const std::vector<LossResult> losses = w.losses(w.run(w.request("model loss", batches, true, false), batches));
  gradients.resize(static_cast<std::size_t>(w.R));
  for (index_t r = 0; r < w.R; ++r) {
    std::vector<float>& to = gradients[static_cast<std::size_t>(r)];
    to.resize(static_cast<std::size_t>(w.P));
    Work::copy_back(w.gradient.as<float>() + r * w.stride, to);
  }
  return losses;
}

std::vector<Tensor<float>> DeviceTraining::logits(std::span<const Batch> batches) {
  Work& w = *work_;
  w.nothing_in_flight("device logits");
  const Work::Request request = w.request("model logits", batches, false, true);
  const device::Network& network = w.run(request, batches);
  const index_t vocab = w.config.vocab_size, M = network.shape().M;
  std::vector<Tensor<float>> all;
  for (index_t r = 0; r < w.R; ++r) {
    const Batch& b = batches[static_cast<std::size_t>(r)];
    Tensor<float> logits({b.B, b.T, vocab});
    const cuda::Disturbance gate;
    cuda::check(cudaMemcpy(logits.data(), network.logits() + r * M * vocab, static_cast<std::size_t>(logits.numel()) * sizeof(float),
                           cudaMemcpyDeviceToHost),
                "device logits: copy");
    all.push_back(std::move(logits));
  }
  return all;
}

std::vector<std::vector<Prediction>> DeviceTraining::predict(std::span<const Batch> batches) {
  Work& w = *work_;
  w.nothing_in_flight("device predict");
  const Work::Request request = w.request("model predict", batches, false, false);
  const device::Network& network = w.run(request, batches);
  const index_t M = network.shape().M;
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(w.R * M));
  std::vector<double> losses(tokens.size());
  Work::copy_back(network.predicted(), tokens);
  Work::copy_back(network.row_loss(), losses);
  std::vector<std::vector<Prediction>> all(static_cast<std::size_t>(w.R));
  for (index_t r = 0; r < w.R; ++r) {
    const std::vector<std::int32_t>& rows = request.rows[static_cast<std::size_t>(r)];
    const index_t T = batches[static_cast<std::size_t>(r)].T;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto at = static_cast<std::size_t>(r * M) + i;
      all[static_cast<std::size_t>(r)].push_back({rows[i] / request.shape.T * T + rows[i] % request.shape.T, tokens[at], losses[at]});
    }
  }
  return all;
}

std::size_t DeviceTraining::bytes() const {
  std::size_t sum = 0;
  for (const cuda::DeviceBuffer* buffer :
       {&work_->values, &work_->m, &work_->v, &work_->gradient, &work_->decays, &work_->squares, &work_->control, &work_->arena})
    sum += buffer->bytes();
  return sum;
}

void DeviceTraining::poison() {
  work_->nothing_in_flight("device poison");
  work_->stream.wait();
  for (cuda::DeviceBuffer* buffer : {&work_->gradient, &work_->squares, &work_->arena}) buffer->fill(0xff);
  const cuda::Disturbance gate;
  cuda::check(cudaDeviceSynchronize(), "device poison");
}

}  // namespace fw::model
