// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What the kernels of this folder share: blocks of 32 channels times 8 rows, warps that have a row each, sums over a slab.
#pragma once

#include "cuda/layers/layers.h"
#include "cuda/support/check.h"
#include "cuda/support/warp.cuh"

namespace fw::cuda::layers {

inline constexpr int kWarps = 8, kThreads = 32 * kWarps;

/// Where a thread of a block of 32 channels times 8 rows is: blockIdx (row tile, channel tile, replica).
struct Place {
  int channel;
  index_t row;  ///< of its replica
  int replica;
};
__device__ __forceinline__ Place place() {
  return {static_cast<int>(blockIdx.y * 32 + threadIdx.x), static_cast<index_t>(blockIdx.x) * kWarps + threadIdx.y, static_cast<int>(blockIdx.z)};
}
inline unsigned tiles(index_t items, index_t of) { return static_cast<unsigned>((items + of - 1) / of); }
inline dim3 grid_of(const Rows& rows, index_t channels) { return {tiles(rows.rows, kWarps), tiles(channels, 32), static_cast<unsigned>(rows.replicas)}; }
/// Blocks that have 32 channels of a slab: blockIdx (slab, channel tile, replica).
inline dim3 slab_grid(const Rows& rows, index_t channels) { return {static_cast<unsigned>(rows.slabs), tiles(channels, 32), static_cast<unsigned>(rows.replicas)}; }
inline dim3 tile_block() { return {32, kWarps, 1}; }

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ __forceinline__ float softplus(float x) { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }
/// Of silu(x) = x sigmoid(x).
__device__ __forceinline__ float silu_slope(float x) {
  const float s = sigmoid(x);
  return s * (1.0f + x * (1.0f - s));
}

/// Sum of the eight row groups of a block, in order; valid in row group 0.
__device__ __forceinline__ float sum_row_groups(float x) {
  __shared__ float sums[kWarps][33];
  __syncthreads();
  sums[threadIdx.y][threadIdx.x] = x;
  __syncthreads();
  float total = 0.0f;
  if (threadIdx.y == 0)
    for (int i = 0; i < kWarps; ++i) total += sums[i][threadIdx.x];
  return total;
}

}  // namespace fw::cuda::layers
