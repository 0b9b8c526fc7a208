// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Backward of the scores inside a chunk, of one warp: 16 channels of 32 tokens (half a chunk). With D as in tree.cuh and the
// gradients dA, dL of the scores A, L (cuda.md is where the equations are derived; docs/cuda.md tells them):
//   dq_i = P_64(i) dQbar_i  + sum_{j<=i} dA_ij k_j D_ij        de_i = P_64(i) dEbar_i + sum_{j<i} dL_ij k_j D_ij
//   dk_j = S_64(j) dKtail_j + sum_{i>=j} dA_ij q_i D_ij + sum_{i>j} dL_ij e_i D_ij
//   dg_t = sum over pairs j < t <= i of what they contribute + the parts that come from and go to the states
// Level by level of the product tree: in a pair of sibling blocks of h tokens the right one has rows, the left one
// columns, D_ij = P_h(i) S_h(j), so
//   dq_i += P_h(i) sum_j dA_ij (S_h(j) k_j)       dk_j += S_h(j) sum_i (dA_ij P_h(i) q_i + dL_ij P_h(i) e_i)
// are products with 16-bit operands (S k), (P q), (P e), each made where it is used. What a level adds to q dq + e de of row i belongs to
// g_t of all t <= i of the right block, what it adds to k dk of column j to all t > j of the left block: sums with triangles of
// ones, products again. No difference of large sums is ever formed, so dg is right, and exactly 0, where decay is strong.
//
// Everything is kept transposed, channels in rows: an accumulator of m16n8k16 and an A operand then hold the same elements. Lane l,
// r = l / 4, c = l % 4, has in tile n (tokens 8 n .. 8 n + 7 of the half) the elements 0..3 = channels r, r, r + 8, r + 8 of tokens
// 2c, 2c + 1, 2c, 2c + 1. Level 1 is inside a lane, 2 and 4 between lanes, 8 and 16 between registers, 32 between the two warps
// of the channels, through shared memory.
#pragma once

#include "cuda/chunk/gradient_memory.cuh"

namespace fw::cuda::chunk {

using Tile = float[4];

template <class E, int kOwn, bool kErase>
struct GradientTree {
  static constexpr int kBytes = 2 * kOwn;
  const TreeMemory& m;
  int lane, r, c, slice, half;
  Address elements;  ///< of this lane in q, k, b, tile 0
  Spots<128> spots;  ///< in dA, dL
  Tile P[4], S[4], dq[4], de[4], dk[4], dg[4];

  __device__ __forceinline__ GradientTree(const TreeMemory& memory, int warp, int lane_)
      : m(memory), lane(lane_), r(lane_ / 4), c(lane_ % 4), slice(warp % (kOwn / 16)), half(warp / (kOwn / 16)),
        elements((Spots<kBytes>(lane_).by_8 ^ static_cast<Address>(32 * slice)) + static_cast<Address>(32 * half * kBytes)), spots(lane_) {}

  __device__ __forceinline__ int token(int n) const { return 32 * half + 8 * n + 2 * c; }

  // ---- elements of tile n
  __device__ __forceinline__ void fetch(Address tile, int n, Tile& x) const {
    const uint2 w = two_matrices_turned(elements + tile + static_cast<Address>(8 * n * kBytes));
    const float2 low = unpack<E>(w.x), high = unpack<E>(w.y);
    x[0] = low.x, x[1] = low.y, x[2] = high.x, x[3] = high.y;
  }
  /// e = b (.) k
  __device__ __forceinline__ void fetch_e(int n, const Tile& k, Tile& e) const {
    if (m.e_number == nullptr) {
      fetch(m.b, n, e);
    } else {
      const float2 two = *reinterpret_cast<const float2*>(m.e_number + token(n));
      e[0] = e[2] = two.x, e[1] = e[3] = two.y;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) e[i] *= k[i];
  }
  __device__ __forceinline__ static uint2 operand(const Tile& x, const Tile& F) { return make_uint2(pack<E>(x[0] * F[0], x[1] * F[1]), pack<E>(x[2] * F[2], x[3] * F[3])); }

  // ---- sums over tokens, X [channels, i] times ones where i reaches t, in tf32: what lane c has of tokens 2c, 2c + 1 is k index c, c + 4
  struct Ones {
    float first, second;  ///< of tokens i = 2c, 2c + 1 for t = r
  };
  __device__ __forceinline__ static Ones everywhere() { return {1.0f, 1.0f}; }
  __device__ __forceinline__ Ones rows_triangle() const { return {r <= 2 * c ? 1.0f : 0.0f, r <= 2 * c + 1 ? 1.0f : 0.0f}; }
  __device__ __forceinline__ Ones columns_triangle() const { return {r > 2 * c ? 1.0f : 0.0f, r > 2 * c + 1 ? 1.0f : 0.0f}; }
  __device__ __forceinline__ static void add_sums(Tile& to, const std::uint32_t (&x)[4], const Ones& ones) {
    mma_tf32(to, x[0], x[2], x[1], x[3], __float_as_uint(ones.first), __float_as_uint(ones.second));
  }
  struct Sums {
    std::uint32_t x[4];
  };
  __device__ __forceinline__ static Sums rounded(const Tile& x) { return {{to_tf32(x[0]), to_tf32(x[1]), to_tf32(x[2]), to_tf32(x[3])}}; }
  /// What rows of tile n have reaches t <= i from tile `first` on; what columns have t > j up to tile `last`.
  __device__ __forceinline__ void reach_back(int n, int first, const Tile& x) {
    const Sums s = rounded(x);
    add_sums(dg[n], s.x, rows_triangle());
#pragma unroll
    for (int m = 0; m < 4; ++m)
      if (m >= first && m < n) add_sums(dg[m], s.x, everywhere());
  }
  __device__ __forceinline__ void reach_on(int n, int last, const Tile& x) {
    const Sums s = rounded(x);
    add_sums(dg[n], s.x, columns_triangle());
#pragma unroll
    for (int m = 0; m < 4; ++m)
      if (m > n && m <= last) add_sums(dg[m], s.x, everywhere());
  }
  // ---- inside a tile
  /// alpha of tile n.
  __device__ __forceinline__ void fetch_alpha(int n, Tile& a) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) a[i] = alpha_of(m.g[(token(n) + i % 2) * (kOwn + 4) + 16 * slice + r + i / 2 * 8]);
  }
  /// P_2 and S_2 of a tile, then from P_h to P_2h: with the whole decay T of each channel.
  __device__ __forceinline__ static void begin(const Tile& a, Tile& p, Tile& s, float (&T)[2]) {
    T[0] = a[0] * a[1], T[1] = a[2] * a[3];
    p[0] = a[0], p[1] = T[0], p[2] = a[2], p[3] = T[1];
    s[0] = a[1], s[1] = 1.0f, s[2] = a[3], s[3] = 1.0f;
  }
  __device__ __forceinline__ void grow(int h, Tile& p, Tile& s, float (&T)[2]) const {
    const bool right = (2 * c & h) != 0;
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const float other = exchange(T[j], h / 2), to_p = right ? other : 1.0f, to_s = right ? 1.0f : other;
      T[j] *= other;
#pragma unroll
      for (int i = 2 * j; i < 2 * j + 2; ++i) p[i] *= to_p, s[i] *= to_s;
    }
  }
  /// P_8 and S_8; nothing has been found yet.
  __device__ __forceinline__ void start() {
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      Tile a;
      float T[2];
      fetch_alpha(n, a);
      begin(a, P[n], S[n], T);
      grow(2, P[n], S[n], T);
      grow(4, P[n], S[n], T);
#pragma unroll
      for (int i = 0; i < 4; ++i) dq[n][i] = de[n][i] = dk[n][i] = dg[n][i] = 0.0f;
    }
  }
  /// Levels 0, 1, 2, 4 of tiles 2u and 2u + 1: the last ones, P and S of coarser levels are gone.
  __device__ __forceinline__ void fine(int u) {
    const int block = 4 * half + 2 * u + lane / 8 % 2;  // matrices: dA of both tiles, dL of both
    const Address at = piece_at(lane < 16 ? m.dA : m.dL, 8, 8 * block + lane % 8, block);
    const uint4 straight = matrices(at), turned = matrices_turned(at);
#pragma unroll
    for (int t = 0; t < 2; ++t) {
      const int n = 2 * u + t;
      const std::uint32_t dA = t == 0 ? straight.x : straight.y, dL = t == 0 ? straight.z : straight.w;
      const std::uint32_t dA_turned = t == 0 ? turned.x : turned.y, dL_turned = t == 0 ? turned.z : turned.w;
      const float2 diagonal = *reinterpret_cast<const float2*>(m.diagonal + token(n));
      Tile q, k, e, a, p, s;
      fetch(m.q, n, q);
      fetch(m.k, n, k);
      if (kErase) fetch_e(n, k, e);
      float T[2];
      fetch_alpha(n, a);
      begin(a, p, s, T);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float one = i % 2 == 0 ? diagonal.x : diagonal.y;
        dq[n][i] += one * k[i], dk[n][i] += one * q[i];
      }
#pragma unroll
      for (int h = 1; h < 8; h *= 2) {
        Tile F = {1.0f, a[1], 1.0f, a[3]};
        if (h > 1)
#pragma unroll
          for (int i = 0; i < 4; ++i) F[i] = (2 * c & h) != 0 ? p[i] : s[i];
        const uint4 pairs = m.fine[(h / 2) * 32 + lane];
        const uint2 kS = operand(k, F), qP = operand(q, F);
        Tile to_q = {}, to_e = {}, to_k = {}, x;
        mma8<E>(to_q, kS.x, kS.y, dA & pairs.x);
        mma8<E>(to_k, qP.x, qP.y, dA_turned & pairs.y);
        if (kErase) {
          const uint2 eP = operand(e, F);
          mma8<E>(to_e, kS.x, kS.y, dL & pairs.x);
          mma8<E>(to_k, eP.x, eP.y, dL_turned & pairs.y);
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          dq[n][i] += F[i] * to_q[i], dk[n][i] += F[i] * to_k[i];
          x[i] = q[i] * to_q[i] + k[i] * to_k[i];
          if (kErase) de[n][i] += F[i] * to_e[i], x[i] += e[i] * to_e[i];
          x[i] *= F[i];
        }
        if (h == 1) dg[n][1] += x[1], dg[n][3] += x[3];
        else add_sums(dg[n], rounded(x).x, Ones{__uint_as_float(pairs.z), __uint_as_float(pairs.w)});
        if (h == 2) grow(2, p, s, T);
      }
    }
  }

  /// What rows of tile n get from sums to_q, to_e, and g of what they reach from tile `first` on; columns: to tile `last`.
  __device__ __forceinline__ void take_rows(int n, int first, const Tile& to_q, const Tile& to_e, const Tile& q, const Tile& e) {
    Tile x;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      dq[n][i] += P[n][i] * to_q[i];
      x[i] = q[i] * to_q[i];
      if (kErase) de[n][i] += P[n][i] * to_e[i], x[i] += e[i] * to_e[i];
      x[i] *= P[n][i];
    }
    reach_back(n, first, x);
  }
  __device__ __forceinline__ void take_columns(int n, int last, const Tile& to_k, const Tile& k) {
    Tile x;
#pragma unroll
    for (int i = 0; i < 4; ++i) x[i] = S[n][i] * to_k[i], dk[n][i] += x[i], x[i] *= k[i];
    reach_on(n, last, x);
  }
  __device__ __forceinline__ float decay_of_tiles(int n, int j) const { return P[n][2 * j] * S[n][2 * j]; }

  /// The same for tiles whose elements are still to be fetched.
  __device__ __forceinline__ void take_rows(int n, int first, const Tile& to_q, const Tile& to_e) {
    Tile q, k, e;
    fetch(m.q, n, q);
    if (kErase) fetch(m.k, n, k), fetch_e(n, k, e);
    take_rows(n, first, to_q, to_e, q, e);
  }
  __device__ __forceinline__ void take_columns(int n, int last, const Tile& to_k) {
    Tile k;
    fetch(m.k, n, k);
    take_columns(n, last, to_k, k);
  }
  /// A operands of tiles n and n + 1: S k and P q of `tile`, P e.
  __device__ __forceinline__ FragmentA operands(Address tile, int n, const Tile& F0, const Tile& F1) const {
    Tile x, y;
    fetch(tile, n, x);
    fetch(tile, n + 1, y);
    const uint2 low = operand(x, F0), high = operand(y, F1);
    return {low.x, low.y, high.x, high.y};
  }
  __device__ __forceinline__ FragmentA e_operands(int n) const {
    Tile k, x, y;
    fetch(m.k, n, k);
    fetch_e(n, k, x);
    fetch(m.k, n + 1, k);
    fetch_e(n + 1, k, y);
    const uint2 low = operand(x, P[n]), high = operand(y, P[n + 1]);
    return {low.x, low.y, high.x, high.y};
  }

  // ---- level 8: tiles 0|1 and 2|3; level 16: tiles 0,1|2,3
  __device__ __forceinline__ void middle() {
    {
      const int block = 4 * half + 2 * (lane / 16);  // matrices: dA, dL of block (1,0), then of (3,2)
      const Address at = piece_at(lane / 8 % 2 == 0 ? m.dA : m.dL, 8, 8 * (block + 1) + lane % 8, block);
      const uint4 straight = matrices(at), turned = matrices_turned(at);
#pragma unroll
      for (int u = 0; u < 2; ++u) {
        Tile q, k, k_right, e;
        fetch(m.k, 2 * u, k);
        fetch(m.q, 2 * u + 1, q);
        if (kErase) fetch(m.k, 2 * u + 1, k_right), fetch_e(2 * u + 1, k_right, e);
        const uint2 kS = operand(k, S[2 * u]), qP = operand(q, P[2 * u + 1]);
        Tile to_q = {}, to_e = {}, to_k = {};
        mma8<E>(to_q, kS.x, kS.y, u == 0 ? straight.x : straight.z);
        mma8<E>(to_k, qP.x, qP.y, u == 0 ? turned.x : turned.z);
        if (kErase) {
          const uint2 eP = operand(e, P[2 * u + 1]);
          mma8<E>(to_e, kS.x, kS.y, u == 0 ? straight.y : straight.w);
          mma8<E>(to_k, eP.x, eP.y, u == 0 ? turned.y : turned.w);
        }
        take_rows(2 * u + 1, 2 * u + 1, to_q, to_e, q, e);
        take_columns(2 * u, 2 * u, to_k, k);
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          const float left = decay_of_tiles(2 * u, j), right = decay_of_tiles(2 * u + 1, j);
#pragma unroll
          for (int i = 2 * j; i < 2 * j + 2; ++i) S[2 * u][i] *= right, P[2 * u + 1][i] *= left;
        }
      }
    }
    const int first = 32 * half;
    {
      const FragmentA kS = operands(m.k, 0, S[0], S[1]);
      const uint4 a = spots.rows_b(m.dA, first + 16, first);
      Tile to_q[2] = {}, to_e[2] = {};
      mma<E>(to_q[0], kS, a.x, a.y), mma<E>(to_q[1], kS, a.z, a.w);
      if (kErase) {
        const uint4 l = spots.rows_b(m.dL, first + 16, first);
        mma<E>(to_e[0], kS, l.x, l.y), mma<E>(to_e[1], kS, l.z, l.w);
      }
#pragma unroll
      for (int t = 0; t < 2; ++t) take_rows(2 + t, 2, to_q[t], to_e[t]);
    }
    {
      const FragmentA qP = operands(m.q, 2, P[2], P[3]);
      const uint4 a = spots.turned_b(m.dA, first, first + 16);
      Tile to_k[2] = {};
      mma<E>(to_k[0], qP, a.x, a.y), mma<E>(to_k[1], qP, a.z, a.w);
      if (kErase) {
        const FragmentA eP = e_operands(2);
        const uint4 l = spots.turned_b(m.dL, first, first + 16);
        mma<E>(to_k[0], eP, l.x, l.y), mma<E>(to_k[1], eP, l.z, l.w);
      }
#pragma unroll
      for (int t = 0; t < 2; ++t) take_columns(t, 1, to_k[t]);
    }
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const float left = decay_of_tiles(0, j), right = decay_of_tiles(2, j);
#pragma unroll
      for (int i = 2 * j; i < 2 * j + 2; ++i) S[0][i] *= right, S[1][i] *= right, P[2][i] *= left, P[3][i] *= left;
    }
  }

  // ---- level 32: half 0 has the columns, half 1 the rows. Before and after a block_sync().
  __device__ __forceinline__ void give_32() {
#pragma unroll
    for (int u = 0; u < 2; ++u) {
      const int at = (slice * 2 + u) * 32 + lane;
      const auto words = [](const FragmentA& a) { return make_uint4(a.a0, a.a1, a.a2, a.a3); };
      if (half == 0) {
        m.columns[at] = words(operands(m.k, 2 * u, S[2 * u], S[2 * u + 1]));
      } else {
        m.rows_q[at] = words(operands(m.q, 2 * u, P[2 * u], P[2 * u + 1]));
        if (kErase) m.rows_e[at] = words(e_operands(2 * u));
      }
    }
    if (c == 0) m.decay[half * kOwn + 16 * slice + r] = decay_of_tiles(0, 0), m.decay[half * kOwn + 16 * slice + r + 8] = decay_of_tiles(0, 1);
  }
  __device__ __forceinline__ void take_32() {
#pragma unroll
    for (int u = 0; u < 2; ++u) {
      Tile sums[2] = {}, sums_e[2] = {};
#pragma unroll
      for (int kt = 0; kt < 2; ++kt) {
        const int at = (slice * 2 + kt) * 32 + lane;
        if (half == 0) {
          const uint4 f = m.rows_q[at], a = spots.turned_b(m.dA, 16 * u, 32 + 16 * kt);
          mma<E>(sums[0], {f.x, f.y, f.z, f.w}, a.x, a.y), mma<E>(sums[1], {f.x, f.y, f.z, f.w}, a.z, a.w);
          if (kErase) {
            const uint4 g = m.rows_e[at], l = spots.turned_b(m.dL, 16 * u, 32 + 16 * kt);
            mma<E>(sums[0], {g.x, g.y, g.z, g.w}, l.x, l.y), mma<E>(sums[1], {g.x, g.y, g.z, g.w}, l.z, l.w);
          }
        } else {
          const uint4 f = m.columns[at], a = spots.rows_b(m.dA, 32 + 16 * u, 16 * kt);
          mma<E>(sums[0], {f.x, f.y, f.z, f.w}, a.x, a.y), mma<E>(sums[1], {f.x, f.y, f.z, f.w}, a.z, a.w);
          if (kErase) {
            const uint4 l = spots.rows_b(m.dL, 32 + 16 * u, 16 * kt);
            mma<E>(sums_e[0], {f.x, f.y, f.z, f.w}, l.x, l.y), mma<E>(sums_e[1], {f.x, f.y, f.z, f.w}, l.z, l.w);
          }
        }
      }
#pragma unroll
      for (int t = 0; t < 2; ++t) {
        if (half == 0) take_columns(2 * u + t, 3, sums[t]);
        else take_rows(2 * u + t, 0, sums[t], sums_e[t]);
      }
    }
    const float other[2] = {m.decay[(1 - half) * kOwn + 16 * slice + r], m.decay[(1 - half) * kOwn + 16 * slice + r + 8]};
#pragma unroll
    for (int n = 0; n < 4; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) S[n][i] *= half == 0 ? other[i / 2] : 1.0f, P[n][i] *= half == 0 ? 1.0f : other[i / 2];
  }

  // ---- to and from the states. Before and after a block_sync().
  __device__ __forceinline__ void states(int thread, int threads) {
    Tile all = {};  // sums over the half, of columns (half 0) or rows (half 1), the same in all of a channel's tokens
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      Tile q, k, e, rows = {}, columns;
      fetch(m.k, n, k);
      {
        const float4 d = m.parked[(8 + n) * threads + thread];
        const Tile to_k = {d.x, d.y, d.z, d.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) columns[i] = S[n][i] * to_k[i], dk[n][i] += columns[i], columns[i] *= k[i];
        reach_on(n, 3, columns);
      }
      fetch(m.q, n, q);
      if (kErase) fetch_e(n, k, e);
      const float4 a = m.parked[n * threads + thread];
      const Tile to_q = {a.x, a.y, a.z, a.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) dq[n][i] += P[n][i] * to_q[i], rows[i] = q[i] * to_q[i];
      if (kErase) {
        const float4 b = m.parked[(4 + n) * threads + thread];
        const Tile to_e = {b.x, b.y, b.z, b.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) de[n][i] += P[n][i] * to_e[i], rows[i] += e[i] * to_e[i];
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) rows[i] *= P[n][i];
      reach_back(n, 0, rows);
      if (half == 0) add_sums(all, rounded(columns).x, everywhere());
      else add_sums(all, rounded(rows).x, everywhere());
    }
    if (c == 0) m.totals[half * kOwn + 16 * slice + r] = all[0], m.totals[half * kOwn + 16 * slice + r + 8] = all[2];
  }
  __device__ __forceinline__ void take_totals() {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const int channel = 16 * slice + r + 8 * j;
      const float add = m.totals[(1 - half) * kOwn + channel] + m.through[channel];
#pragma unroll
      for (int n = 0; n < 4; ++n) dg[n][2 * j] += add, dg[n][2 * j + 1] += add;
    }
  }
};

}  // namespace fw::cuda::chunk
