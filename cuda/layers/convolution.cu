// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Short causal depthwise convolution and SiLU. A thread has a channel of a row; in the gradient of the weights a block has 32 channels of a
// slab, eight groups of rows that are added in order, up to kTaps taps at a time.
//   p[t] = sum_j w[j] x[t-W+1+j],  y = silu(p)      dp = dy silu'(p),  dx[t] = sum_j w[j] dp[t+W-1-j],  dw[j] = sum_t dp[t] x[t-W+1+j]
#include "cuda/layers/launch.cuh"

namespace fw::cuda::layers {
namespace {

constexpr int kTaps = 4;

__global__ void __launch_bounds__(kThreads) convolve_kernel(const Convolution p, const index_t rows, const int T) {
  const Place at = place();
  const int width = static_cast<int>(p.q_width + p.k_width + p.v_width), taps = static_cast<int>(p.taps);
  if (at.row >= rows || at.channel >= width) return;
  const index_t item = at.replica * rows + at.row;
  const int t = static_cast<int>(at.row % T);
  const float* x = p.x + item * width + at.channel;
  float pre = 0.0f;
  if (taps == 0) {
    pre = *x;
  } else {
    const float* w = p.weight.data + at.replica * p.weight.stride + at.channel * taps;
    for (int j = max(0, taps - 1 - t); j < taps; ++j) pre += w[j] * x[(j - (taps - 1)) * static_cast<index_t>(width)];
  }
  p.pre[item * width + at.channel] = pre;
  const float y = pre * sigmoid(pre);
  int c = at.channel;
  if (c < p.q_width) {
    p.q[item * p.q_width + c] = y;
    return;
  }
  c -= static_cast<int>(p.q_width);
  if (c < p.k_width) p.k[item * p.k_width + c] = y;
  else p.v[item * p.v_width + c - p.k_width] = y;
}

struct ValueGradients {
  const float *dq, *dk, *dv;
};
/// Gradient of the convolution's output before SiLU.
__device__ __forceinline__ float dpre(const Convolution& p, const ValueGradients& d, index_t item, int width, int channel) {
  int c = channel;
  float dy;
  if (c < p.q_width) dy = d.dq[item * p.q_width + c];
  else if (c -= static_cast<int>(p.q_width); c < p.k_width) dy = d.dk[item * p.k_width + c];
  else dy = d.dv[item * p.v_width + c - p.k_width];
  return dy * silu_slope(p.pre[item * width + channel]);
}

__global__ void __launch_bounds__(kThreads) convolve_input_kernel(const Convolution p, const ValueGradients d, float* dx, const index_t rows, const int T) {
  const Place at = place();
  const int width = static_cast<int>(p.q_width + p.k_width + p.v_width), taps = static_cast<int>(p.taps);
  if (at.row >= rows || at.channel >= width) return;
  const index_t item = at.replica * rows + at.row;
  const int t = static_cast<int>(at.row % T);
  float sum = 0.0f;
  if (taps == 0) {
    sum = dpre(p, d, item, width, at.channel);
  } else {
    const float* w = p.weight.data + at.replica * p.weight.stride + at.channel * taps;
    for (int ahead = 0; ahead < taps && t + ahead < T; ++ahead) sum += w[taps - 1 - ahead] * dpre(p, d, item + ahead, width, at.channel);
  }
  dx[item * width + at.channel] = sum;
}

__global__ void __launch_bounds__(kThreads) convolve_weight_kernel(const Convolution p, const ValueGradients d, const Partial dweight, const index_t rows, const int per_slab, const int T) {
  const int channel = static_cast<int>(blockIdx.y * 32 + threadIdx.x), width = static_cast<int>(p.q_width + p.k_width + p.v_width), taps = static_cast<int>(p.taps);
  const bool there = channel < width;
  const index_t first = static_cast<index_t>(blockIdx.x) * per_slab, slab = blockIdx.z * static_cast<index_t>(gridDim.x) + blockIdx.x;
  for (int from = 0; from < taps; from += kTaps) {
    float sums[kTaps] = {};
    for (int i = threadIdx.y; there && i < per_slab; i += kWarps) {
      const index_t row = first + i, item = blockIdx.z * rows + row;
      const int t = static_cast<int>(row % T);
      const float dp = dpre(p, d, item, width, channel);
#pragma unroll
      for (int j = 0; j < kTaps; ++j) {
        const int back = taps - 1 - (from + j);
        if (back >= 0 && back <= t) sums[j] += dp * p.x[(item - back) * width + channel];
      }
    }
#pragma unroll
    for (int j = 0; j < kTaps; ++j) {
      const float total = sum_row_groups(sums[j]);
      if (threadIdx.y == 0 && there && from + j < taps) dweight.data[slab * dweight.stride + channel * taps + from + j] = total;
    }
  }
}

__global__ void __launch_bounds__(kThreads) column_sums_kernel(const float* x, const index_t stride, const int columns, const Partial sums, const index_t rows, const int per_slab) {
  const int channel = static_cast<int>(blockIdx.y * 32 + threadIdx.x);
  const index_t first = blockIdx.z * rows + static_cast<index_t>(blockIdx.x) * per_slab, slab = blockIdx.z * static_cast<index_t>(gridDim.x) + blockIdx.x;
  float sum = 0.0f;
  for (int i = threadIdx.y; channel < columns && i < per_slab; i += kWarps) sum += x[(first + i) * stride + channel];
  const float total = sum_row_groups(sum);
  if (threadIdx.y == 0 && channel < columns) sums.data[slab * sums.stride + channel] = total;
}

}  // namespace

void convolve(const Rows& rows, const Convolution& p, Stream stream) {
  convolve_kernel<<<grid_of(rows, p.q_width + p.k_width + p.v_width), tile_block(), 0, stream>>>(p, rows.rows, static_cast<int>(rows.T));
  check_launch("layers: launch of convolve_kernel");
}
void convolve_backward(const Rows& rows, const Convolution& p, const float* dq, const float* dk, const float* dv, float* dx, Partial dweight, Stream stream) {
  const index_t width = p.q_width + p.k_width + p.v_width;
  const int T = static_cast<int>(rows.T);
  convolve_input_kernel<<<grid_of(rows, width), tile_block(), 0, stream>>>(p, ValueGradients{dq, dk, dv}, dx, rows.rows, T);
  check_launch("layers: launch of convolve_input_kernel");
  if (p.taps == 0) return;
  convolve_weight_kernel<<<slab_grid(rows, width), tile_block(), 0, stream>>>(p, ValueGradients{dq, dk, dv}, dweight, rows.rows, static_cast<int>(rows.rows / rows.slabs), T);
  check_launch("layers: launch of convolve_weight_kernel");
}
void column_sums(const Rows& rows, const float* x, index_t stride, index_t columns, Partial sums, Stream stream) {
  column_sums_kernel<<<slab_grid(rows, columns), tile_block(), 0, stream>>>(x, stride, static_cast<int>(columns), sums, rows.rows, static_cast<int>(rows.rows / rows.slabs));
  check_launch("layers: launch of column_sums_kernel");
}

}  // namespace fw::cuda::layers
