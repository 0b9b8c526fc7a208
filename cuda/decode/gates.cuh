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
  const int h = hv / p.group;
  return {hv, h, p.g_per_value ? hv : h, p.b_per_value ? hv : h};
}

/// Element `channel` of the row that a tensor has for `head` of `heads` at a token.
template <class E>
__device__ __forceinline__ float load_at(const void* tensor, int token, int heads, int head, int width, int channel) {
  return load_element(static_cast<const E*>(tensor) + (static_cast<std::int64_t>(token) * heads + head) * width + channel);
}
template <class E>
__device__ __forceinline__ float load_g(const Params& p, const Head& head, int token, int channel) {
  const int heads = p.g_per_value ? p.HV : p.H;
  const bool channels = p.decay == Decay::channel;
  return p.g_is_float ? load_at<float>(p.g, token, heads, head.g, channels ? p.Dk : 1, channels ? channel : 0)
                      : load_at<E>(p.g, token, heads, head.g, channels ? p.Dk : 1, channels ? channel : 0);
}

/// exp(A_log) and dt_bias of a channel; zeros without an activation.
struct DecayConstants {
  float A, bias;
};
__device__ __forceinline__ DecayConstants decay_constants(const Params& p, const Head& head, int channel) {
  DecayConstants c{0.0f, 0.0f};
  if (p.activation == DecayActivation::none) return c;
  c.A = expf(__ldg(p.A_log + head.g));
  if (p.dt_bias != nullptr) c.bias = __ldg(p.dt_bias + (p.bias_per_channel ? head.g * p.Dk + channel : head.g));
  return c;
}
/// alpha of (R1) from what g holds.
__device__ __forceinline__ float decay_factor(const Params& p, float raw, const DecayConstants& c) {
  if (p.decay == Decay::none) return 1.0f;
  float g = raw;
  if (p.activation == DecayActivation::softplus) g = -c.A * softplus(raw + c.bias);
  else if (p.activation == DecayActivation::bounded) g = p.lower * sigmoid(c.A * (raw + c.bias));
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
