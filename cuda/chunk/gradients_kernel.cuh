// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The kernel around gradients.cuh and gradient_tree.cuh: rows of q, k, b made ready for the tree, the tree, and its results out.
#pragma once

#include <string>

#include "cuda/chunk/gradients.cuh"
#include "cuda/support/check.h"

namespace fw::cuda::chunk {

/// Per token: 1/|q|, 1/|k| and the erase gate where it is one number. Reads whole rows, so it asks for as little as it can.
template <class Block>
__device__ __forceinline__ void prepare_row_numbers(const Block& block) {
  const FactorParams& f = block.p.raw;
  const GradientPlace& at = block.at;
  const bool mean = f.erase == Erase::mean, one = f.erase == Erase::scalar;
  if (!f.l2norm && !mean && !one) return;
  using E = typename Block::Element;
  const auto read = [&](const void* tensor, index_t element) {
    return block.p.floats ? static_cast<const float*>(tensor)[element] : to_float(static_cast<const E*>(tensor)[element]);
  };
#pragma unroll 1
  for (int i = block.warp; i < kRows; i += Block::kWarps) {
    float q = 0.0f, k = 0.0f, b = 0.0f;
    const bool token = i < at.chunk.rows;
    if (token && (f.l2norm || mean)) {
      const index_t key = ((at.token + i) * f.H + at.h) * f.Dk, gate = ((at.token + i) * f.b_heads + at.b_head) * f.Dk;
#pragma unroll 1
      for (int channel = block.lane; channel < f.Dk; channel += 32) {
        if (f.l2norm) {
          const float x = read(f.q, key + channel), y = read(f.k, key + channel);
          q += x * x, k += y * y;
        }
        if (mean) b += erase_gate(f, read(f.b, gate + channel));
      }
    }
    if (f.l2norm) {
      q = warp_sum(q) + f.l2norm_eps, k = warp_sum(k) + f.l2norm_eps;
      q = q == 0.0f ? 0.0f : 1.0f / sqrtf(q), k = k == 0.0f ? 0.0f : 1.0f / sqrtf(k);
    }
    if (mean) b = warp_sum(b) / static_cast<float>(f.Dk);
    if (one) b = token ? erase_gate(f, read(f.beta, (at.token + i) * f.HV + at.hv)) : 0.0f;
    if (block.lane == 0) block.row_q()[i] = q, block.row_k()[i] = k, block.row_e()[i] = b;
  }
}

/// Normalises rows of q and k, applies the sigmoid to b, where asked for. In place, rounded to E.
template <class Block>
__device__ __forceinline__ void make_rows_ready(const Block& block) {
  using E = typename Block::Element;
  const FactorParams& f = block.p.raw;
  const bool gates = block.erase_channel() && f.sigmoid;
  if (!f.l2norm && !gates) return;
  constexpr int kPieces = Block::kOwnChannels / 8;
#pragma unroll 1
  for (int n = block.thread; n < kRows * kPieces * 4; n += Block::kThreads) {
    const int row = n / (kPieces * 4), piece = n / 4 % kPieces, word = n % 4 * 4;
    const auto change = [&](Address tile, auto how) {
      const Address at = piece_at(tile, kPieces, row, piece) + static_cast<Address>(word);
      const float2 x = unpack<E>(load_4(at));
      store_4(at, pack<E>(how(x.x), how(x.y)));
    };
    if (f.l2norm) {
      change(block.q_tile(), [&](float x) { return x * block.row_q()[row]; });
      change(block.k_tile(), [&](float x) { return x * block.row_k()[row]; });
    }
    if (gates) change(block.b_tile(), [&](float x) { return erase_gate(f, x); });
  }
}

/// One tensor of a lane's elements out: float32, or through `tile` (this warp's own part of it) in E.
template <class E, int kOwn>
struct TreeStore {
  const GradientPlace& at;
  int lane, slice, half, rows;
  index_t stride;  ///< numbers between tokens

  __device__ __forceinline__ void floats(float* tensor, index_t first, const Tile (&x)[4]) const {
    if (tensor == nullptr) return;
#pragma unroll
    for (int n = 0; n < 4; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int token = 32 * half + 8 * n + lane % 4 * 2 + i % 2, channel = 16 * slice + lane / 4 + i / 2 * 8;
        if (token < rows && channel < at.channels) tensor[first + token * stride + channel] = x[n][i];
      }
  }
  /// Sums of a tile over the 16 channels of the warp, to [slices][64].
  __device__ __forceinline__ void sum_channels(float* sums, int n, const Tile& x) const {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float sum = x[i] + x[2 + i];
#pragma unroll
      for (int mask = 4; mask < 32; mask *= 2) sum += exchange(sum, mask);
      if (lane < 4) sums[64 * slice + 32 * half + 8 * n + 2 * lane + i] = sum;
    }
  }
  /// To the warp's part of a tile.
  __device__ __forceinline__ void put(Address tile, const Tile (&x)[4]) const {
    const int row = 32 * half + lane / 4;
    const Address at = tile + static_cast<Address>(row * 2 * kOwn + ((2 * slice) ^ (row & 7)) * 16 + lane % 4 * 4);
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      store_4(at + static_cast<Address>(16 * n * kOwn), movmatrix(pack<E>(x[n][0], x[n][1])));
      store_4((at ^ 16u) + static_cast<Address>(16 * n * kOwn), movmatrix(pack<E>(x[n][2], x[n][3])));
    }
  }
  __device__ __forceinline__ void rows_out(void* tensor, index_t first, Address tile, bool vectors) const {
    if (tensor == nullptr) return;
#pragma unroll
    for (int n = 0; n < 2; ++n) {
      const int token = 32 * half + 16 * n + lane / 2, piece = 2 * slice + lane % 2, left = at.channels - 8 * piece;
      if (token >= rows || left <= 0) continue;
      E* to = static_cast<E*>(tensor) + first + token * stride + 8 * piece;
      const uint4 x = load_16(piece_at(tile, kOwn / 8, token, piece));
      if (vectors) *reinterpret_cast<uint4*>(to) = x;
      else store_some<E>(to, x, left);
    }
  }
};

template <class E, int kOwn, bool kErase, class Block>
__device__ __forceinline__ void store_tree(const Block& block, GradientTree<E, kOwn, kErase>& tree) {
  const GradientParams& p = block.p;
  const GradientPlace& at = block.at;
  const index_t Dk = p.raw.Dk;
  TreeStore<E, kOwn> out{at, tree.lane, tree.slice, tree.half, at.chunk.rows, p.raw.HV * Dk};
  const index_t first = (at.token * p.raw.HV + at.hv) * Dk + at.channel0;  // direct only where every tensor has HV heads
  const bool gates = block.erase_channel() && p.direct, one_erase = kErase && p.direct && p.raw.erase == Erase::scalar;
  if (gates)
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      Tile k, b;
      tree.fetch(block.k_tile(), n, k);
      tree.fetch(block.b_tile(), n, b);
#pragma unroll
      for (int i = 0; i < 4; ++i) tree.dk[n][i] += tree.de[n][i] * b[i], tree.de[n][i] *= k[i];
    }
  if (one_erase)
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      Tile k, x;
      tree.fetch(block.k_tile(), n, k);
      const float2 b = *reinterpret_cast<const float2*>(block.row_e() + tree.token(n));
#pragma unroll
      for (int i = 0; i < 4; ++i) tree.dk[n][i] += tree.de[n][i] * (i % 2 == 0 ? b.x : b.y), x[i] = tree.de[n][i] * k[i];
      out.sum_channels(block.channel_sums(), n, x);
    }
  const bool one_decay = p.direct && p.raw.decay == Decay::scalar;
  if (one_decay)
#pragma unroll
    for (int n = 0; n < 4; ++n) out.sum_channels(block.channel_sums() + 4 * kOwn, n, tree.dg[n]);
  if (!p.direct || p.floats) {
    out.floats(static_cast<float*>(p.dq), first, tree.dq);
    out.floats(static_cast<float*>(p.dk), first, tree.dk);
    if (kErase && !one_erase) out.floats(static_cast<float*>(p.db), first, tree.de);
  } else {
    warp_sync();
    out.put(block.q_tile(), tree.dq);
    out.put(block.k_tile(), tree.dk);
    if (gates) out.put(block.b_tile(), tree.de);
    warp_sync();
    out.rows_out(p.dq, first, block.q_tile(), p.vectors);
    out.rows_out(p.dk, first, block.k_tile(), p.vectors);
    if (gates) out.rows_out(p.db, first, block.b_tile(), p.vectors);
  }
  if (!one_decay) {
    if (!p.direct || p.raw.g_is_float) {
      out.floats(static_cast<float*>(p.dg), first, tree.dg);
    } else {
      warp_sync();
      out.put(block.q_tile(), tree.dg);
      warp_sync();
      out.rows_out(p.dg, first, block.q_tile(), p.vectors);
    }
  }
  const bool one_write = p.direct && p.write_numbers != nullptr;
  if (!one_erase && !one_decay && !one_write) return;
  block_sync();
  if (block.thread >= at.chunk.rows) return;
  const index_t row = (at.token + block.thread) * p.raw.HV + at.hv;
  const auto sum = [&](const float* numbers, int count) {
    float all = 0.0f;
    for (int i = 0; i < count; ++i) all += numbers[64 * i + block.thread];
    return all;
  };
  const auto put = [&](void* tensor, bool floats, float x) {
    if (tensor == nullptr) return;
    if (floats) static_cast<float*>(tensor)[row] = x;
    else static_cast<E*>(tensor)[row] = from_float<E>(x);
  };
  if (one_erase || one_write)
    put(p.dbeta, p.floats, (one_erase ? sum(block.channel_sums(), kOwn / 16) : 0.0f) + (one_write ? sum(block.value_sums(), Block::kWarps / 4) : 0.0f));
  if (one_decay) put(p.dg, p.raw.g_is_float, sum(block.channel_sums() + 4 * kOwn, kOwn / 16));
}

template <class E, int Kp, int kOwn, int kStages, bool kErase>
__global__ void __launch_bounds__(4 * kOwn, 1) gradients_kernel(const __grid_constant__ GradientParams p) {
  using Block = GradientBlock<E, Kp, kOwn, kStages, kErase>;
  const FactorParams& f = p.raw;
  GradientPlace at;
  at.slot = block_in_grid() / f.HV;
  at.hv = static_cast<int>(block_in_grid() % f.HV);
  at.chunk = chunk_of_slot(f.tokens, at.slot);
  if (at.chunk.rows <= 0) return;
  at.token = at.chunk.token;
  const int group = f.HV / f.H;
  at.head = f.heads == f.HV ? at.hv : at.hv / group;
  at.h = at.hv / group;
  at.g_head = f.g_heads == f.HV ? at.hv : at.h;
  at.b_head = f.b_heads == f.HV ? at.hv : at.h;
  at.channel0 = static_cast<int>(blockIdx.y) * kOwn;
  at.channels = f.Dk - at.channel0 < kOwn ? f.Dk - at.channel0 : kOwn;
  const char* image = f.images + (at.slot * f.heads + at.head) * Image{Kp, kErase}.bytes();
  Block block(p, at);
  prepare_row_numbers(block);
  block.value_tiles_pass(image);
  block.park(reinterpret_cast<const float*>(image + Image{Kp, kErase}.gamma()));
  copy_wait<0>();
  block_sync();
  make_rows_ready(block);
  if (f.l2norm || f.sigmoid) block_sync();

  const TreeMemory memory = block.tree_memory();
  GradientTree<E, kOwn, kErase> tree(memory, block.warp, block.lane);
  tree.start();
  tree.middle();
  tree.give_32();
  block_sync();
  tree.take_32();
  tree.states(block.thread, Block::kThreads);
  block_sync();
  tree.take_totals();
  tree.fine(0);
  tree.fine(1);
  store_tree<E, kOwn, kErase>(block, tree);
}

template <class E, int Kp, int kOwn, int kStages>
void launch_gradients_as(const GradientParams& p, Stream stream) {
  constexpr int bytes = GradientMemory<Kp, kOwn, kStages>::kBytes;
  const auto launch = [&](auto kernel) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "cuda backward: shared memory of gradients_kernel");
    const dim3 grid(static_cast<unsigned>(p.raw.slots * p.raw.HV), static_cast<unsigned>((p.raw.Dk + kOwn - 1) / kOwn));
    kernel<<<grid, 4 * kOwn, static_cast<std::size_t>(bytes), stream>>>(p);
    check_launch("cuda backward: launch of gradients_kernel");
  };
  if (p.erase) launch(gradients_kernel<E, Kp, kOwn, kStages, true>);
  else launch(gradients_kernel<E, Kp, kOwn, kStages, false>);
}

template <class E>
void launch_gradients_of(const GradientParams& p, int shared_limit, Stream stream) {
  if (p.raw.Kp == 64) return launch_gradients_as<E, 64, 64, 1>(p, stream);
  if (p.raw.Kp == 128 && shared_limit >= GradientMemory<128, 128, 2>::kBytes) return launch_gradients_as<E, 128, 128, 2>(p, stream);
  if (p.raw.Kp == 128) return launch_gradients_as<E, 128, 64, 1>(p, stream);
  if (shared_limit < GradientMemory<256, 64, 1>::kBytes)
    throw Error("cuda backward: Dk must be at most 128 on this device, whose blocks have " + std::to_string(shared_limit) + " bytes of shared memory, got " +
                std::to_string(p.raw.Dk));
  launch_gradients_as<E, 256, 64, 1>(p, stream);
}

}  // namespace fw::cuda::chunk
