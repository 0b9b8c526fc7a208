// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Scores of 32 tokens (half a chunk) over 16 channels, in the registers of one warp.
//
//   L_ij = sum_c e_i k_j D_ij (j < i)    A_ij = sum_c q_i k_j D_ij (j <= i)    D_ij = prod(t = j+1..i) alpha_t per channel
//
// Product tree on the token index: for i > j let 2h be the size of the smallest aligned block that holds both and m its middle.
// Then D_ij = P_h(i) S_h(j) with P_h(i) = prod(m..i), inclusive, inside the right half and S_h(j) = prod(j+1..m-1), exclusive,
// inside the left half. Both are products of numbers in [0,1]: nothing overflows, nothing is divided, and an underflow to 0
// stands for a true value below 2^-126. Both come from tokens up to i only. From h to 2h:
//   P_2h(i) = P_h(i) T_h(left half) for i in the right half     S_2h(j) = S_h(j) T_h(right half) for j in the left half
// where T_h, the product over a block, is P_h S_h at any of its tokens.
//
// Lane l, r = l / 4, c = l % 4, owns the tokens 8 t + r (t = 0..3) and the channels 4 c .. 4 c + 3 of the warp's 16. These are at
// once its elements of A fragments (e of eight tokens in rows 0-7, q of the same in rows 8-15) and of B fragments (k), with k
// index 2c, 2c+1, 2c+8, 2c+9 standing for channel 4c .. 4c+3. Levels 1, 2, 4 exchange between lanes, 8 and 16 between registers.
// Level 32 is between the halves: its fragments go to shared memory.
// In a fine level a lane whose token is in the right half makes its row (e P, q P) and one in the left half its column (k S). The
// place of the other holds numbers that nobody wants (q where a column, k where a row would be): what the 8x8 product holds outside
// the pairs of that level is not taken. Level 0 (i = j) and the columns of level 1 (S = 1) are the elements as they are.
#pragma once

#include "cuda/chunk/gates.cuh"

namespace fw::cuda::chunk {

inline constexpr int kTiles = 10;  ///< 8x8 tiles on and below the diagonal of 32 tokens
/// Row and column of tile 0..9, two bits a tile: the diagonal, then level 8, then level 16.
__host__ __device__ constexpr int tile_row(int tile) { return 0b11'11'10'10'11'01'11'10'01'00 >> 2 * tile & 3; }
__host__ __device__ constexpr int tile_column(int tile) { return 0b01'00'01'00'10'00'11'10'01'00 >> 2 * tile & 3; }

/// A lane's 16 elements of each tensor, e = b (.) k without factors of rows: alpha of tokens behind the end is 1, their q, k, e are 0.
/// P begins as alpha; S is made by fine_levels.
template <class X>
struct Half {
  Four<X> q[4], k[4];
  float e[4][4], P[4][4], S[4][4];
};

/// Fragments of a tile with every element times F.
template <class X, bool kErase>
__device__ __forceinline__ void make_fragments(const Half<X>& x, int t, const float (&F)[4], FragmentA& a, uint2& b) {
  using E = Operand<X>;
  const float4 q = to_floats<X>(x.q[t]), k = to_floats<X>(x.k[t]);
  b = make_uint2(pack<E>(k.x * F[0], k.y * F[1]), pack<E>(k.z * F[2], k.w * F[3]));
  a.a0 = kErase ? pack<E>(x.e[t][0] * F[0], x.e[t][1] * F[1]) : 0u;
  a.a1 = pack<E>(q.x * F[0], q.y * F[1]);
  a.a2 = kErase ? pack<E>(x.e[t][2] * F[2], x.e[t][3] * F[3]) : 0u;
  a.a3 = pack<E>(q.z * F[2], q.w * F[3]);
}

/// A diagonal tile: levels 0 (i = j), 1, 2, 4. Leaves P_8 and S_8 of its tokens. What it holds above the diagonal is of no use.
template <class X, bool kErase>
__device__ __forceinline__ void fine_levels(Half<X>& x, int t, float (&sums)[4], int lane) {
  using E = Operand<X>;
  const int r = lane / 4, c = lane % 4;
  const bool right1 = (r & 1) != 0, right2 = (r & 2) != 0, right4 = (r & 4) != 0;
  const float4 q4 = to_floats<X>(x.q[t]), k4 = to_floats<X>(x.k[t]);
  const float q[4] = {q4.x, q4.y, q4.z, q4.w}, k[4] = {k4.x, k4.y, k4.z, k4.w};
  const auto rows = [&](const float (&v)[4], const float (&F)[4]) {
    return FragmentA{kErase ? pack<E>(x.e[t][0] * F[0], x.e[t][1] * F[1]) : 0u, pack<E>(v[0] * F[0], v[1] * F[1]),
                     kErase ? pack<E>(x.e[t][2] * F[2], x.e[t][3] * F[3]) : 0u, pack<E>(v[2] * F[2], v[3] * F[3])};
  };
  const uint2 q_as_is = to_operands<X>(x.q[t]), k_as_is = to_operands<X>(x.k[t]);
  float d0[4] = {}, d1[4] = {}, d2[4] = {}, d4[4] = {};
  mma<E>(d0, {0u, q_as_is.x, 0u, q_as_is.y}, k_as_is.x, k_as_is.y);
  mma<E>(d1, rows(q, x.P[t]), k_as_is.x, k_as_is.y);
  float T[4], F[4], v[4];
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    const float other = exchange(x.P[t][n], 4);
    T[n] = x.P[t][n] * other;
    x.P[t][n] = right1 ? T[n] : x.P[t][n];
    x.S[t][n] = right1 ? 1.0f : other;
    F[n] = right2 ? x.P[t][n] : x.S[t][n], v[n] = right2 ? q[n] : k[n];
  }
  const FragmentA a2 = rows(v, F);
  mma<E>(d2, a2, a2.a1, a2.a3);
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    const float other = exchange(T[n], 8);
    T[n] *= other;
    if (right2) x.P[t][n] *= other;
    else x.S[t][n] *= other;
    F[n] = right4 ? x.P[t][n] : x.S[t][n], v[n] = right4 ? q[n] : k[n];
  }
  const FragmentA a4 = rows(v, F);
  mma<E>(d4, a4, a4.a1, a4.a3);
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    const float other = exchange(T[n], 16);
    if (right4) x.P[t][n] *= other;
    else x.S[t][n] *= other;
  }
  forget(x.q[t]), forget(x.k[t]);
  // Columns 2c and 2c + 1: both of level 4, both of level 2, or the diagonal's, with level 1 where r = 2c + 1.
  const bool is4 = right4 && c < 2, is2 = right2 && c == r / 4 * 2;
  sums[0] = is4 ? d4[0] : is2 ? d2[0] : d1[0];
  sums[1] = is4 ? d4[1] : d2[1];
  sums[2] = is4 ? d4[2] : is2 ? d2[2] : right1 ? d1[2] : d0[2];
  sums[3] = is4 ? d4[3] : is2 ? d2[3] : d0[3];
}

/// A pair of blocks grows together: `count` tiles from `left`, as many behind them.
template <class X>
__device__ __forceinline__ void grow(Half<X>& x, int left, int count) {
  float T_left[4], T_right[4];
#pragma unroll
  for (int n = 0; n < 4; ++n) T_left[n] = x.P[left][n] * x.S[left][n], T_right[n] = x.P[left + count][n] * x.S[left + count][n];
#pragma unroll
  for (int t = 0; t < count; ++t)
#pragma unroll
    for (int n = 0; n < 4; ++n) x.S[left + t][n] *= T_right[n], x.P[left + count + t][n] *= T_left[n];
}

__device__ __forceinline__ void put_tile(float4* partial, int tile, int lane, const float (&d)[4]) { partial[tile * 32 + lane] = make_float4(d[0], d[1], d[2], d[3]); }

/// All ten tiles of the half: this warp's 16 channels of the sums, to partial [10][32 lanes]. Leaves P_32 and S_32.
template <class X, bool kErase>
__device__ __forceinline__ void tree_scores(Half<X>& x, float4* partial, int lane) {
  using E = Operand<X>;
#pragma unroll
  for (int t = 0; t < 4; ++t) {
    float sums[4];
    fine_levels<X, kErase>(x, t, sums, lane);
    put_tile(partial, t, lane, sums);
  }
#pragma unroll
  for (int u = 0; u < 2; ++u) {  // level 8
    FragmentA a, unused_a;
    uint2 b, unused_b;
    make_fragments<X, kErase>(x, 2 * u, x.S[2 * u], unused_a, b);
    make_fragments<X, kErase>(x, 2 * u + 1, x.P[2 * u + 1], a, unused_b);
    float d[4] = {};
    mma<E>(d, a, b.x, b.y);
    put_tile(partial, 4 + u, lane, d);
    grow(x, 2 * u, 1);
  }
  FragmentA a[2], unused_a;  // level 16
  uint2 b[2], unused_b;
#pragma unroll
  for (int u = 0; u < 2; ++u) {
    make_fragments<X, kErase>(x, u, x.S[u], unused_a, b[u]);
    make_fragments<X, kErase>(x, 2 + u, x.P[2 + u], a[u], unused_b);
  }
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    float d[4] = {};
    mma<E>(d, a[n / 2], b[n % 2].x, b[n % 2].y);
    put_tile(partial, 6 + n, lane, d);
  }
  grow(x, 0, 2);
}

/// Rows and columns of a tile without decay.
template <class X, bool kErase>
__device__ __forceinline__ void plain_fragments(const Half<X>& x, int t, FragmentA& a, uint2& b) {
  using E = Operand<X>;
  const uint2 q = to_operands<X>(x.q[t]);
  b = to_operands<X>(x.k[t]);
  a = {kErase ? pack<E>(x.e[t][0], x.e[t][1]) : 0u, q.x, kErase ? pack<E>(x.e[t][2], x.e[t][3]) : 0u, q.y};
}

/// The same tiles without decay, whole: D is applied to the sums where it is one number for all channels.
template <class X, bool kErase>
__device__ __forceinline__ void plain_scores(const Half<X>& x, float4* partial, int lane) {
  FragmentA a[4];
  uint2 b[4];
#pragma unroll
  for (int t = 0; t < 4; ++t) plain_fragments<X, kErase>(x, t, a[t], b[t]);
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
    float d[4] = {};
    mma<Operand<X>>(d, a[tile_row(tile)], b[tile_column(tile)].x, b[tile_column(tile)].y);
    put_tile(partial, tile, lane, d);
  }
}

}  // namespace fw::cuda::chunk
