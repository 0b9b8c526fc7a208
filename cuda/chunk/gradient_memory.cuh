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
  static constexpr int kWork = kFirst, kG = kWork + 3 * 8192, kRest = kG + 256 * (kOwn + 4), kBytes = kRest + 4 * (4 * 64 + 7 * kOwn);
  static_assert(384 * kOwn <= kStage || kStages == 1);
  static_assert(kBytes <= 232448);
};

/// 64 rows of E, `kPieces` pieces each, from rows of `width` numbers `stride` apart; zeros outside [0,rows) and [0,width).
/// In the background where rows are aligned and of E.
template <class E, int kPieces, int kThreads>
__device__ __forceinline__ void ask_rows(char* tile, const void* from, index_t first, index_t stride, int rows, int width, bool floats, bool vectors, int thread, int count = kRows) {
  if (vectors && !floats) {
    const E* source = static_cast<const E*>(from) + first;
    for (int n = thread; n < count * kPieces; n += kThreads) {
      const int row = n / kPieces, piece = n % kPieces;
      const bool wanted = row < rows && 8 * piece < width;
      copy_async_16(piece_at(tile, kPieces, row, piece), source + (wanted ? row * stride + 8 * piece : 0), wanted);
    }
    return;
  }
#pragma unroll 1
  for (int n = thread; n < count * kPieces * 4; n += kThreads) {
    const int row = n / (kPieces * 4), at = n % (kPieces * 4) * 2;
    float x[2] = {};
    for (int i = 0; i < 2; ++i)
      if (row < rows && at + i < width) {
        const index_t from_at = first + row * stride + at + i;
        x[i] = floats ? static_cast<const float*>(from)[from_at] : to_float(static_cast<const E*>(from)[from_at]);
      }
    *reinterpret_cast<std::uint32_t*>(piece_at(tile, kPieces, row, at / 8) + at % 8 * 2) = pack<E>(x[0], x[1]);
  }
}

/// An image part of 64 rows of E as it is.
template <int kThreads>
__device__ __forceinline__ void ask_bytes(char* to, const char* from, int bytes, int thread) {
  for (int at = 16 * thread; at < bytes; at += 16 * kThreads) copy_async_16(to + at, from + at, true);
}

}  // namespace fw::cuda::chunk
