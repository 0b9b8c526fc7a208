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
  FirstRows* first;                  ///< where the second half is read from
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
    first = reinterpret_cast<FirstRows*>(at), at += sizeof(FirstRows);
    rows = reinterpret_cast<float4*>(at), row_k = reinterpret_cast<float*>(at + 1024), prefix = row_k + 64, suffix = row_k + 128;
    P = row_k + 192, S = P + 384;
    at += kTables - sizeof(FirstRows), A = at;
    at += 8192, L = reinterpret_cast<float*>(at), E_bar = at + kSquare * 4;
    if (erase) at += kSquare * 4 + 128 * Kp;
    rows32 = reinterpret_cast<uint4*>(at), columns32 = reinterpret_cast<uint2*>(at + 128 * Kp), T_inv = at;
    at += 192 * Kp;
    partial = reinterpret_cast<float4*>(at), X = reinterpret_cast<float*>(at);
  }
  static constexpr int kTables = 32 + 1024 + 3 * 256 + 12 * 256 + 96;
  static int bytes(int Kp, bool erase) {
    return kTables + 8192 + (erase ? kSquare * 4 + 128 * Kp : 0) + 192 * Kp + (320 * Kp > kInverseRoom * 4 ? 320 * Kp : kInverseRoom * 4);
  }
};

/// prod over blocks of 1, 2, .. 64 of the decay of tokens `lane` and lane + 32. One warp.
__device__ __forceinline__ void scalar_tree(const FactorMemory& m, float2 alpha, int lane) {
  float P[2] = {alpha.x, alpha.y}, S[2] = {1.0f, 1.0f}, T[2] = {alpha.x, alpha.y};
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

/// Row factors where they are sums over the channels of a row: 1/|q| and 1/|k| (l2norm), the mean of b.
template <class X, bool kVectors>
__device__ __forceinline__ void sum_rows(const FactorSource<X>& from, const FactorMemory& m, int Kp, int warp, int lane) {
  const FactorParams& p = from.p;
  const int lanes = Kp / 8, channel = lane % lanes * 8;
  const auto eight = [&](const char* first, int step, int i, auto&& add) {  // calls add on the eight channels of row i
    const char* at = FactorSource<X>::row(first, step, min(i, from.chunk.rows - 1));
#pragma unroll
    for (int l = 0; l < 8; l += 4) {
      const float4 x = to_floats<X>(load_four<X>(at, channel + l, p.Dk, kVectors || p.vectors));
      add(x.x), add(x.y), add(x.z), add(x.w);
    }
  };
  const auto sum_of_row = [&](float x) {
    for (int mask = lanes / 2; mask > 0; mask /= 2) x += exchange(x, mask);
    return x;
  };
#pragma unroll 1
  for (int n = 0; n < 4; n += 2) {
    float q[2] = {}, k[2] = {}, b[2] = {};
#pragma unroll
    for (int l = 0; l < 2; ++l) {
      const int i = warp * (1024 / Kp) + (n + l) * (256 / Kp) + lane / lanes;
      if (p.l2norm) {
        eight(from.first.q, p.q_step, i, [&](float x) { q[l] += x * x; });
        eight(from.first.k, p.q_step, i, [&](float x) { k[l] += x * x; });
      }
    }
    if (p.erase == Erase::mean)
#pragma unroll 1
      for (int l = 0; l < 2; ++l) {
        int left = p.Dk - channel;
        float sum = 0.0f;
        eight(from.first.b, p.b_step, warp * (1024 / Kp) + (n + l) * (256 / Kp) + lane / lanes, [&](float x) { sum += left-- > 0 ? erase_gate(p, x) : 0.0f; });
        (l == 0 ? b[0] : b[1]) = sum_of_row(sum) / static_cast<float>(p.Dk);
      }
#pragma unroll
    for (int l = 0; l < 2; ++l) {
      const int i = warp * (1024 / Kp) + (n + l) * (256 / Kp) + lane / lanes;
      const auto norm = [&](float sum) { return sum == 0.0f ? 0.0f : 1.0f / sqrtf(sum); };
      const float of_q = p.l2norm ? norm(sum_of_row(q[l]) + p.l2norm_eps) : 1.0f, of_k = p.l2norm ? norm(sum_of_row(k[l]) + p.l2norm_eps) : 1.0f;
      float of_e = p.erase == Erase::mean ? b[l] : 1.0f;
      if (p.erase == Erase::scalar) of_e = i < from.chunk.rows ? erase_gate(p, from.beta(i)) : 0.0f;
      if (lane % lanes == 0) m.rows[i] = make_float4(of_q * p.scale, of_e * of_k, of_k, 0.0f), m.row_k[i] = of_k;
    }
  }
}

/// Zeros in A; factors of rows; with one decay for all channels also its products. All threads.
template <class X, bool kVectors, bool kChannel, bool kErase>
__device__ __forceinline__ void prepare_rows(const FactorSource<X>& from, const FactorMemory& m, int Kp, int warp, int lane) {
  const FactorParams& p = from.p;
  const int thread = 32 * warp + lane;
#pragma unroll
  for (int n = 0; n < 512; n += 2 * Kp) reinterpret_cast<uint4*>(m.A)[n + thread] = make_uint4(0, 0, 0, 0);
  if (thread == 0) *m.first = from.first;
  if (__builtin_expect(p.l2norm || (kErase && p.erase == Erase::mean), false)) {
    sum_rows<X, kVectors>(from, m, Kp, warp, lane);
  } else if (thread < 64) {
    float e = 1.0f;
    if (kErase && p.erase == Erase::scalar) e = thread < from.chunk.rows ? erase_gate(p, from.beta(thread)) : 0.0f;
    m.rows[thread] = make_float4(p.scale, e, 1.0f, 0.0f), m.row_k[thread] = 1.0f;
  }
  if (kChannel || warp != Kp / 16 - 1) return;
  const DecayOfHead decay = decay_of_head(p, from.g_head);
  const float bias = p.dt_bias != nullptr ? p.dt_bias[from.g_head] : 0.0f;
#pragma unroll 1
  for (int i = lane; i < 64; i += 32)
    m.prefix[i] = p.decay != Decay::none && i < from.chunk.rows ? alpha_of(decay.g(from.g(i), bias)) : 1.0f;
  scalar_tree(m, make_float2(m.prefix[lane], m.prefix[lane + 32]), lane);
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
__device__ __forceinline__ void reduce_half(const FactorMemory& m, int half, int warp, int warps, int lane) {
#pragma unroll 1
  for (int tile = warp; tile < kTiles; tile += warps) {
    const float4* from = m.partial + tile * 32 + lane;
    float4 sum = *from;
#pragma unroll
    for (int w = 1; w < warps; ++w) {
      const float4 x = from[w * kTiles * 32];
      sum.x += x.x, sum.y += x.y, sum.z += x.z, sum.w += x.w;
    }
    place_scores<E, kChannel, kErase>(m, 32 * half + 8 * tile_row(tile) + lane / 4, 32 * half + 8 * tile_column(tile) + lane % 4 * 2, sum);
  }
}

/// The 32x32 block of level 32: rows are tokens 32..63, columns 0..31. Two tiles side by side at a time; `slices` is the number of
/// warps that made fragments, `warps` that of those which come here.
template <class E, bool kChannel, bool kErase>
__device__ __forceinline__ void level_32(const FactorMemory& m, int slices, int warp, int warps, int lane) {
#pragma unroll 1
  for (int pair = warp; pair < 8; pair += warps) {
    const int row = pair / 2, column = pair % 2 * 2;
    float even[2][4] = {}, odd[2][4] = {};
#pragma unroll
    for (int slice = 0; slice < slices; slice += 2) {
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
