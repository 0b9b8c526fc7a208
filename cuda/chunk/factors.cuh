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
// Shared memory, bytes:  4608                                rows and scalar tables
//                       + 8192                               A of E
//                       + 17408 + 128 Kp                     L float32 [64,68] and E-bar of E, with erase only
//                       + 192 Kp                             fragments of level 32, later Tinv of E (8192)
//                       + max(320 Kp, 22016)                 partial sums, later X = Tinv float32
// Kp = 128: 109056, so two blocks fit on a multiprocessor of sm_90.
//
// Ranges: alpha in [0,1]; every decay factor is a product of alphas, none is a quotient or the exponential of a difference, so all
// are in [0,1] and right for g = -inf. Operands are rounded once, from float32 products, to E; sums, L and its inverse are float32.
// Row factors (1/|q|, 1/|k|, the one erase gate of a token, scale) are applied to the sums.
#pragma once

#include "cuda/chunk/inverse.cuh"
#include "cuda/chunk/tree.cuh"

namespace fw::cuda::chunk {

/// Shared memory of a block.
struct FactorMemory {
  float *row_q, *row_e, *row_k;      ///< [64] factors of rows of A and Q-bar, of L and E-bar, of columns
  float *alpha, *prefix, *suffix;    ///< [64] one decay for all channels: it, prod(0..i), prod(i+1..63)
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
    row_q = reinterpret_cast<float*>(at), row_e = row_q + 64, row_k = row_q + 128;
    alpha = row_q + 192, prefix = row_q + 256, suffix = row_q + 320, P = row_q + 384, S = row_q + 768;
    at += 4608, A = at;
    at += 8192, L = reinterpret_cast<float*>(at), E_bar = at + kSquare * 4;
    if (erase) at += kSquare * 4 + 128 * Kp;
    rows32 = reinterpret_cast<uint4*>(at), columns32 = reinterpret_cast<uint2*>(at + 128 * Kp), T_inv = at;
    at += 192 * Kp;
    partial = reinterpret_cast<float4*>(at), X = reinterpret_cast<float*>(at);
  }
  static int bytes(int Kp, bool erase) {
    return 4608 + 8192 + (erase ? kSquare * 4 + 128 * Kp : 0) + 192 * Kp + (320 * Kp > kInverseRoom * 4 ? 320 * Kp : kInverseRoom * 4);
  }
};

/// Which rows of the tensors a block reads.
template <class X>
struct FactorSource {
  const FactorParams& p;
  Chunk chunk;
  int h, g_head, b_head, beta_head;
  __device__ __forceinline__ FactorSource(const FactorParams& params, const Chunk& at, int head) : p(params), chunk(at) {
    const int group = p.HV / p.H;
    h = p.heads == p.H ? head : head / group;
    g_head = p.g_heads == p.heads ? head : h;
    b_head = p.b_heads == p.heads ? head : h;
    beta_head = head;
  }
  template <class Y>
  __device__ __forceinline__ const Y* row(const void* tensor, int heads, int head, int width, int i) const {
    return i < chunk.rows ? static_cast<const Y*>(tensor) + ((chunk.token + i) * heads + head) * width : nullptr;
  }
  __device__ __forceinline__ const X* q(int i) const { return row<X>(p.q, p.H, h, p.Dk, i); }
  __device__ __forceinline__ const X* k(int i) const { return row<X>(p.k, p.H, h, p.Dk, i); }
  __device__ __forceinline__ const X* b(int i) const { return row<X>(p.b, p.b_heads, b_head, p.Dk, i); }
  /// Raw g of four channels.
  __device__ __forceinline__ float4 g(int i, int channel) const {
    if (p.g_is_float) return load_four(row<float>(p.g, p.g_heads, g_head, p.Dk, i), channel, p.Dk, p.vectors);
    return to_floats<X>(load_four(row<X>(p.g, p.g_heads, g_head, p.Dk, i), channel, p.Dk, p.vectors));
  }
  /// Raw g where it is one number.
  __device__ __forceinline__ float g(int i) const {
    return p.g_is_float ? *row<float>(p.g, p.g_heads, g_head, 1, i) : to_float(*row<X>(p.g, p.g_heads, g_head, 1, i));
  }

  template <bool kChannel, bool kErase>
  __device__ __forceinline__ void load(RawHalf<X>& raw, int half, int lane, int channel) const {
    const bool gates = kErase && p.erase == Erase::channel;
#pragma unroll
    for (int t = 0; t < 4; ++t) {
      const int i = 32 * half + 8 * t + lane / 4;
      raw.q[t] = load_four(q(i), channel, p.Dk, p.vectors);
      raw.k[t] = load_four(k(i), channel, p.Dk, p.vectors);
      if (gates) raw.b[t] = load_four(b(i), channel, p.Dk, p.vectors);
      if (kChannel) raw.g[t] = g(i, channel);
    }
  }
  /// Raw g to g where there is an activation.
  __device__ __forceinline__ void activate(RawHalf<X>& raw, int channel) const {
    if (p.activation == DecayActivation::none) return;
    const DecayOfHead decay = decay_of_head(p, g_head);
    float bias[4] = {};
    if (p.dt_bias != nullptr)
#pragma unroll
      for (int n = 0; n < 4; ++n)
        if (channel + n < p.Dk) bias[n] = p.bias_per_channel ? p.dt_bias[g_head * p.Dk + channel + n] : p.dt_bias[g_head];
#pragma unroll
    for (int t = 0; t < 4; ++t)
      raw.g[t] = make_float4(decay.g(raw.g[t].x, bias[0]), decay.g(raw.g[t].y, bias[1]), decay.g(raw.g[t].z, bias[2]), decay.g(raw.g[t].w, bias[3]));
  }
  template <bool kChannel, bool kErase>
  __device__ __forceinline__ void convert(const RawHalf<X>& raw, Half<X>& x, int half, int lane) const {
    if (kErase) {
      const bool gates = p.erase == Erase::channel;
#pragma unroll
      for (int t = 0; t < 4; ++t) {
        const float4 k = to_floats<X>(raw.k[t]), b = gates ? to_floats<X>(raw.b[t]) : make_float4(1.0f, 1.0f, 1.0f, 1.0f);
        x.e[t][0] = b.x * k.x, x.e[t][1] = b.y * k.y, x.e[t][2] = b.z * k.z, x.e[t][3] = b.w * k.w;
      }
      if (gates && p.sigmoid)
#pragma unroll
        for (int t = 0; t < 4; ++t) {
          const float4 k = to_floats<X>(raw.k[t]), b = to_floats<X>(raw.b[t]);
          x.e[t][0] = erase_gate(p, b.x) * k.x, x.e[t][1] = erase_gate(p, b.y) * k.y;
          x.e[t][2] = erase_gate(p, b.z) * k.z, x.e[t][3] = erase_gate(p, b.w) * k.w;
        }
    }
#pragma unroll
    for (int t = 0; t < 4; ++t) {
      x.q[t] = raw.q[t], x.k[t] = raw.k[t];
      if (!kChannel) continue;
      const bool token = 32 * half + 8 * t + lane / 4 < chunk.rows;
      const float g[4] = {raw.g[t].x, raw.g[t].y, raw.g[t].z, raw.g[t].w};
#pragma unroll
      for (int n = 0; n < 4; ++n) x.P[t][n] = token ? alpha_of(g[n]) : 1.0f, x.S[t][n] = 1.0f;
    }
  }
};

/// Factors of rows; with one decay for all channels also its products. All threads.
template <class X, bool kChannel, bool kErase>
__device__ __forceinline__ void prepare_rows(const FactorSource<X>& from, const FactorMemory& m) {
  const FactorParams& p = from.p;
  const int thread = thread_in_block(), threads = threads_in_block(), lane = thread % 32;
  for (int n = thread; n < 512; n += threads) reinterpret_cast<uint4*>(m.A)[n] = make_uint4(0, 0, 0, 0);
  for (int i = thread / 32; i < 64; i += threads / 32) {
    const bool token = i < from.chunk.rows;
    float q = 0.0f, k = 0.0f, b = 0.0f;
    const bool mean = kErase && p.erase == Erase::mean;
    if (token && (p.l2norm || mean))
      for (int channel = lane; channel < p.Dk; channel += 32) {
        if (p.l2norm) {
          const float x = to_float(from.q(i)[channel]), y = to_float(from.k(i)[channel]);
          q += x * x, k += y * y;
        }
        if (mean) b += erase_gate(p, to_float(from.b(i)[channel]));
      }
    if (p.l2norm) {
      q = warp_sum(q) + p.l2norm_eps, k = warp_sum(k) + p.l2norm_eps;
      q = q == 0.0f ? 0.0f : 1.0f / sqrtf(q), k = k == 0.0f ? 0.0f : 1.0f / sqrtf(k);
    } else {
      q = k = 1.0f;
    }
    float e = 1.0f;
    if (mean) e = warp_sum(b) / static_cast<float>(p.Dk);
    if (kErase && p.erase == Erase::scalar) e = token ? erase_gate(p, to_float(*from.template row<X>(p.beta, p.HV, from.beta_head, 1, i))) : 0.0f;
    if (lane == 0) m.row_q[i] = q * p.scale, m.row_k[i] = k, m.row_e[i] = e * k;
  }
  if (kChannel) return;
  if (thread < 64) {
    const DecayOfHead decay = decay_of_head(p, from.g_head);
    const float bias = p.dt_bias != nullptr ? p.dt_bias[from.g_head] : 0.0f;
    m.alpha[thread] = p.decay != Decay::none && thread < from.chunk.rows ? alpha_of(decay.g(from.g(thread), bias)) : 1.0f;
  }
  block_sync();
  if (thread < 128) {
    const int i = thread % 64;
    float product = 1.0f;
    int next = thread < 64 ? i : i + 1;
    for (int level = 0; level <= 6; ++level) {
      const int h = 1 << level, begin = i & ~(h - 1), last = i | (h - 1);
      if (thread < 64) {
        for (; next >= begin; --next) product *= m.alpha[next];
        (level < 6 ? m.P[level * 64 + i] : m.prefix[i]) = product;
      } else {
        for (; next <= last; ++next) product *= m.alpha[next];
        (level < 6 ? m.S[level * 64 + i] : m.suffix[i]) = product;
      }
    }
  }
}

/// Sums (e,e',q,q') for row i, columns j and j + 1 to L and A.
template <class E, bool kChannel, bool kErase>
__device__ __forceinline__ void place_scores(const FactorMemory& m, int i, int j, float4 sum) {
  float k0 = m.row_k[j], k1 = m.row_k[j + 1];
  if (!kChannel) {
    const auto decay = [&](int j) {
      if (i <= j) return 1.0f;
      const int level = 31 - __clz(i ^ j);
      return m.P[level * 64 + i] * m.S[level * 64 + j];
    };
    k0 *= decay(j), k1 *= decay(j + 1);
  }
  const float q = m.row_q[i];
  *reinterpret_cast<std::uint32_t*>(m.A + place_in_tile<8>(i, j / 8) + j % 8 * 2) =
      pack<E>(j <= i ? sum.z * q * k0 : 0.0f, j + 1 <= i ? sum.w * q * k1 : 0.0f);
  if (kErase) {
    const float e = m.row_e[i];
    *reinterpret_cast<float2*>(m.L + i * kPitch + j) = make_float2(j < i ? sum.x * e * k0 : 0.0f, j + 1 < i ? sum.y * e * k1 : 0.0f);
  }
}

/// Adds up what the warps have of the ten tiles of a half.
template <class E, bool kChannel, bool kErase>
__device__ __forceinline__ void reduce_half(const FactorMemory& m, int half) {
  const int warps = threads_in_block() / 32;
  for (int n = thread_in_block(); n < kTiles * 32; n += threads_in_block()) {
    float4 sum = m.partial[n];
#pragma unroll 4
    for (int w = 1; w < warps; ++w) {
      const float4 x = m.partial[w * kTiles * 32 + n];
      sum.x += x.x, sum.y += x.y, sum.z += x.z, sum.w += x.w;
    }
    const int tile = n / 32, lane = n % 32;
    place_scores<E, kChannel, kErase>(m, 32 * half + 8 * tile_row(tile) + lane / 4, 32 * half + 8 * tile_column(tile) + lane % 4 * 2, sum);
  }
}

/// The 32x32 block of level 32: rows are tokens 32..63, columns 0..31.
template <class E, bool kChannel, bool kErase>
__device__ __forceinline__ void level_32(const FactorMemory& m) {
  const int warps = threads_in_block() / 32, warp = thread_in_block() / 32, lane = thread_in_block() % 32;
  for (int tile = warp; tile < 16; tile += warps) {
    const int row = tile / 4, column = tile % 4;
    float even[4] = {}, odd[4] = {};
#pragma unroll 2
    for (int slice = 0; slice < warps; slice += 2) {
      const uint4 a0 = m.rows32[(slice * 4 + row) * 32 + lane], a1 = m.rows32[((slice + 1) * 4 + row) * 32 + lane];
      const uint2 b0 = m.columns32[(slice * 4 + column) * 32 + lane], b1 = m.columns32[((slice + 1) * 4 + column) * 32 + lane];
      mma<E>(even, {a0.x, a0.y, a0.z, a0.w}, b0.x, b0.y);
      mma<E>(odd, {a1.x, a1.y, a1.z, a1.w}, b1.x, b1.y);
    }
    place_scores<E, kChannel, kErase>(m, 32 + 8 * row + lane / 4, 8 * column + lane % 4 * 2,
                                      make_float4(even[0] + odd[0], even[1] + odd[1], even[2] + odd[2], even[3] + odd[3]));
  }
}

/// Four channels of a row of an image part or of E-bar.
template <class E>
__device__ __forceinline__ void store_row(char* tile, int Kp, int i, int channel, float x0, float x1, float x2, float x3) {
  *reinterpret_cast<uint2*>(tile + place_in_tile(Kp / 8, i, channel / 8) + channel % 8 * 2) = make_uint2(pack<E>(x0, x1), pack<E>(x2, x3));
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

template <class X, bool kChannel, bool kErase>
__global__ void __launch_bounds__(512, 1) factors_kernel(const FactorParams p) {
  using E = Operand<X>;
  const index_t slot = block_in_grid() / p.heads;
  const int head = block_in_grid() % p.heads;
  const Chunk chunk = chunk_of_slot(p.tokens, slot);
  if (chunk.rows <= 0) return;
  const int thread = thread_in_block(), warp = thread / 32, lane = thread % 32, channel = 16 * warp + lane % 4 * 4, r = lane / 4;
  const FactorSource<X> from(p, chunk, head);
  const FactorMemory m(shared_memory(), p.Kp, kErase);
  const Image layout{p.Kp, kErase};
  char* image = p.images + (slot * p.heads + head) * layout.bytes();

  // 1. The first half is on its way while row factors are made.
  RawHalf<X> raw;
  from.template load<kChannel, kErase>(raw, 0, lane, channel);
  prepare_rows<X, kChannel, kErase>(from, m);
  block_sync();

  // 2. Half by half: scores inside the half; Q-bar, E-bar, K-tail; the fragments of level 32.
  float T_left[4], k_left[4][4];  // of the first half: its whole decay, k S_32
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    Half<X> x;
    if (kChannel) from.activate(raw, channel);
    from.template convert<kChannel, kErase>(raw, x, half, lane);
    warp_sync();
    float4* partial = m.partial + warp * kTiles * 32;
    if (kChannel) tree_scores<X, kErase>(x, partial, lane);
    else plain_scores<X, kErase>(x, partial, lane);
    float T_half[4];
#pragma unroll
    for (int n = 0; n < 4; ++n) T_half[n] = kChannel ? x.P[0][n] * x.S[0][n] : 1.0f;
#pragma unroll
    for (int t = 0; t < 4; ++t) {
      const int i = 32 * half + 8 * t + r;
      float P[4], S[4];
#pragma unroll
      for (int n = 0; n < 4; ++n) P[n] = kChannel ? x.P[t][n] : 1.0f, S[n] = kChannel ? x.S[t][n] : 1.0f;
      FragmentA a, unused_a;
      uint2 b, unused_b;
      if (half == 0) {
        make_fragments<X, false>(x, t, S, unused_a, b);
        m.columns32[(warp * 4 + t) * 32 + lane] = b;
      } else {
        make_fragments<X, kErase>(x, t, P, a, unused_b);
        m.rows32[(warp * 4 + t) * 32 + lane] = make_uint4(a.a0, a.a1, a.a2, a.a3);
      }
      const float row_q = m.row_q[i], row_e = m.row_e[i], row_k = m.row_k[i];
      float from_start[4], to_end[4];
#pragma unroll
      for (int n = 0; n < 4; ++n) {
        from_start[n] = kChannel ? (half == 0 ? P[n] : P[n] * T_left[n]) : m.prefix[i];
        to_end[n] = kChannel ? S[n] : m.suffix[i];
      }
      const float4 q = to_floats<X>(x.q[t]), k = to_floats<X>(x.k[t]);
      if (half == 0) {
        k_left[t][0] = k.x * row_k * to_end[0], k_left[t][1] = k.y * row_k * to_end[1];
        k_left[t][2] = k.z * row_k * to_end[2], k_left[t][3] = k.w * row_k * to_end[3];
      }
      store_row<E>(image + layout.q(), p.Kp, i, channel, q.x * from_start[0] * row_q, q.y * from_start[1] * row_q, q.z * from_start[2] * row_q,
                   q.w * from_start[3] * row_q);
      if (kErase)
        store_row<E>(m.E_bar, p.Kp, i, channel, x.e[t][0] * from_start[0] * row_e, x.e[t][1] * from_start[1] * row_e, x.e[t][2] * from_start[2] * row_e,
                     x.e[t][3] * from_start[3] * row_e);
      if (half == 1) {
        store_row<E>(image + layout.k(), p.Kp, i, channel, k.x * to_end[0] * row_k, k.y * to_end[1] * row_k, k.z * to_end[2] * row_k, k.w * to_end[3] * row_k);
        store_row<E>(image + layout.k(), p.Kp, i - 32, channel, k_left[t][0] * T_half[0], k_left[t][1] * T_half[1], k_left[t][2] * T_half[2],
                     k_left[t][3] * T_half[3]);
      }
    }
    if (half == 0) {
#pragma unroll
      for (int n = 0; n < 4; ++n) T_left[n] = T_half[n];
      from.template load<kChannel, kErase>(raw, 1, lane, channel);
    } else if (r == 0) {
      float4* gamma = reinterpret_cast<float4*>(image + layout.gamma() + channel * 4);
      const float all = kChannel ? 1.0f : m.prefix[63];
      *gamma = make_float4(T_left[0] * T_half[0] * all, T_left[1] * T_half[1] * all, T_left[2] * T_half[2] * all, T_left[3] * T_half[3] * all);
    }
    block_sync();
    reduce_half<E, kChannel, kErase>(m, half);
    if (half == 0) block_sync();
  }
  level_32<E, kChannel, kErase>(m);
  block_sync();

  // 3. A; the inverse; W.
  for (int n = thread; n < 512; n += threads_in_block()) reinterpret_cast<uint4*>(image + layout.a())[n] = reinterpret_cast<const uint4*>(m.A)[n];
  if (!kErase) return;
  invert_unit_lower(m.L, m.X);
  for (int n = thread; n < 512; n += threads_in_block()) {
    const int i = n / 8, j = n % 8 * 8;
    std::uint32_t word[4];
#pragma unroll
    for (int l = 0; l < 4; ++l) {
      const int column = j + 2 * l;
      const float2 x = *reinterpret_cast<const float2*>(m.X + i * kPitch + column);
      word[l] = pack<E>(column <= i ? x.x : 0.0f, column + 1 <= i ? x.y : 0.0f);
    }
    const int at = place_in_tile<8>(i, n % 8);
    const uint4 piece = make_uint4(word[0], word[1], word[2], word[3]);
    *reinterpret_cast<uint4*>(m.T_inv + at) = piece;
    *reinterpret_cast<uint4*>(image + layout.t() + at) = piece;
  }
  block_sync();
  form_W<E>(m, image + layout.w(), p.Kp, warp, lane);
}

}  // namespace fw::cuda::chunk
