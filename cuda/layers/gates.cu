// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Gates between the projections and the rule. A thread has a column of a row: first those that are handed through, then the decay's. Sums
// over the columns of a head (A_log) are taken in double, a block per head and slab.
//   softplus     g = -A sp(x)           dx = -A sigmoid(x) dg     dA_log = sum g dg      x = raw + bias, A = exp(A_log)
//   log_sigmoid  g = log sigmoid(x)/16  dx = sigmoid(-x) dg / 16
//   Mamba-2      v' = dt v, dt = sp(x)  dv = dt dv',  dx = (v . dv' - A dg) sigmoid(x)
#include "cuda/layers/launch.cuh"

namespace fw::cuda::layers {
namespace {

constexpr float kGlaTemperature = 16.0f;

__device__ __forceinline__ float decay_input(const Gates& p, int replica, index_t item, int column) {
  const float raw = p.raw[item * p.raw_stride + column];
  return p.bias.data != nullptr ? raw + p.bias.data[replica * p.bias.stride + column] : raw;
}
__device__ __forceinline__ float rate_of(const Gates& p, int replica, int column) {
  return expf(p.A_log.data[replica * p.A_log.stride + column / static_cast<int>(p.head_width)]);
}

__global__ void __launch_bounds__(kThreads) gates_kernel(const Gates p, const index_t rows) {
  const Place at = place();
  if (at.row >= rows) return;
  const index_t item = at.replica * rows + at.row;
  int c = at.channel;
  const int first = static_cast<int>(p.first_width), second = static_cast<int>(p.second_width);
  if (c < first) {
    p.first[item * first + c] = p.side[item * p.side_width + c];
    return;
  }
  c -= first;
  if (c < second) {
    p.second[item * second + c] = p.side[item * p.side_width + first + c];
    return;
  }
  c -= second;
  if (c >= p.decay_width) return;
  const float x = decay_input(p, at.replica, item, c);
  p.g[item * p.decay_width + c] = p.decay == Gates::Decay::softplus ? -rate_of(p, at.replica, c) * softplus(x) : -softplus(-x) / kGlaTemperature;
}

__global__ void __launch_bounds__(kThreads) step_values_kernel(const Gates p, const index_t rows) {
  const Place at = place();
  const index_t width = p.decay_width * p.value_width, item = at.replica * rows + at.row;
  if (at.row >= rows || at.channel >= width) return;
  const float dt = softplus(decay_input(p, at.replica, item, at.channel / static_cast<int>(p.value_width)));
  p.v_out[item * width + at.channel] = dt * p.v[item * width + at.channel];
}

__global__ void __launch_bounds__(kThreads) gates_backward_kernel(const Gates p, const GateGradients d, const index_t rows) {
  const Place at = place();
  if (at.row >= rows) return;
  const index_t item = at.replica * rows + at.row;
  int c = at.channel;
  const int first = static_cast<int>(p.first_width), second = static_cast<int>(p.second_width);
  if (c < first) {
    d.dside[item * p.side_width + c] = d.first[item * first + c];
    return;
  }
  c -= first;
  if (c < second) {
    d.dside[item * p.side_width + first + c] = d.second[item * second + c];
    return;
  }
  c -= second;
  if (c >= p.decay_width || p.steps_values) return;
  const float x = decay_input(p, at.replica, item, c), dg = d.g[item * p.decay_width + c];
  d.draw[item * d.draw_stride + c] = p.decay == Gates::Decay::softplus ? -rate_of(p, at.replica, c) * sigmoid(x) * dg : sigmoid(-x) * dg / kGlaTemperature;
}

/// A warp has a head of a row.
__global__ void __launch_bounds__(kThreads) step_values_backward_kernel(const Gates p, const GateGradients d, const index_t rows) {
  const index_t mine = static_cast<index_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (mine >= rows * p.decay_width) return;
  const int replica = static_cast<int>(blockIdx.y), head = static_cast<int>(mine % p.decay_width), lane = threadIdx.x % 32;
  const index_t item = replica * rows + mine / p.decay_width, at = (item * p.decay_width + head) * p.value_width;
  const float x = decay_input(p, replica, item, head), dt = softplus(x);
  float along = 0.0f;
  for (int c = lane; c < p.value_width; c += 32) {
    const float dv = d.dv[at + c];
    along += dv * p.v[at + c];
    d.dv[at + c] = dt * dv;
  }
  along = lane_sum(along);
  if (lane == 0) d.draw[item * d.draw_stride + head] = (along - rate_of(p, replica, head) * d.g[item * p.decay_width + head]) * sigmoid(x);
}

/// Block: (slab, head, replica).
__global__ void __launch_bounds__(kThreads) rate_sums_kernel(const Gates p, const float* dg, const Partial A_log, const index_t rows, const int per_slab) {
  __shared__ double sums[kThreads];
  const int width = static_cast<int>(p.head_width);
  const index_t first = blockIdx.z * rows + static_cast<index_t>(blockIdx.x) * per_slab;
  double sum = 0;
  for (int i = threadIdx.x; i < per_slab * width; i += kThreads) {
    const index_t at = (first + i / width) * p.decay_width + blockIdx.y * width + i % width;
    sum += static_cast<double>(p.g[at]) * dg[at];
  }
  sums[threadIdx.x] = sum;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  if (threadIdx.x == 0) A_log.data[(blockIdx.z * static_cast<index_t>(gridDim.x) + blockIdx.x) * A_log.stride + blockIdx.y] = static_cast<float>(sums[0]);
}

}  // namespace

void gates(const Rows& rows, const Gates& p, Stream stream) {
  const index_t width = p.first_width + p.second_width + p.decay_width;
  if (width > 0) gates_kernel<<<grid_of(rows, width), tile_block(), 0, stream>>>(p, rows.rows);
  check_launch("layers: launch of gates_kernel");
  if (!p.steps_values) return;
  step_values_kernel<<<grid_of(rows, p.decay_width * p.value_width), tile_block(), 0, stream>>>(p, rows.rows);
  check_launch("layers: launch of step_values_kernel");
}

void gates_backward(const Rows& rows, const Gates& p, const GateGradients& d, Stream stream) {
  const index_t width = p.first_width + p.second_width + (p.steps_values ? 0 : p.decay_width);
  if (width > 0) gates_backward_kernel<<<grid_of(rows, width), tile_block(), 0, stream>>>(p, d, rows.rows);
  check_launch("layers: launch of gates_backward_kernel");
  if (p.steps_values) {
    step_values_backward_kernel<<<dim3(tiles(rows.rows * p.decay_width, kWarps), static_cast<unsigned>(rows.replicas)), kThreads, 0, stream>>>(p, d, rows.rows);
    check_launch("layers: launch of step_values_backward_kernel");
  }
  if (d.A_log.data != nullptr) {
    const dim3 grid(static_cast<unsigned>(rows.slabs), static_cast<unsigned>(p.decay_width / p.head_width), static_cast<unsigned>(rows.replicas));
    rate_sums_kernel<<<grid, kThreads, 0, stream>>>(p, d.g, d.A_log, rows.rows, static_cast<int>(rows.rows / rows.slabs));
    check_launch("layers: launch of rate_sums_kernel");
  }
  if (d.bias.data != nullptr) column_sums(rows, d.draw, d.draw_stride, p.decay_width, d.bias, stream);
}

}  // namespace fw::cuda::layers
