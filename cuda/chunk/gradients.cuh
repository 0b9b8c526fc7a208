// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Gradients of one chunk of 64 tokens of one value head, from the state S0 at its start and the gradient dS1 of the state at its end:
//   U = Tinv Z - W S0     dU = A^T dO + Ktail dS1     dX = Tinv^T dU      (without erase U = Z, dX = dU)       dz = dX
//   dA = tril(dO U^T)     dL = -tril(dX U^T, -1)
//   dQbar = dO S0^T       dEbar = -dX S0^T            dKtail = U dS1^T    through = gamma (.) rowsum(S0 (.) dS1)
// then dq, dk, de, dg by the product tree (gradient_tree.cuh). All chunks at once: block = chunk, value head, and kOwn of the key
// channels; two warps for every 16 channels (one per half of the chunk), which hold dQbar, dEbar, dKtail transposed in registers
// while value tiles of 64 columns pass. U, dU, dX of a tile are made by all warps, 16 tokens each.
//
// dq is made of q after its norm (the scale is folded into dA and dQbar), e = b (.) k of k after its norm. Operands are rounded once to
// E, sums are float32. Nothing is added across blocks: the same bits on every run.
#pragma once

#include "cuda/chunk/gradient_memory.cuh"
#include "cuda/chunk/gradient_tree.cuh"

namespace fw::cuda::chunk {

/// Where the block works.
struct GradientPlace {
  Chunk chunk;
  index_t slot, token;   ///< token: its first
  int hv, head, channel0, channels;  ///< channels [channel0, channel0 + channels) are this block's
  int h, g_head, b_head;
};

template <class E, int Kp, int kOwn, int kStages, bool kErase>
struct GradientBlock {
  using M = GradientMemory<Kp, kOwn, kStages>;
  using Element = E;
  static constexpr int kOwnChannels = kOwn;
  static constexpr int kThreads = M::kThreads, kWarps = kThreads / 32, kSlices = kOwn / 16;
  static constexpr int kColumnTiles = 8 * 4 / kWarps;  ///< 8 wide, of a warp, in U, dU, dX
  static constexpr int kSquares = 16 / kWarps;         ///< 16x16 tiles of dA, dL of a warp

  const GradientParams& p;
  const GradientPlace& at;
  char* shared;
  int thread, warp, lane, value_tiles;
  float Q[4][4] = {}, K[4][4] = {}, Eb[4][4] = {}, dA[kSquares][2][4] = {}, dL[kSquares][2][4] = {}, through = 0.0f;

  __device__ __forceinline__ GradientBlock(const GradientParams& params, const GradientPlace& place)
      : p(params), at(place), shared(shared_memory()), thread(thread_in_block()), warp(thread / 32), lane(thread % 32), value_tiles((p.Dv + kValues - 1) / kValues) {}

  // ---- shared memory
  __device__ __forceinline__ char* stage(int tile) const { return shared + (value_tiles - tile) % kStages * M::kStage; }
  __device__ __forceinline__ char* v_of(int tile) const { return stage(tile); }
  __device__ __forceinline__ char* w_of(int tile) const { return stage(tile) + 8192; }
  __device__ __forceinline__ char* dO_of(int tile) const { return stage(tile) + 16384; }
  __device__ __forceinline__ char* S0_of(int tile) const { return stage(tile) + 24576; }
  __device__ __forceinline__ char* dS1_of(int tile) const { return stage(tile) + 24576 + 128 * Kp; }
  __device__ __forceinline__ char* W() const { return shared + M::kImage; }
  __device__ __forceinline__ char* Ktail() const { return shared + M::kImage + 128 * Kp; }
  __device__ __forceinline__ char* A() const { return shared + M::kSquare; }
  __device__ __forceinline__ char* Tinv() const { return shared + M::kSquare + 8192; }
  __device__ __forceinline__ char* Z() const { return shared + M::kWork; }
  __device__ __forceinline__ char* U() const { return shared + M::kWork + (kErase ? 8192 : 0); }
  __device__ __forceinline__ char* dU() const { return shared + M::kWork + 16384; }
  __device__ __forceinline__ char* dX() const { return kErase ? Z() : dU(); }
  __device__ __forceinline__ float* g() const { return reinterpret_cast<float*>(shared + M::kG); }
  __device__ __forceinline__ float* row_q() const { return reinterpret_cast<float*>(shared + M::kRest); }
  __device__ __forceinline__ float* row_k() const { return row_q() + 64; }
  __device__ __forceinline__ float* row_e() const { return row_q() + 128; }
  __device__ __forceinline__ float* diagonal() const { return row_q() + 192; }
  __device__ __forceinline__ float* channel_numbers() const { return row_q() + 256; }  ///< [7][own]
  __device__ __forceinline__ char* q_tile() const { return shared; }
  __device__ __forceinline__ char* k_tile() const { return shared + 128 * kOwn; }
  __device__ __forceinline__ char* b_tile() const { return shared + 256 * kOwn; }
  __device__ __forceinline__ bool erase_channel() const { return kErase && p.raw.erase == Erase::channel; }

  // ---- loads
  __device__ __forceinline__ index_t value_at(int tile) const { return (at.token * p.raw.HV + at.hv) * p.Dv + tile * kValues; }
  __device__ __forceinline__ void ask_tile(int tile) {
    if (tile < value_tiles) {
      const index_t stride = static_cast<index_t>(p.raw.HV) * p.Dv;
      const int width = p.Dv - tile * kValues;
      ask_rows<E, 8, kThreads>(v_of(tile), p.v, value_at(tile), stride, at.chunk.rows, width, p.floats, p.vectors, thread);
      if (p.write_channel) ask_rows<E, 8, kThreads>(w_of(tile), p.w, value_at(tile), stride, at.chunk.rows, width, p.floats, p.vectors, thread);
      ask_rows<E, 8, kThreads>(dO_of(tile), p.d_o, value_at(tile), stride, at.chunk.rows, width, p.floats, p.vectors, thread);
      const index_t state = (at.slot * p.raw.HV + at.hv) * p.raw.Dk * p.Dv + tile * kValues;
      ask_rows<E, 8, kThreads>(S0_of(tile), p.states, state, p.Dv, p.raw.Dk, width, false, p.state_vectors, thread, Kp);
      ask_rows<E, 8, kThreads>(dS1_of(tile), p.adjoints, state, p.Dv, p.raw.Dk, width, false, p.state_vectors, thread, Kp);
    } else if (tile == value_tiles) {
      constexpr int kPieces = kOwn / 8;
      const index_t key = (at.token * p.raw.H + at.h) * p.raw.Dk + at.channel0, stride = static_cast<index_t>(p.raw.H) * p.raw.Dk;
      ask_rows<E, kPieces, kThreads>(q_tile(), p.raw.q, key, stride, at.chunk.rows, at.channels, p.floats, p.vectors, thread);
      ask_rows<E, kPieces, kThreads>(k_tile(), p.raw.k, key, stride, at.chunk.rows, at.channels, p.floats, p.vectors, thread);
      if (erase_channel())
        ask_rows<E, kPieces, kThreads>(b_tile(), p.raw.b, (at.token * p.raw.b_heads + at.b_head) * p.raw.Dk + at.channel0, static_cast<index_t>(p.raw.b_heads) * p.raw.Dk,
                                       at.chunk.rows, at.channels, p.floats, p.vectors, thread);
    }
    copy_commit();
  }
  /// g after its activation, float32; zeros (no decay) behind the end.
  __device__ __forceinline__ void ask_g() {
    const FactorParams& f = p.raw;
    if (f.decay == Decay::channel && f.g_is_float && p.vectors && f.activation == DecayActivation::none) {
      constexpr int kPieces = kOwn / 4;
      const float* from = static_cast<const float*>(f.g) + (at.token * f.g_heads + at.g_head) * f.Dk + at.channel0;
      for (int n = thread; n < kRows * kPieces; n += kThreads) {
        const int row = n / kPieces, piece = n % kPieces;
        const bool wanted = row < at.chunk.rows && 4 * piece < at.channels;
        copy_async_16(g() + row * (kOwn + 4) + 4 * piece, from + (wanted ? row * static_cast<index_t>(f.g_heads) * f.Dk + 4 * piece : 0), wanted);
      }
      return;
    }
    const DecayOfHead decay = f.decay == Decay::none ? DecayOfHead{} : decay_of_head(f, at.g_head);
#pragma unroll 1
    for (int n = thread; n < kRows * kOwn; n += kThreads) {
      const int row = n / kOwn, channel = n % kOwn;
      float x = 0.0f;
      if (f.decay != Decay::none && row < at.chunk.rows && channel < at.channels) {
        const bool one = f.decay == Decay::scalar;
        const index_t from = (at.token + row) * f.g_heads + at.g_head, element = one ? from : from * f.Dk + at.channel0 + channel;
        x = f.g_is_float ? static_cast<const float*>(f.g)[element] : to_float(static_cast<const E*>(f.g)[element]);
        if (f.activation != DecayActivation::none) {
          const float bias = f.dt_bias == nullptr ? 0.0f : f.bias_per_channel ? f.dt_bias[at.g_head * f.Dk + at.channel0 + channel] : f.dt_bias[at.g_head];
          x = decay.g(x, bias);
        }
      }
      g()[row * (kOwn + 4) + channel] = x;
    }
  }

  // ---- value tiles
  __device__ __forceinline__ float write_number(int row) const {
    return p.write_numbers != nullptr && row < at.chunk.rows ? p.write_numbers[(at.token + row) * p.raw.HV + at.hv] : p.write_numbers == nullptr ? 1.0f : 0.0f;
  }
  __device__ __forceinline__ float write_gate(float raw) const { return p.raw.sigmoid ? sigmoid(raw) : raw; }

  __device__ __forceinline__ void make_Z(int tile) {
    for (int n = thread; n < 64 * 8; n += kThreads) {
      const int row = n / 8, piece = n % 8;
      const uint4 v4 = *reinterpret_cast<const uint4*>(piece_at(v_of(tile), 8, row, piece));
      uint4 w4 = make_uint4(0, 0, 0, 0);
      if (p.write_channel) w4 = *reinterpret_cast<const uint4*>(piece_at(w_of(tile), 8, row, piece));
      const float number = p.write_channel ? 0.0f : write_number(row);
      const std::uint32_t vs[4] = {v4.x, v4.y, v4.z, v4.w}, ws[4] = {w4.x, w4.y, w4.z, w4.w};
      std::uint32_t z[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float2 v = unpack<E>(vs[i]);
        float2 w = make_float2(number, number);
        if (p.write_channel) w = unpack<E>(ws[i]), w = make_float2(write_gate(w.x), write_gate(w.y));
        z[i] = pack<E>(w.x * v.x, w.y * v.y);
      }
      *reinterpret_cast<uint4*>(piece_at(Z(), 8, row, piece)) = make_uint4(z[0], z[1], z[2], z[3]);
    }
  }
  using Columns = float[kColumnTiles][4];
  __device__ __forceinline__ int first_row() const { return warp % 4 * 16; }
  __device__ __forceinline__ int first_column() const { return warp / 4 * 8 * kColumnTiles; }
  /// += A [16,16] of rows first_row() times B rows k .. k+15 of `tile`
  __device__ __forceinline__ void add_product(Columns& sum, const FragmentA& a, const char* tile, int k) const {
#pragma unroll
    for (int n = 0; n < kColumnTiles; n += 2) {
      const uint4 b = turned_b(tile, 8, first_column() + 8 * n, k, lane);
      mma<E>(sum[n], a, b.x, b.y);
      mma<E>(sum[n + 1], a, b.z, b.w);
    }
  }
  __device__ __forceinline__ void put(char* tile, const Columns& x) const {
#pragma unroll
    for (int n = 0; n < kColumnTiles; ++n)
#pragma unroll
      for (int i = 0; i < 2; ++i)
        *reinterpret_cast<std::uint32_t*>(piece_at(tile, 8, first_row() + lane / 4 + 8 * i, first_column() / 8 + n) + lane % 4 * 4) = pack<E>(x[n][2 * i], x[n][2 * i + 1]);
  }
  __device__ __forceinline__ void make_U(int tile) {
    Columns u = {}, d = {};
    const int row = first_row();
#pragma unroll
    for (int kt = 0; kt < 4; ++kt) {
      if (kErase && 16 * kt <= row) add_product(u, rows_a(Tinv(), 8, row, 16 * kt, lane), Z(), 16 * kt);
      if (16 * kt >= row) add_product(d, turned_a(A(), 8, row, 16 * kt, lane), dO_of(tile), 16 * kt);
    }
#pragma unroll 4
    for (int kt = 0; kt < Kp / 16; ++kt) {
      if (kErase) add_product(u, rows_a(W(), Kp / 8, row, 16 * kt, lane), S0_of(tile), 16 * kt);
      add_product(d, rows_a(Ktail(), Kp / 8, row, 16 * kt, lane), dS1_of(tile), 16 * kt);
    }
    if (kErase) put(U(), u);
    put(dU(), d);
  }
  /// dX to its tile, dz out or dv, dw over v, w.
  __device__ __forceinline__ void make_dX(int tile) {
    Columns x = {};
    const int row = first_row();
    if (kErase) {
#pragma unroll
      for (int kt = 0; kt < 4; ++kt)
        if (16 * kt >= row) add_product(x, turned_a(Tinv(), 8, row, 16 * kt, lane), dU(), 16 * kt);
      put(Z(), x);
    } else {
#pragma unroll
      for (int n = 0; n < kColumnTiles; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const float2 two = unpack<E>(*reinterpret_cast<const std::uint32_t*>(piece_at(dU(), 8, row + lane / 4 + 8 * i, first_column() / 8 + n) + lane % 4 * 4));
          x[n][2 * i] = two.x, x[n][2 * i + 1] = two.y;
        }
    }
    if (at.channel0 > 0) return;
#pragma unroll
    for (int n = 0; n < kColumnTiles; ++n)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int token = row + lane / 4 + 8 * i, column = first_column() + 8 * n + lane % 4 * 2;
        char* v = piece_at(v_of(tile), 8, token, column / 8) + lane % 4 * 4;
        char* w = piece_at(w_of(tile), 8, token, column / 8) + lane % 4 * 4;
        if (!p.direct || p.floats) {
          if (token >= at.chunk.rows) continue;
          const float2 vs = unpack<E>(*reinterpret_cast<const std::uint32_t*>(v));
          float2 ws = make_float2(1.0f, 1.0f);
          if (p.direct && p.write_channel) ws = unpack<E>(*reinterpret_cast<const std::uint32_t*>(w));
#pragma unroll
          for (int j = 0; j < 2; ++j) {
            if (tile * kValues + column + j >= p.Dv) continue;
            const index_t to = value_at(tile) + static_cast<index_t>(token) * p.raw.HV * p.Dv + column + j;
            const float dz = x[n][2 * i + j];
            if (p.dv != nullptr) static_cast<float*>(p.dv)[to] = p.direct ? dz * (j == 0 ? ws.x : ws.y) : dz;
            if (p.direct && p.dw != nullptr) static_cast<float*>(p.dw)[to] = dz * (j == 0 ? vs.x : vs.y);
          }
        } else {
          if (p.write_channel) {
            const float2 vs = unpack<E>(*reinterpret_cast<const std::uint32_t*>(v)), ws = unpack<E>(*reinterpret_cast<const std::uint32_t*>(w));
            *reinterpret_cast<std::uint32_t*>(v) = pack<E>(x[n][2 * i] * ws.x, x[n][2 * i + 1] * ws.y);
            *reinterpret_cast<std::uint32_t*>(w) = pack<E>(x[n][2 * i] * vs.x, x[n][2 * i + 1] * vs.y);
          } else {
            *reinterpret_cast<std::uint32_t*>(v) = pack<E>(x[n][2 * i], x[n][2 * i + 1]);
          }
        }
      }
  }
  __device__ __forceinline__ void store_rows(void* tensor, const char* tile, int n_tile) const {
    if (tensor == nullptr) return;
    const index_t stride = static_cast<index_t>(p.raw.HV) * p.Dv;
    for (int n = thread; n < 64 * 8; n += kThreads) {
      const int row = n / 8, piece = n % 8, left = p.Dv - n_tile * kValues - 8 * piece;
      if (row >= at.chunk.rows || left <= 0) continue;
      E* to = static_cast<E*>(tensor) + value_at(n_tile) + row * stride + 8 * piece;
      const char* from = piece_at(tile, 8, row, piece);
      if (p.vectors) *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(from);
      else
        for (int i = 0; i < 8 && i < left; ++i) to[i] = reinterpret_cast<const E*>(from)[i];
    }
  }
  /// dA, dL, dQbar, dEbar, dKtail, through += what this tile has.
  __device__ __forceinline__ void add_tile(int tile) {
#pragma unroll
    for (int s = 0; s < kSquares; ++s) {
      const int square = warp + s * kWarps, row = square / 4 * 16, column = square % 4 * 16;
      if (column > row) continue;
#pragma unroll
      for (int kt = 0; kt < 4; ++kt) {
        const FragmentA o = rows_a(dO_of(tile), 8, row, 16 * kt, lane);
        const uint4 u = rows_b(U(), 8, column, 16 * kt, lane);
        mma<E>(dA[s][0], o, u.x, u.y), mma<E>(dA[s][1], o, u.z, u.w);
        if (kErase) {
          const FragmentA x = rows_a(dX(), 8, row, 16 * kt, lane);
          mma<E>(dL[s][0], x, u.x, u.y), mma<E>(dL[s][1], x, u.z, u.w);
        }
      }
    }
    const int channel = at.channel0 + warp % kSlices * 16, token = warp / kSlices * 32;
#pragma unroll
    for (int kt = 0; kt < 4; ++kt) {
      const FragmentA s0 = rows_a(S0_of(tile), 8, channel, 16 * kt, lane), s1 = rows_a(dS1_of(tile), 8, channel, 16 * kt, lane);
#pragma unroll
      for (int n = 0; n < 4; n += 2) {
        const uint4 o = rows_b(dO_of(tile), 8, token + 8 * n, 16 * kt, lane), u = rows_b(U(), 8, token + 8 * n, 16 * kt, lane);
        mma<E>(Q[n], s0, o.x, o.y), mma<E>(Q[n + 1], s0, o.z, o.w);
        mma<E>(K[n], s1, u.x, u.y), mma<E>(K[n + 1], s1, u.z, u.w);
        if (kErase) {
          const uint4 x = rows_b(dX(), 8, token + 8 * n, 16 * kt, lane);
          mma<E>(Eb[n], s0, x.x, x.y), mma<E>(Eb[n + 1], s0, x.z, x.w);
        }
      }
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {  // four threads a channel
      const uint4 a = *reinterpret_cast<const uint4*>(piece_at(S0_of(tile), 8, at.channel0 + thread / 4, thread % 4 * 2 + i));
      const uint4 b = *reinterpret_cast<const uint4*>(piece_at(dS1_of(tile), 8, at.channel0 + thread / 4, thread % 4 * 2 + i));
      const std::uint32_t as[4] = {a.x, a.y, a.z, a.w}, bs[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float2 x = unpack<E>(as[j]), y = unpack<E>(bs[j]);
        through += x.x * y.x, through += x.y * y.y;
      }
    }
  }
  __device__ __forceinline__ void value_tiles_pass(const char* image) {
    const Image layout{Kp, kErase};
    ask_bytes<kThreads>(Ktail(), image + layout.k(), 128 * Kp, thread);
    ask_bytes<kThreads>(A(), image + layout.a(), 8192, thread);
    if (kErase) {
      ask_bytes<kThreads>(W(), image + layout.w(), 128 * Kp, thread);
      ask_bytes<kThreads>(Tinv(), image + layout.t(), 8192, thread);
    }
    ask_tile(0);
    ask_g();
    if (kStages == 2) ask_tile(1);
    else copy_commit();
    for (int tile = 0; tile < value_tiles; ++tile) {
      copy_wait<1>();
      block_sync();
      make_Z(tile);
      block_sync();
      make_U(tile);
      block_sync();
      make_dX(tile);
      block_sync();
      add_tile(tile);
      if (p.direct && !p.floats && at.channel0 == 0) {
        store_rows(p.dv, v_of(tile), tile);
        if (p.write_channel) store_rows(p.dw, w_of(tile), tile);
      }
      block_sync();
      ask_tile(tile + kStages);
      if (kStages == 1) copy_commit();
    }
  }
  /// dA, dL and what the tree gets from the states, to shared memory.
  __device__ __forceinline__ void park(const float* gamma) {
    const int r = lane / 4, c = lane % 4;
#pragma unroll
    for (int s = 0; s < kSquares; ++s) {
      const int square = warp + s * kWarps, row = square / 4 * 16, column = square % 4 * 16;
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const int t = row + r + 8 * i, j = column + 8 * n + 2 * c;
          const float a0 = p.raw.scale * dA[s][n][2 * i], a1 = p.raw.scale * dA[s][n][2 * i + 1];
          *reinterpret_cast<std::uint32_t*>(piece_at(shared + M::kWork, 8, t, j / 8) + 4 * c) = pack<E>(j <= t ? a0 : 0.0f, j + 1 <= t ? a1 : 0.0f);
          if (kErase)
            *reinterpret_cast<std::uint32_t*>(piece_at(shared + M::kWork + 8192, 8, t, j / 8) + 4 * c) =
                pack<E>(j < t ? -dL[s][n][2 * i] : 0.0f, j + 1 < t ? -dL[s][n][2 * i + 1] : 0.0f);
          if (t == j) diagonal()[t] = a0;
          if (t == j + 1) diagonal()[t] = a1;
        }
    }
    auto* parked = reinterpret_cast<float4*>(shared + M::kParked);
    const float scale = p.raw.scale;
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      parked[n * kThreads + thread] = make_float4(scale * Q[n][0], scale * Q[n][1], scale * Q[n][2], scale * Q[n][3]);
      if (kErase) parked[(4 + n) * kThreads + thread] = make_float4(-Eb[n][0], -Eb[n][1], -Eb[n][2], -Eb[n][3]);
      parked[(8 + n) * kThreads + thread] = make_float4(K[n][0], K[n][1], K[n][2], K[n][3]);
    }
    through += exchange(through, 1);
    through += exchange(through, 2);
    if (lane % 4 == 0) channel_numbers()[4 * kOwn + thread / 4] = through * gamma[at.channel0 + thread / 4];
  }
  __device__ __forceinline__ TreeMemory tree_memory() const {
    TreeMemory m;
    m.q = q_tile(), m.k = k_tile(), m.b = b_tile(), m.g = g();
    m.e_number = erase_channel() ? nullptr : row_e();
    m.dA = shared + M::kWork, m.dL = shared + M::kWork + 8192, m.diagonal = diagonal();
    m.columns = reinterpret_cast<uint4*>(shared + M::kWork + 16384);
    m.rows_q = reinterpret_cast<uint4*>(shared + M::kLevel32), m.rows_e = reinterpret_cast<uint4*>(shared + M::kLevel32 + 64 * kOwn);
    m.decay = channel_numbers(), m.totals = channel_numbers() + 2 * kOwn, m.through = channel_numbers() + 4 * kOwn;
    m.parked = reinterpret_cast<const float4*>(shared + M::kParked);
    return m;
  }
};

}  // namespace fw::cuda::chunk
