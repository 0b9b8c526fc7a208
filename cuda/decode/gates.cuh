// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// From the tensors of a call to the numbers of one channel at one token: alpha and e of the key side, z of the value side. The
// gate structure is read from run-time flags that are the same for every thread: what they guard is small beside the state.
// All in float32 with the accurate exp and log1p. alpha = exp(g) is in [0,1] for every g <= 0, and 0 for g = -inf.
//   softplus   g = -exp(A_log) softplus(raw + dt_bias)
//   bounded    g = lower sigmoid(exp(A_log) (raw + dt_bias))
// Not here: the L2 norm, which the kernels apply to the finished sums: r and the write with 1/|k|, o with 1/|q|.
#pragma once

#include "cuda/decode/params.h"
#include "cuda/support/elements.cuh"

namespace fw::cuda::decoding {

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ __forceinline__ float softplus(float x) { return (x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x))); }

/// Value head hv, its key head, and its heads in g and in b.
struct Head {
  int hv, h, g, b;
};
__device__ __forceinline__ Head head_of(const Params& p, int hv) {
  const int h = p.group == 1 ? hv : hv / p.group;
  return {hv, h, p.g_per_value ? hv : h, p.b_per_value ? hv : h};
}

/// What lies at `at` when `wanted`, else 0: a load without a branch, so that many are under way before the first is waited for.
template <class X>
__device__ __forceinline__ X load_if(bool wanted, const X* at) {
  static_assert(sizeof(X) == 4 || sizeof(X) == 2);
  X x;
  if constexpr (sizeof(X) == 4) {
    unsigned bits;
    asm volatile("{.reg .pred p; setp.ne.u32 p, %2, 0; mov.b32 %0, 0; @p ld.global.b32 %0, [%1];}" : "=r"(bits) : "l"(at), "r"(static_cast<unsigned>(wanted)));
    x = *reinterpret_cast<X*>(&bits);
  } else {
    unsigned short bits;
    asm volatile("{.reg .pred p; setp.ne.u32 p, %2, 0; mov.b16 %0, 0; @p ld.global.b16 %0, [%1];}" : "=h"(bits) : "l"(at), "r"(static_cast<unsigned>(wanted)));
    x = *reinterpret_cast<X*>(&bits);
  }
  return x;
}
/// Element `channel` of the row that a tensor has for `head` of `heads` at a token; 0 unless `wanted`.
template <class X>
__device__ __forceinline__ X load_at(bool wanted, const void* tensor, int token, int heads, int head, int width, int channel) {
  return load_if(wanted, static_cast<const X*>(tensor) + (static_cast<std::int64_t>(token) * heads + head) * width + channel);
}

/// The slot numbers of a sequence as loaded. They are checked where they are used: the loads take long.
struct Slots {
  int from, to;
};
__device__ __forceinline__ Slots load_slots(const Params& p, int n, bool wanted = true) {
  return {load_if(wanted && p.from != nullptr, p.from + n), load_if(wanted && p.to != nullptr, p.to + n)};
}
__device__ __forceinline__ std::int64_t slot_read(const Params& p, const Slots& slots, int n) { return p.from == nullptr ? n : slots.from; }
__device__ __forceinline__ std::int64_t slot_written(const Params& p, const Slots& slots, int n) {
  return p.to == nullptr ? slot_read(p, slots, n) : slots.to;
}
__device__ __forceinline__ bool in_pool(const Params& p, std::int64_t slot) { return slot >= 0 && slot < p.slots; }

/// alpha of (R1) from what g, A_log and dt_bias hold.
__device__ __forceinline__ float decay_factor(const Params& p, float raw, float A_log, float bias) {
  if (p.decay == Decay::none) return 1.0f;
  float g = raw;
  if (p.activation == DecayActivation::softplus) g = -expf(A_log) * softplus(raw + bias);
  else if (p.activation == DecayActivation::bounded) g = p.lower * sigmoid(expf(A_log) * (raw + bias));
  return expf(g);
}

/// What b or beta holds as erase gate, what w holds as write gate.
__device__ __forceinline__ float erase_gate(const Params& p, float raw) { return p.sigmoid ? p.erase_gain * sigmoid(raw) : raw; }
__device__ __forceinline__ float write_gate(const Params& p, float raw) { return p.sigmoid ? sigmoid(raw) : raw; }

/// 1/|x| of the L2 norm from x.x; 0 for the zero vector with eps = 0.
__device__ __forceinline__ float norm_factor(const Params& p, float squares) {
  if (!p.l2norm) return 1.0f;
  const float sum = squares + p.l2norm_eps;
  return sum == 0.0f ? 0.0f : 1.0f / sqrtf(sum);
}

}  // namespace fw::cuda::decoding
