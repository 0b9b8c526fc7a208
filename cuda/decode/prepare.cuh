// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Both kernels' first step: the tokens' key and value sides into shared memory, while the loads of the state are under way.
//   rows    alpha, e, q, k of every channel, through the kernel's own `put`, which chooses the layout; zeros past Dk
//   z       [T][Values], the block's part of z
//   dots    [T][warps] of {q.q, k.k, q.k, 0}, each over the channels of a warp
// A warp puts the channels 32 i + lane of its own i first, so a kernel with one thread per channel needs no block barrier to
// read its own warp's rows. Everything that a token has is loaded before anything is used, the first token before the slot is
// known and the next one before this one is worked on. The variants with an averaged gate need two barriers per token and average.
#pragma once

#include "cuda/decode/gates.cuh"
#include "cuda/support/warp.cuh"

namespace fw::cuda::decoding {

/// What a thread prepares of one token, as loaded: its channels, and one value in the first threads; and what a head has.
template <class E, int Threads, int KMAX>
struct Raw {
  static constexpr int kPieces = KMAX > Threads ? KMAX / Threads : 1;
  E q[kPieces], k[kPieces], b[kPieces], g_narrow[kPieces], v, w, beta;
  float g[kPieces];
  float bias[kPieces], A_log;  ///< of the head
};
/// The loads of a token alone; zeros unless `wanted`. `values`: how many values the tile has from `value` on; those past Dv are
/// not loaded.
template <class E, int Threads, int KMAX>
__device__ __forceinline__ void load_token(Raw<E, Threads, KMAX>& raw, const Params& p, const Head& head, int token, int value, int values, bool wanted) {
  const int thread = threadIdx.x, H = p.H, HV = p.HV, g_heads = p.g_per_value ? HV : H, b_heads = p.b_per_value ? HV : H;
  const bool channels = p.decay == Decay::channel, decays = wanted && p.decay != Decay::none, gated = wanted && p.b != nullptr;
#pragma unroll
  for (int i = 0; i < Raw<E, Threads, KMAX>::kPieces; ++i) {
    const int channel = thread + i * Threads, decay_channel = channels ? channel : 0;
    const bool mine = channel < p.Dk;
    raw.q[i] = load_at<E>(wanted && mine, p.q, token, H, head.h, p.Dk, channel);
    raw.k[i] = load_at<E>(wanted && mine, p.k, token, H, head.h, p.Dk, channel);
    raw.b[i] = load_at<E>(gated && mine, p.b, token, b_heads, head.b, p.Dk, channel);
    raw.g[i] = load_at<float>(decays && mine && p.g_is_float, p.g, token, g_heads, head.g, channels ? p.Dk : 1, decay_channel);
    raw.g_narrow[i] = load_at<E>(decays && mine && !p.g_is_float, p.g, token, g_heads, head.g, channels ? p.Dk : 1, decay_channel);
  }
  const bool my_value = wanted && thread < values && value + thread < p.Dv;
  raw.v = load_at<E>(my_value, p.v, token, HV, head.hv, p.Dv, value + thread);
  raw.w = load_at<E>(my_value && p.write == Write::channel, p.w, token, HV, head.hv, p.Dv, value + thread);
  raw.beta = load_at<E>(wanted && p.beta != nullptr, p.beta, token, HV, head.hv, 1, 0);
}
/// The first token of sequence n, and what the head has.
template <class E, int Threads, int KMAX>
__device__ __forceinline__ Raw<E, Threads, KMAX> load_first(const Params& p, const Head& head, int n, int value, int values) {
  Raw<E, Threads, KMAX> raw;
  load_token(raw, p, head, n * p.T, value, values, true);
  const bool activated = p.activation != DecayActivation::none, biased = activated && p.dt_bias != nullptr;
  raw.A_log = load_if(activated, p.A_log + head.g);
#pragma unroll
  for (int i = 0; i < Raw<E, Threads, KMAX>::kPieces; ++i) {
    const int channel = threadIdx.x + i * Threads;
    raw.bias[i] = load_if(biased && channel < p.Dk, p.dt_bias + (p.bias_per_channel ? head.g * p.Dk + channel : head.g));
  }
  return raw;
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
__device__ __forceinline__ float mean_write_gate(const Params& p, const Head& head, int token) {
  float sum = 0;
#pragma unroll 1
  for (int i = threadIdx.x; i < p.Dv; i += Threads) sum += write_gate(p, to_float(load_at<E>(true, p.w, token, p.HV, head.hv, p.Dv, i)));
  return block_sum<Threads>(sum) / static_cast<float>(p.Dv);
}

/// put(t, channel, {alpha, e, q, k}) for every token and channel below KMAX; z, dots as above. `raw`: from
/// load_first, for the Values values from `value` on.
template <class E, int Threads, int KMAX, int Values, class Put>
__device__ __forceinline__ void prepare_tokens(const Params& p, const Head& head, int n, int value, Raw<E, Threads, KMAX> raw, float* z,
                                               float4* dots, const Put& put) {
  constexpr int kPieces = Raw<E, Threads, KMAX>::kPieces;
  static_assert(Values <= Threads);
  const int thread = threadIdx.x;
#pragma unroll 1
  for (int t = 0; t < p.T; ++t) {
    const int token = n * p.T + t;
    Raw<E, Threads, KMAX> next = raw;
    load_token(next, p, head, token + 1, value, Values, t + 1 < p.T);
    float erase = 0, write = 0;
    if (p.beta != nullptr) erase = write = erase_gate(p, to_float(raw.beta));
    if (p.erase == Erase::mean) {
      float sum = 0;
#pragma unroll
      for (int i = 0; i < kPieces; ++i)
        if (thread + i * Threads < p.Dk) sum += erase_gate(p, to_float(raw.b[i]));
      erase = block_sum<Threads>(sum) / static_cast<float>(p.Dk);
    }
    if (p.write == Write::mean) write = mean_write_gate<E, Threads>(p, head, token);
    if (thread < Values) {
      const float v = to_float(raw.v);
      z[t * Values + thread] = p.write == Write::one ? v : (p.write == Write::channel ? write_gate(p, to_float(raw.w)) : write) * v;
    }
    float qq = 0, kk = 0, qk = 0;
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const int channel = thread + i * Threads;
      if (channel >= KMAX) break;
      const float q = to_float(raw.q[i]), k = to_float(raw.k[i]), g = p.g_is_float ? raw.g[i] : to_float(raw.g_narrow[i]);
      const float gate = p.erase == Erase::none ? 0.0f : p.erase == Erase::channel ? erase_gate(p, to_float(raw.b[i])) : erase;
      put(t, channel, make_float4(channel < p.Dk ? decay_factor(p, g, raw.A_log, raw.bias[i]) : 0.0f, gate * k, q, k));
      qq = fmaf(q, q, qq);
      kk = fmaf(k, k, kk);
      qk = fmaf(q, k, qk);
    }
    qk = lane_sum(qk);
    if (p.l2norm) qq = lane_sum(qq), kk = lane_sum(kk);
    if (thread % 32 == 0) dots[t * (Threads / 32) + thread / 32] = make_float4(qq, kk, qk, 0.0f);
    raw = next;
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
