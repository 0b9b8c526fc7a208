// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Elements of tensors as float32 and back, one or four at a time. A four is one load: its address must be a multiple of four
// elements. Stores round to nearest, ties to even. Element types: float, __nv_bfloat16, __half.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace fw::cuda {

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ __forceinline__ float to_float(__half x) { return __half2float(x); }

template <class E>
__device__ __forceinline__ E from_float(float x);
template <>
__device__ __forceinline__ float from_float<float>(float x) { return x; }
template <>
__device__ __forceinline__ __nv_bfloat16 from_float<__nv_bfloat16>(float x) { return __float2bfloat16_rn(x); }
template <>
__device__ __forceinline__ __half from_float<__half>(float x) { return __float2half_rn(x); }

/// Element of a tensor that nobody writes while the kernel runs.
template <class E>
__device__ __forceinline__ float load_element(const E* at) { return to_float(__ldg(at)); }

__device__ __forceinline__ float4 load_four(const float* at) { return __ldg(reinterpret_cast<const float4*>(at)); }
template <class E>
__device__ __forceinline__ float4 load_four(const E* at) {
  static_assert(sizeof(E) == 2);
  union {
    uint2 words;
    E elements[4];
  } four;
  four.words = __ldg(reinterpret_cast<const uint2*>(at));
  return make_float4(to_float(four.elements[0]), to_float(four.elements[1]), to_float(four.elements[2]), to_float(four.elements[3]));
}

__device__ __forceinline__ void store_four(float* at, float4 x) { *reinterpret_cast<float4*>(at) = x; }
template <class E>
__device__ __forceinline__ void store_four(E* at, float4 x) {
  static_assert(sizeof(E) == 2);
  union {
    uint2 words;
    E elements[4];
  } four;
  four.elements[0] = from_float<E>(x.x);
  four.elements[1] = from_float<E>(x.y);
  four.elements[2] = from_float<E>(x.z);
  four.elements[3] = from_float<E>(x.w);
  *reinterpret_cast<uint2*>(at) = four.words;
}

}  // namespace fw::cuda
