// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/cuda/device_work.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "cuda/run_problem.h"

namespace fw::model {

namespace layers = cuda::layers;
using device::BatchShape;
using device::Network;

namespace {

constexpr index_t kMostPlans = 64;       ///< shapes whose graphs are kept
constexpr index_t kMostNumbers = 65535;  ///< of a grid's second and third axis

std::size_t bytes_of(index_t numbers) { return static_cast<std::size_t>(numbers) * sizeof(float); }
/// M in sixteen steps, so that batches with about as many scored rows share a graph.
index_t head_rows(index_t scored, index_t n) {
  const index_t step = std::max<index_t>(1, n / 16);
  return std::min(n, (scored + step - 1) / step * step);
}

}  // namespace

DeviceTraining::Work::Work(const ModelConfig& config_, const OptimizerOptions& options_, index_t replicas, const DeviceOptions& device_)
    : config(config_),
      options(options_),
      device(device_),
      layout(layout_parameters(config_)),
      R(replicas),
      P(layout.table.size()),
      stride((P + 63) / 64 * 64) {
  check_options(options);
  if (replicas < 1 || replicas > 1024) throw Error("device training: replicas must be in 1..1024, got " + std::to_string(replicas));
  Network(config, layout, R, {1, 1, 1, true});  // refuses what has no kernels
  blas = std::make_unique<cuda::Blas>(stream);
  for (cuda::DeviceBuffer* buffer : {&values, &m, &v, &gradient}) {
    *buffer = cuda::DeviceBuffer(bytes_of(R * stride));
    buffer->fill(0);
  }
  std::vector<unsigned char> decay(static_cast<std::size_t>(P), 0);
  for (const ParameterTensor& p : layout.table.all())
    if (p.decays || options.decay_all) std::fill_n(decay.begin() + p.offset, p.numel(), static_cast<unsigned char>(1));
  decays = cuda::DeviceBuffer(decay);
  squares = cuda::DeviceBuffer(static_cast<std::size_t>(R * layers::square_blocks(P)) * sizeof(double));
  control = cuda::DeviceBuffer(std::vector<layers::Control>(static_cast<std::size_t>(R)));
  records = cuda::PinnedBuffer(static_cast<std::size_t>(kInFlight * R) * sizeof(layers::StepRecord));
  cuda::check(cudaStreamSynchronize(nullptr), "device training");
}
DeviceTraining::Work::~Work() { cudaStreamSynchronize(stream); }

void DeviceTraining::Work::check_replica(const char* who, index_t replica) const {
  if (replica < 0 || replica >= R)
    throw Error(std::string(who) + ": replica must be in 0.." + std::to_string(R - 1) + ", got " + std::to_string(replica));
}
void DeviceTraining::Work::nothing_in_flight(const char* who) const {
  if (enqueued != taken)
    throw Error(std::string(who) + ": results of all steps must have been taken, got " + std::to_string(enqueued - taken) +
                " on their way");
}

DeviceTraining::Work::Request DeviceTraining::Work::request(const char* who, std::span<const Batch> batches, bool training,
                                                            bool every_row) const {
  const auto refuse = [&](const std::string& text) { throw Error(std::string(who) + ": " + text); };
  if (static_cast<index_t>(batches.size()) != R)
    refuse("batches must be one for each of " + std::to_string(R) + " replicas, got " + std::to_string(batches.size()));
  Request request;
  request.shape.training = training;
  for (const Batch& b : batches) {
    if (b.B < 1 || b.T < 1) refuse("B and T must be at least 1, got B = " + std::to_string(b.B) + ", T = " + std::to_string(b.T));
    for (const auto* numbers : {&b.tokens, &b.targets})
      if (static_cast<index_t>(numbers->size()) != b.B * b.T)
        refuse((numbers == &b.tokens ? "tokens" : "targets") + std::string(" must be [B,T] = ") + Shape{b.B, b.T}.str() + ", got " +
               std::to_string(numbers->size()) + " numbers");
    request.shape.B = std::max(request.shape.B, b.B), request.shape.T = std::max(request.shape.T, b.T);
  }
  const index_t n = request.shape.B * request.shape.T;
  if (n > (index_t{1} << 30) / R)
    refuse("B T of all replicas must be at most 2^30, got B = " + std::to_string(request.shape.B) +
           ", T = " + std::to_string(request.shape.T));
  for (const Batch& b : batches) {
    std::vector<std::int32_t> rows;
    for (index_t i = 0; i < b.B * b.T; ++i) {
      const std::int32_t token = b.tokens[static_cast<std::size_t>(i)], target = b.targets[static_cast<std::size_t>(i)];
      if (token < 0 || token >= config.vocab_size)
        refuse("tokens must lie in [0, " + std::to_string(config.vocab_size) + "), got " + std::to_string(token) + " at " +
               std::to_string(i));
      if (target < kNotScored || target >= config.vocab_size)
        refuse("targets must lie in [-1, " + std::to_string(config.vocab_size) + "), got " + std::to_string(target));
      if (target >= 0 || every_row) rows.push_back(static_cast<std::int32_t>(i / b.T * request.shape.T + i % b.T));
    }
    if (rows.empty()) refuse("at least one target must be scored, got none in " + std::to_string(b.targets.size()));
    request.shape.M = std::max(request.shape.M, static_cast<index_t>(rows.size()));
    request.rows.push_back(std::move(rows));
  }
  request.shape.M = head_rows(request.shape.M, n);
  return request;
}

DeviceTraining::Work::Plan& DeviceTraining::Work::plan_of(const BatchShape& shape) {
  if (const auto at = plans.find(shape); at != plans.end()) return at->second;
  if (static_cast<index_t>(plans.size()) >= kMostPlans) {
    stream.wait();
    plans.clear();
  }
  Plan plan;
  plan.network = std::make_unique<Network>(config, layout, R, shape);
  if (R * plan.network->slabs() > kMostNumbers)
    throw Error("device training: replicas times slabs must be at most 65535, got " + std::to_string(R * plan.network->slabs()));
  plan.network->bind(*blas, stream, values.as<float>(), stride);
  if (const std::size_t bytes = plan.network->place(nullptr); bytes > arena.bytes()) {
    stream.wait();  // graphs know the old addresses
    plans.clear();
    arena = {};
    arena = cuda::DeviceBuffer(bytes);
  }
  plan.network->place(arena.as<char>());
  return plans[shape] = std::move(plan);
}

void DeviceTraining::Work::send(const Network& network, const Request& request, std::span<const Batch> batches, std::size_t slot) {
  const BatchShape& shape = network.shape();
  const std::size_t bytes = device::place_inputs(nullptr, R, shape).bytes;
  if (inputs[slot].bytes() < bytes) inputs[slot] = cuda::PinnedBuffer(bytes);
  const device::BatchInputs to = device::place_inputs(inputs[slot].as<char>(), R, shape);
  const index_t n = shape.B * shape.T;
  std::fill_n(to.tokens, R * n, 0);
  std::fill_n(to.index, R * shape.M, -1);
  std::fill_n(to.targets, R * shape.M, kNotScored);
  for (index_t r = 0; r < R; ++r) {
    const Batch& b = batches[static_cast<std::size_t>(r)];
    for (index_t i = 0; i < b.B; ++i) std::copy_n(b.tokens.begin() + i * b.T, b.T, to.tokens + r * n + i * shape.T);
    const std::vector<std::int32_t>& rows = request.rows[static_cast<std::size_t>(r)];
    std::int32_t scored = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto at = r * shape.M + static_cast<index_t>(i);
      const index_t row = rows[i];
      to.index[at] = rows[i];
      to.targets[at] = b.targets[static_cast<std::size_t>(row / shape.T * b.T + row % shape.T)];
      scored += to.targets[at] >= 0;
    }
    to.scale[r] = static_cast<float>(1.0 / std::max(1, scored));
  }
  cuda::check(cudaMemcpyAsync(network.inputs().tokens, to.tokens, bytes, cudaMemcpyHostToDevice, stream),
              "device training: copy of a batch");
}

layers::Optimize DeviceTraining::Work::optimize(const Network& network) const {
  layers::Optimize p;
  p.replicas = R, p.parameters = P, p.stride = stride, p.slabs = network.slabs();
  p.partial = network.partial(), p.gradient = gradient.as<float>(), p.values = values.as<float>(), p.m = m.as<float>(), p.v = v.as<float>();
  p.decays = decays.as<unsigned char>(), p.squares = squares.as<double>(), p.control = control.as<layers::Control>();
  p.sums = network.sums(), p.records = records.as<layers::StepRecord>(), p.record_count = kInFlight;
  return p;
}

void DeviceTraining::Work::one_step(Plan& plan) {
  const auto work = [&] {
    const OptimizerOptions& o = options;
    plan.network->forward();
    plan.network->backward();
    layers::add_slabs(optimize(*plan.network), stream);
    layers::adamw_step(optimize(*plan.network), {o.lr, o.min_lr_ratio, o.beta1, o.beta2, o.eps, o.weight_decay, o.clip, o.warmup, o.steps},
                       stream);
  };
  if (!device.graphs || !plan.warm) {
    const cuda::Disturbance gate;  // kernels load when they are first launched
    work();
    plan.warm = true;
    return;
  }
  if (!plan.step) plan.step.record(stream, work);
  plan.step.launch(stream);
}

Network& DeviceTraining::Work::run(const Request& request, std::span<const Batch> batches) {
  Plan& plan = plan_of(request.shape);
  send(*plan.network, request, batches, 0);
  {
    const cuda::Disturbance gate;
    plan.network->forward();
    if (request.shape.training) {
      plan.network->backward();
      layers::add_slabs(optimize(*plan.network), stream);
    }
  }
  stream.wait();
  return *plan.network;
}

std::vector<LossResult> DeviceTraining::Work::losses(const Network& network) const {
  std::vector<layers::LossSums> sums(static_cast<std::size_t>(R));
  copy_back(network.sums(), sums);
  std::vector<LossResult> all;
  for (const layers::LossSums& s : sums) all.push_back({s.loss / static_cast<double>(s.scored), s.scored, s.right});
  return all;
}

void DeviceTraining::Work::report(index_t replica, const layers::StepRecord& record) const {
  const std::string step = " at step " + std::to_string(record.step + 1) + (R > 1 ? ", replica " + std::to_string(replica) : "");
  if (!std::isfinite(record.loss)) throw Error("train_step: loss must be finite, got " + std::to_string(record.loss) + step);
  std::vector<float> numbers(static_cast<std::size_t>(P));
  stream.wait();
  copy_back(gradient.as<float>() + replica * stride, numbers);
  for (const ParameterTensor& p : layout.table.all())
    for (index_t i = p.offset; i < p.offset + p.numel(); ++i)
      if (!std::isfinite(numbers[static_cast<std::size_t>(i)]))
        throw Error("train_step: gradients must be finite, got one that is not in " + p.name + step);
  throw Error("train_step: the gradient's norm must be finite, got " + std::to_string(record.norm) + step);
}

}  // namespace fw::model
