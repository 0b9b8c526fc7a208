// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The wide matrix instruction of sm_90a: four warps together, C[64,N] += A[64,16] B[16,N], N = 64 or 128. A lies in registers, warp w of
// the four has rows 16 w .. 16 w + 15 in the layout of m16n8k16 (ptx.cuh), C likewise: accumulators, rounded, are the next A. B lies in
// shared memory in blocks of 64 columns with rows of 128 bytes and the swizzle of params.h, which begin at multiples of 1024 bytes.
//   rows B[k][n] = tile[n][k]        turned B[k][n] = tile[k][n]; a second block of 64 columns lies 8192 bytes behind the first
// Instructions run in the background: begin(), multiplications, commit(), and wait() before registers are touched again.
#pragma once

#include "cuda/chunk/ptx.cuh"

namespace fw::cuda::chunk::wide {

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
inline constexpr bool kThere = true;
#else
inline constexpr bool kThere = false;
#endif

template <class E>
inline constexpr bool kIsHalf = false;
template <>
inline constexpr bool kIsHalf<__half> = true;

/// What the instruction is told about a tile at a 32-bit shared address: 128-byte swizzle, 8 rows of 128 bytes to a group, groups 1024
/// bytes apart, and (turned) blocks of 64 columns 8192 bytes apart.
__device__ __forceinline__ std::uint64_t tile_at(std::uint32_t address) {
  return static_cast<std::uint64_t>(address >> 4 & 0x3fffu) | static_cast<std::uint64_t>(8192 >> 4) << 16 | static_cast<std::uint64_t>(1024 >> 4) << 32 |
         static_cast<std::uint64_t>(1) << 62;
}
__device__ __forceinline__ std::uint64_t rows_at(std::uint32_t tile, int k) { return tile_at(tile + static_cast<std::uint32_t>(k / 64 * 8192 + k % 64 * 2)); }
__device__ __forceinline__ std::uint64_t turned_at(std::uint32_t tile, int k) { return tile_at(tile + static_cast<std::uint32_t>(k * 128)); }

__device__ __forceinline__ void begin() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
__device__ __forceinline__ void commit() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}
/// Until all but the last Pending groups are done.
template <int Pending>
__device__ __forceinline__ void wait() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
#endif
}
/// Keeps the compiler from moving uses of accumulators across a wait().
template <int Tiles>
__device__ __forceinline__ void settled(float (&c)[Tiles][4]) {
#pragma unroll
  for (int n = 0; n < Tiles; ++n)
#pragma unroll
    for (int i = 0; i < 4; ++i) asm volatile("" : "+f"(c[n][i])::"memory");
}

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define FW_WIDE_64(TYPE, TURNED)                                                                                                                       \
  asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32." TYPE "." TYPE                                                                             \
               " {%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31},"              \
               " {%32,%33,%34,%35}, %36, 1, 1, 1, " TURNED ";"                                                                                         \
               : FW_WIDE_TILE(0), FW_WIDE_TILE(1), FW_WIDE_TILE(2), FW_WIDE_TILE(3), FW_WIDE_TILE(4), FW_WIDE_TILE(5), FW_WIDE_TILE(6), FW_WIDE_TILE(7) \
               : "r"(a.a0), "r"(a.a1), "r"(a.a2), "r"(a.a3), "l"(b))
#define FW_WIDE_128(TYPE, TURNED)                                                                                                                      \
  asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32." TYPE "." TYPE                                                                            \
               " {%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,"               \
               "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63},"      \
               " {%64,%65,%66,%67}, %68, 1, 1, 1, " TURNED ";"                                                                                         \
               : FW_WIDE_TILE(0), FW_WIDE_TILE(1), FW_WIDE_TILE(2), FW_WIDE_TILE(3), FW_WIDE_TILE(4), FW_WIDE_TILE(5), FW_WIDE_TILE(6), FW_WIDE_TILE(7), \
                 FW_WIDE_TILE(8), FW_WIDE_TILE(9), FW_WIDE_TILE(10), FW_WIDE_TILE(11), FW_WIDE_TILE(12), FW_WIDE_TILE(13), FW_WIDE_TILE(14),             \
                 FW_WIDE_TILE(15)                                                                                                                       \
               : "r"(a.a0), "r"(a.a1), "r"(a.a2), "r"(a.a3), "l"(b))
#define FW_WIDE_TILE(n) "+f"(c[n][0]), "+f"(c[n][1]), "+f"(c[n][2]), "+f"(c[n][3])
#endif

/// C += A B, one step of 16 in k.
template <class E, bool kTurned>
__device__ __forceinline__ void multiply(float (&c)[8][4], const FragmentA& a, std::uint64_t b) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  if constexpr (!kIsHalf<E>) {
    if constexpr (kTurned) FW_WIDE_64("bf16", "1");
    else FW_WIDE_64("bf16", "0");
  } else {
    if constexpr (kTurned) FW_WIDE_64("f16", "1");
    else FW_WIDE_64("f16", "0");
  }
#endif
}
template <class E, bool kTurned>
__device__ __forceinline__ void multiply(float (&c)[16][4], const FragmentA& a, std::uint64_t b) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  if constexpr (!kIsHalf<E>) {
    if constexpr (kTurned) FW_WIDE_128("bf16", "1");
    else FW_WIDE_128("bf16", "0");
  } else {
    if constexpr (kTurned) FW_WIDE_128("f16", "1");
    else FW_WIDE_128("f16", "0");
  }
#endif
}

/// Of a group of four warps, all together: gives back all but `Registers` of each thread's, or waits until there are as many.
template <int Registers>
__device__ __forceinline__ void fewer_registers() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}
template <int Registers>
__device__ __forceinline__ void more_registers() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}

}  // namespace fw::cuda::chunk::wide
