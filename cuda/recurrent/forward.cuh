// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// S = Diag(alpha) S_prev;  delta = z - S^T e;  S += k delta^T;  o = S^T q = (Diag(alpha) S_prev)^T q + (q . k) delta, in float32.
// Block = sequence, value head, 32 value columns; 8 warps of four columns that never meet but to load tokens together, eight at a time,
// the next eight while these are worked on. Shared memory: 2 x 8 x (4 Kp + 32) floats.
#pragma once

#include "cuda/recurrent/steps.cuh"

namespace fw::cuda::recurrent {

inline constexpr int kForwardColumns = 32, kForwardThreads = 256;

template <int Kp, bool kErase>
__global__ void __launch_bounds__(kForwardThreads) forward_kernel(const ForwardParams p) {
  constexpr int kPerLane = Kp / 8, kToken = 4 * Kp + kForwardColumns;
  const int thread = thread_in_block(), lane = thread % 32, first = lane / 4 * kPerLane;
  const int tiles = (p.Dv + kForwardColumns - 1) / kForwardColumns, block = chunk::block_in_grid();
  const int v0 = block % tiles * kForwardColumns, hv = block / tiles % p.HV, n = block / tiles / p.HV, own = thread / 32 * 4 + lane % 4, column = v0 + own;
  const index_t begin = p.tokens.begin(n), length = p.tokens.length(n), pair = static_cast<index_t>(n) * p.HV + hv;
  float* memory = reinterpret_cast<float*>(chunk::shared_memory());
  const StatePlace place{p.Dk, p.Dv, p.value_key};

  const auto ask = [&](index_t t0) {
    float* to = memory + t0 / kSegment % 2 * kSegment * kToken;
    constexpr int kPieces = kToken / 4;
    for (int i = thread; i < kSegment * kPieces; i += kForwardThreads) {
      const int t = i / kPieces, at = i % kPieces * 4;
      if (t0 + t >= length) break;
      const index_t row = (begin + t0 + t) * p.HV + hv;
      const float* from = p.steps.z + row * p.steps.Dvp + v0 + (at - 4 * Kp);
      if (at < 4 * Kp) from = (at < Kp ? p.steps.alpha : at < 2 * Kp ? (kErase ? p.steps.e : p.steps.k) : at < 3 * Kp ? p.steps.k : p.steps.q) + row * Kp + at % Kp;
      chunk::copy_async_16(to + t * kToken + at, from, true);
    }
    chunk::copy_commit();
  };

  float s[kPerLane];
#pragma unroll
  for (int i = 0; i < kPerLane; ++i)
    s[i] = p.initial_state != nullptr && first + i < p.Dk && column < p.Dv ? p.initial_state[pair * p.Dk * p.Dv + place(first + i, column)] : 0.0f;
  ask(0);
  for (index_t t0 = 0; t0 < length; t0 += kSegment) {
    ask(t0 + kSegment);
    chunk::copy_wait<1>();
    block_sync();
    const float* segment = memory + t0 / kSegment % 2 * kSegment * kToken;
    if (p.states != nullptr && t0 % kPart == 0) {
      float* to = p.states + ((p.tokens.slot(n) + t0 / kPart) * p.HV + hv) * p.Dk * p.Dv;
#pragma unroll
      for (int i = 0; i < kPerLane; ++i)
        if (first + i < p.Dk && column < p.Dv) to[static_cast<index_t>(first + i) * p.Dv + column] = s[i];
    }
    for (int t = 0; t < kSegment && t0 + t < length; ++t) {
      const float* row = segment + t * kToken + first;
      float x[kPerLane], erased = 0.0f, read = 0.0f, alike = 0.0f;
      load_row(row, x);
#pragma unroll
      for (int i = 0; i < kPerLane; ++i) s[i] *= x[i];
      if (kErase) {
        load_row(row + Kp, x);
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) erased += x[i] * s[i];
        erased = column_sum(erased);
      }
      float k[kPerLane];
      load_row(row + 2 * Kp, k);
      load_row(row + 3 * Kp, x);
#pragma unroll
      for (int i = 0; i < kPerLane; ++i) read += x[i] * s[i], alike += x[i] * k[i];
      read = column_sum(read), alike = column_sum(alike);
      const float delta = segment[t * kToken + 4 * Kp + own] - erased;
#pragma unroll
      for (int i = 0; i < kPerLane; ++i) s[i] += k[i] * delta;
      if (p.o != nullptr && lane < 4 && column < p.Dv) write_number(p.o, p.tensors, ((begin + t0 + t) * p.HV + hv) * p.Dv + column, read + alike * delta);
    }
    block_sync();
  }
  if (p.final_state == nullptr) return;
#pragma unroll
  for (int i = 0; i < kPerLane; ++i)
    if (first + i < p.Dk && column < p.Dv) p.final_state[pair * p.Dk * p.Dv + place(first + i, column)] = s[i];
}

}  // namespace fw::cuda::recurrent
