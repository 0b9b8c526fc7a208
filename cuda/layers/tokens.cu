// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The ends of a model and its MLP: embedding, SwiGLU, cross entropy. The gradient of the embedding has a warp per entry and 128 channels, which
// looks through the tokens of its slab in order and adds the rows that are its own: no atomics, whatever the tokens are.
#include <cfloat>

#include "cuda/layers/launch.cuh"

namespace fw::cuda::layers {
namespace {

constexpr int kEntryChannels = 128;
constexpr int kLossThreads = 128;

__global__ void __launch_bounds__(kThreads) embed_kernel(const std::int32_t* tokens, const Parameter table, const int d, float* x, const index_t rows) {
  const Place at = place();
  if (at.row >= rows || at.channel >= d) return;
  const index_t item = at.replica * rows + at.row;
  x[item * d + at.channel] = table.data[at.replica * table.stride + static_cast<index_t>(tokens[item]) * d + at.channel];
}

/// Block: (eight entries, slab and replica, 128 channels).
__global__ void __launch_bounds__(kThreads) embed_backward_kernel(const std::int32_t* tokens, const float* dx, const int vocab, const int d, const Partial table, const bool add, const int per_slab) {
  const int entry = static_cast<int>(blockIdx.x) * kWarps + threadIdx.x / 32, lane = threadIdx.x % 32, first = static_cast<int>(blockIdx.z) * kEntryChannels;
  if (entry >= vocab) return;
  const index_t slab = blockIdx.y, row0 = slab * per_slab;
  float sums[kEntryChannels / 32] = {};
  for (int i = 0; i < per_slab; i += 32) {
    unsigned mine = __ballot_sync(kAllLanes, i + lane < per_slab && tokens[row0 + i + lane] == entry);
    while (mine != 0) {
      const index_t row = row0 + i + __ffs(static_cast<int>(mine)) - 1;
      mine &= mine - 1;
#pragma unroll
      for (int n = 0; n < kEntryChannels / 32; ++n) {
        const int c = first + lane + 32 * n;
        if (c < d) sums[n] += dx[row * d + c];
      }
    }
  }
#pragma unroll
  for (int n = 0; n < kEntryChannels / 32; ++n) {
    const int c = first + lane + 32 * n;
    if (c >= d) continue;
    float& to = table.data[slab * table.stride + static_cast<index_t>(entry) * d + c];
    to = add ? to + sums[n] : sums[n];
  }
}

__global__ void __launch_bounds__(kThreads) swiglu_kernel(const float* gate_up, const int width, float* act, const index_t rows) {
  const Place at = place();
  if (at.row >= rows || at.channel >= width) return;
  const index_t item = at.replica * rows + at.row;
  const float gate = gate_up[item * 2 * width + at.channel], up = gate_up[(item * 2 + 1) * width + at.channel];
  act[item * width + at.channel] = gate * sigmoid(gate) * up;
}
__global__ void __launch_bounds__(kThreads) swiglu_backward_kernel(const float* gate_up, const float* dact, const int width, float* dgate_up, const index_t rows) {
  const Place at = place();
  if (at.row >= rows || at.channel >= width) return;
  const index_t item = at.replica * rows + at.row, gate_at = item * 2 * width + at.channel, up_at = gate_at + width;
  const float gate = gate_up[gate_at], dy = dact[item * width + at.channel];
  dgate_up[gate_at] = dy * gate_up[up_at] * silu_slope(gate);
  dgate_up[up_at] = dy * gate * sigmoid(gate);
}

/// Block: a row. Of equal logits the first counts as predicted.
__global__ void __launch_bounds__(kLossThreads) cross_entropy_kernel(const CrossEntropy p, const index_t rows) {
  __shared__ float tops[kLossThreads];
  __shared__ int bests[kLossThreads];
  __shared__ float sums[kLossThreads];
  const index_t item = blockIdx.y * rows + blockIdx.x;
  const int target = p.targets[item], vocab = static_cast<int>(p.vocab), thread = threadIdx.x;
  float* row = p.logits + item * vocab;
  if (target < 0) {
    if (p.scale != nullptr)
      for (int i = thread; i < vocab; i += kLossThreads) row[i] = 0.0f;
    if (thread == 0) p.predicted[item] = -1, p.row_loss[item] = 0.0;
    return;
  }
  float top = -INFINITY;
  int best = 0;
  for (int i = thread; i < vocab; i += kLossThreads)
    if (row[i] > top) top = row[i], best = i;
  tops[thread] = top, bests[thread] = best;
  for (int half = kLossThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread >= half) continue;
    const float other = tops[thread + half];
    const int at = bests[thread + half];
    if (other > tops[thread] || (other == tops[thread] && at < bests[thread])) tops[thread] = other, bests[thread] = at;
  }
  __syncthreads();
  top = tops[0];
  float sum = 0.0f;
  for (int i = thread; i < vocab; i += kLossThreads) sum += expf(row[i] - top);
  sums[thread] = sum;
  for (int half = kLossThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread < half) sums[thread] += sums[thread + half];
  }
  __syncthreads();
  sum = sums[0];
  if (thread == 0) {
    p.predicted[item] = bests[0];
    p.row_loss[item] = log(static_cast<double>(sum)) + (static_cast<double>(top) - static_cast<double>(row[target]));
  }
  if (p.scale == nullptr) return;
  __syncthreads();  // row[target] was read
  const float scale = p.scale[blockIdx.y];
  for (int i = thread; i < vocab; i += kLossThreads) row[i] = expf(row[i] - top) * (scale / sum) - (i == target ? scale : 0.0f);
}

/// Block: a replica.
__global__ void __launch_bounds__(kThreads) loss_sums_kernel(const CrossEntropy p, const index_t rows) {
  __shared__ double losses[kThreads];
  __shared__ int scored[kThreads], right[kThreads];
  const int thread = threadIdx.x;
  double loss = 0;
  int count = 0, good = 0;
  for (index_t i = thread; i < rows; i += kThreads) {
    const index_t item = blockIdx.x * rows + i;
    const int target = p.targets[item];
    loss += p.row_loss[item], count += target >= 0, good += target >= 0 && p.predicted[item] == target;
  }
  losses[thread] = loss, scored[thread] = count, right[thread] = good;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread < half) losses[thread] += losses[thread + half], scored[thread] += scored[thread + half], right[thread] += right[thread + half];
  }
  if (thread == 0) p.sums[blockIdx.x] = {losses[0], scored[0], right[0]};
}

}  // namespace

void embed(const Rows& rows, const std::int32_t* tokens, Parameter table, index_t d, float* x, Stream stream) {
  embed_kernel<<<grid_of(rows, d), tile_block(), 0, stream>>>(tokens, table, static_cast<int>(d), x, rows.rows);
  check_launch("layers: launch of embed_kernel");
}
void embed_backward(const Rows& rows, const std::int32_t* tokens, const float* dx, index_t vocab, index_t d, Partial table, bool add, Stream stream) {
  const dim3 grid(tiles(vocab, kWarps), static_cast<unsigned>(rows.replicas * rows.slabs), tiles(d, kEntryChannels));
  embed_backward_kernel<<<grid, kThreads, 0, stream>>>(tokens, dx, static_cast<int>(vocab), static_cast<int>(d), table, add, static_cast<int>(rows.rows / rows.slabs));
  check_launch("layers: launch of embed_backward_kernel");
}
void swiglu(const Rows& rows, const float* gate_up, index_t width, float* act, Stream stream) {
  swiglu_kernel<<<grid_of(rows, width), tile_block(), 0, stream>>>(gate_up, static_cast<int>(width), act, rows.rows);
  check_launch("layers: launch of swiglu_kernel");
}
void swiglu_backward(const Rows& rows, const float* gate_up, const float* dact, index_t width, float* dgate_up, Stream stream) {
  swiglu_backward_kernel<<<grid_of(rows, width), tile_block(), 0, stream>>>(gate_up, dact, static_cast<int>(width), dgate_up, rows.rows);
  check_launch("layers: launch of swiglu_backward_kernel");
}
void cross_entropy(const Rows& rows, const CrossEntropy& p, Stream stream) {
  cross_entropy_kernel<<<dim3(static_cast<unsigned>(rows.rows), static_cast<unsigned>(rows.replicas)), kLossThreads, 0, stream>>>(p, rows.rows);
  check_launch("layers: launch of cross_entropy_kernel");
  loss_sums_kernel<<<static_cast<unsigned>(rows.replicas), kThreads, 0, stream>>>(p, rows.rows);
  check_launch("layers: launch of loss_sums_kernel");
}
void fill_zero(float* data, index_t count, Stream stream) {
  check(cudaMemsetAsync(data, 0, static_cast<std::size_t>(count) * sizeof(float), stream), "layers: cudaMemsetAsync");
}

}  // namespace fw::cuda::layers
