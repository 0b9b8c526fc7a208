// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Four neighbouring numbers of a state in one thread. Vec: one 16-byte access, the four are inside the row or outside it
// together; otherwise each of the four is tested. States are written by the kernel that reads them and read once, so loads
// go past the read-only path and past L1.
#pragma once

#include "cuda/support/elements.cuh"

namespace fw::cuda::decoding {

template <bool Vec>
__device__ __forceinline__ float4 load_state(const float* at, int left) {
  if constexpr (Vec) return left > 0 ? __ldcg(reinterpret_cast<const float4*>(at)) : float4{};
  else return make_float4(left > 0 ? __ldcg(at) : 0.0f, left > 1 ? __ldcg(at + 1) : 0.0f,
                          left > 2 ? __ldcg(at + 2) : 0.0f, left > 3 ? __ldcg(at + 3) : 0.0f);
}
/// `left`: numbers from here to the end of the row, which may be none or less.
template <bool Vec, class E>
__device__ __forceinline__ void store_columns(E* at, float4 x, int left) {
  if constexpr (Vec) {
    if (left > 0) store_four(at, x);
  } else {
    if (left > 0) at[0] = from_float<E>(x.x);
    if (left > 1) at[1] = from_float<E>(x.y);
    if (left > 2) at[2] = from_float<E>(x.z);
    if (left > 3) at[3] = from_float<E>(x.w);
  }
}

__device__ __forceinline__ float4 plus(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }
__device__ __forceinline__ float4 fma4(float a, float4 x, float4 y) {
  return make_float4(fmaf(a, x.x, y.x), fmaf(a, x.y, y.y), fmaf(a, x.z, y.z), fmaf(a, x.w, y.w));
}
__device__ __forceinline__ float4 times(float a, float4 x) {
  return make_float4(__fmul_rn(a, x.x), __fmul_rn(a, x.y), __fmul_rn(a, x.z), __fmul_rn(a, x.w));
}

}  // namespace fw::cuda::decoding
