// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// From the tensors of a call to the numbers of half a chunk in the registers of a warp (tree.cuh): which rows a block reads, the
// loads, and what stands in front of the rule (gates.cuh).
//
// Loads know no branches: a row behind the end is the last one again, a channel behind Dk the first one again, and mask() makes
// zeros of them afterwards, in the chunks that have any. So all loads of a half are under way before the first is waited for.
//
// Mapping: lane = tokens 8 t + lane/4 (t = 0..3) of the half and four neighbouring channels.
#pragma once

#include "cuda/chunk/tree.cuh"

namespace fw::cuda::chunk {

/// A lane's 16 elements of each tensor, as they lie in memory; g of the tensor type in the bits of x and y, until convert().
template <class X>
struct RawHalf {
  Four<X> q[4], k[4], b[4];
  float4 g[4];
};

/// x[t] = f(x[t]) through shared memory, so that long f is there once and not four times. `room`: [4][32] of this warp, this lane's.
template <class F>
__device__ __forceinline__ void one_by_one(float4 (&x)[4], float4* room, const F& f) {
#pragma unroll
  for (int t = 0; t < 4; ++t) room[32 * t] = x[t];
#pragma unroll 1
  for (int t = 0; t < 4; ++t) room[32 * t] = f(room[32 * t]);
#pragma unroll
  for (int t = 0; t < 4; ++t) x[t] = room[32 * t];
}

/// Rows of the chunk's first token.
struct FirstRows {
  const char *q, *k, *b, *g;
};

/// Which rows of the tensors a block reads.
template <class X>
struct FactorSource {
  const FactorParams& p;
  Chunk chunk;
  int h, g_head, b_head, beta_head;
  FirstRows first;
  __device__ __forceinline__ FactorSource(const FactorParams& params, const Chunk& at, int head) : p(params), chunk(at), h(head), beta_head(head) {
    if (p.heads != p.H) h = static_cast<int>(static_cast<unsigned>(head) / static_cast<unsigned>(p.group));
    g_head = p.g_heads == p.heads ? head : h;
    b_head = p.b_heads == p.heads ? head : h;
    constexpr int kSize = static_cast<int>(sizeof(X));
    const int row = p.Dk * kSize, g_row = (p.decay == Decay::channel ? p.Dk : 1) * (p.g_is_float ? 4 : kSize);
    first = {static_cast<const char*>(p.q) + (chunk.token * p.q_step + h * row), static_cast<const char*>(p.k) + (chunk.token * p.q_step + h * row),
             static_cast<const char*>(p.b) + (chunk.token * p.b_step + b_head * row), static_cast<const char*>(p.g) + (chunk.token * p.g_step + g_head * g_row)};
    keep(first.q), keep(first.k), keep(first.b), keep(first.g);
  }
  /// The pointer is a number of its own from here on, not a sum that is formed once more in front of every load.
  static __device__ __forceinline__ void keep(const char*& at) { asm volatile("" : "+l"(at)); }
  /// Row i of a tensor: one instruction.
  static __device__ __forceinline__ const char* row(const char* first, int step, int i) {
    const char* at;
    asm("mad.wide.s32 %0, %1, %2, %3;" : "=l"(at) : "r"(i), "r"(step), "l"(first));
    return at;
  }
  /// Raw g where it is one number.
  __device__ __forceinline__ float g(int i) const {
    const char* at = row(first.g, p.g_step, i);
    return p.g_is_float ? *reinterpret_cast<const float*>(at) : to_float(*reinterpret_cast<const X*>(at));
  }
  __device__ __forceinline__ float beta(int i) const { return to_float(static_cast<const X*>(p.beta)[(chunk.token + i) * p.HV + beta_head]); }

  /// kVectors: rows begin at multiples of four elements, Dk is one and g is of G; else p.vectors and p.g_is_float say so. `first` may come from elsewhere
  /// than from this->first, so that its eight registers are free in between.
  template <class G, bool kVectors, bool kChannel, bool kErase>
  __device__ __forceinline__ void load(RawHalf<X>& raw, const FirstRows& first, int half, int lane, int channel, int from_tile = 0, int to_tile = 4) const {
    const bool gates = kErase && p.erase == Erase::channel;
    const int inside = channel < p.Dk ? channel : 0, size = static_cast<int>(sizeof(X));
    int i[4];
#pragma unroll
    for (int t = from_tile; t < to_tile; ++t) i[t] = min(32 * half + 8 * t + lane / 4, chunk.rows - 1);
    const auto tensor = [&](Four<X>(&to)[4], const char* from, int step) {
      const char* at = from + inside * size;
      keep(at);
#pragma unroll
      for (int t = from_tile; t < to_tile; ++t) {
        if constexpr (kVectors) to[t] = load_early<Four<X>>(row(at, step, i[t]));
        else to[t] = load_four<X>(row(from, step, i[t]), channel, p.Dk, p.vectors);
      }
    };
    if (kChannel) {
      if constexpr (kVectors) {
        const char* at = first.g + inside * static_cast<int>(sizeof(G));
        keep(at);
#pragma unroll
        for (int t = from_tile; t < to_tile; ++t) {
          const Four<G> x = load_early<Four<G>>(row(at, p.g_step, i[t]));
          if constexpr (sizeof(G) == 4) raw.g[t] = x;
          else raw.g[t].x = __uint_as_float(x.x), raw.g[t].y = __uint_as_float(x.y);
        }
      } else {
#pragma unroll
        for (int t = from_tile; t < to_tile; ++t) {
          if (p.g_is_float) {
            raw.g[t] = load_four<float>(row(first.g, p.g_step, i[t]), channel, p.Dk, p.vectors);
          } else if constexpr (sizeof(X) == 2) {
            const Four<X> x = load_four<X>(row(first.g, p.g_step, i[t]), channel, p.Dk, p.vectors);
            raw.g[t] = make_float4(__uint_as_float(x.x), __uint_as_float(x.y), 0.0f, 0.0f);
          }
        }
      }
    }
    tensor(raw.k, first.k, p.q_step);
    if (gates) tensor(raw.b, first.b, p.b_step);
    tensor(raw.q, first.q, p.q_step);
  }
  /// Raw g to g where there is an activation.
  __device__ __forceinline__ void activate(RawHalf<X>& raw, int channel, float4* room) const {
    const DecayOfHead decay = decay_of_head(p, g_head);
    float bias[4] = {};
    if (p.dt_bias != nullptr)
#pragma unroll
      for (int n = 0; n < 4; ++n)
        if (channel + n < p.Dk) bias[n] = p.bias_per_channel ? p.dt_bias[g_head * p.Dk + channel + n] : p.dt_bias[g_head];
    one_by_one(raw.g, room, [&](float4 g) {
      return make_float4(decay.g(g.x, bias[0]), decay.g(g.y, bias[1]), decay.g(g.z, bias[2]), decay.g(g.w, bias[3]));
    });
  }
  /// What is no token or no channel: q, k, b are 0 and alpha is 1.
  template <bool kChannel, bool kErase>
  __device__ __forceinline__ void mask(RawHalf<X>& raw, int half, int lane, int channel) const {
#pragma unroll
    for (int t = 0; t < 4; ++t) {
      if (32 * half + 8 * t + lane / 4 < chunk.rows && channel < p.Dk) continue;
      raw.q[t] = raw.k[t] = Four<X>{};
      if (kErase) raw.b[t] = Four<X>{};
      if (kChannel) raw.g[t] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    }
  }
  /// `room`: [4][32] of this warp, this lane's.
  template <class G, bool kVectors, bool kChannel, bool kErase>
  __device__ __forceinline__ void convert(RawHalf<X>& raw, Half<X>& x, int half, int lane, int channel, int Kp, float4* room) const {
    if (kChannel) {
      if constexpr (sizeof(X) == 2) {
        if (kVectors ? sizeof(G) == 2 : !p.g_is_float)
#pragma unroll
          for (int t = 0; t < 4; ++t) raw.g[t] = to_floats<X>(make_uint2(__float_as_uint(raw.g[t].x), __float_as_uint(raw.g[t].y)));
      }
      if (p.activation != DecayActivation::none) activate(raw, channel, room);
    }
    if (chunk.rows < kRows || p.Dk < Kp) {
      asm volatile("");  // a branch, not 40 selections
      mask<kChannel, kErase>(raw, half, lane, channel);
    }
    if (kChannel)
#pragma unroll
      for (int t = 0; t < 4; ++t) {
        x.P[t][0] = alpha_of(raw.g[t].x), x.P[t][1] = alpha_of(raw.g[t].y);
        x.P[t][2] = alpha_of(raw.g[t].z), x.P[t][3] = alpha_of(raw.g[t].w);
      }
#pragma unroll
    for (int t = 0; t < 4; ++t) x.q[t] = raw.q[t], x.k[t] = raw.k[t];
    if (!kErase) return;
    float4 e[4];
    if (p.erase == Erase::channel) {
#pragma unroll
      for (int t = 0; t < 4; ++t) e[t] = to_floats<X>(raw.b[t]);
      if (p.sigmoid) one_by_one(e, room, [&](float4 b) { return make_float4(erase_gate(p, b.x), erase_gate(p, b.y), erase_gate(p, b.z), erase_gate(p, b.w)); });
#pragma unroll
      for (int t = 0; t < 4; ++t) {
        const float4 k = to_floats<X>(raw.k[t]);
        e[t].x *= k.x, e[t].y *= k.y, e[t].z *= k.z, e[t].w *= k.w;
      }
    } else {
#pragma unroll
      for (int t = 0; t < 4; ++t) e[t] = to_floats<X>(raw.k[t]);
    }
#pragma unroll
    for (int t = 0; t < 4; ++t) x.e[t][0] = e[t].x, x.e[t][1] = e[t].y, x.e[t][2] = e[t].z, x.e[t][3] = e[t].w;
  }
};

}  // namespace fw::cuda::chunk
