// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Raw tensors to numbers: four neighbouring channels of a token as they lie in memory (Four), as float32, and the activations
// in front of the rule. Everything in float32; alpha = exp(g) is in [0,1] for every g <= 0 and exactly 0 for g = -inf.
//   softplus   g = -exp(A_log) softplus(raw + dt_bias)
//   bounded    g = lower sigmoid(exp(A_log) (raw + dt_bias))
#pragma once

#include "cuda/chunk/params.h"
#include "cuda/chunk/ptx.cuh"
#include "cuda/support/elements.cuh"

namespace fw::cuda::chunk {

/// Type of the operands of products for tensors of X.
template <class X>
struct OperandOf {
  using type = X;
};
template <>
struct OperandOf<float> {
  using type = __nv_bfloat16;
};
template <class X>
using Operand = typename OperandOf<X>::type;

/// Four elements as they lie in memory.
template <class X>
struct FourOf {
  using type = uint2;
};
template <>
struct FourOf<float> {
  using type = float4;
};
template <class X>
using Four = typename FourOf<X>::type;

template <class X>
__device__ __forceinline__ float4 to_floats(const uint2& four) {
  const float2 low = unpack<X>(four.x), high = unpack<X>(four.y);
  return make_float4(low.x, low.y, high.x, high.y);
}
template <class X>
__device__ __forceinline__ float4 to_floats(const float4& four) { return four; }

/// What was made of `four` before is not kept for later: its float32 numbers take twice or four times its registers.
__device__ __forceinline__ void forget(uint2& four) { asm volatile("" : "+r"(four.x), "+r"(four.y)); }
__device__ __forceinline__ void forget(float4&) {}

/// Four elements as operands of a product: two words.
template <class X>
__device__ __forceinline__ uint2 to_operands(const uint2& four) { return four; }
template <class X>
__device__ __forceinline__ uint2 to_operands(const float4& four) { return make_uint2(pack<Operand<X>>(four.x, four.y), pack<Operand<X>>(four.z, four.w)); }

/// Channels [channel, channel + 4) of a row of `width`; zeros where there are none. `vectors`: the row begins at a multiple of four
/// elements, and `width` is one.
template <class X>
__device__ __forceinline__ Four<X> load_four(const void* row, int channel, int width, bool vectors) {
  union {
    Four<X> four;
    X elements[4];
  } x;
  x.four = Four<X>{};
  const X* from = static_cast<const X*>(row) + channel;
  if (vectors) {
    if (channel < width) x.four = *reinterpret_cast<const Four<X>*>(from);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (channel + i < width) x.elements[i] = from[i];
  }
  return x.four;
}

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ __forceinline__ float softplus(float x) { return (x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x))); }

/// Decay of a head: what all its tokens share.
struct DecayOfHead {
  DecayActivation activation;
  float A, lower;
  __device__ __forceinline__ float g(float raw, float bias) const {
    if (activation == DecayActivation::softplus) return -A * softplus(raw + bias);
    if (activation == DecayActivation::bounded) return lower * sigmoid(A * (raw + bias));
    return raw;
  }
};
__device__ __forceinline__ DecayOfHead decay_of_head(const FactorParams& p, int g_head) {
  return {p.activation, p.activation == DecayActivation::none ? 1.0f : expf(p.A_log[g_head]), p.lower};
}

__device__ __forceinline__ float erase_gate(const FactorParams& p, float raw) { return p.sigmoid ? p.erase_gain * sigmoid(raw) : raw; }

/// exp(g)
__device__ __forceinline__ float alpha_of(float g) { return exp2_fast(g * 1.4426950408889634f); }

/// Sum over the warp, the same bits in every lane.
__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) x += exchange(x, mask);
  return x;
}

/// Where piece `piece` (8 numbers) of row `row` lies in a tile of E whose rows have `pieces` pieces, in bytes. Eight rows of a
/// matrix fragment then fall in different banks.
template <int kPieces>
__device__ __forceinline__ int place_in_tile(int row, int piece) {
  constexpr int kSpan = kPieces >= 8 ? 1 : 8 / kPieces, kMask = kPieces >= 8 ? 7 : kPieces - 1;
  return (row * kPieces + (piece ^ ((row / kSpan) & kMask))) * 16;
}
/// The same in a part [64,Kp] of an image (params.h).
__device__ __forceinline__ int place_in_part(int row, int piece) { return piece / 8 * 8192 + row * 128 + ((piece & 7) ^ (row & 7)) * 16; }

/// Sequence and chunk of a slot. rows <= 0: idle.
struct Chunk {
  int sequence;
  index_t token;  ///< its first
  int rows;
};
__device__ __forceinline__ Chunk chunk_of_slot(const Tokens& tokens, index_t slot) {
  if (tokens.cu == nullptr) {
    const unsigned T = static_cast<unsigned>(tokens.T);
    const auto slot_of = [&](unsigned n) { return static_cast<index_t>(static_cast<unsigned long long>(n) * T >> 6) + n; };
    // The last sequence whose first slot is not behind this one: nearly slot / (T/64 + 1).
    unsigned n = static_cast<unsigned>(__fdividef(64.0f * static_cast<float>(slot), static_cast<float>(T + 64u)));
    while (n > 0 && slot_of(n) > slot) --n;
    while (n + 1 < static_cast<unsigned>(tokens.N) && slot_of(n + 1) <= slot) ++n;
    const index_t first = (slot - slot_of(n)) * kRows, left = static_cast<index_t>(T) - first;
    return {static_cast<int>(n), static_cast<index_t>(static_cast<unsigned long long>(n) * T) + first, static_cast<int>(left < kRows ? left : kRows)};
  }
  int n = 0, high = tokens.N - 1;
  while (n < high) {
    const int middle = (n + high + 1) / 2;
    if (tokens.slot(middle) <= slot) n = middle;
    else high = middle - 1;
  }
  const index_t first = (slot - tokens.slot(n)) * kRows, left = tokens.length(n) - first;
  return {n, tokens.begin(n) + first, static_cast<int>(left < kRows ? left : kRows)};
}

}  // namespace fw::cuda::chunk
