// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The machine instructions that the chunk kernels are written in, one function each (sm_80 and newer):
//   mma          C[16,8] += A[16,16] B[16,8], 16-bit operands, float32 sums
//   mma_float    C[16,8] += A[16,8] B[8,8], float32 operands as sums of two of tf32
//   load_early   from memory that nobody writes while the kernel runs; stays where it is written, ahead of a block_sync()
//   ldmatrix     four 8x8 blocks of 16-bit numbers from shared memory; lane l gives the address of row l % 8 of block l / 8
//   movmatrix    transposes one 8x8 block across the warp
//   copy_async   16 or 4 bytes from global to shared memory in the background
//   bulk_copy    any multiple of 16 bytes, asked for by one thread; its arrival turns the phase of a barrier (sm_90 and newer)
//   bulk_store   the same from shared to global memory
//   prefetch     the same from global memory to the L2 (sm_90 and newer; else nothing)
//   barrier_     what waits for them, or for other threads (sm_90 and newer)
// Who holds what, with r = lane / 4 and c = lane % 4 (two neighbouring numbers in one register, the first in the low half):
//   A  a0 = (r, 2c..2c+1)  a1 = (r+8, 2c..)  a2 = (r, 2c+8..)  a3 = (r+8, 2c+8..)
//   B  b0 = (k = 2c..2c+1, n = r)  b1 = (k = 2c+8.., n = r)
//   C  c0,c1 = (r, 2c..2c+1)  c2,c3 = (r+8, 2c..)
// So the C fragments of two neighbouring 8-column tiles, rounded to 16 bits, are the A fragment of the next product, and where
// only a sum over k is wanted, k may be any numbering of the channels that A and B agree on.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace fw::cuda::chunk {

inline constexpr unsigned kWarp = 0xffffffffu;

__device__ __forceinline__ int thread_in_block() { return static_cast<int>(threadIdx.x); }
__device__ __forceinline__ int block_in_grid() { return static_cast<int>(blockIdx.x); }
__device__ __forceinline__ int threads_in_block() { return static_cast<int>(blockDim.x); }
__device__ __forceinline__ void block_sync() { __syncthreads(); }
__device__ __forceinline__ void warp_sync() { __syncwarp(); }
/// As block_sync(), for `Threads` threads that name the same barrier, 1..15.
template <int Threads>
__device__ __forceinline__ void team_sync(int barrier) {
  asm volatile("bar.sync %0, %1;" ::"r"(barrier), "n"(Threads) : "memory");
}
__device__ __forceinline__ float exchange(float x, int mask) { return __shfl_xor_sync(kWarp, x, mask); }
__device__ __forceinline__ char* shared_memory() {
  extern __shared__ __align__(1024) char memory[];
  return memory;
}

/// 2^x: 0 for -inf, relative error 2^-22.
__device__ __forceinline__ float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// Two numbers rounded to E (to nearest, ties to even), `low` in the low half.
template <class E>
__device__ __forceinline__ std::uint32_t pack(float low, float high);
template <>
__device__ __forceinline__ std::uint32_t pack<__nv_bfloat16>(float low, float high) {
  std::uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}
template <>
__device__ __forceinline__ std::uint32_t pack<__half>(float low, float high) {
  std::uint32_t word;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}

template <class E>
__device__ __forceinline__ float2 unpack(std::uint32_t word);
template <>
__device__ __forceinline__ float2 unpack<__nv_bfloat16>(std::uint32_t word) {
  return make_float2(__uint_as_float(word << 16), __uint_as_float(word & 0xffff0000u));
}
template <>
__device__ __forceinline__ float2 unpack<__half>(std::uint32_t word) {
  return __half22float2(*reinterpret_cast<const __half2*>(&word));
}

/// Both products, each rounded once to E.
template <class E>
__device__ __forceinline__ std::uint32_t multiply_pair(std::uint32_t x, std::uint32_t y);
template <>
__device__ __forceinline__ std::uint32_t multiply_pair<__nv_bfloat16>(std::uint32_t x, std::uint32_t y) {
  std::uint32_t z;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm("mul.rn.bf16x2 %0, %1, %2;" : "=r"(z) : "r"(x), "r"(y));
#else
  asm("{.reg .b32 zero; mov.b32 zero, 0x80008000; fma.rn.bf16x2 %0, %1, %2, zero;}" : "=r"(z) : "r"(x), "r"(y));
#endif
  return z;
}
template <>
__device__ __forceinline__ std::uint32_t multiply_pair<__half>(std::uint32_t x, std::uint32_t y) {
  std::uint32_t z;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(z) : "r"(x), "r"(y));
  return z;
}

struct FragmentA {
  std::uint32_t a0, a1, a2, a3;
};

template <class E>
__device__ __forceinline__ void mma(float (&c)[4], const FragmentA& a, std::uint32_t b0, std::uint32_t b1);
template <>
__device__ __forceinline__ void mma<__nv_bfloat16>(float (&c)[4], const FragmentA& a, std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.a0), "r"(a.a1), "r"(a.a2), "r"(a.a3), "r"(b0), "r"(b1));
}
template <>
__device__ __forceinline__ void mma<__half>(float (&c)[4], const FragmentA& a, std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.a0), "r"(a.a1), "r"(a.a2), "r"(a.a3), "r"(b0), "r"(b1));
}

/// x = high + low: high has the 11 leading bits of x, rounded to nearest, low what is left (12 bits, of which tf32 keeps 11).
struct Split {
  std::uint32_t high, low;
};
__device__ __forceinline__ Split split(float x) {
  const std::uint32_t high = (__float_as_uint(x) + 0x1000u) & 0xffffe000u;
  return {high, __float_as_uint(x - __uint_as_float(high))};
}
__device__ __forceinline__ void mma_tf32(float (&c)[4], const FragmentA& a, std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.a0), "r"(a.a1), "r"(a.a2), "r"(a.a3), "r"(b0), "r"(b1));
}
/// C[16,8] in three sums that do not wait for one another; each begins with zeros.
struct FloatSums {
  float main[4] = {}, left[4] = {}, right[4] = {};
  __device__ __forceinline__ float operator[](int n) const { return main[n] + (left[n] + right[n]); }
};
/// a = (r, 2c) (r, 2c+1) (r+8, 2c) (r+8, 2c+1), the order of a C fragment; b = (2c, r) (2c+1, r). Leaves out low times low: a
/// relative error of 2^-22 a product.
__device__ __forceinline__ void mma_float(FloatSums& c, const float (&a)[4], float b0, float b1) {
  const Split x0 = split(a[0]), x1 = split(a[2]), x2 = split(a[1]), x3 = split(a[3]), y0 = split(b0), y1 = split(b1);
  const FragmentA high = {x0.high, x1.high, x2.high, x3.high}, low = {x0.low, x1.low, x2.low, x3.low};
  mma_tf32(c.main, high, y0.high, y1.high);
  mma_tf32(c.left, low, y0.high, y1.high);
  mma_tf32(c.right, high, y0.low, y1.low);
}

template <class V>
__device__ __forceinline__ V load_early(const void* at);
template <>
__device__ __forceinline__ uint2 load_early<uint2>(const void* at) {
  uint2 x;
  asm volatile("ld.global.nc.v2.b32 {%0,%1}, [%2];" : "=r"(x.x), "=r"(x.y) : "l"(at));
  return x;
}
template <>
__device__ __forceinline__ float4 load_early<float4>(const void* at) {
  float4 x;
  asm volatile("ld.global.nc.v4.f32 {%0,%1,%2,%3}, [%4];" : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w) : "l"(at));
  return x;
}
__device__ __forceinline__ std::uint32_t shared_address(const void* at) { return static_cast<std::uint32_t>(__cvta_generic_to_shared(at)); }

__device__ __forceinline__ uint4 ldmatrix(const void* row) {
  uint4 x;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "r"(shared_address(row)));
  return x;
}
/// Every block transposed on the way.
__device__ __forceinline__ uint4 ldmatrix_transposed(const void* row) {
  uint4 x;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w) : "r"(shared_address(row)));
  return x;
}
__device__ __forceinline__ std::uint32_t movmatrix(std::uint32_t word) {
  std::uint32_t turned;
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(turned) : "r"(word));
  return turned;
}

/// Zeros instead of what lies at `from` when not `wanted`.
__device__ __forceinline__ void copy_async_16(void* to, const void* from, bool wanted) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(wanted ? 16 : 0) : "memory");
}
__device__ __forceinline__ void copy_async_4(void* to, const void* from, bool wanted) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(to)), "l"(from), "r"(wanted ? 4 : 0) : "memory");
}
__device__ __forceinline__ void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Until all but the last Pending groups of this thread have come.
template <int Pending>
__device__ __forceinline__ void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
inline constexpr bool kBulkCopies = true;
/// `arrivals` end a phase. Once, by one thread, before a block_sync().
__device__ __forceinline__ void barrier_init(std::uint64_t* barrier, int arrivals = 1) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n fence.mbarrier_init.release.cluster;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
}
/// What this thread did before is seen by those who wait for the phase.
__device__ __forceinline__ void barrier_arrive(std::uint64_t* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
}
/// By one thread, when all have read what lay there. Both addresses are multiples of 16.
__device__ __forceinline__ void bulk_copy(void* to, const void* from, int bytes, std::uint64_t* barrier) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes) : "memory");
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(shared_address(to)), "l"(__cvta_generic_to_global(from)),
               "r"(bytes), "r"(shared_address(barrier))
               : "memory");
}
/// Until the phase of that parity (0 for the first copy, then 1, 0, ..) is over.
__device__ __forceinline__ void barrier_wait(std::uint64_t* barrier, unsigned parity) {
  asm volatile(
      "{.reg .pred done;\n"
      "again: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again;}" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
}
/// From shared to global memory in the background, by one thread, behind a block_sync() after the writes; both addresses are
/// multiples of 16. The fence stands on the way from every write to the copy, so one thread's is enough.
__device__ __forceinline__ void bulk_store(void* to, const void* from, int bytes) {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(__cvta_generic_to_global(to)), "r"(shared_address(from)), "r"(bytes) : "memory");
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}
/// Asks for `bytes` of global memory to come to the L2; address and bytes are multiples of 16.
__device__ __forceinline__ void prefetch(const void* from, int bytes) {
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(__cvta_generic_to_global(from)), "r"(bytes));
}
/// Until this thread's bulk stores have read what they store.
__device__ __forceinline__ void bulk_stores_read() { asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory"); }
#else
inline constexpr bool kBulkCopies = false;
__device__ __forceinline__ void barrier_init(std::uint64_t*, int = 1) {}
__device__ __forceinline__ void barrier_arrive(std::uint64_t*) {}
__device__ __forceinline__ void bulk_copy(void*, const void*, int, std::uint64_t*) {}
__device__ __forceinline__ void barrier_wait(std::uint64_t*, unsigned) {}
__device__ __forceinline__ void bulk_store(void*, const void*, int) {}
__device__ __forceinline__ void prefetch(const void*, int) {}
__device__ __forceinline__ void bulk_stores_read() {}
#endif

}  // namespace fw::cuda::chunk
