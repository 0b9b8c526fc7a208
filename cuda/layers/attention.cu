// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A warp has a query (forward, dq) or a key (dk, dv) and walks over the other side in order; a lane has the channels lane, lane + 32, ...
// Forward: maximum and sum are carried along, o is scaled again whenever the maximum grows.
#include "cuda/layers/attention.h"

#include "cuda/layers/launch.cuh"

namespace fw::cuda::layers {
namespace {

constexpr int kPerLane = 8;  ///< width <= 256

/// bias: added before the turn (sign +1); sign -1 turns gradients back.
__global__ void __launch_bounds__(kThreads) rotary_kernel(const Attention p, float* x, const int sign, const index_t rows, const int T) {
  const Place at = place();
  const int half = static_cast<int>(p.width) / 2, turned = static_cast<int>(p.heads + p.kv_heads), all = turned + static_cast<int>(p.kv_heads);
  const int head = at.channel / half, i = at.channel % half;
  if (at.row >= rows || head >= all) return;
  const int c = head * static_cast<int>(p.width) + i;
  float* row = x + (at.replica * rows + at.row) * all * p.width;
  float first = row[c], second = row[c + half];
  if (p.bias.data != nullptr && sign > 0) first += p.bias.data[at.replica * p.bias.stride + c], second += p.bias.data[at.replica * p.bias.stride + c + half];
  if (head < turned) {
    const double angle = static_cast<double>(at.row % T) * pow(p.theta, -2.0 * i / static_cast<double>(p.width));
    const auto cosine = static_cast<float>(cos(angle)), sine = static_cast<float>(sign * sin(angle));
    const float a = first * cosine - second * sine, b = first * sine + second * cosine;
    first = a, second = b;
  }
  row[c] = first, row[c + half] = second;
}

struct Heads {
  int heads, kv_heads, width, row_width, window, T;
  float scale;
  __host__ explicit Heads(const Attention& p, index_t T_)
      : heads(static_cast<int>(p.heads)), kv_heads(static_cast<int>(p.kv_heads)), width(static_cast<int>(p.width)),
        row_width(static_cast<int>((p.heads + 2 * p.kv_heads) * p.width)), window(static_cast<int>(p.window)), T(static_cast<int>(T_)),
        scale(static_cast<float>(1.0 / sqrt(static_cast<double>(p.width)))) {}
};
__device__ __forceinline__ void load(const float* from, int width, int lane, float (&x)[kPerLane]) {
#pragma unroll
  for (int n = 0; n < kPerLane; ++n) x[n] = lane + 32 * n < width ? from[lane + 32 * n] : 0.0f;
}
__device__ __forceinline__ void store(float* to, int width, int lane, const float (&x)[kPerLane]) {
#pragma unroll
  for (int n = 0; n < kPerLane; ++n)
    if (lane + 32 * n < width) to[lane + 32 * n] = x[n];
}
__device__ __forceinline__ float dot(const float (&x)[kPerLane], const float (&y)[kPerLane]) {
  float sum = 0.0f;
#pragma unroll
  for (int n = 0; n < kPerLane; ++n) sum += x[n] * y[n];
  return lane_sum(sum);
}

__global__ void __launch_bounds__(kThreads) attention_kernel(const Attention p, const Heads h, const index_t items) {
  const index_t item = static_cast<index_t>(blockIdx.x) * kWarps + threadIdx.x / 32;  // row of all replicas, head
  if (item >= items) return;
  const int lane = threadIdx.x % 32, head = static_cast<int>(item % h.heads), kv = head / (h.heads / h.kv_heads);
  const index_t row = item / h.heads, t = row % h.T, from = t < h.window ? row - t : row - h.window + 1;
  float q[kPerLane], k[kPerLane], v[kPerLane], o[kPerLane] = {};
  load(p.qkv + row * h.row_width + head * h.width, h.width, lane, q);
  float top = -INFINITY, sum = 0.0f;
  for (index_t s = from; s <= row; ++s) {
    const float* key = p.qkv + s * h.row_width + (h.heads + kv) * h.width;
    load(key, h.width, lane, k);
    load(key + h.kv_heads * h.width, h.width, lane, v);
    const float a = h.scale * dot(q, k), higher = fmaxf(top, a), shrink = expf(top - higher), weight = expf(a - higher);
    sum = sum * shrink + weight, top = higher;
#pragma unroll
    for (int n = 0; n < kPerLane; ++n) o[n] = o[n] * shrink + weight * v[n];
  }
#pragma unroll
  for (int n = 0; n < kPerLane; ++n) o[n] /= sum;
  store(p.o + item * h.width, h.width, lane, o);
  if (lane == 0) p.log_sum[item] = top + logf(sum);
}

__global__ void __launch_bounds__(kThreads) attention_query_kernel(const Attention p, const Heads h, const float* d_o, float* dqkv, float* dots, const index_t items) {
  const index_t item = static_cast<index_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (item >= items) return;
  const int lane = threadIdx.x % 32, head = static_cast<int>(item % h.heads), kv = head / (h.heads / h.kv_heads);
  const index_t row = item / h.heads, t = row % h.T, from = t < h.window ? row - t : row - h.window + 1;
  float q[kPerLane], k[kPerLane], v[kPerLane], o[kPerLane], grad[kPerLane], dq[kPerLane] = {};
  load(p.qkv + row * h.row_width + head * h.width, h.width, lane, q);
  load(p.o + item * h.width, h.width, lane, o);
  load(d_o + item * h.width, h.width, lane, grad);
  const float log_sum = p.log_sum[item], along = dot(grad, o);  // sum_s p_s dp_s = do . o
  if (lane == 0) dots[item] = along;
  for (index_t s = from; s <= row; ++s) {
    const float* key = p.qkv + s * h.row_width + (h.heads + kv) * h.width;
    load(key, h.width, lane, k);
    load(key + h.kv_heads * h.width, h.width, lane, v);
    const float weight = expf(h.scale * dot(q, k) - log_sum), da = h.scale * weight * (dot(v, grad) - along);
#pragma unroll
    for (int n = 0; n < kPerLane; ++n) dq[n] += da * k[n];
  }
  store(dqkv + row * h.row_width + head * h.width, h.width, lane, dq);
}

__global__ void __launch_bounds__(kThreads) attention_key_kernel(const Attention p, const Heads h, const float* d_o, float* dqkv, const float* dots, const index_t items) {
  const index_t item = static_cast<index_t>(blockIdx.x) * kWarps + threadIdx.x / 32;  // row of all replicas, key head
  if (item >= items) return;
  const int lane = threadIdx.x % 32, kv = static_cast<int>(item % h.kv_heads), group = h.heads / h.kv_heads;
  const index_t row = item / h.kv_heads, t = row % h.T, last = row + min(static_cast<index_t>(h.window - 1), h.T - 1 - t);
  const index_t place = row * h.row_width + (h.heads + kv) * h.width;
  float q[kPerLane], k[kPerLane], v[kPerLane], grad[kPerLane], dk[kPerLane] = {}, dv[kPerLane] = {};
  load(p.qkv + place, h.width, lane, k);
  load(p.qkv + place + h.kv_heads * h.width, h.width, lane, v);
  for (int head = kv * group; head < (kv + 1) * group; ++head)
    for (index_t query = row; query <= last; ++query) {
      const index_t at = query * h.heads + head;
      load(p.qkv + query * h.row_width + head * h.width, h.width, lane, q);
      load(d_o + at * h.width, h.width, lane, grad);
      const float weight = expf(h.scale * dot(q, k) - p.log_sum[at]), da = h.scale * weight * (dot(v, grad) - dots[at]);
#pragma unroll
      for (int n = 0; n < kPerLane; ++n) dk[n] += da * q[n], dv[n] += weight * grad[n];
    }
  store(dqkv + place, h.width, lane, dk);
  store(dqkv + place + h.kv_heads * h.width, h.width, lane, dv);
}

void turn(const Rows& rows, const Attention& p, float* x, int sign, Stream stream) {
  rotary_kernel<<<layers::grid_of(rows, (p.heads + 2 * p.kv_heads) * p.width / 2), tile_block(), 0, stream>>>(p, x, sign, rows.rows, static_cast<int>(rows.T));
  check_launch("layers: launch of rotary_kernel");
}

}  // namespace

void attention(const Rows& rows, const Attention& p, Stream stream) {
  if (p.width > 32 * kPerLane || p.width % 2 != 0)
    throw Error("layers attention: width must be even and at most " + std::to_string(32 * kPerLane) + ", got " + std::to_string(p.width));
  turn(rows, p, p.qkv, +1, stream);
  const index_t items = rows.replicas * rows.rows * p.heads;
  attention_kernel<<<tiles(items, kWarps), kThreads, 0, stream>>>(p, Heads(p, rows.T), items);
  check_launch("layers: launch of attention_kernel");
}
void attention_backward(const Rows& rows, const Attention& p, const float* d_o, float* dqkv, float* dots, Stream stream) {
  const index_t all = rows.replicas * rows.rows;
  attention_query_kernel<<<tiles(all * p.heads, kWarps), kThreads, 0, stream>>>(p, Heads(p, rows.T), d_o, dqkv, dots, all * p.heads);
  check_launch("layers: launch of attention_query_kernel");
  attention_key_kernel<<<tiles(all * p.kv_heads, kWarps), kThreads, 0, stream>>>(p, Heads(p, rows.T), d_o, dqkv, dots, all * p.kv_heads);
  check_launch("layers: launch of attention_key_kernel");
  turn(rows, p, dqkv, -1, stream);
}

}  // namespace fw::cuda::layers
