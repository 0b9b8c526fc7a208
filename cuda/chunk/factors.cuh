// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The chunk factors (C1)-(C3), (C5)-(C7) of 64 tokens of one gate head, all chunks at once: q k g b (beta) in, an image
// (params.h) for the scan out.
//
// Mapping: block = one slot and gate head, Kp/16 warps; warp = 16 channels of all 64 tokens; lane = tokens 8 t + lane/4 and four
// channels (tree.cuh). Half a chunk at a time, so that a lane holds 16 elements of each tensor and no more than 128 registers.
// Sums over channels cross the warps through shared memory in a fixed order: the same bits on every run.
//
// Shared memory, bytes:  4864                                rows and scalar tables
//                       + 8192                               A of E
//                       + 17408 + 128 Kp                     L float32 [64,68] and E-bar of E, with erase only
//                       + 192 Kp                             fragments of level 32, later Tinv of E (8192)
//                       + max(320 Kp, 22016)                 partial sums, later X = Tinv float32
// Kp = 64: 72960, three blocks on a multiprocessor of sm_90 (228 KB, 1 KB of it taken by every block), two on one of sm_80 (164 KB).
// Kp = 128: 112384, two on sm_90, one on sm_80 (a block may have 163 KB there).
// Kp = 256: 194304, one on sm_90 (a block may have 227 KB); more than sm_80 has.
//
// Ranges: alpha in [0,1]; every decay factor is a product of alphas, none is a quotient or the exponential of a difference, so all
// are in [0,1] and right for g = -inf. Operands are rounded once, from float32 products, to E; sums, L and its inverse are float32.
// Row factors (1/|q|, 1/|k|, the one erase gate of a token, scale) are applied to the sums.
#pragma once

#include "cuda/chunk/scores.cuh"

namespace fw::cuda::chunk {

/// Four channels of a row of an image part or of E-bar.
template <class E>
__device__ __forceinline__ void store_row(char* at, const float (&x)[4]) { *reinterpret_cast<uint2*>(at) = make_uint2(pack<E>(x[0], x[1]), pack<E>(x[2], x[3])); }

/// X = Tinv, rounded to E, to shared memory and to the image; zeros above the diagonal.
template <class E>
__device__ __forceinline__ void round_inverse(const FactorMemory& m, char* T, int thread, int threads) {
  for (int n = thread; n < 512; n += threads) {
    const int i = n / 8, j = n % 8 * 8;
    const float4 low = *reinterpret_cast<const float4*>(m.X + i * kPitch + j), high = *reinterpret_cast<const float4*>(m.X + i * kPitch + j + 4);
    const float x[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
    std::uint32_t word[4];
#pragma unroll
    for (int l = 0; l < 4; ++l) word[l] = pack<E>(j + 2 * l <= i ? x[2 * l] : 0.0f, j + 2 * l + 1 <= i ? x[2 * l + 1] : 0.0f);
    const int at = place_in_tile<8>(i, n % 8);
    const uint4 piece = make_uint4(word[0], word[1], word[2], word[3]);
    *reinterpret_cast<uint4*>(m.T_inv + at) = piece;
    *reinterpret_cast<uint4*>(T + at) = piece;
  }
}

/// -W = -Tinv E-bar (C3), each warp its 16 channels: over E-bar, then to the image.
template <class E>
__device__ __forceinline__ void form_W(const FactorMemory& m, char* W, int Kp, int warp, int lane) {
  float d[4][2][4] = {};
#pragma unroll
  for (int kt = 0; kt < 4; ++kt) {
    const int row = 16 * kt + lane % 16;
    const uint4 e = ldmatrix_transposed(m.E_bar + place_in_tile(Kp / 8, row, 2 * warp + lane / 16));
#pragma unroll
    for (int mt = kt; mt < 4; ++mt) {
      const uint4 t = ldmatrix(m.T_inv + place_in_tile<8>(16 * mt + lane % 16, 2 * kt + lane / 16));
      mma<E>(d[mt][0], {t.x, t.y, t.z, t.w}, e.x, e.y);
      mma<E>(d[mt][1], {t.x, t.y, t.z, t.w}, e.z, e.w);
    }
  }
  warp_sync();
#pragma unroll
  for (int mt = 0; mt < 4; ++mt)
#pragma unroll
    for (int n = 0; n < 4; ++n) {  // columns n / 2, rows n % 2
      const int row = 16 * mt + 8 * (n % 2) + lane / 4;
      *reinterpret_cast<std::uint32_t*>(m.E_bar + place_in_tile(Kp / 8, row, 2 * warp + n / 2) + lane % 4 * 4) =
          pack<E>(-d[mt][n / 2][n % 2 * 2], -d[mt][n / 2][n % 2 * 2 + 1]);
    }
  warp_sync();
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    const int at = place_in_tile(Kp / 8, 16 * n + lane / 2, 2 * warp + lane % 2);
    *reinterpret_cast<uint4*>(W + at) = *reinterpret_cast<const uint4*>(m.E_bar + at);
  }
}

/// Blocks of factors_kernel that find room on a multiprocessor of sm_90.
constexpr int blocks_of_factors(int width) { return width == 64 ? 3 : width == 128 ? 2 : 1; }

/// kWidth: Kp, where the rows of q k b g begin at multiples of four elements and Dk is one; 0: any Kp and Dk.
template <class X, bool kChannel, bool kErase, int kWidth>
__global__ void __launch_bounds__(kWidth == 0 ? 512 : 2 * kWidth, blocks_of_factors(kWidth)) factors_kernel(const FactorParams p) {
  using E = Operand<X>;
  const int Kp = kWidth == 0 ? p.Kp : kWidth, threads = 2 * Kp;
  const index_t slot = block_in_grid() / p.heads;
  const int head = block_in_grid() % p.heads;
  const Chunk chunk = chunk_of_slot(p.tokens, slot);
  if (chunk.rows <= 0) return;
  const int thread = thread_in_block(), warp = thread / 32, lane = thread % 32, channel = 16 * warp + lane % 4 * 4, r = lane / 4;
  const FactorSource<X> from(p, chunk, head);
  const FactorMemory m(shared_memory(), Kp, kErase);
  const Image layout{Kp, kErase};
  char* image = p.images + (slot * p.heads + head) * layout.bytes();
  float4* partial = m.partial + warp * kTiles * 32;

  // 1. The first half is on its way while row factors are made.
  RawHalf<X> raw;
  from.template load<kWidth != 0, kChannel, kErase>(raw, 0, lane, channel);
  prepare_rows<X, kChannel, kErase>(from, m, Kp, thread, threads);
  block_sync();

  // 2. Half by half: scores inside the half; Q-bar, E-bar, K-tail; the fragments of level 32.
  const int place = place_in_tile(Kp / 8, r, channel / 8) + channel % 8 * 2;  // in row r of a part; row 8 t + r is 16 t Kp bytes behind
  float T_left[4], k_left[4][4];  // of the first half: its whole decay, k S_32
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    Half<X> x;
    from.template convert<kChannel, kErase>(raw, x, half, lane, channel, Kp, partial + lane);
    if (kChannel) tree_scores<X, kErase>(x, partial, lane);
    else plain_scores<X, kErase>(x, partial, lane);
    float T_half[4];
#pragma unroll
    for (int n = 0; n < 4; ++n) T_half[n] = kChannel ? x.P[0][n] * x.S[0][n] : 1.0f;
#pragma unroll
    for (int t = 0; t < 4; ++t) {
      const int tile = 4 * half + t;
      char *to = image + place + 16 * tile * Kp, *to_k = to + layout.k();
      const float4 row = m.rows[8 * tile + r], q4 = to_floats<X>(x.q[t]), k4 = to_floats<X>(x.k[t]);
      float q[4] = {q4.x, q4.y, q4.z, q4.w}, k[4] = {k4.x, k4.y, k4.z, k4.w};
      float e[4] = {x.e[t][0], x.e[t][1], x.e[t][2], x.e[t][3]};
      if (kChannel) {
#pragma unroll
        for (int n = 0; n < 4; ++n) q[n] *= x.P[t][n], e[n] *= x.P[t][n], k[n] *= x.S[t][n];
        if (half == 0) m.columns32[(warp * 4 + t) * 32 + lane] = make_uint2(pack<E>(k[0], k[1]), pack<E>(k[2], k[3]));
        else m.rows32[(warp * 4 + t) * 32 + lane] = make_uint4(kErase ? pack<E>(e[0], e[1]) : 0u, pack<E>(q[0], q[1]), kErase ? pack<E>(e[2], e[3]) : 0u, pack<E>(q[2], q[3]));
        if (half == 1)
#pragma unroll
          for (int n = 0; n < 4; ++n) q[n] *= T_left[n], e[n] *= T_left[n];
#pragma unroll
        for (int n = 0; n < 4; ++n) q[n] *= row.x, e[n] *= row.y, k[n] *= row.z;
      } else {
        FragmentA a;
        uint2 b;
        plain_fragments<X, kErase>(x, t, a, b);
        if (half == 0) m.columns32[(warp * 4 + t) * 32 + lane] = b;
        else m.rows32[(warp * 4 + t) * 32 + lane] = make_uint4(a.a0, a.a1, a.a2, a.a3);
        const float prefix = m.prefix[8 * tile + r], suffix = m.suffix[8 * tile + r] * row.z, of_q = prefix * row.x, of_e = prefix * row.y;
#pragma unroll
        for (int n = 0; n < 4; ++n) q[n] *= of_q, e[n] *= of_e, k[n] *= suffix;
      }
      store_row<E>(to, q);
      if (kErase) store_row<E>(m.E_bar + place + 16 * tile * Kp, e);
      if (half == 1 || !kChannel) store_row<E>(to_k, k);
      if (!kChannel) continue;
      if (half == 0) {
#pragma unroll
        for (int n = 0; n < 4; ++n) k_left[t][n] = k[n];
      } else {
#pragma unroll
        for (int n = 0; n < 4; ++n) k_left[t][n] *= T_half[n];
        store_row<E>(to_k - 64 * Kp, k_left[t]);
      }
    }
    if (half == 0) {
#pragma unroll
      for (int n = 0; n < 4; ++n) T_left[n] = T_half[n];
      from.template load<kWidth != 0, kChannel, kErase>(raw, 1, lane, channel);
    } else if (r == 0) {
      float4* gamma = reinterpret_cast<float4*>(image + layout.gamma() + channel * 4);
      const float all = kChannel ? 1.0f : m.prefix[63];
      *gamma = make_float4(T_left[0] * T_half[0] * all, T_left[1] * T_half[1] * all, T_left[2] * T_half[2] * all, T_left[3] * T_half[3] * all);
    }
    block_sync();
    reduce_half<E, kChannel, kErase>(m, half, thread, threads);
    if (half == 0) block_sync();
  }
  level_32<E, kChannel, kErase>(m, thread, threads);
  block_sync();

  // 3. A; the inverse; W.
  const auto copy_A = [&](int first, int step) {
    for (int n = first; n < 512; n += step) reinterpret_cast<uint4*>(image + layout.a())[n] = reinterpret_cast<const uint4*>(m.A)[n];
  };
  if (!kErase) return copy_A(thread, threads);
  invert_unit_lower(m.L, m.X, thread, threads, copy_A);
  round_inverse<E>(m, image + layout.t(), thread, threads);
  block_sync();
  form_W<E>(m, image + layout.w(), Kp, warp, lane);
}

}  // namespace fw::cuda::chunk
