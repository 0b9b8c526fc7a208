// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Shared memory of gradients_kernel, and how tiles come into it. E tiles are swizzled as in fragments.cuh.
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

}  // namespace fw::cuda::chunk
