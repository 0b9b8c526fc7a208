// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What the warps of a block of factors_kernel share: its memory, the factors of rows, and the sums over all channels, A and L.
//
// Mapping: rows by threads (l2norm or the mean of b: Kp/8 lanes a row, eight channels a lane); the decay of one number a token: one
// warp, tokens l and l + 32 in lane l, the tree of tree.cuh over lanes; sums by tiles of 8x8, a warp each.
#pragma once

#include "cuda/chunk/inverse.cuh"
#include "cuda/chunk/source.cuh"

namespace fw::cuda::chunk {

/// Shared memory of a block.
struct FactorMemory {
  float4* rows;                      ///< [64] factors of rows: x of A and Q-bar, y of L and E-bar, z of columns
  float* row_k;                      ///< [64] z once more
  float *prefix, *suffix;            ///< [64] one decay for all channels: prod(0..i), prod(i+1..63)
  float *P, *S;                      ///< [6][64] the same of blocks of 1, 2, .. 32
  char* A;
  float* L;
  char* E_bar;
  uint4* rows32;                     ///< [slices][4][32] A fragments of tokens 32..63
  uint2* columns32;                  ///< [slices][4][32] B fragments of tokens 0..31
  char* T_inv;                       ///< over rows32
  float4* partial;                   ///< [warps][10][32]
  float* X;                          ///< over partial
  __device__ __forceinline__ FactorMemory(char* at, int Kp, bool erase) {
    rows = reinterpret_cast<float4*>(at), row_k = reinterpret_cast<float*>(at + 1024), prefix = row_k + 64, suffix = row_k + 128;
    P = row_k + 192, S = P + 384;
    at += kTables, A = at;
    at += 8192, L = reinterpret_cast<float*>(at), E_bar = at + kSquare * 4;
    if (erase) at += kSquare * 4 + 128 * Kp;
    rows32 = reinterpret_cast<uint4*>(at), columns32 = reinterpret_cast<uint2*>(at + 128 * Kp), T_inv = at;
    at += 192 * Kp;
    partial = reinterpret_cast<float4*>(at), X = reinterpret_cast<float*>(at);
  }
  static constexpr int kTables = 1024 + 3 * 256 + 12 * 256;
  static int bytes(int Kp, bool erase) {
    return kTables + 8192 + (erase ? kSquare * 4 + 128 * Kp : 0) + 192 * Kp + (320 * Kp > kInverseRoom * 4 ? 320 * Kp : kInverseRoom * 4);
  }
};

/// prod over blocks of 1, 2, .. 64 of the decay of tokens `lane` and lane + 32. One warp.
__device__ __forceinline__ void scalar_tree(const FactorMemory& m, const float (&alpha)[2], int lane) {
  float P[2] = {alpha[0], alpha[1]}, S[2] = {1.0f, 1.0f}, T[2] = {alpha[0], alpha[1]};
#pragma unroll
  for (int level = 0; level < 6; ++level)
#pragma unroll
    for (int n = 0; n < 2; ++n) {
      m.P[level * 64 + 32 * n + lane] = P[n], m.S[level * 64 + 32 * n + lane] = S[n];
      if (level == 5) continue;
      const float other = exchange(T[n], 1 << level);
      if ((lane >> level & 1) != 0) P[n] *= other;
      else S[n] *= other;
      T[n] *= other;
    }
  m.prefix[lane] = P[0], m.prefix[32 + lane] = P[1] * T[0];
  m.suffix[lane] = S[0] * T[1], m.suffix[32 + lane] = S[1];
}

/// Zeros in A; factors of rows; with one decay for all channels also its products. All threads.
template <class X, bool kChannel, bool kErase>
__device__ __forceinline__ void prepare_rows(const FactorSource<X>& from, const FactorMemory& m, int Kp, int thread, int threads) {
  const FactorParams& p = from.p;
  const int warp = thread / 32, lane = thread % 32;
  for (int n = thread; n < 512; n += threads) reinterpret_cast<uint4*>(m.A)[n] = make_uint4(0, 0, 0, 0);
  const bool mean = kErase && p.erase == Erase::mean;
  const auto put = [&](int i, float q, float e, float k) { m.rows[i] = make_float4(q * p.scale, e * k, k, 0.0f), m.row_k[i] = k; };
  const auto one_gate = [&](int i) {
    if (!kErase || p.erase != Erase::scalar) return 1.0f;
    return i < from.chunk.rows ? erase_gate(p, from.beta(i)) : 0.0f;
  };
  if (!p.l2norm && !mean) {
    if (thread < 64) put(thread, 1.0f, one_gate(thread), 1.0f);
  } else {
    const int lanes = Kp / 8, row = warp * (1024 / Kp) + lane / lanes, channel = lane % lanes * 8;
    const auto eight = [&](const char* first, int step, int i, auto&& add) {  // calls add on the eight channels of row i
      const char* at = FactorSource<X>::row(first, step, min(i, from.chunk.rows - 1));
      for (int l = 0; l < 8; l += 4) {
        const float4 x = to_floats<X>(load_four<X>(at, channel + l, p.Dk, p.vectors));
        add(x.x), add(x.y), add(x.z), add(x.w);
      }
    };
    const auto sum_of_row = [&](float x) {
      for (int mask = lanes / 2; mask > 0; mask /= 2) x += exchange(x, mask);
      return x;
    };
    float q[4] = {1.0f, 1.0f, 1.0f, 1.0f}, k[4] = {1.0f, 1.0f, 1.0f, 1.0f};
    if (p.l2norm) {
#pragma unroll
      for (int n = 0; n < 4; ++n) {
        q[n] = k[n] = 0.0f;
        eight(from.q0, from.q_step, row + n * (256 / Kp), [&](float x) { q[n] += x * x; });
        eight(from.k0, from.q_step, row + n * (256 / Kp), [&](float x) { k[n] += x * x; });
      }
#pragma unroll
      for (int n = 0; n < 4; ++n) {
        q[n] = sum_of_row(q[n]) + p.l2norm_eps, k[n] = sum_of_row(k[n]) + p.l2norm_eps;
        q[n] = q[n] == 0.0f ? 0.0f : 1.0f / sqrtf(q[n]), k[n] = k[n] == 0.0f ? 0.0f : 1.0f / sqrtf(k[n]);
      }
    }
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      const int i = row + n * (256 / Kp);
      float e = one_gate(i);
      if (mean) {
        float sum = 0.0f;
        int left = p.Dk - channel;
        eight(from.b0, from.b_step, i, [&](float b) { sum += left-- > 0 ? erase_gate(p, b) : 0.0f; });
        e = sum_of_row(sum) / static_cast<float>(p.Dk);
      }
      if (lane % lanes == 0) put(i, q[n], e, k[n]);
    }
  }
  if (kChannel || warp != threads / 32 - 1) return;
  const DecayOfHead decay = decay_of_head(p, from.g_head);
  const float bias = p.dt_bias != nullptr ? p.dt_bias[from.g_head] : 0.0f;
  float alpha[2];
#pragma unroll
  for (int n = 0; n < 2; ++n)
    alpha[n] = p.decay != Decay::none && lane + 32 * n < from.chunk.rows ? alpha_of(decay.g(from.g(lane + 32 * n), bias)) : 1.0f;
  scalar_tree(m, alpha, lane);
}

/// Sums (e,e',q,q') for row i, columns j and j + 1 (j even) to L and A.
template <class E, bool kChannel, bool kErase>
__device__ __forceinline__ void place_scores(const FactorMemory& m, int i, int j, float4 sum) {
  const float4 row = m.rows[i];
  float2 k = *reinterpret_cast<const float2*>(m.row_k + j);
  if (!kChannel) {
    const auto decay = [&](int j) {
      if (i <= j) return 1.0f;
      const int level = 31 - __clz(i ^ j);
      return m.P[level * 64 + i] * m.S[level * 64 + j];
    };
    k.x *= decay(j), k.y *= decay(j + 1);
  }
  *reinterpret_cast<std::uint32_t*>(m.A + place_in_tile<8>(i, j / 8) + j % 8 * 2) =
      pack<E>(j <= i ? sum.z * row.x * k.x : 0.0f, j + 1 <= i ? sum.w * row.x * k.y : 0.0f);
  if (kErase) *reinterpret_cast<float2*>(m.L + i * kPitch + j) = make_float2(j < i ? sum.x * row.y * k.x : 0.0f, j + 1 < i ? sum.y * row.y * k.y : 0.0f);
}

/// Adds up what the warps have of the ten tiles of a half.
template <class E, bool kChannel, bool kErase>
__device__ __forceinline__ void reduce_half(const FactorMemory& m, int half, int thread, int threads) {
  const int warps = threads / 32, lane = thread % 32;
  for (int tile = thread / 32; tile < kTiles; tile += warps) {
    const float4* from = m.partial + tile * 32 + lane;
    float4 sum = *from;
#pragma unroll 4
    for (int w = 1; w < warps; ++w) {
      const float4 x = from[w * kTiles * 32];
      sum.x += x.x, sum.y += x.y, sum.z += x.z, sum.w += x.w;
    }
    place_scores<E, kChannel, kErase>(m, 32 * half + 8 * tile_row(tile) + lane / 4, 32 * half + 8 * tile_column(tile) + lane % 4 * 2, sum);
  }
}

/// The 32x32 block of level 32: rows are tokens 32..63, columns 0..31. A warp has two tiles side by side.
template <class E, bool kChannel, bool kErase>
__device__ __forceinline__ void level_32(const FactorMemory& m, int thread, int threads) {
  const int warps = threads / 32, lane = thread % 32;
  for (int pair = thread / 32; pair < 8; pair += warps) {
    const int row = pair / 2, column = pair % 2 * 2;
    float even[2][4] = {}, odd[2][4] = {};
#pragma unroll 2
    for (int slice = 0; slice < warps; slice += 2) {
      const uint4 a0 = m.rows32[(slice * 4 + row) * 32 + lane], a1 = m.rows32[((slice + 1) * 4 + row) * 32 + lane];
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        const uint2 b0 = m.columns32[(slice * 4 + column + n) * 32 + lane], b1 = m.columns32[((slice + 1) * 4 + column + n) * 32 + lane];
        mma<E>(even[n], {a0.x, a0.y, a0.z, a0.w}, b0.x, b0.y);
        mma<E>(odd[n], {a1.x, a1.y, a1.z, a1.w}, b1.x, b1.y);
      }
    }
#pragma unroll
    for (int n = 0; n < 2; ++n)
      place_scores<E, kChannel, kErase>(m, 32 + 8 * row + lane / 4, 8 * (column + n) + lane % 4 * 2,
                                        make_float4(even[n][0] + odd[n][0], even[n][1] + odd[n][1], even[n][2] + odd[n][2], even[n][3] + odd[n][3]));
  }
}

}  // namespace fw::cuda::chunk
