// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Shared memory of gradients_kernel and of its tree, where a block works, and how tiles come into shared memory. E tiles are swizzled as in fragments.cuh.
//
//   while value tiles of 64 columns are worked on         in the tree
//   stages x [ v w dO [64,64] | S0, dS1 [Kp,64] ]         q k b [64,own]
//   W, Ktail [64,Kp]  A, Tinv [64,64]                     parked [3][4][threads] float4, operands of level 32
//   Z/dX, U, dU [64,64]                                   dA, dL [64,64], the third operand of level 32
//   g [64, own + 4] float32
//   row numbers, gamma, ..                                diagonal, decay, totals, through
#pragma once

#include "cuda/chunk/fragments.cuh"
#include "cuda/chunk/gates.cuh"
#include "cuda/chunk/gradient_params.h"

namespace fw::cuda::chunk {

inline constexpr int kValues = 64;  ///< value columns of a tile

template <int Kp, int kOwn, int kStages>
struct GradientMemory {
  static constexpr int kThreads = 4 * kOwn;            ///< two warps for every 16 channels
  static constexpr int kStage = 3 * 8192 + 256 * Kp;
  static constexpr int kImage = kStages * kStage, kSquare = kImage + 256 * Kp;
  static constexpr int kParked = 384 * kOwn, kLevel32 = kParked + 768 * kOwn;
  static constexpr int kFirst = kSquare + 16384 > kLevel32 + 128 * kOwn ? kSquare + 16384 : kLevel32 + 128 * kOwn;
  static constexpr int kWork = kFirst, kG = kWork + 3 * 8192, kRest = kG + 256 * (kOwn + 4), kBytes = kRest + 4 * (8 * 64 + 5 * kOwn) + 16 * 3 * 32;
  static_assert(384 * kOwn <= kStage || kStages == 1);
  static_assert(kBytes <= 232448);
};

/// Rows of `width` numbers, `stride` apart, of a tensor of E or float32; rows >= `rows` do not exist.
struct Rows {
  const void* from;  ///< the first number
  index_t stride;
  int rows, width;
  bool floats;
};

/// Into a tile of kCount rows of kPieces pieces, zeros where there is nothing, number by number. The rare case of odd widths and
/// float32 tensors: not worth its place in the instruction cache of the usual one.
template <class E>
__device__ __forceinline__ void read_rows(char* tile, int pieces, int count, Rows rows, int thread, int threads) {
#pragma unroll 1
  for (int n = thread; n < count * pieces * 4; n += threads) {
    const int row = n / (pieces * 4), at = n % (pieces * 4) * 2;
    float x[2] = {};
    for (int i = 0; i < 2; ++i)
      if (row < rows.rows && at + i < rows.width) {
        const index_t from = row * rows.stride + at + i;
        x[i] = rows.floats ? static_cast<const float*>(rows.from)[from] : to_float(static_cast<const E*>(rows.from)[from]);
      }
    *reinterpret_cast<std::uint32_t*>(tile + (row * pieces + (at / 8 ^ row % 8)) * 16 + at % 8 * 2) = pack<E>(x[0], x[1]);
  }
}
/// The same in the background: rows of E that begin at multiples of 16 bytes.
template <class E, int kPieces, int kCount, int kThreads>
__device__ __forceinline__ void ask_rows(Address tile, const Rows& rows, int thread) {
  constexpr int kStep = kThreads / kPieces;
  static_assert(kStep % 8 == 0 && kCount % kStep == 0);
  const int row = thread / kPieces, piece = thread % kPieces;
  const E* from = static_cast<const E*>(rows.from) + row * rows.stride + 8 * piece;
  const Address to = piece_at(tile, kPieces, row, piece);
#pragma unroll
  for (int i = 0; i < kCount / kStep; ++i) {
    const bool wanted = row + i * kStep < rows.rows && 8 * piece < rows.width;
    copy_async_to(to + static_cast<Address>(i * kStep * kPieces * 16), wanted ? static_cast<const void*>(from + i * kStep * rows.stride) : rows.from, wanted);
  }
}

/// Bytes of an image as they are; their number is a multiple of 16 kThreads.
template <int kThreads>
__device__ __forceinline__ void ask_bytes(Address to, const char* from, int bytes, int thread) {
#pragma unroll 1
  for (int at = 16 * thread; at < bytes; at += 16 * kThreads) copy_async_to(to + static_cast<Address>(at), from + at, true);
}

/// Where the block works.
struct GradientPlace {
  Chunk chunk;
  index_t slot, token;   ///< token: its first
  int hv, head, channel0, channels;  ///< channels [channel0, channel0 + channels) are this block's
  int h, g_head, b_head;
};

/// g of any kind, number by number, to [64, kOwn + 4].
template <class E, int kOwn, int kThreads>
__device__ __forceinline__ void read_g(float* to, const FactorParams& f, const GradientPlace& at, int thread) {
  const DecayOfHead decay = f.decay == Decay::none ? DecayOfHead{} : decay_of_head(f, at.g_head);
  const auto number = [&](index_t element) { return f.g_is_float ? static_cast<const float*>(f.g)[element] : to_float(static_cast<const E*>(f.g)[element]); };
  if (f.decay != Decay::channel) {  // one number a token: each of its threads reads it once
    constexpr int kEach = kRows * kOwn / kThreads, kParts = kOwn / kEach;
    const int row = thread / kParts, first = thread % kParts * kEach;
    float x = 0.0f;
    if (f.decay == Decay::scalar && row < at.chunk.rows) {
      x = number((at.token + row) * f.g_heads + at.g_head);
      if (f.activation != DecayActivation::none) x = decay.g(x, f.dt_bias == nullptr ? 0.0f : f.dt_bias[at.g_head]);
    }
    float4* out = reinterpret_cast<float4*>(to + row * (kOwn + 4) + first);
#pragma unroll
    for (int i = 0; i < kEach / 4; ++i) {
      const int left = at.channels - first - 4 * i;
      out[i] = make_float4(left > 0 ? x : 0.0f, left > 1 ? x : 0.0f, left > 2 ? x : 0.0f, left > 3 ? x : 0.0f);
    }
    return;
  }
#pragma unroll 1
  for (int n = thread; n < kRows * kOwn; n += kThreads) {
    const int row = n / kOwn, channel = n % kOwn;
    float x = 0.0f;
    if (row < at.chunk.rows && channel < at.channels) {
      x = number(((at.token + row) * f.g_heads + at.g_head) * f.Dk + at.channel0 + channel);
      if (f.activation != DecayActivation::none) {
        const float bias = f.dt_bias == nullptr ? 0.0f : f.bias_per_channel ? f.dt_bias[at.g_head * f.Dk + at.channel0 + channel] : f.dt_bias[at.g_head];
        x = decay.g(x, bias);
      }
    }
    to[row * (kOwn + 4) + channel] = x;
  }
}
/// The first `count` of eight numbers.
template <class E>
__device__ __forceinline__ void store_some(E* to, uint4 x, int count) {
  const std::uint32_t words[4] = {x.x, x.y, x.z, x.w};
#pragma unroll 1
  for (int i = 0; i < 8 && i < count; ++i) {
    const float2 two = unpack<E>(words[i / 2]);
    to[i] = from_float<E>(i % 2 == 0 ? two.x : two.y);
  }
}

/// Shared memory of the tree, as addresses where matrices are read.
struct TreeMemory {
  Address q, k, b;           ///< [64,own] of E; b where the erase gate is per channel
  const float* g;            ///< after its activation [64, own + 4]
  const float* e_number;     ///< [64] erase gate of a token where it is one number, else null
  Address dA, dL;            ///< [64,64] of E
  const float* diagonal;     ///< [64] dA_ii
  const uint4* fine;         ///< [3][32] of a lane in levels 1, 2, 4: masks of pairs, the same turned, ones of its two tokens
  uint4 *columns, *rows_q, *rows_e;  ///< [slices][2][32] operands of level 32
  float *decay;              ///< [2][own] whole decay of a half
  float *totals;             ///< [2][own] what half 0 tells half 1 (columns) and half 1 tells half 0 (rows)
  const float4* parked;      ///< [3][4][threads] dQbar, dEbar, dKtail
  const float* through;      ///< [own] gamma rowsum(S0 (.) dS1)
};

/// What TreeMemory::fine holds for level h = 1 << level. Pairs: row i on the right, column j on the left of the same pair of blocks;
/// 16-bit masks of [row r][columns 2c, 2c + 1] and, turned, [column r][rows 2c, 2c + 1]. Ones: i = 2c, 2c + 1 reaches t = r, that
/// is t <= i of its block on the right, t > i of its block on the left.
__device__ __forceinline__ uint4 fine_numbers(int level, int lane) {
  const int h = 1 << level, r = lane / 4, c = lane % 4;
  const auto pair = [&](int i, int j) { return (i & ~(2 * h - 1)) == (j & ~(2 * h - 1)) && (i & h) != 0 && (j & h) == 0; };
  const auto reaches = [&](int i) { return (i & ~(h - 1)) == (r & ~(h - 1)) && ((i & h) != 0 ? r <= i : r > i); };
  return make_uint4((pair(r, 2 * c) ? 0xffffu : 0u) | (pair(r, 2 * c + 1) ? 0xffff0000u : 0u), (pair(2 * c, r) ? 0xffffu : 0u) | (pair(2 * c + 1, r) ? 0xffff0000u : 0u),
                    __float_as_uint(reaches(2 * c) ? 1.0f : 0.0f), __float_as_uint(reaches(2 * c + 1) ? 1.0f : 0.0f));
}

}  // namespace fw::cuda::chunk
