// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Operands of m16n8k16 from tiles of 16-bit numbers in shared memory, whose rows are cut in pieces of 8 numbers, piece x of row i at
// place x ^ (i % 8) (params.h). Addresses are 32-bit shared addresses. Where a lane reads in a tile of rows of kBytes is worked out
// once (Spots); a fragment at row m and column k (multiples of 16; of 8 rows for B of rows) is then one xor and a constant away,
// since tiles begin at multiples of 1024 bytes.
//   rows_a       A [16,16]   of a tile that holds A          turned_a   the same of one that holds A transposed
//   rows_b       B [16,8] x2 of a tile that holds B^T        turned_b   of one that holds B: two neighbouring n-tiles of 8
#pragma once

#include "cuda/chunk/ptx.cuh"

namespace fw::cuda::chunk {

using Address = std::uint32_t;

__device__ __forceinline__ Address piece_at(Address tile, int pieces, int row, int piece) { return tile + static_cast<Address>((row * pieces + (piece ^ (row & 7))) * 16); }
__device__ __forceinline__ uint4 load_16(Address at) {
  uint4 x;
  asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "r"(at));
  return x;
}
__device__ __forceinline__ void store_16(Address at, const uint4& x) {
  asm volatile("st.shared.v4.u32 [%0], {%1,%2,%3,%4};" ::"r"(at), "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w) : "memory");
}
__device__ __forceinline__ std::uint32_t load_4(Address at) {
  std::uint32_t x;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(x) : "r"(at));
  return x;
}
__device__ __forceinline__ void store_4(Address at, std::uint32_t x) { asm volatile("st.shared.u32 [%0], %1;" ::"r"(at), "r"(x) : "memory"); }
__device__ __forceinline__ uint4 matrices(Address row) {
  uint4 x;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "r"(row) : "memory");
  return x;
}
__device__ __forceinline__ uint4 matrices_turned(Address row) {
  uint4 x;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "r"(row) : "memory");
  return x;
}
/// Two matrices, addresses from lanes 0 .. 15.
__device__ __forceinline__ uint2 two_matrices_turned(Address row) {
  uint2 x;
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];" : "=r"(x.x), "=r"(x.y) : "r"(row) : "memory");
  return x;
}
__device__ __forceinline__ void copy_async_to(Address to, const void* from, bool wanted) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(wanted ? 16 : 0) : "memory");
}

/// The thread's number, read anew: what is worked out from it is not kept in registers from one use to the next.
__device__ __forceinline__ int thread_read_anew() {
  int x;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(x));
  return x;
}

/// A lane's places in a tile with rows of kBytes.
template <int kBytes>
struct Spots {
  Address by_16, by_8;  ///< rows lane % 16, piece lane / 16; rows lane % 8 + lane / 16 * 8, piece lane / 8 % 2
  __device__ __forceinline__ explicit Spots(int lane)
      : by_16(static_cast<Address>(lane % 16 * kBytes + (lane / 16 ^ lane % 8) * 16)),
        by_8(static_cast<Address>((lane % 8 + lane / 16 * 8) * kBytes + (lane / 8 % 2 ^ lane % 8) * 16)) {}
  /// A = tile[m .. m+15][k .. k+15]
  __device__ __forceinline__ FragmentA rows_a(Address tile, int m, int k) const {
    const uint4 x = matrices((by_16 ^ static_cast<Address>(2 * k)) + tile + static_cast<Address>(m * kBytes));
    return {x.x, x.y, x.z, x.w};
  }
  /// A = transpose of tile[k .. k+15][m .. m+15]
  __device__ __forceinline__ FragmentA turned_a(Address tile, int m, int k) const {
    const uint4 x = matrices_turned((by_8 ^ static_cast<Address>(2 * m)) + tile + static_cast<Address>(k * kBytes));
    return {x.x, x.y, x.z, x.w};
  }
  /// B[k][n] = tile[n][k]: (x,y) for columns n .. n+7, (z,w) for n+8 .. n+15
  __device__ __forceinline__ uint4 rows_b(Address tile, int n, int k) const { return matrices((by_8 ^ static_cast<Address>(2 * k)) + tile + static_cast<Address>(n * kBytes)); }
  /// B[k][n] = tile[k][n]
  __device__ __forceinline__ uint4 turned_b(Address tile, int n, int k) const {
    return matrices_turned((by_16 ^ static_cast<Address>(2 * n)) + tile + static_cast<Address>(k * kBytes));
  }
};

/// C[16,8] += A[16,8] B[8,8]: a0 (row r, k 2c..2c+1), a1 (row r+8), b (k 2c..2c+1, column r)
template <class E>
__device__ __forceinline__ void mma8(float (&c)[4], std::uint32_t a0, std::uint32_t a1, std::uint32_t b);
template <>
__device__ __forceinline__ void mma8<__nv_bfloat16>(float (&c)[4], std::uint32_t a0, std::uint32_t a1, std::uint32_t b) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a0), "r"(a1), "r"(b));
}
template <>
__device__ __forceinline__ void mma8<__half>(float (&c)[4], std::uint32_t a0, std::uint32_t a1, std::uint32_t b) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a0), "r"(a1), "r"(b));
}

/// C[16,8] += A[16,8] B[8,8] in tf32: a0 (row r, k c), a1 (row r+8, k c), a2, a3 the same of k c+4; b0 (k c, column r), b1 (k c+4)
__device__ __forceinline__ void mma_tf32(float (&c)[4], std::uint32_t a0, std::uint32_t a1, std::uint32_t a2, std::uint32_t a3, std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
/// Rounded to 11 bits.
__device__ __forceinline__ std::uint32_t to_tf32(float x) {
  std::uint32_t y;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x));
  return y;
}

}  // namespace fw::cuda::chunk
