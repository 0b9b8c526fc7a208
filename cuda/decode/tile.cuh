// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Four neighbouring numbers of a state in one thread. Vec: one 16-byte access, the four are inside the row or outside it
// together; otherwise each of the four is tested. States are written by the kernel that reads them and read once, so loads go
// past the read-only path and past L1. In L2 what was read stays until it is written (evict_last), and then has the rank of
// other data: 512 MiB read and written in place take 262 us on an H200 so, 278 without.
#pragma once

#include <cstdint>

#include "cuda/support/elements.cuh"

namespace fw::cuda::decoding {

/// What load_state wants.
__device__ __forceinline__ std::uint64_t until_written() {
  std::uint64_t policy;
  asm("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}
/// Zeros unless `inside`: whether it is a row of the state. No branches, so that all loads of a thread are under way at once.
template <bool Vec>
__device__ __forceinline__ float4 load_state(bool inside, const float* at, int left, std::uint64_t policy) {
  float4 x{};
  if constexpr (Vec) {
    asm volatile("{.reg .pred p; setp.ne.u32 p, %5, 0; @p ld.global.cg.L2::cache_hint.v4.f32 {%0,%1,%2,%3}, [%4], %6;}"
                 : "+f"(x.x), "+f"(x.y), "+f"(x.z), "+f"(x.w)
                 : "l"(at), "r"(static_cast<unsigned>(inside && left > 0)), "l"(policy));
  } else if (inside) {
    x = make_float4(left > 0 ? __ldcg(at) : 0.0f, left > 1 ? __ldcg(at + 1) : 0.0f, left > 2 ? __ldcg(at + 2) : 0.0f, left > 3 ? __ldcg(at + 3) : 0.0f);
  }
  return x;
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
/// The same of a state.
template <bool Vec>
__device__ __forceinline__ void store_state(float* at, float4 x, int left) {
  if constexpr (Vec) {
    std::uint64_t policy;
    asm("createpolicy.fractional.L2::evict_normal.b64 %0, 1.0;" : "=l"(policy));
    if (left > 0)
      asm volatile("st.global.L2::cache_hint.v4.f32 [%0], {%1,%2,%3,%4}, %5;" ::"l"(at), "f"(x.x), "f"(x.y), "f"(x.z), "f"(x.w), "l"(policy) : "memory");
  } else {
    store_columns<false>(at, x, left);
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
