// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// RMSNorm, plain and with an output gate. A warp has a row (or the head of one). In the backward a block has a slab of rows: every warp
// keeps the sums of its rows for all channels in shared memory, and the warps are added in order.
//   y = r x w        dx = r dy w - x (dy . w x) r^3 / d        dw = sum r dy x           r = 1 / sqrt(mean(x^2) + eps)
#include <algorithm>

#include "cuda/layers/launch.cuh"

namespace fw::cuda::layers {
namespace {

__global__ void __launch_bounds__(kThreads) norm_kernel(const Norm p, const index_t rows) {
  const index_t row = static_cast<index_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (row >= rows) return;
  const int lane = threadIdx.x % 32, d = static_cast<int>(p.d);
  const index_t item = blockIdx.y * rows + row, to = item * d;
  index_t from = to;
  if (p.index != nullptr) {
    const int source = p.index[item];
    if (source < 0) {
      for (int c = lane; c < d; c += 32) p.normed[to + c] = 0.0f;
      if (lane == 0) p.inverse[item] = 0.0f;
      return;
    }
    from = (blockIdx.y * p.source_rows + source) * d;
  }
  float squares = 0.0f;
  for (int c = lane; c < d; c += 32) {
    float x = p.a[from + c];
    if (p.b != nullptr) x += p.b[from + c];
    if (p.sum != nullptr) p.sum[to + c] = x;
    squares += x * x;
  }
  if (p.w.data == nullptr) return;
  const float inverse = 1.0f / sqrtf(lane_sum(squares) / static_cast<float>(d) + p.eps);
  if (lane == 0) p.inverse[item] = inverse;
  const float* w = p.w.data + blockIdx.y * p.w.stride;
  for (int c = lane; c < d; c += 32) {
    float x = p.a[from + c];
    if (p.b != nullptr) x += p.b[from + c];
    p.normed[to + c] = inverse * x * w[c];
  }
}

/// Adds the sums of the warps, in order, for `width` channels.
__device__ __forceinline__ void write_warp_sums(const float* sums, int width, int warps, float* to) {
  __syncthreads();
  for (int c = threadIdx.x; c < width; c += blockDim.x) {
    float total = 0.0f;
    for (int i = 0; i < warps; ++i) total += sums[i * width + c];
    to[c] = total;
  }
}

__global__ void __launch_bounds__(kThreads) norm_backward_kernel(const Norm p, const float* x, const float* dy, float* dx, const Partial dw, const index_t rows, const int per_slab) {
  extern __shared__ float sums[];
  const int warp = threadIdx.x / 32, warps = blockDim.x / 32, lane = threadIdx.x % 32, d = static_cast<int>(p.d);
  float* own = sums + warp * d;
  for (int c = lane; c < d; c += 32) own[c] = 0.0f;
  const float* w = p.w.data + blockIdx.y * p.w.stride;
  for (int i = warp; i < per_slab; i += warps) {
    const index_t item = blockIdx.y * rows + static_cast<index_t>(blockIdx.x) * per_slab + i, at = item * d;
    index_t from = at;
    if (p.index != nullptr) {
      const int source = p.index[item];
      if (source < 0) continue;
      from = (blockIdx.y * p.source_rows + source) * d;
    }
    const float r = p.inverse[item];
    float dot = 0.0f;
    for (int c = lane; c < d; c += 32) dot += dy[at + c] * w[c] * x[from + c];
    dot = lane_sum(dot) * r * r * r / static_cast<float>(d);
    for (int c = lane; c < d; c += 32) {
      const float dy_c = dy[at + c], x_c = x[from + c];
      dx[from + c] += r * dy_c * w[c] - dot * x_c;
      own[c] += r * dy_c * x_c;
    }
  }
  write_warp_sums(sums, d, warps, dw.data + (blockIdx.y * static_cast<index_t>(gridDim.x) + blockIdx.x) * dw.stride);
}

struct GateValue {
  float value, slope;
};
__device__ __forceinline__ GateValue gate_of(const GatedNorm& p, index_t item, int head, int c) {
  if (p.z == nullptr) return {1.0f, 0.0f};
  float z = p.z[item * p.width + c];
  if (p.bias.data != nullptr) z += p.bias.data[blockIdx.y * p.bias.stride + head * p.width + c];
  const float s = sigmoid(z);
  if (p.silu) return {z * s, s * (1.0f + z * (1.0f - s))};
  return {s, s * (1.0f - s)};
}

__global__ void __launch_bounds__(kThreads) gated_norm_kernel(const GatedNorm p, const index_t rows) {
  const index_t mine = static_cast<index_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (mine >= rows * p.heads) return;
  const int lane = threadIdx.x % 32, width = static_cast<int>(p.width), head = static_cast<int>(mine % p.heads);
  const index_t item = blockIdx.y * rows * p.heads + mine, at = item * width;
  float squares = 0.0f;
  for (int c = lane; c < width; c += 32) squares += p.x[at + c] * p.x[at + c];
  const float inverse = 1.0f / sqrtf(lane_sum(squares) / static_cast<float>(width) + p.eps);
  if (lane == 0) p.inverse[item] = inverse;
  const float* w = p.w.data + blockIdx.y * p.w.stride;
  for (int c = lane; c < width; c += 32) p.y[at + c] = inverse * p.x[at + c] * w[c] * gate_of(p, item, head, c).value;
}

__global__ void __launch_bounds__(kThreads) gated_norm_backward_kernel(const GatedNorm p, const float* dy, float* dx, float* dz, const Partial dw, const index_t rows, const int per_slab) {
  extern __shared__ float sums[];
  const int warp = threadIdx.x / 32, warps = blockDim.x / 32, lane = threadIdx.x % 32, width = static_cast<int>(p.width), heads = static_cast<int>(p.heads);
  float* own = sums + warp * width;
  for (int c = lane; c < width; c += 32) own[c] = 0.0f;
  const float* w = p.w.data + blockIdx.y * p.w.stride;
  const index_t first = (blockIdx.y * rows + static_cast<index_t>(blockIdx.x) * per_slab) * heads;
  for (int i = warp; i < per_slab * heads; i += warps) {
    const int head = i % heads;
    const index_t item = first + i, at = item * width;
    const float r = p.inverse[item];
    float dot = 0.0f;
    for (int c = lane; c < width; c += 32) {
      const float x = p.x[at + c], normed = r * x * w[c];
      const GateValue gate = gate_of(p, item, head, c);
      if (dz != nullptr) dz[at + c] = dy[at + c] * normed * gate.slope;
      dot += dy[at + c] * gate.value * w[c] * x;
    }
    dot = lane_sum(dot) * r * r * r / static_cast<float>(width);
    for (int c = lane; c < width; c += 32) {
      const float x = p.x[at + c], dnormed = dy[at + c] * gate_of(p, item, head, c).value;
      dx[at + c] = r * dnormed * w[c] - dot * x;
      own[c] += r * dnormed * x;
    }
  }
  write_warp_sums(sums, width, warps, dw.data + (blockIdx.y * static_cast<index_t>(gridDim.x) + blockIdx.x) * dw.stride);
}

/// Warps of a block of the backward: as many as have room for their sums.
int warps_for(index_t width) {
  constexpr index_t kNumbers = 12288;
  if (width > kNumbers) throw Error("layers norm_backward: width must be at most " + std::to_string(kNumbers) + ", got " + std::to_string(width));
  return static_cast<int>(std::min<index_t>(kWarps, kNumbers / width));
}
dim3 slabs_of(const Rows& rows) { return {static_cast<unsigned>(rows.slabs), static_cast<unsigned>(rows.replicas), 1}; }

}  // namespace

void norm(const Rows& rows, const Norm& p, Stream stream) {
  norm_kernel<<<dim3(tiles(rows.rows, kWarps), static_cast<unsigned>(rows.replicas)), kThreads, 0, stream>>>(p, rows.rows);
  check_launch("layers: launch of norm_kernel");
}
void norm_backward(const Rows& rows, const Norm& p, const float* x, const float* dy, float* dx, Partial dw, Stream stream) {
  const int warps = warps_for(p.d);
  norm_backward_kernel<<<slabs_of(rows), 32 * warps, static_cast<std::size_t>(warps * p.d) * sizeof(float), stream>>>(p, x, dy, dx, dw, rows.rows,
                                                                                                                    static_cast<int>(rows.rows / rows.slabs));
  check_launch("layers: launch of norm_backward_kernel");
}
void gated_norm(const Rows& rows, const GatedNorm& p, Stream stream) {
  gated_norm_kernel<<<dim3(tiles(rows.rows * p.heads, kWarps), static_cast<unsigned>(rows.replicas)), kThreads, 0, stream>>>(p, rows.rows);
  check_launch("layers: launch of gated_norm_kernel");
}
void gated_norm_backward(const Rows& rows, const GatedNorm& p, const float* dy, float* dx, float* dz, Partial dw, Stream stream) {
  const int warps = warps_for(p.width);
  gated_norm_backward_kernel<<<slabs_of(rows), 32 * warps, static_cast<std::size_t>(warps * p.width) * sizeof(float), stream>>>(
      p, dy, dx, dz, dw, rows.rows, static_cast<int>(rows.rows / rows.slabs));
  check_launch("layers: launch of gated_norm_backward_kernel");
}

}  // namespace fw::cuda::layers
