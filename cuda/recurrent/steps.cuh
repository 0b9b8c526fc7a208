// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What the forward and the backward token by token share. A warp has four value columns; lane l has column l % 4 and the
// channels kPerLane (l / 4) .. of it, kPerLane = Kp / 8.
#pragma once

#include "cuda/chunk/ptx.cuh"
#include "cuda/recurrent/params.h"
#include "cuda/support/elements.cuh"

namespace fw::cuda::recurrent {

using chunk::block_sync;
using chunk::exchange;
using chunk::thread_in_block;

/// Sum over the lanes of a column, in all of them.
__device__ __forceinline__ float column_sum(float x) {
  x += exchange(x, 4);
  x += exchange(x, 8);
  return x + exchange(x, 16);
}
template <int kPerLane>
__device__ __forceinline__ void load_row(const float* row, float (&x)[kPerLane]) {
#pragma unroll
  for (int i = 0; i < kPerLane; i += 4) {
    const float4 four = *reinterpret_cast<const float4*>(row + i);
    x[i] = four.x, x[i + 1] = four.y, x[i + 2] = four.z, x[i + 3] = four.w;
  }
}
/// Element i of a caller's tensor.
__device__ __forceinline__ float read_number(const void* tensor, DType type, index_t i) {
  if (type == DType::f32) return static_cast<const float*>(tensor)[i];
  return type == DType::f16 ? to_float(static_cast<const __half*>(tensor)[i]) : to_float(static_cast<const __nv_bfloat16*>(tensor)[i]);
}
__device__ __forceinline__ void write_number(void* tensor, DType type, index_t i, float x) {
  if (type == DType::f32) static_cast<float*>(tensor)[i] = x;
  else if (type == DType::f16) static_cast<__half*>(tensor)[i] = from_float<__half>(x);
  else static_cast<__nv_bfloat16*>(tensor)[i] = from_float<__nv_bfloat16>(x);
}
/// Where element (channel, column) of a sequence-head's state lies.
struct StatePlace {
  int Dk, Dv, value_key;
  __device__ __forceinline__ index_t operator()(int channel, int column) const {
    return value_key ? static_cast<index_t>(column) * Dk + channel : static_cast<index_t>(channel) * Dv + column;
  }
};

}  // namespace fw::cuda::recurrent
