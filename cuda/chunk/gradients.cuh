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
  char* memory;
  Address shared;
  int thread, warp, lane, value_tiles;
  Spots<128> spots;        ///< in tiles of 64 columns
  float Q[4][4] = {}, K[4][4] = {}, Eb[4][4] = {}, dA[kSquares][2][4] = {}, dL[kSquares][2][4] = {}, through = 0.0f;

  __device__ __forceinline__ GradientBlock(const GradientParams& params, const GradientPlace& place)
      : p(params), at(place), memory(shared_memory()), shared(shared_address(memory)), thread(thread_in_block()), warp(thread / 32), lane(thread % 32),
        value_tiles((p.Dv + kValues - 1) / kValues), spots(lane) {}

  // ---- shared memory. A stage holds v, w, dO [64,64], then S0, dS1 [Kp,64]
  static constexpr Address kW = 8192, kdO = 16384, kS0 = 24576, kdS1 = 24576 + 128 * Kp;
  __device__ __forceinline__ Address stage(int tile) const { return shared + static_cast<Address>((value_tiles - tile) % kStages * M::kStage); }
  __device__ __forceinline__ Address W() const { return shared + M::kImage; }
  __device__ __forceinline__ Address Ktail() const { return shared + M::kImage + 128 * Kp; }
  __device__ __forceinline__ Address A() const { return shared + M::kSquare; }
  __device__ __forceinline__ Address Tinv() const { return shared + M::kSquare + 8192; }
  __device__ __forceinline__ Address Z() const { return shared + M::kWork; }
  __device__ __forceinline__ Address U() const { return shared + M::kWork + (kErase ? 8192 : 0); }
  __device__ __forceinline__ Address dU() const { return shared + M::kWork + 16384; }
  __device__ __forceinline__ Address dX() const { return kErase ? Z() : dU(); }
  __device__ __forceinline__ float* g() const { return reinterpret_cast<float*>(memory + M::kG); }
  __device__ __forceinline__ float* row_q() const { return reinterpret_cast<float*>(memory + M::kRest); }
  __device__ __forceinline__ float* row_k() const { return row_q() + 64; }
  __device__ __forceinline__ float* row_e() const { return row_q() + 128; }
  __device__ __forceinline__ float* diagonal() const { return row_q() + 192; }
  __device__ __forceinline__ float* channel_numbers() const { return row_q() + 256; }  ///< [5][own]
  __device__ __forceinline__ uint4* fine() const { return reinterpret_cast<uint4*>(channel_numbers() + 5 * kOwn); }
  __device__ __forceinline__ float* value_sums() const { return reinterpret_cast<float*>(fine() + 96); }              ///< [warps / 4][64] of dz v
  __device__ __forceinline__ float* channel_sums() const { return reinterpret_cast<float*>(memory + M::kParked); }  ///< [2][slices][64] of de k, dg; after the tree
  __device__ __forceinline__ Address q_tile() const { return shared; }
  __device__ __forceinline__ Address k_tile() const { return shared + 128 * kOwn; }
  __device__ __forceinline__ Address b_tile() const { return shared + 256 * kOwn; }
  __device__ __forceinline__ bool erase_channel() const { return kErase && p.raw.erase == Erase::channel; }

  // ---- loads
  __device__ __forceinline__ index_t value_at(int tile) const { return (at.token * p.raw.HV + at.hv) * p.Dv + tile * kValues; }
  __device__ __forceinline__ static const void* element(const void* tensor, index_t i, bool floats) {
    return static_cast<const char*>(tensor) + i * (floats ? 4 : 2);
  }
  template <int kPieces, int kCount>
  __device__ __forceinline__ void ask(Address tile, const Rows& rows, bool vectors) const {
    const int thread = thread_read_anew();
    if (vectors) ask_rows<E, kPieces, kCount, kThreads>(tile, rows, thread);
    else read_rows<E>(memory + (tile - shared), kPieces, kCount, rows, thread, kThreads);
  }
  /// Value tile `tile`; behind the last one q, k, b.
  __device__ __forceinline__ void ask_tile(int tile) const {
    const bool vectors = p.vectors && !p.floats;
    const FactorParams& f = p.raw;
    if (tile < value_tiles) {
      const Address to = stage(tile);
      Rows rows = {element(p.v, value_at(tile), p.floats), static_cast<index_t>(f.HV) * p.Dv, at.chunk.rows, p.Dv - tile * kValues, p.floats != 0};
      ask<8, 64>(to, rows, vectors);
      rows.from = element(p.d_o, value_at(tile), p.floats);
      ask<8, 64>(to + kdO, rows, vectors);
      if (p.write_channel) {
        rows.from = element(p.w, value_at(tile), p.floats);
        ask<8, 64>(to + kW, rows, vectors);
      }
      const index_t state = (at.slot * f.HV + at.hv) * f.Dk * p.Dv + tile * kValues;
      rows = {element(p.states, state, false), p.Dv, f.Dk, p.Dv - tile * kValues, false};
      ask<8, Kp>(to + kS0, rows, p.state_vectors);
      rows.from = element(p.adjoints, state, false);
      ask<8, Kp>(to + kdS1, rows, p.state_vectors);
    } else if (tile == value_tiles) {
      constexpr int kPieces = kOwn / 8;
      const index_t key = (at.token * f.H + at.h) * f.Dk + at.channel0;
      Rows rows = {element(f.q, key, p.floats), static_cast<index_t>(f.H) * f.Dk, at.chunk.rows, at.channels, p.floats != 0};
      ask<kPieces, 64>(q_tile(), rows, vectors);
      rows.from = element(f.k, key, p.floats);
      ask<kPieces, 64>(k_tile(), rows, vectors);
      if (erase_channel()) {
        rows.from = element(f.b, (at.token * f.b_heads + at.b_head) * f.Dk + at.channel0, p.floats), rows.stride = static_cast<index_t>(f.b_heads) * f.Dk;
        ask<kPieces, 64>(b_tile(), rows, vectors);
      }
    }
    copy_commit();
  }
  /// g after its activation, float32; zeros (no decay) behind the end.
  __device__ __forceinline__ void ask_g() const {
    const FactorParams& f = p.raw;
    if (!(f.decay == Decay::channel && f.g_is_float && p.vectors && f.activation == DecayActivation::none)) {
      read_g<E, kOwn, kThreads>(g(), f, at, thread);
      return;
    }
    constexpr int kPieces = kOwn / 4, kStep = kThreads / kPieces;
    const int row = thread / kPieces, piece = thread % kPieces;
    const index_t stride = static_cast<index_t>(f.g_heads) * f.Dk;
    const float* first = static_cast<const float*>(f.g) + (at.token * f.g_heads + at.g_head) * f.Dk + at.channel0;
    const float* from = first + row * stride + 4 * piece;
    const Address to = shared + M::kG + static_cast<Address>((row * (kOwn + 4) + 4 * piece) * 4);
#pragma unroll
    for (int i = 0; i < 64 / kStep; ++i) {
      const bool wanted = row + i * kStep < at.chunk.rows && 4 * piece < at.channels;
      copy_async_to(to + static_cast<Address>(i * kStep * (kOwn + 4) * 4), wanted ? from + i * kStep * stride : first, wanted);
    }
  }

  // ---- value tiles
  __device__ __forceinline__ float write_number(int row) const {
    return p.write_numbers != nullptr && row < at.chunk.rows ? p.write_numbers[(at.token + row) * p.raw.HV + at.hv] : p.write_numbers == nullptr ? 1.0f : 0.0f;
  }
  __device__ __forceinline__ float write_gate(float raw) const { return p.raw.sigmoid ? sigmoid(raw) : raw; }

  __device__ __forceinline__ void make_Z(Address from) const {
#pragma unroll 1
    for (int n = thread_read_anew(); n < 64 * 8; n += kThreads) {
      const Address place = piece_at(0, 8, n / 8, n % 8);
      const uint4 v4 = load_16(from + place);
      uint4 w4 = make_uint4(0, 0, 0, 0);
      if (p.write_channel) w4 = load_16(from + kW + place);
      const float number = p.write_channel ? 0.0f : write_number(n / 8);
      const std::uint32_t vs[4] = {v4.x, v4.y, v4.z, v4.w}, ws[4] = {w4.x, w4.y, w4.z, w4.w};
      std::uint32_t z[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float2 v = unpack<E>(vs[i]);
        float2 w = make_float2(number, number);
        if (p.write_channel) {
          w = unpack<E>(ws[i]);
          if (p.raw.sigmoid) w = make_float2(sigmoid(w.x), sigmoid(w.y));
        }
        z[i] = pack<E>(w.x * v.x, w.y * v.y);
      }
      store_16(Z() + place, make_uint4(z[0], z[1], z[2], z[3]));
    }
  }
  using Columns = float[kColumnTiles][4];
  __device__ __forceinline__ int first_row() const { return warp % 4 * 16; }
  __device__ __forceinline__ int first_column() const { return warp / 4 * 8 * kColumnTiles; }
  /// Where this lane's first two numbers of a result [64,64] lie: row lane / 4, column first_column(). Tile n: xor 16 n.
  __device__ __forceinline__ Address result() const {
    return static_cast<Address>((first_row() + lane / 4) * 128 + ((first_column() / 8) ^ (lane / 4)) * 16 + lane % 4 * 4);
  }
  /// += A [16,16] of rows first_row() times B rows k .. k+15 of `tile`
  __device__ __forceinline__ void add_product(Columns& sum, const FragmentA& a, Address tile, int k) const {
#pragma unroll
    for (int n = 0; n < kColumnTiles; n += 2) {
      const uint4 b = spots.turned_b(tile, first_column() + 8 * n, k);
      mma<E>(sum[n], a, b.x, b.y);
      mma<E>(sum[n + 1], a, b.z, b.w);
    }
  }
  __device__ __forceinline__ void put(Address tile, const Columns& x) const {
#pragma unroll
    for (int n = 0; n < kColumnTiles; ++n)
#pragma unroll
      for (int i = 0; i < 2; ++i) store_4((result() ^ static_cast<Address>(16 * n)) + tile + 1024 * i, pack<E>(x[n][2 * i], x[n][2 * i + 1]));
  }
  __device__ __forceinline__ void make_U(Address from) const {
    Columns u = {}, d = {};
    const int row = first_row();
#pragma unroll
    for (int kt = 0; kt < 4; ++kt) {
      if (kErase && 16 * kt <= row) add_product(u, spots.rows_a(Tinv(), row, 16 * kt), Z(), 16 * kt);
      if (16 * kt >= row) add_product(d, spots.turned_a(A(), row, 16 * kt), from + kdO, 16 * kt);
    }
#pragma unroll 4
    for (int kt = 0; kt < Kp / 16; ++kt) {
      if (kErase) add_product(u, spots.rows_a(W() + kt / 4 * 8192, row, 16 * (kt % 4)), from + kS0, 16 * kt);
      add_product(d, spots.rows_a(Ktail() + kt / 4 * 8192, row, 16 * (kt % 4)), from + kdS1, 16 * kt);
    }
    if (kErase) put(U(), u);
    put(dU(), d);
  }
  /// dX to its tile; dz out, or dv and dw over v and w.
  __device__ __forceinline__ void make_dX(int tile, Address from) const {
    Columns x = {};
    const int row = first_row();
    if (kErase) {
#pragma unroll
      for (int kt = 0; kt < 4; ++kt)
        if (16 * kt >= row) add_product(x, spots.turned_a(Tinv(), row, 16 * kt), dU(), 16 * kt);
      put(Z(), x);
    }
    if (at.channel0 > 0) return;
    const bool one_number = p.direct && p.write_numbers != nullptr;
    float along[2] = {};
#pragma unroll
    for (int n = 0; n < kColumnTiles; ++n)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const Address place = (result() ^ static_cast<Address>(16 * n)) + 1024 * i;
        const float2 d = kErase ? make_float2(x[n][2 * i], x[n][2 * i + 1]) : unpack<E>(load_4(dU() + place));
        float2 v = make_float2(1.0f, 1.0f), w = v;
        if (p.direct && p.write_channel) v = unpack<E>(load_4(from + place)), w = unpack<E>(load_4(from + kW + place));
        if (one_number) {
          v = unpack<E>(load_4(from + place));
          w.x = w.y = write_number(row + lane / 4 + 8 * i);
          along[i] += d.x * v.x + d.y * v.y;
        }
        if (p.direct && !p.floats) {
          store_4(from + place, pack<E>(d.x * w.x, d.y * w.y));
          if (p.write_channel) store_4(from + kW + place, pack<E>(d.x * v.x, d.y * v.y));
          continue;
        }
        const int token = row + lane / 4 + 8 * i, column = first_column() + 8 * n + lane % 4 * 2, left = p.Dv - tile * kValues - column;
        if (token >= at.chunk.rows) continue;
        const index_t to = value_at(tile) + static_cast<index_t>(token) * p.raw.HV * p.Dv + column;
        if (p.dv != nullptr) {
          if (left > 0) static_cast<float*>(p.dv)[to] = d.x * w.x;
          if (left > 1) static_cast<float*>(p.dv)[to + 1] = d.y * w.y;
        }
        if (p.dw != nullptr) {
          if (left > 0) static_cast<float*>(p.dw)[to] = d.x * v.x;
          if (left > 1) static_cast<float*>(p.dw)[to + 1] = d.y * v.y;
        }
      }
    if (one_number)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        along[i] += exchange(along[i], 1);
        along[i] += exchange(along[i], 2);
        float* sum = value_sums() + warp / 4 * 64 + row + lane / 4 + 8 * i;
        if (lane % 4 == 0) *sum = tile == 0 ? along[i] : *sum + along[i];
      }
  }
  __device__ __forceinline__ void store_rows(void* tensor, Address tile, int n_tile) const {
    if (tensor == nullptr) return;
    const index_t stride = static_cast<index_t>(p.raw.HV) * p.Dv;
#pragma unroll 1
    for (int n = thread_read_anew(); n < 64 * 8; n += kThreads) {
      const int row = n / 8, piece = n % 8, left = p.Dv - n_tile * kValues - 8 * piece;
      if (row >= at.chunk.rows || left <= 0) continue;
      E* to = static_cast<E*>(tensor) + value_at(n_tile) + row * stride + 8 * piece;
      const uint4 x = load_16(piece_at(tile, 8, row, piece));
      if (p.vectors) *reinterpret_cast<uint4*>(to) = x;
      else store_some<E>(to, x, left);
    }
  }
  /// dA, dL, dQbar, dEbar, dKtail, through += what this tile has.
  __device__ __forceinline__ void add_tile(Address from) {
#pragma unroll
    for (int s = 0; s < kSquares; ++s) {
      const int square = warp + s * kWarps, row = square / 4 * 16, column = square % 4 * 16;
      if (column > row) continue;
#pragma unroll
      for (int kt = 0; kt < 4; ++kt) {
        const FragmentA o = spots.rows_a(from + kdO, row, 16 * kt);
        const uint4 u = spots.rows_b(U(), column, 16 * kt);
        mma<E>(dA[s][0], o, u.x, u.y), mma<E>(dA[s][1], o, u.z, u.w);
        if (kErase) {
          const FragmentA x = spots.rows_a(dX(), row, 16 * kt);
          mma<E>(dL[s][0], x, u.x, u.y), mma<E>(dL[s][1], x, u.z, u.w);
        }
      }
    }
    const int channel = at.channel0 + warp % kSlices * 16, token = warp / kSlices * 32;
#pragma unroll
    for (int kt = 0; kt < 4; ++kt) {
      const FragmentA s0 = spots.rows_a(from + kS0, channel, 16 * kt), s1 = spots.rows_a(from + kdS1, channel, 16 * kt);
#pragma unroll
      for (int n = 0; n < 4; n += 2) {
        const uint4 o = spots.rows_b(from + kdO, token + 8 * n, 16 * kt), u = spots.rows_b(U(), token + 8 * n, 16 * kt);
        mma<E>(Q[n], s0, o.x, o.y), mma<E>(Q[n + 1], s0, o.z, o.w);
        mma<E>(K[n], s1, u.x, u.y), mma<E>(K[n + 1], s1, u.z, u.w);
        if (kErase) {
          const uint4 x = spots.rows_b(dX(), token + 8 * n, 16 * kt);
          mma<E>(Eb[n], s0, x.x, x.y), mma<E>(Eb[n + 1], s0, x.z, x.w);
        }
      }
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {  // four threads a channel
      const Address place = piece_at(from + kS0, 8, at.channel0 + thread / 4, thread % 4 * 2 + i);
      const uint4 a = load_16(place), b = load_16(place + (kdS1 - kS0));
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
    if (thread < 96) fine()[thread] = fine_numbers(thread / 32, lane);
#pragma unroll 1
    for (int next = 0; next <= value_tiles + kStages - 1; ++next) {  // asked for now; worked on: the one kStages - 1 before
      ask_tile(next);
      if (next == 0) ask_g();
      const int tile = next - (kStages - 1);
      if (tile < 0 || tile >= value_tiles) continue;
      const Address from = stage(tile);
      copy_wait<kStages - 1>();
      block_sync();
      make_Z(from);
      block_sync();
      make_U(from);
      block_sync();
      make_dX(tile, from);
      block_sync();
      add_tile(from);
      if (p.direct && !p.floats && at.channel0 == 0) {
        store_rows(p.dv, from, tile);
        if (p.write_channel) store_rows(p.dw, from + kW, tile);
      }
      block_sync();
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
          store_4(piece_at(Z(), 8, t, j / 8) + 4 * c, pack<E>(j <= t ? a0 : 0.0f, j + 1 <= t ? a1 : 0.0f));
          if (kErase)
            store_4(piece_at(Z() + 8192, 8, t, j / 8) + 4 * c, pack<E>(j < t ? -dL[s][n][2 * i] : 0.0f, j + 1 < t ? -dL[s][n][2 * i + 1] : 0.0f));
          if (t == j) diagonal()[t] = a0;
          if (t == j + 1) diagonal()[t] = a1;
        }
    }
    auto* parked = reinterpret_cast<float4*>(memory + M::kParked);
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
    m.dA = Z(), m.dL = Z() + 8192, m.diagonal = diagonal(), m.fine = fine();
    m.columns = reinterpret_cast<uint4*>(memory + M::kWork + 16384);
    m.rows_q = reinterpret_cast<uint4*>(memory + M::kLevel32), m.rows_e = reinterpret_cast<uint4*>(memory + M::kLevel32 + 64 * kOwn);
    m.decay = channel_numbers(), m.totals = channel_numbers() + 2 * kOwn, m.through = channel_numbers() + 4 * kOwn;
    m.parked = reinterpret_cast<const float4*>(memory + M::kParked);
    return m;
  }
};

}  // namespace fw::cuda::chunk
