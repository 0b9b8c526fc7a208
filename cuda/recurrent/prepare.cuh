// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What every step of the accurate path works with. A warp has one token of a value head:
//   q = scale q / |q|,  k = k / |k|  (with the L2 norm),  e = b (.) k or one number times k,  alpha = exp(g),  z = w (.) v or one number times v
// and sums_kernel, which adds the value tiles of the backward in order.
#pragma once

#include "cuda/chunk/gates.cuh"
#include "cuda/recurrent/params.h"

namespace fw::cuda::recurrent {

inline constexpr int kPrepareWarps = 8;

/// X: of the tensors.
template <class X>
__global__ void __launch_bounds__(32 * kPrepareWarps) prepare_kernel(const PrepareParams p) {
  const chunk::FactorParams& f = p.raw;
  const int thread = chunk::thread_in_block(), lane = thread % 32;
  const index_t item = static_cast<index_t>(chunk::block_in_grid()) * kPrepareWarps + thread / 32;
  if (item >= p.tokens * f.HV) return;
  const index_t token = item / f.HV;
  const int hv = static_cast<int>(item % f.HV), h = hv / (f.HV / f.H), g_head = f.g_heads == f.HV ? hv : h, b_head = f.b_heads == f.HV ? hv : h;
  const X *q = static_cast<const X*>(f.q) + (token * f.H + h) * f.Dk, *k = static_cast<const X*>(f.k) + (token * f.H + h) * f.Dk;
  const X* b = static_cast<const X*>(f.b) + (token * f.b_heads + b_head) * f.Dk;
  float norm_q = 1.0f, norm_k = 1.0f, one = 1.0f;
  if (f.l2norm) {
    float qq = 0.0f, kk = 0.0f;
    for (int c = lane; c < f.Dk; c += 32) {
      const float x = to_float(q[c]), y = to_float(k[c]);
      qq += x * x, kk += y * y;
    }
    qq = chunk::warp_sum(qq) + f.l2norm_eps, kk = chunk::warp_sum(kk) + f.l2norm_eps;
    norm_q = qq == 0.0f ? 0.0f : 1.0f / sqrtf(qq), norm_k = kk == 0.0f ? 0.0f : 1.0f / sqrtf(kk);
  }
  if (f.erase == Erase::scalar) one = chunk::erase_gate(f, to_float(static_cast<const X*>(f.beta)[item]));
  if (f.erase == Erase::mean) {
    float sum = 0.0f;
    for (int c = lane; c < f.Dk; c += 32) sum += chunk::erase_gate(f, to_float(b[c]));
    one = chunk::warp_sum(sum) / static_cast<float>(f.Dk);
  }
  const chunk::DecayOfHead decay = f.decay == Decay::none ? chunk::DecayOfHead{} : chunk::decay_of_head(f, g_head);
  const auto alpha = [&](int c) {
    if (f.decay == Decay::none) return 1.0f;
    const index_t row = token * f.g_heads + g_head, at = f.decay == Decay::channel ? row * f.Dk + c : row;
    float g = f.g_is_float ? static_cast<const float*>(f.g)[at] : to_float(static_cast<const X*>(f.g)[at]);
    if (f.activation != DecayActivation::none) g = decay.g(g, f.dt_bias == nullptr ? 0.0f : f.bias_per_channel ? f.dt_bias[g_head * f.Dk + c] : f.dt_bias[g_head]);
    return expf(g);
  };
  const index_t to = item * p.steps.Kp;
  for (int c = lane; c < p.steps.Kp; c += 32) {
    const bool there = c < f.Dk;
    const float key = there ? norm_k * to_float(k[c]) : 0.0f;
    p.steps.q[to + c] = there ? f.scale * norm_q * to_float(q[c]) : 0.0f;
    p.steps.k[to + c] = key;
    if (p.steps.e != nullptr) p.steps.e[to + c] = !there ? 0.0f : key * (f.erase == Erase::channel ? chunk::erase_gate(f, to_float(b[c])) : one);
    p.steps.alpha[to + c] = there ? alpha(c) : 1.0f;
  }
  const float number = p.write_numbers != nullptr ? p.write_numbers[item] : 1.0f;
  for (int c = lane; c < p.steps.Dvp; c += 32) {
    float z = 0.0f;
    if (c < p.Dv) {
      const float w = p.write_channel ? to_float(static_cast<const X*>(p.w)[item * p.Dv + c]) : 0.0f;
      z = to_float(static_cast<const X*>(p.v)[item * p.Dv + c]) * (p.write_channel ? (f.sigmoid ? chunk::sigmoid(w) : w) : number);
    }
    p.steps.z[item * p.steps.Dvp + c] = z;
  }
}

/// Block: one sequence-head and token of the call; threads: channels.
__global__ void __launch_bounds__(256) sums_kernel(const SumParams p) {
  const BackwardParams& f = p.from;
  const int local = chunk::block_in_grid() / (f.parts * kPart), t = chunk::block_in_grid() % (f.parts * kPart), pair = f.first_pair + local;
  const int hv = pair % f.HV, n = pair / f.HV, Kp = f.steps.Kp, thread = chunk::thread_in_block();
  const index_t token = static_cast<index_t>(f.first_part) * kPart + t;
  if (token >= f.tokens.length(n)) return;
  for (int i = thread; i < 4 * Kp; i += 256) {
    const int which = i / Kp, c = i % Kp;
    float* out = which == 0 ? p.dq : which == 1 ? p.dk : which == 2 ? p.de : p.dg;
    if (c >= f.Dk || out == nullptr) continue;
    float sum = 0.0f;
    for (int tile = 0; tile < f.tiles; ++tile) sum += f.partial[((static_cast<index_t>(local) * f.tiles + tile) * f.parts * kPart + t) * 4 * Kp + i];
    out[((f.tokens.begin(n) + token) * f.HV + hv) * f.Dk + c] = sum;
  }
}

}  // namespace fw::cuda::recurrent
