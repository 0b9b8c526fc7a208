// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Both kernels' first step: the tokens' key and value sides into shared memory, while the loads of the state are under way.
//   rows    alpha, e, q, k of every channel, through the kernel's own `put`, which chooses the layout; zeros past Dk
//   z       [T][Values], the block's part of z
//   dots    [T][warps] of {q.q, k.k, q.k, 0}, each over the channels of a warp
// A warp puts the channels 32 i + lane of its own i first, so a kernel with one thread per channel needs no block barrier to
// read its own warp's rows. The variants with an averaged gate need one barrier or two per token for the average.
#pragma once

#include "cuda/decode/gates.cuh"
#include "cuda/support/warp.cuh"

namespace fw::cuda::decoding {

/// What a thread prepares of one token, as loaded: one channel.
struct RawChannel {
  float q = 0, k = 0, g = 0, b = 0;
};
template <class E>
__device__ __forceinline__ RawChannel load_channel(const Params& p, const Head& head, int token, int channel) {
  RawChannel x;
  if (channel >= p.Dk) return x;
  x.q = load_at<E>(p.q, token, p.H, head.h, p.Dk, channel);
  x.k = load_at<E>(p.k, token, p.H, head.h, p.Dk, channel);
  if (p.decay != Decay::none) x.g = load_g<E>(p, head, token, channel);
  if (p.b != nullptr) x.b = load_at<E>(p.b, token, p.b_per_value ? p.HV : p.H, head.b, p.Dk, channel);
  return x;
}

/// Sum over the block, in every thread.
template <int Threads>
__device__ __forceinline__ float block_sum(float x) {
  __shared__ float sums[Threads / 32];
  x = lane_sum(x);
  __syncthreads();
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = x;
  __syncthreads();
  x = sums[0];
#pragma unroll
  for (int i = 1; i < Threads / 32; ++i) x += sums[i];
  return x;
}
template <class E, int Threads>
__device__ __forceinline__ float mean_erase_gate(const Params& p, const Head head, int token) {
  float sum = 0;
#pragma unroll 1
  for (int i = threadIdx.x; i < p.Dk; i += Threads)
    sum += erase_gate(p, load_at<E>(p.b, token, p.b_per_value ? p.HV : p.H, head.b, p.Dk, i));
  return block_sum<Threads>(sum) / static_cast<float>(p.Dk);
}
template <class E, int Threads>
__device__ __forceinline__ float mean_write_gate(const Params& p, const Head head, int token) {
  float sum = 0;
#pragma unroll 1
  for (int i = threadIdx.x; i < p.Dv; i += Threads) sum += write_gate(p, load_at<E>(p.w, token, p.HV, head.hv, p.Dv, i));
  return block_sum<Threads>(sum) / static_cast<float>(p.Dv);
}

/// z of one value.
template <class E>
__device__ __forceinline__ float load_written(const Params& p, const Head& head, int token, int value, float shared_gate) {
  const float v = load_at<E>(p.v, token, p.HV, head.hv, p.Dv, value);
  if (p.write == Write::one) return v;
  return (p.write == Write::channel ? write_gate(p, load_at<E>(p.w, token, p.HV, head.hv, p.Dv, value)) : shared_gate) * v;
}

/// put(t, channel, {alpha, e, q, k}) for every token and channel below KMAX; z, dots as above, the block's values from `value` on.
template <class E, int Threads, int KMAX, int Values, class Put>
__device__ __forceinline__ void prepare_tokens(const Params& p, const Head& head, int n, int value, float* z, float4* dots, const Put& put) {
  constexpr int kPieces = KMAX > Threads ? KMAX / Threads : 1;
  static_assert(Values <= Threads);
  const int thread = threadIdx.x;
#pragma unroll 1
  for (int t = 0; t < p.T; ++t) {
    const int token = n * p.T + t;
    RawChannel raw[kPieces];
#pragma unroll
    for (int i = 0; i < kPieces; ++i) raw[i] = load_channel<E>(p, head, token, thread + i * Threads);
    float erase = 0, write = 0;
    if (p.beta != nullptr) erase = write = erase_gate(p, load_at<E>(p.beta, token, p.HV, head.hv, 1, 0));
    if (p.erase == Erase::mean) erase = mean_erase_gate<E, Threads>(p, head, token);
    if (p.write == Write::mean) write = mean_write_gate<E, Threads>(p, head, token);
    if (thread < Values && value + thread < p.Dv) z[t * Values + thread] = load_written<E>(p, head, token, value + thread, write);
    else if (thread < Values) z[t * Values + thread] = 0.0f;
    float qq = 0, kk = 0, qk = 0;
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const int channel = thread + i * Threads;
      if (channel >= KMAX) break;
      const float gate = p.erase == Erase::none ? 0.0f : p.erase == Erase::channel ? erase_gate(p, raw[i].b) : erase;
      const DecayConstants constants = decay_constants(p, head, channel < p.Dk ? channel : 0);
      put(t, channel, make_float4(decay_factor(p, raw[i].g, constants), gate * raw[i].k, raw[i].q, raw[i].k));
      qq = fmaf(raw[i].q, raw[i].q, qq);
      kk = fmaf(raw[i].k, raw[i].k, kk);
      qk = fmaf(raw[i].q, raw[i].k, qk);
    }
    qk = lane_sum(qk);
    if (p.l2norm) qq = lane_sum(qq), kk = lane_sum(kk);
    if (thread % 32 == 0) dots[t * (Threads / 32) + thread / 32] = make_float4(qq, kk, qk, 0.0f);
  }
}

/// The factors of the norms and q.k, from the sums of the warps: of k for r and the write, of q with the scale for o.
struct Factors {
  float q, k, qk;
};
template <int Warps>
__device__ __forceinline__ Factors factors_of(const Params& p, const float4* dots) {
  float4 dot = dots[0];
#pragma unroll
  for (int i = 1; i < Warps; ++i) dot = make_float4(dot.x + dots[i].x, dot.y + dots[i].y, dot.z + dots[i].z, 0.0f);
  return {norm_factor(p, dot.x) * p.scale, norm_factor(p, dot.y), dot.z};
}

}  // namespace fw::cuda::decoding
