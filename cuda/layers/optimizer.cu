// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Three kernels: slabs to gradient and squares (a block has 256 numbers); norm, learning rate and record (a block has a replica, in double);
// AdamW (a thread has a number).
#include "cuda/layers/optimizer.h"

#include "cuda/layers/launch.cuh"

namespace fw::cuda::layers {
namespace {

__global__ void __launch_bounds__(kThreads) slabs_kernel(const Optimize p, const index_t blocks) {
  __shared__ double squares[kThreads];
  const index_t i = static_cast<index_t>(blockIdx.x) * kThreads + threadIdx.x, replica = blockIdx.y;
  if (p.control[replica].stopped) return;
  double sum = 0;
  if (i < p.parameters) {
    const float* from = p.partial + replica * p.slabs * p.stride + i;
    for (index_t s = 0; s < p.slabs; ++s) sum += from[s * p.stride];
    const auto gradient = static_cast<float>(sum);
    p.gradient[replica * p.stride + i] = gradient;
    sum = static_cast<double>(gradient) * gradient;
  }
  squares[threadIdx.x] = sum;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) squares[threadIdx.x] += squares[threadIdx.x + half];
  }
  if (threadIdx.x == 0) p.squares[replica * blocks + blockIdx.x] = squares[0];
}

__device__ double learning_rate(const AdamW& o, long long t) {
  if (t <= o.warmup) return o.lr * static_cast<double>(t) / static_cast<double>(o.warmup);
  if (t >= o.steps) return o.lr * o.min_lr_ratio;
  const double done = static_cast<double>(t - o.warmup) / static_cast<double>(o.steps - o.warmup);
  return o.lr * (o.min_lr_ratio + (1.0 - o.min_lr_ratio) * 0.5 * (1.0 + cos(3.14159265358979323846 * done)));
}

__global__ void __launch_bounds__(kThreads) control_kernel(const Optimize p, const AdamW o, const index_t blocks) {
  __shared__ double sums[kThreads];
  const int replica = static_cast<int>(blockIdx.x);
  double sum = 0;
  for (index_t i = threadIdx.x; i < blocks; i += kThreads) sum += p.squares[replica * blocks + i];
  sums[threadIdx.x] = sum;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  if (threadIdx.x != 0) return;
  Control& c = p.control[replica];
  const LossSums& loss = p.sums[replica];
  StepRecord record;
  record.norm = sqrt(sums[0]);
  record.loss = loss.loss / static_cast<double>(loss.scored);
  record.scored = loss.scored, record.right = loss.right;
  c.good = !c.stopped && isfinite(record.norm) && isfinite(record.loss);
  if (c.good) {
    const long long t = ++c.step;
    const double lr = learning_rate(o, t), power = static_cast<double>(t);
    c.shrink = o.clip > 0 && record.norm > o.clip ? static_cast<float>(o.clip / record.norm) : 1.0f;
    c.step_size = static_cast<float>(lr / (1.0 - pow(o.beta1, power)));
    c.correction = static_cast<float>(1.0 / sqrt(1.0 - pow(o.beta2, power)));
    c.decay = static_cast<float>(lr * o.weight_decay);
    record.lr = lr;
  } else {
    c.stopped = 1;
  }
  record.step = c.step, record.good = c.good;
  p.records[c.ticks % p.record_count * p.replicas + replica] = record;
  ++c.ticks;
}

__global__ void __launch_bounds__(kThreads) adamw_kernel(const Optimize p, const AdamW o) {
  const index_t i = static_cast<index_t>(blockIdx.x) * kThreads + threadIdx.x, replica = blockIdx.y, at = replica * p.stride + i;
  const Control& c = p.control[replica];
  if (i >= p.parameters || !c.good) return;
  const float beta1 = static_cast<float>(o.beta1), beta2 = static_cast<float>(o.beta2), eps = static_cast<float>(o.eps);
  const float keep = 1.0f - (p.decays[i] ? c.decay : 0.0f), g = p.gradient[at] * c.shrink;
  const float m = beta1 * p.m[at] + (1.0f - beta1) * g, v = beta2 * p.v[at] + (1.0f - beta2) * g * g;
  p.m[at] = m, p.v[at] = v;
  p.values[at] = keep * p.values[at] - c.step_size * m / (sqrtf(v) * c.correction + eps);
}

dim3 grid_of(const Optimize& p) { return {static_cast<unsigned>(square_blocks(p.parameters)), static_cast<unsigned>(p.replicas), 1}; }

}  // namespace

index_t square_blocks(index_t parameters) { return (parameters + kThreads - 1) / kThreads; }

void add_slabs(const Optimize& p, Stream stream) {
  slabs_kernel<<<grid_of(p), kThreads, 0, stream>>>(p, square_blocks(p.parameters));
  check_launch("layers: launch of slabs_kernel");
}
void adamw_step(const Optimize& p, const AdamW& options, Stream stream) {
  control_kernel<<<static_cast<unsigned>(p.replicas), kThreads, 0, stream>>>(p, options, square_blocks(p.parameters));
  check_launch("layers: launch of control_kernel");
  adamw_kernel<<<grid_of(p), kThreads, 0, stream>>>(p, options);
  check_launch("layers: launch of adamw_kernel");
}

}  // namespace fw::cuda::layers
