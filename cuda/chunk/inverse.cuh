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
// rule with X2 M kept in registers (a C fragment is an A fragment of the next product). The last block rule: warp w < 4, columns
// 8 w .. 8 w + 7. Needs at least four warps; all threads of the block must come.
#pragma once

#include "cuda/chunk/ptx.cuh"

namespace fw::cuda::chunk {

inline constexpr int kPitch = 68;                           ///< floats between rows of L and X
inline constexpr int kSquare = 64 * kPitch;                 ///< floats of L, of X
inline constexpr int kProductPitch = 36;
inline constexpr int kInverseRoom = kSquare + 32 * kProductPitch;  ///< floats of X and of the intermediate product behind it

/// c += A[16,8] B[8,8] at the given corners; nothing where not `wanted` (no branch: what is loaded then may be anything finite or not).
__device__ __forceinline__ void product_step(FloatSums& c, const float* A, const float* B, int B_pitch, int lane, bool wanted = true) {
  const int r = lane / 4, k = lane % 4 * 2;
  const float2 upper = *reinterpret_cast<const float2*>(A + r * kPitch + k), lower = *reinterpret_cast<const float2*>(A + (r + 8) * kPitch + k);
  const float a[4] = {wanted ? upper.x : 0.0f, wanted ? upper.y : 0.0f, wanted ? lower.x : 0.0f, wanted ? lower.y : 0.0f};
  const float b0 = B[k * B_pitch + r], b1 = B[(k + 1) * B_pitch + r];
  mma_float(c, a, wanted ? b0 : 0.0f, wanted ? b1 : 0.0f);
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
///   diagonal(warp, warps)   behind it, by the warps without a part in the second step, or by all
///   lower(i, j, x, y)       X(i, j) and X(i, j + 1) of the lower left quarter, j even
/// Does not end with a block_sync().
template <class Meanwhile, class Diagonal, class Lower>
__device__ __forceinline__ void invert_unit_lower(const float* L, float* X, int warp, int warps, int lane, const Meanwhile& meanwhile, const Diagonal& diagonal,
                                                  const Lower& lower) {
  if (warp < 2) invert_32(L + 32 * warp * (kPitch + 1), X + 32 * warp * (kPitch + 1), lane);
  else meanwhile(warp - 2, warps - 2);
  block_sync();
  if (warp < 4) {
    const int n = warp;
    float* product = X + kSquare + 8 * n;
    FloatSums d[2], e[2];
#pragma unroll
    for (int k = 0; k < 4; ++k)  // M X1; blocks of X1 above its diagonal are zeros
#pragma unroll
      for (int t = 0; t < 2; ++t) product_step(d[t], L + (32 + 16 * t) * kPitch + 8 * k, X + 8 * k * kPitch + 8 * n, kPitch, lane, k >= n);
#pragma unroll
    for (int t = 0; t < 2; ++t) store_tile(product + 16 * t * kProductPitch, kProductPitch, d[t], 1.0f, lane);
    warp_sync();
#pragma unroll
    for (int k = 0; k < 4; ++k)  // -X2 (M X1)
#pragma unroll
      for (int t = k / 2; t < 2; ++t) product_step(e[t], X + (32 + 16 * t) * kPitch + 32 + 8 * k, product + 8 * k * kProductPitch, kProductPitch, lane);
#pragma unroll
    for (int t = 0; t < 2; ++t) {
      const int i = 32 + 16 * t + lane / 4, j = 8 * n + lane % 4 * 2;
      lower(i, j, -e[t][0], -e[t][1]);
      lower(i + 8, j, -e[t][2], -e[t][3]);
    }
  }
  if (warps < 8) diagonal(warp, warps);
  else if (warp >= 4) diagonal(warp - 4, warps - 4);
}

}  // namespace fw::cuda::chunk
