// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// X = (I + L)^-1 of a strictly lower 64x64 matrix in shared memory (C2), everything in float32: forward substitution on the four
// diagonal blocks of 16, then twice the block rule
//   [ D1    ]^-1   [  X1          ]
//   [ M  D2 ]    = [ -X2 M X1  X2 ]
// which stays accurate where keys repeat: no power of L is formed (L^2, L^4 of such keys are large and cancel). Entries of X stay
// small for contracting gates, so no product overflows. The products run on the tensor cores with every operand as the sum of two
// tf32 numbers (mma_float): errors are those of float32 sums of at most 32 terms.
//
// Mapping: warp w < 2 owns the diagonal block of 32 rows from 32 w on: lane 16 b + j column j of its block b of 16, then the block
// rule with X2 M kept in registers (a C fragment is an A fragment of the next product). The last block rule: all warps, a 16x8
// tile each. Needs at least two warps; all threads of the block must come.
#pragma once

#include "cuda/chunk/ptx.cuh"

namespace fw::cuda::chunk {

inline constexpr int kPitch = 68;                           ///< floats between rows of L and X
inline constexpr int kSquare = 64 * kPitch;                 ///< floats of L, of X
inline constexpr int kProductPitch = 36;
inline constexpr int kInverseRoom = kSquare + 32 * kProductPitch;  ///< floats of X and of the intermediate product behind it

/// c += A[16,8] B[8,8] at the given corners.
__device__ __forceinline__ void product_step(FloatSums& c, const float* A, const float* B, int B_pitch, int lane) {
  const int r = lane / 4, k = lane % 4 * 2;
  const float2 upper = *reinterpret_cast<const float2*>(A + r * kPitch + k), lower = *reinterpret_cast<const float2*>(A + (r + 8) * kPitch + k);
  const float a[4] = {upper.x, upper.y, lower.x, lower.y};
  mma_float(c, a, B[k * B_pitch + r], B[(k + 1) * B_pitch + r]);
}
__device__ __forceinline__ void store_tile(float* to, int pitch, const FloatSums& c, float sign, int lane) {
  float* at = to + lane / 4 * pitch + lane % 4 * 2;
  *reinterpret_cast<float2*>(at) = make_float2(sign * c[0], sign * c[1]);
  *reinterpret_cast<float2*>(at + 8 * pitch) = make_float2(sign * c[2], sign * c[3]);
}

/// One warp: rows and columns [0,32) of L and X. X gets zeros above the diagonals of its blocks of 16; its upper right block stays.
__device__ __forceinline__ void invert_32(const float* L, float* X, int lane) {
  {
    const int corner = lane / 16 * 16 * (kPitch + 1), j = lane % 16;
    const float* block = L + corner;
    float x[16];
#pragma unroll
    for (int i = 0; i < 16; ++i) x[i] = i == j ? 1.0f : 0.0f;
#pragma unroll
    for (int m = 0; m < 16; m += 4)
#pragma unroll
      for (int i = m + 1; i < 16; ++i) {
        const float4 l = *reinterpret_cast<const float4*>(block + i * kPitch + m);
        x[i] -= l.x * x[m];
        if (i > m + 1) x[i] -= l.y * x[m + 1];
        if (i > m + 2) x[i] -= l.z * x[m + 2];
        if (i > m + 3) x[i] -= l.w * x[m + 3];
      }
#pragma unroll
    for (int i = 0; i < 16; ++i) X[corner + i * kPitch + j] = x[i];
  }
  warp_sync();
  const float *M = L + 16 * kPitch, *X2 = X + 16 * (kPitch + 1);
  FloatSums d[2], e[2];
#pragma unroll
  for (int k = 0; k < 16; k += 8)
#pragma unroll
    for (int n = 0; n < 2; ++n) product_step(d[n], X2 + k, M + k * kPitch + 8 * n, kPitch, lane);
  const int r = lane / 4, c = lane % 4 * 2;
#pragma unroll
  for (int k = 0; k < 2; ++k) {
    const float a[4] = {d[k][0], d[k][1], d[k][2], d[k][3]};
#pragma unroll
    for (int n = 0; n <= k; ++n) mma_float(e[n], a, X[(8 * k + c) * kPitch + 8 * n + r], X[(8 * k + c + 1) * kPitch + 8 * n + r]);
  }
#pragma unroll
  for (int n = 0; n < 2; ++n) store_tile(X + 16 * kPitch + 8 * n, kPitch, e[n], -1.0f, lane);
}

/// L is read below the diagonal only. X gets the two diagonal blocks of 32 (invert_32), the rest is handed out:
///   meanwhile(warp, warps)  by the warps without a part in the first step; may make the lower left quarter of L
///   diagonal()              by all, when both diagonal blocks are there
///   lower(i, j, x, y)       X(i, j) and X(i, j + 1) of the lower left quarter, j even
/// Does not end with a block_sync().
template <class Meanwhile, class Diagonal, class Lower>
__device__ __forceinline__ void invert_unit_lower(const float* L, float* X, int warp, int warps, int lane, const Meanwhile& meanwhile, const Diagonal& diagonal,
                                                  const Lower& lower) {
  float* product = X + kSquare;
  if (warp < 2) invert_32(L + 32 * warp * (kPitch + 1), X + 32 * warp * (kPitch + 1), lane);
  else meanwhile(warp - 2, warps - 2);
  block_sync();
  for (int tile = warp; tile < 8; tile += warps) {  // M X1; blocks of X1 above its diagonal are zeros
    const int row = tile / 4 * 16, n = tile % 4;
    FloatSums d;
#pragma unroll
    for (int k = 0; k < 4; ++k)
      if (k >= n) product_step(d, L + (32 + row) * kPitch + 8 * k, X + 8 * k * kPitch + 8 * n, kPitch, lane);
    store_tile(product + row * kProductPitch + 8 * n, kProductPitch, d, 1.0f, lane);
  }
  diagonal();
  block_sync();
  for (int tile = warp; tile < 8; tile += warps) {  // -X2 (M X1)
    const int row = 32 + tile / 4 * 16, n = tile % 4, i = row + lane / 4, j = 8 * n + lane % 4 * 2;
    FloatSums d;
#pragma unroll
    for (int k = 0; k < 4; ++k)
      if (8 * k < row - 16) product_step(d, X + row * kPitch + 32 + 8 * k, product + 8 * k * kProductPitch + 8 * n, kProductPitch, lane);
    lower(i, j, -d[0], -d[1]);
    lower(i + 8, j, -d[2], -d[3]);
  }
}

}  // namespace fw::cuda::chunk
