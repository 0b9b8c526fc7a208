// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Walks t from last to first with dS, the gradient of the state behind step t, in registers (B1)-(B7):
//   dS += q do^T       dq = S do          ddelta = dS^T k     dk = dS delta     dz = ddelta
//   de = -Sbar ddelta  dSbar = dS - e ddelta^T    dg = rowsum(dSbar (.) Sbar)    dS = Diag(alpha) dSbar,    Sbar = Diag(alpha) S_prev
// dg is this sum itself: nothing cancels. States come from those kept every 64 tokens: forward over the 64, keeping every eighth; then,
// eight by eight from the end, forward once more, keeping all Sbar and delta.
//
// Block = sequence-head and State / Kp value columns (kState, or kSmallState where blocks have less shared memory); a warp has four columns, a lane kPerLane channels of one (steps.cuh). Sums over the
// columns of the block go through shared memory, to `partial`; sum_tiles adds the blocks. Shared memory, floats:
//   8 State kept states | 8 State Sbar | 8 State sums of warps | 8 (4 Kp + 2 columns) tokens
#pragma once

#include "cuda/recurrent/steps.cuh"
#include "cuda/support/warp.cuh"

namespace fw::cuda::recurrent {

/// State: kState or kSmallState.
template <int Kp, int State>
struct BackwardShape {
  static constexpr int kColumns = State / Kp, kWarps = kColumns / 4, kThreads = 32 * kWarps, kPerLane = Kp / 8, kToken = 4 * Kp + 2 * kColumns;
  static constexpr int kSums = kWarps * 4 * Kp;  ///< floats of a token
  static constexpr int kBytes = 4 * (kPart / kSegment * State + kSegment * State + kSegment * kSums + kSegment * kToken);
};

template <int Kp, int State, bool kErase>
__global__ void __launch_bounds__((BackwardShape<Kp, State>::kThreads)) backward_kernel(const BackwardParams p) {
  using Shape = BackwardShape<Kp, State>;
  constexpr int kPerLane = Shape::kPerLane, kThreads = Shape::kThreads, kToken = Shape::kToken, kColumns = Shape::kColumns;
  const int thread = thread_in_block(), warp = thread / 32, lane = thread % 32, first = lane / 4 * kPerLane, block = chunk::block_in_grid();
  const int tile = block % p.tiles, local = block / p.tiles, pair = p.first_pair + local, hv = pair % p.HV, n = pair / p.HV;
  const int own = warp * 4 + lane % 4, v0 = tile * kColumns, column = v0 + own;
  const index_t begin = p.tokens.begin(n), length = p.tokens.length(n), all_parts = (length + kPart - 1) / kPart;
  const index_t last_part = min(all_parts, static_cast<index_t>(p.first_part) + p.parts);
  const bool starts = all_parts <= static_cast<index_t>(p.first_part) + p.parts, ends = p.first_part == 0;
  if (last_part <= p.first_part && !(ends && all_parts == 0)) return;
  float* kept = reinterpret_cast<float*>(chunk::shared_memory());  // [8][kPerLane][threads]
  float *decayed = kept + kPart / kSegment * State, *sums = decayed + kSegment * State, *tokens = sums + kSegment * Shape::kSums;
  const StatePlace place{p.Dk, p.Dv, p.value_key};
  const index_t state0 = static_cast<index_t>(pair) * p.Dk * p.Dv;
  const auto there = [&](int i) { return first + i < p.Dk && column < p.Dv; };

  float dS[kPerLane];
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    dS[i] = 0.0f;
    if (!there(i)) continue;
    if (!starts) dS[i] = p.carried[state0 + static_cast<index_t>(first + i) * p.Dv + column];
    else if (p.dfinal_state != nullptr) dS[i] = p.dfinal_state[state0 + place(first + i, column)];
  }
  const auto read_tokens = [&](index_t t0, int count) {  // alpha e k q z do
    block_sync();
    for (int i = thread; i < count * kToken; i += kThreads) {
      const int t = i / kToken, at = i % kToken;
      const index_t row = (begin + t0 + t) * p.HV + hv;
      float x = 0.0f;
      if (at < 4 * Kp) {
        if (kErase || at / Kp != 1) x = (at < Kp ? p.steps.alpha : at < 2 * Kp ? p.steps.e : at < 3 * Kp ? p.steps.k : p.steps.q)[row * Kp + at % Kp];
      } else {
        const int c = v0 + (at - 4 * Kp) % kColumns;
        if (c < p.Dv) x = at < 4 * Kp + kColumns ? p.steps.z[row * p.steps.Dvp + c] : read_number(p.d_o, p.tensors, row * p.Dv + c);
      }
      tokens[i] = x;
    }
    block_sync();
  };
  /// One step of the recurrence: s to Sbar, then returns delta.
  const auto decay_and_delta = [&](float (&s)[kPerLane], const float* token) {
    float x[kPerLane], erased = 0.0f;
    load_row(token + first, x);
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) s[i] *= x[i];
    if (kErase) {
      load_row(token + Kp + first, x);
#pragma unroll
      for (int i = 0; i < kPerLane; ++i) erased += x[i] * s[i];
      erased = column_sum(erased);
    }
    return token[4 * Kp + own] - erased;
  };
  const auto add_write = [&](float (&s)[kPerLane], const float* token, float delta) {
    float k[kPerLane];
    load_row(token + 2 * Kp + first, k);
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) s[i] += k[i] * delta;
  };
  /// Sums over the columns of the warp, to its place for token t.
  const auto put_sums = [&](int t, int which, float (&x)[kPerLane]) {
    scatter_sums<kPerLane, 2, 1>(x, lane);
    const int channel = first + (lane & 2) / 2 * (kPerLane / 2) + (lane & 1) * (kPerLane / 4);
    float* to = sums + t * Shape::kSums + (warp * 4 + which) * Kp + channel;
#pragma unroll
    for (int i = 0; i < kPerLane / 4; ++i) to[i] = x[i];
  };

  for (index_t part = last_part - 1; part >= p.first_part; --part) {
    const index_t t0 = part * kPart;
    const int count = static_cast<int>(min(length - t0, static_cast<index_t>(kPart))), segments = (count + kSegment - 1) / kSegment;
    float s[kPerLane];
    const float* from = p.states + ((p.tokens.slot(n) + part) * p.HV + hv) * p.Dk * p.Dv;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) s[i] = there(i) ? from[static_cast<index_t>(first + i) * p.Dv + column] : 0.0f;
    for (int segment = 0; segment < segments; ++segment) {
#pragma unroll
      for (int i = 0; i < kPerLane; ++i) kept[(segment * kPerLane + i) * kThreads + thread] = s[i];
      if (segment == segments - 1) break;
      read_tokens(t0 + segment * kSegment, kSegment);
      for (int t = 0; t < kSegment; ++t) {
        const float delta = decay_and_delta(s, tokens + t * kToken);
        add_write(s, tokens + t * kToken, delta);
      }
    }
    for (int segment = segments - 1; segment >= 0; --segment) {
      const int here = min(kSegment, count - segment * kSegment);
      read_tokens(t0 + segment * kSegment, here);
      float deltas[kSegment];
#pragma unroll
      for (int i = 0; i < kPerLane; ++i) s[i] = kept[(segment * kPerLane + i) * kThreads + thread];
#pragma unroll
      for (int t = 0; t < kSegment; ++t) {
        if (t >= here) break;
        deltas[t] = decay_and_delta(s, tokens + t * kToken);
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) decayed[(t * kPerLane + i) * kThreads + thread] = s[i];
        add_write(s, tokens + t * kToken, deltas[t]);
      }
#pragma unroll
      for (int t = kSegment - 1; t >= 0; --t) {
        if (t >= here) continue;
        const float *token = tokens + t * kToken, d_o = token[4 * Kp + kColumns + own];
        float k[kPerLane], x[kPerLane], bar[kPerLane], ddelta = 0.0f;
        load_row(token + 2 * Kp + first, k);
        load_row(token + 3 * Kp + first, x);
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) {
          bar[i] = decayed[(t * kPerLane + i) * kThreads + thread];
          dS[i] += x[i] * d_o, ddelta += dS[i] * k[i];
          x[i] = (bar[i] + k[i] * deltas[t]) * d_o;
        }
        put_sums(t, 0, x);
        ddelta = column_sum(ddelta);
        if (lane < 4 && column < p.Dv) p.dz[((begin + t0 + segment * kSegment + t) * p.HV + hv) * p.Dv + column] = ddelta;
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) x[i] = dS[i] * deltas[t];
        put_sums(t, 1, x);
        if (kErase) {
#pragma unroll
          for (int i = 0; i < kPerLane; ++i) x[i] = -bar[i] * ddelta;
          put_sums(t, 2, x);
          load_row(token + Kp + first, x);
#pragma unroll
          for (int i = 0; i < kPerLane; ++i) dS[i] -= x[i] * ddelta;
        }
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) x[i] = dS[i] * bar[i];
        put_sums(t, 3, x);
        load_row(token + first, x);
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) dS[i] *= x[i];
      }
      block_sync();
      float* to = p.partial + ((static_cast<index_t>(local) * p.tiles + tile) * p.parts * kPart + (part - p.first_part) * kPart + segment * kSegment) * 4 * Kp;
      for (int i = thread; i < here * 4 * Kp; i += kThreads) {
        const int t = i / (4 * Kp), at = i % (4 * Kp);
        if (!kErase && at / Kp == 2) continue;
        float sum = 0.0f;
#pragma unroll
        for (int w = 0; w < Shape::kWarps; ++w) sum += sums[t * Shape::kSums + w * 4 * Kp + at];
        to[i] = sum;
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    if (!there(i)) continue;
    if (!ends) p.carried[state0 + static_cast<index_t>(first + i) * p.Dv + column] = dS[i];
    else if (p.dinitial_state != nullptr) p.dinitial_state[state0 + place(first + i, column)] = dS[i];
  }
}

}  // namespace fw::cuda::recurrent
