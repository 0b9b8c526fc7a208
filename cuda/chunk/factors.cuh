// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The chunk factors (C1)-(C3), (C5)-(C7) of 64 tokens of one gate head, all chunks at once: q k g b (beta) in, an image
// (params.h) for the scan out.
//
// Mapping: block = one slot and gate head, Kp/16 warps; warp = 16 channels of all 64 tokens; lane = tokens 8 t + lane/4 and four
// channels (tree.cuh). Half a chunk at a time, so that a lane holds 16 elements of each tensor and no more than 128 registers.
// The tensors of the second half are asked for tile by tile while the first one's results leave, into the registers that become free.
// Sums over channels cross the warps through shared memory in a fixed order: the same bits on every run.
//
// Q-bar and K-tail go from registers to the image; A, Tinv and W, whole and contiguous there, by bulk stores (sm_90; else copied).
//
// Shared memory, bytes:  4992                                rows and scalar tables
//                       + 8192                               A of E
//                       + 17408 + 128 Kp                     L float32 [64,68] and E-bar of E, with erase only
//                       + 192 Kp                             fragments of level 32, later Tinv of E (8192)
//                       + max(320 Kp, 22016)                 partial sums, later X = Tinv float32
// Kp = 64: 73088, three blocks on a multiprocessor of sm_90 (228 KB, 1 KB of it taken by every block), two on one of sm_80
// (164 KB).
// Kp = 128: 112512, two on sm_90, one on sm_80 (a block may have 163 KB there).
// Kp = 256: 194432, one on sm_90 (a block may have 227 KB); more than sm_80 has.
//
// Ranges: alpha in [0,1]; every decay factor is a product of alphas, none is a quotient or the exponential of a difference, so all
// are in [0,1] and right for g = -inf. Operands are rounded once, from float32 products, to E; sums, L and its inverse are float32.
// Row factors (1/|q|, 1/|k|, the one erase gate of a token, scale) are applied to the sums.
#pragma once

#include "cuda/chunk/scores.cuh"

namespace fw::cuda::chunk {

/// Four channels of a row of an image part or of E-bar.
template <class E>
__device__ __forceinline__ void store_row(char* at, const float (&x)[4]) {
  *reinterpret_cast<uint2*>(at) = make_uint2(pack<E>(x[0], x[1]), pack<E>(x[2], x[3]));
}

/// A part of the image, ready in shared memory. All threads, behind a block_sync().
__device__ __forceinline__ void store_part(char* to, const char* from, int bytes, int thread, int threads) {
  if (!kBulkCopies) {
    for (int n = 16 * thread; n < bytes; n += 16 * threads) *reinterpret_cast<uint4*>(to + n) = *reinterpret_cast<const uint4*>(from + n);
  } else if (thread == 0) {
    bulk_store(to, from, bytes);
  }
}

/// The diagonal blocks of X = Tinv, rounded to E, and zeros above them.
template <class E>
__device__ __forceinline__ void round_diagonal(const FactorMemory& m, int thread, int threads) {
  for (int n = thread; n < 256; n += threads) {
    const int i = n / 4, piece = n % 4 + i / 32 * 4;
    uint4 words = make_uint4(0u, 0u, 0u, 0u);
    if (piece / 2 <= i / 16) {  // within its blocks of 16 X has zeros itself
      const float* x = m.X + i * kPitch + 8 * piece;
      const float4 low = *reinterpret_cast<const float4*>(x), high = *reinterpret_cast<const float4*>(x + 4);
      words = make_uint4(pack<E>(low.x, low.y), pack<E>(low.z, low.w), pack<E>(high.x, high.y), pack<E>(high.z, high.w));
    }
    *reinterpret_cast<uint4*>(m.T_inv + place_in_tile<8>(i, piece)) = words;
    if (i < 32) *reinterpret_cast<uint4*>(m.T_inv + place_in_tile<8>(i, piece + 4)) = make_uint4(0u, 0u, 0u, 0u);
  }
}

/// -W = -Tinv E-bar (C3) over E-bar, each warp its 16 channels.
template <class E>
__device__ __forceinline__ void form_W(const FactorMemory& m, int Kp, int warp, int lane) {
  float d[4][2][4] = {};
  const char* e_at = m.E_bar + place_in_part(lane % 16, 2 * warp + lane / 16);  // rows 16 kt further: the same swizzle
#pragma unroll
  for (int kt = 0; kt < 4; ++kt) {
    const uint4 e = ldmatrix_transposed(e_at + 2048 * kt);
    const char* t_at = m.T_inv + place_in_tile<8>(lane % 16, 2 * kt + lane / 16);
#pragma unroll
    for (int mt = kt; mt < 4; ++mt) {
      const uint4 t = ldmatrix(t_at + 2048 * mt);
      mma<E>(d[mt][0], {t.x, t.y, t.z, t.w}, e.x, e.y);
      mma<E>(d[mt][1], {t.x, t.y, t.z, t.w}, e.z, e.w);
    }
  }
  warp_sync();
#pragma unroll
  for (int n = 0; n < 2; ++n) {
    char* at = m.E_bar + place_in_part(lane / 4, 2 * warp + n) + lane % 4 * 4;
#pragma unroll
    for (int mt = 0; mt < 4; ++mt) {
      *reinterpret_cast<std::uint32_t*>(at + 2048 * mt) = pack<E>(-d[mt][n][0], -d[mt][n][1]);
      *reinterpret_cast<std::uint32_t*>(at + 2048 * mt + 1024) = pack<E>(-d[mt][n][2], -d[mt][n][3]);
    }
  }
}

/// The rows of q k b g that the block p.ahead blocks on will read, to the L2: it runs where this one has ended. With p.chunk_grid.
template <class X, class G, bool kErase>
__device__ __forceinline__ void prefetch_ahead(const FactorParams& p, int thread, int threads) {
  const unsigned at = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z) + static_cast<unsigned>(p.ahead);
  const unsigned rest = at / gridDim.x, z = rest / gridDim.y, n = rest % gridDim.y;
  if (z >= gridDim.z) return;
  const int T = static_cast<int>(p.tokens.T), first = static_cast<int>(gridDim.z - 1 - z) * kRows;
  const FactorSource<X> from(p, {static_cast<int>(n), static_cast<index_t>(n) * T + first, min(T - first, kRows)}, static_cast<int>(at % gridDim.x));
  const int bytes = p.Dk * static_cast<int>(sizeof(X));
  for (int m = thread; m < 4 * kRows; m += threads) {
    const int i = m % kRows, tensor = m / kRows;
    if (i >= from.chunk.rows) continue;
    if (tensor == 0) prefetch(from.row(from.first.k, p.q_step, i), bytes);
    if (tensor == 1) prefetch(from.row(from.first.q, p.q_step, i), bytes);
    if (tensor == 2) prefetch(from.row(from.first.g, p.g_step, i), p.Dk * static_cast<int>(sizeof(G)));
    if (tensor == 3 && kErase && p.erase == Erase::channel) prefetch(from.row(from.first.b, p.b_step, i), bytes);
  }
}

inline constexpr int kMostOfGrid = 32768;  ///< of y and z. Grid: gate heads, sequences, chunks of a sequence from the last to the first; or gate heads and slots in y and z

/// Blocks of factors_kernel that find room on a multiprocessor of sm_90.
constexpr int blocks_of_factors(int width) { return width == 64 ? 3 : width == 128 ? 2 : 1; }

/// kWidth: Kp, where the rows of q k b g begin at multiples of four elements and Dk is one; 0: any Kp and Dk. G: element type of g,
/// where it has channels and kWidth is not 0.
template <class X, class G, bool kChannel, bool kErase, int kWidth>
__global__ void __launch_bounds__(kWidth == 0 ? 512 : 2 * kWidth, blocks_of_factors(kWidth)) factors_kernel(const FactorParams p) {
  using E = Operand<X>;
  const int Kp = kWidth == 0 ? p.Kp : kWidth, threads = 2 * Kp, warps = Kp / 16;
  const int head = static_cast<int>(blockIdx.x);
  index_t slot;
  Chunk chunk;
  if (p.chunk_grid) {
    const unsigned c = gridDim.z - 1 - blockIdx.z;  // the scan begins with chunk 0: what was written last is still in the L2
    const int n = static_cast<int>(blockIdx.y), first = static_cast<int>(c) * kRows, T = static_cast<int>(p.tokens.T);
    const unsigned long long begin = static_cast<unsigned long long>(blockIdx.y) * static_cast<unsigned>(T);
    slot = static_cast<index_t>(begin / kRows + blockIdx.y + c);
    chunk = {n, static_cast<index_t>(begin) + first, min(T - first, kRows)};
  } else {
    slot = static_cast<index_t>(blockIdx.z) * kMostOfGrid + blockIdx.y;
    if (slot >= p.slots) return;
    chunk = chunk_of_slot(p.tokens, slot);
  }
  if (chunk.rows <= 0) return;
  const int thread = static_cast<int>(threadIdx.x & 1023u), warp = thread / 32, lane = thread % 32, channel = 16 * warp + lane % 4 * 4, r = lane / 4;
  const FactorSource<X> from(p, chunk, head);
  const FactorMemory m(shared_memory(), Kp, kErase);
  const Image layout{Kp, kErase};
  char* image = p.images + (slot * p.heads + head) * layout.bytes();
  float4* partial = m.partial + warp * kTiles * 32;

  // 1. The first half is on its way while row factors are made.
  RawHalf<X> raw;
  from.template load<G, kWidth != 0, kChannel, kErase>(raw, from.first, 0, lane, channel);
  prepare_rows<X, kWidth != 0, kChannel, kErase>(from, m, Kp, warp, lane);
  block_sync();

  // 2. Half by half: scores inside the half; Q-bar, E-bar, K-tail; the fragments of level 32.
  const int place = place_in_part(r, channel / 8) + channel % 8 * 2;  // in row r of a part; row 8 t + r is 1024 t bytes behind
  float T_left[4] = {1.0f, 1.0f, 1.0f, 1.0f};                                 // decay of the whole first half
  float4* gamma = reinterpret_cast<float4*>(image + layout.gamma() + channel * 4);
  float4* k_left = reinterpret_cast<float4*>(m.rows32) + warp * 128 + lane;    // k S_32 of the first half, until the second one's rows
#pragma unroll 1
  for (int half = 0;; ++half) {
    Half<X> x;
    from.template convert<G, kWidth != 0, kChannel, kErase>(raw, x, half, lane, channel, Kp, partial + lane);
    if (kChannel) tree_scores<X, kErase>(x, partial, lane);
    else plain_scores<X, kErase>(x, partial, lane);
    float T_half[4];
#pragma unroll
    for (int n = 0; n < 4; ++n) T_half[n] = kChannel ? x.P[0][n] * x.S[0][n] : 1.0f;
    char *to = image + place + 4096 * half, *to_e = m.E_bar + place + 4096 * half;
    const float4* rows = m.rows + 32 * half + r;
    if (!kChannel) {
#pragma unroll
      for (int t = 0; t < 4; ++t) {
        FragmentA a;
        uint2 b;
        plain_fragments<X, kErase>(x, t, a, b);
        if (half == 0) m.columns32[(warp * 4 + t) * 32 + lane] = b;
        else m.rows32[(warp * 4 + t) * 32 + lane] = make_uint4(a.a0, a.a1, a.a2, a.a3);
        const int i = 32 * half + 8 * t + r;
        const float4 row = rows[8 * t], q = to_floats<X>(x.q[t]), k = to_floats<X>(x.k[t]);
        const float of_q = m.prefix[i] * row.x, of_e = m.prefix[i] * row.y, of_k = m.suffix[i] * row.z;
        store_row<E>(to + 1024 * t, {q.x * of_q, q.y * of_q, q.z * of_q, q.w * of_q});
        store_row<E>(to + 1024 * t + layout.k(), {k.x * of_k, k.y * of_k, k.z * of_k, k.w * of_k});
        if (kErase) store_row<E>(to_e + 1024 * t, {x.e[t][0] * of_e, x.e[t][1] * of_e, x.e[t][2] * of_e, x.e[t][3] * of_e});
      }
      if (half == 1) {
        if (r == 0) *gamma = make_float4(m.prefix[63], m.prefix[63], m.prefix[63], m.prefix[63]);
        break;
      }
      from.template load<G, kWidth != 0, kChannel, kErase>(raw, *m.first, 1, lane, channel);
    } else if (half == 0) {
#pragma unroll
      for (int t = 0; t < 4; ++t) {
        const float4 row = rows[8 * t], q = to_floats<X>(x.q[t]), k = to_floats<X>(x.k[t]);
        const auto &P = x.P[t], &S = x.S[t], &e = x.e[t];
        store_row<E>(to + 1024 * t, {q.x * P[0] * row.x, q.y * P[1] * row.x, q.z * P[2] * row.x, q.w * P[3] * row.x});
        if (kErase) store_row<E>(to_e + 1024 * t, {e[0] * P[0] * row.y, e[1] * P[1] * row.y, e[2] * P[2] * row.y, e[3] * P[3] * row.y});
        const float kS[4] = {k.x * S[0], k.y * S[1], k.z * S[2], k.w * S[3]};
        m.columns32[(warp * 4 + t) * 32 + lane] = make_uint2(pack<E>(kS[0], kS[1]), pack<E>(kS[2], kS[3]));
        k_left[32 * t] = make_float4(kS[0] * row.z, kS[1] * row.z, kS[2] * row.z, kS[3] * row.z);
        from.template load<G, kWidth != 0, kChannel, kErase>(raw, *m.first, 1, lane, channel, t, t + 1);  // into the registers of this tile
      }
#pragma unroll
      for (int n = 0; n < 4; ++n) T_left[n] = T_half[n];
    } else {
#pragma unroll
      for (int t = 0; t < 4; ++t) {
        const float4 row = rows[8 * t], q4 = to_floats<X>(x.q[t]), k = to_floats<X>(x.k[t]);
        const auto &S = x.S[t];
        float q[4] = {q4.x, q4.y, q4.z, q4.w}, e[4];
#pragma unroll
        for (int n = 0; n < 4; ++n) q[n] *= x.P[t][n], e[n] = x.e[t][n] * x.P[t][n];
        const float4 left = k_left[32 * t];
        m.rows32[(warp * 4 + t) * 32 + lane] =
            make_uint4(kErase ? pack<E>(e[0], e[1]) : 0u, pack<E>(q[0], q[1]), kErase ? pack<E>(e[2], e[3]) : 0u, pack<E>(q[2], q[3]));
#pragma unroll
        for (int n = 0; n < 4; ++n) q[n] *= T_left[n] * row.x, e[n] *= T_left[n] * row.y;
        store_row<E>(to + 1024 * t, q);
        if (kErase) store_row<E>(to_e + 1024 * t, e);
        store_row<E>(to + 1024 * t + layout.k(), {k.x * S[0] * row.z, k.y * S[1] * row.z, k.z * S[2] * row.z, k.w * S[3] * row.z});
        store_row<E>(to + 1024 * t + layout.k() - 4096, {left.x * T_half[0], left.y * T_half[1], left.z * T_half[2], left.w * T_half[3]});
      }
      if (r == 0) *gamma = make_float4(T_left[0] * T_half[0], T_left[1] * T_half[1], T_left[2] * T_half[2], T_left[3] * T_half[3]);
      break;
    }
    block_sync();
    reduce_half<E, kChannel, kErase>(m, 0, warp, warps, lane);
    block_sync();
  }
  block_sync();
  reduce_half<E, kChannel, kErase>(m, 1, warp, warps, lane);
  block_sync();

  // 3. Level 32; the inverse; A; W.
  if (kWidth != 0 && kChannel && kBulkCopies && p.ahead > 0) prefetch_ahead<X, G, kErase>(p, thread, threads);
  const auto between = [&](int warp, int of) { level_32<E, kChannel, kErase>(m, warps, warp, of, lane); };
  if (!kErase) {
    between(warp, warps);
    block_sync();
    store_part(image + layout.a(), m.A, 8192, thread, threads);
  } else {
    const auto diagonal = [&](int warp, int of) { round_diagonal<E>(m, 32 * warp + lane, 32 * of); };
    const auto lower = [&](int i, int j, float x, float y) {
      *reinterpret_cast<std::uint32_t*>(m.T_inv + place_in_tile<8>(i, j / 8) + j % 8 * 2) = pack<E>(x, y);
    };
    invert_unit_lower(m.L, m.X, warp, warps, lane, between, diagonal, lower);
    block_sync();
    store_part(image + layout.a(), m.A, 8192, thread, threads);
    store_part(image + layout.t(), m.T_inv, 8192, thread, threads);
    form_W<E>(m, Kp, warp, lane);
    block_sync();
    store_part(image + layout.w(), m.E_bar, 128 * Kp, thread, threads);
  }
  if (thread == 0) bulk_stores_read();
}

}  // namespace fw::cuda::chunk
