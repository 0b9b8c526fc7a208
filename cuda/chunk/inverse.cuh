// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// X = (I + L)^-1 of a strictly lower 64x64 matrix in shared memory (C2), everything in float32: forward substitution on the four
// diagonal blocks of 16, then twice the block rule
//   [ D1    ]^-1   [  X1          ]
//   [ M  D2 ]    = [ -X2 M X1  X2 ]
// which stays accurate where keys repeat: no power of L is formed (L^2, L^4 of such keys are large and cancel). Entries of X stay
// small for contracting gates, so no product overflows; rounding errors are those of float32 sums of at most 32 terms.
//
// Mapping: step 1 warp w < 4 owns block w, lane j < 16 its column j; steps 2-3 a thread owns two neighbouring numbers of a 16x16
// product, steps 4-5 four of a 32x32 product. Needs at least 128 threads; all threads of the block must come.
#pragma once

#include "cuda/chunk/ptx.cuh"

namespace fw::cuda::chunk {

inline constexpr int kPitch = 68;                           ///< floats between rows of L and X
inline constexpr int kSquare = 64 * kPitch;                 ///< floats of L, of X
inline constexpr int kInverseRoom = kSquare + 32 * 36;      ///< floats of X and of the intermediate product behind it

/// L is read below the diagonal only. X gets zeros above the diagonal of its two 32x32 diagonal blocks; the upper right quarter
/// stays as it is. Ends with block_sync().
__device__ __forceinline__ void invert_unit_lower(const float* L, float* X) {
  const int thread = thread_in_block(), threads = threads_in_block(), warp = thread / 32, lane = thread % 32;
  float* product = X + kSquare;
  if (warp < 4) {  // 1. diagonal blocks
    const float* block = L + 16 * warp * (kPitch + 1);
    float* out = X + 16 * warp * (kPitch + 1);
    if (lane < 16) {
      float x[16];
#pragma unroll
      for (int i = 0; i < 16; ++i) x[i] = i == lane ? 1.0f : 0.0f;
#pragma unroll
      for (int m = 0; m < 15; ++m)
#pragma unroll
        for (int i = m + 1; i < 16; ++i) x[i] -= block[i * kPitch + m] * x[m];
#pragma unroll
      for (int i = 0; i < 16; ++i) out[i * kPitch + lane] = x[i];
    } else if (warp % 2 == 0) {
#pragma unroll
      for (int i = 0; i < 16; ++i) out[i * kPitch + lane] = 0.0f;
    }
  }
  block_sync();
  for (int n = thread; n < 256; n += threads) {  // 2. M X1 of both pairs of blocks, to product [2][16][18]
    const int pair = n / 128, i = n % 128 / 8, j = n % 8 * 2;
    const float *M = L + 32 * pair * (kPitch + 1) + (16 + i) * kPitch, *X1 = X + 32 * pair * (kPitch + 1) + j;
    float2 sum = make_float2(0.0f, 0.0f);
#pragma unroll
    for (int k = 0; k < 16; ++k) {
      const float2 x = *reinterpret_cast<const float2*>(X1 + k * kPitch);
      sum.x += M[k] * x.x, sum.y += M[k] * x.y;
    }
    *reinterpret_cast<float2*>(product + (pair * 16 + i) * 18 + j) = sum;
  }
  block_sync();
  for (int n = thread; n < 256; n += threads) {  // 3. -X2 (M X1)
    const int pair = n / 128, i = n % 128 / 8, j = n % 8 * 2;
    float* row = X + 32 * pair * (kPitch + 1) + (16 + i) * kPitch;
    float2 sum = make_float2(0.0f, 0.0f);
#pragma unroll
    for (int k = 0; k < 16; ++k) {
      const float2 x = *reinterpret_cast<const float2*>(product + (pair * 16 + k) * 18 + j);
      sum.x += row[16 + k] * x.x, sum.y += row[16 + k] * x.y;
    }
    *reinterpret_cast<float2*>(row + j) = make_float2(-sum.x, -sum.y);
  }
  block_sync();
  const auto row_times = [](const float* row, const float* matrix, int pitch) {  // row [32] times columns [0,4) of matrix [32,pitch]
    float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll
    for (int k = 0; k < 32; k += 4) {
      const float4 m = *reinterpret_cast<const float4*>(row + k);
      const float f[4] = {m.x, m.y, m.z, m.w};
#pragma unroll
      for (int l = 0; l < 4; ++l) {
        const float4 x = *reinterpret_cast<const float4*>(matrix + (k + l) * pitch);
        sum.x += f[l] * x.x, sum.y += f[l] * x.y, sum.z += f[l] * x.z, sum.w += f[l] * x.w;
      }
    }
    return sum;
  };
  for (int n = thread; n < 256; n += threads) {  // 4. M X1, 32x32, to product [32][36]
    const int i = n / 8, j = n % 8 * 4;
    *reinterpret_cast<float4*>(product + i * 36 + j) = row_times(L + (32 + i) * kPitch, X + j, kPitch);
  }
  block_sync();
  for (int n = thread; n < 256; n += threads) {  // 5. -X2 (M X1)
    const int i = n / 8, j = n % 8 * 4;
    const float4 sum = row_times(X + (32 + i) * kPitch + 32, product + j, 36);
    *reinterpret_cast<float4*>(X + (32 + i) * kPitch + j) = make_float4(-sum.x, -sum.y, -sum.z, -sum.w);
  }
  block_sync();
}

}  // namespace fw::cuda::chunk
