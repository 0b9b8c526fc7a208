// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Operands of m16n8k16 from tiles of 16-bit numbers in shared memory, whose rows are cut in `pieces` pieces of 8 numbers, piece x of
// row i at place x ^ (i % 8) (params.h). Rows and columns below count numbers and are multiples of 8 or 16.
//   rows_a       A [16,16]   of a tile that holds A          turned_a   the same of one that holds A transposed
//   rows_b       B [16,8] x2 of a tile that holds B^T        turned_b   of one that holds B: two neighbouring n-tiles of 8
#pragma once

#include "cuda/chunk/ptx.cuh"

namespace fw::cuda::chunk {

__device__ __forceinline__ const char* piece_at(const char* tile, int pieces, int row, int piece) { return tile + (row * pieces + (piece ^ (row & 7))) * 16; }
__device__ __forceinline__ char* piece_at(char* tile, int pieces, int row, int piece) { return tile + (row * pieces + (piece ^ (row & 7))) * 16; }

/// A = tile[m .. m+15][k .. k+15]
__device__ __forceinline__ FragmentA rows_a(const char* tile, int pieces, int m, int k, int lane) {
  const uint4 x = ldmatrix(piece_at(tile, pieces, m + lane % 16, k / 8 + lane / 16));
  return {x.x, x.y, x.z, x.w};
}
/// A = transpose of tile[k .. k+15][m .. m+15]
__device__ __forceinline__ FragmentA turned_a(const char* tile, int pieces, int m, int k, int lane) {
  const uint4 x = ldmatrix_transposed(piece_at(tile, pieces, k + lane % 8 + lane / 16 * 8, m / 8 + lane / 8 % 2));
  return {x.x, x.y, x.z, x.w};
}
/// B[k][n] = tile[n][k]: (x,y) for columns n .. n+7, (z,w) for n+8 .. n+15
__device__ __forceinline__ uint4 rows_b(const char* tile, int pieces, int n, int k, int lane) {
  return ldmatrix(piece_at(tile, pieces, n + lane % 8 + lane / 16 * 8, k / 8 + lane / 8 % 2));
}
/// B[k][n] = tile[k][n]
__device__ __forceinline__ uint4 turned_b(const char* tile, int pieces, int n, int k, int lane) {
  return ldmatrix_transposed(piece_at(tile, pieces, k + lane % 16, n / 8 + lane / 16));
}

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
