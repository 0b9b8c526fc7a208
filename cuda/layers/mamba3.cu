// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Kernels of mamba3.h: a thread or a warp has one item of mamba3_items.h. The walk along a sequence is left to the threads of the angles,
// which read nothing that depends on the token before, and to the engine.
#include "cuda/layers/launch.cuh"
#include "cuda/layers/mamba3_items.h"

namespace fw::cuda::layers {
namespace {

using Rule = Mamba3<float>;
using Gradients = Mamba3Gradients<float>;

/// The lanes of a warp.
struct Warp {
  int lane, count = 32;
  FW_ITEM float sum(float x) const {
#ifdef __CUDA_ARCH__
    return lane_sum(x);
#else
    return x;
#endif
  }
};

__device__ __forceinline__ index_t thread_item() { return static_cast<index_t>(blockIdx.x) * kThreads + threadIdx.x; }
__device__ __forceinline__ index_t warp_item() { return static_cast<index_t>(blockIdx.x) * kWarps + threadIdx.x / 32; }
__device__ __forceinline__ Warp warp() { return {static_cast<int>(threadIdx.x % 32)}; }

__global__ void __launch_bounds__(kThreads) mamba3_gates_kernel(const Rule p) {
  if (const index_t i = thread_item(); i < p.rows * p.HV) mamba3::gates(p, i);
}
__global__ void __launch_bounds__(kThreads) mamba3_angles_kernel(const Rule p) {
  if (const index_t i = thread_item(); i < p.rows / p.T * p.HV * p.P) mamba3::angles(p, i);
}
__global__ void __launch_bounds__(kThreads) mamba3_factors_kernel(const Rule p) {
  if (const index_t i = warp_item(); i < p.rows * p.HV) mamba3::factors(p, i, warp());
}
__global__ void __launch_bounds__(kThreads) mamba3_own_read_kernel(const Rule p) {
  if (const index_t i = thread_item(); i < p.rows * p.HV * p.V) mamba3::own_read(p, i);
}
__global__ void __launch_bounds__(kThreads) mamba3_values_backward_kernel(const Rule p, const Gradients d) {
  if (const index_t i = warp_item(); i < p.rows * p.HV) mamba3::values_backward(p, d, i, warp());
}
__global__ void __launch_bounds__(kThreads) mamba3_keys_backward_kernel(const Rule p, const Gradients d) {
  if (const index_t i = warp_item(); i < p.rows * p.H) mamba3::keys_backward(p, d, i, warp());
}
__global__ void __launch_bounds__(kThreads) mamba3_angles_backward_kernel(const Rule p, const Gradients d) {
  if (const index_t i = thread_item(); i < p.rows / p.T * p.HV * p.P) mamba3::angles_backward(p, d, i);
}
__global__ void __launch_bounds__(kThreads) mamba3_gates_backward_kernel(const Rule p, const Gradients d) {
  if (const index_t i = warp_item(); i < p.rows * p.HV) mamba3::gates_backward(p, d, i, warp());
}
__global__ void __launch_bounds__(kThreads) mamba3_angle_columns_backward_kernel(const Rule p, const Gradients d) {
  if (const index_t i = thread_item(); i < p.rows * p.P) mamba3::angle_columns_backward(p, d, i);
}

/// items_of_block: kThreads or kWarps.
template <class Kernel, class... Params>
void launch(Kernel kernel, const char* name, index_t items, int items_of_block, Stream stream, const Params&... params) {
  if (items == 0) return;
  kernel<<<tiles(items, items_of_block), kThreads, 0, stream>>>(params...);
  check_launch(name);
}

}  // namespace

void mamba3_factors(const Rule& p, Stream stream) {
  launch(mamba3_gates_kernel, "layers: launch of mamba3_gates_kernel", p.rows * p.HV, kThreads, stream, p);
  launch(mamba3_angles_kernel, "layers: launch of mamba3_angles_kernel", p.rows / p.T * p.HV * p.P, kThreads, stream, p);
  launch(mamba3_factors_kernel, "layers: launch of mamba3_factors_kernel", p.rows * p.HV, kWarps, stream, p);
}
void mamba3_own_read(const Rule& p, Stream stream) {
  launch(mamba3_own_read_kernel, "layers: launch of mamba3_own_read_kernel", p.rows * p.HV * p.V, kThreads, stream, p);
}
void mamba3_backward(const Rule& p, const Gradients& d, Stream stream) {
  const index_t heads = p.rows * p.HV, walks = p.rows / p.T * p.HV * p.P;
  launch(mamba3_values_backward_kernel, "layers: launch of mamba3_values_backward_kernel", heads, kWarps, stream, p, d);
  launch(mamba3_keys_backward_kernel, "layers: launch of mamba3_keys_backward_kernel", p.rows * p.H, kWarps, stream, p, d);
  launch(mamba3_angles_backward_kernel, "layers: launch of mamba3_angles_backward_kernel", walks, kThreads, stream, p, d);
  launch(mamba3_gates_backward_kernel, "layers: launch of mamba3_gates_backward_kernel", heads, kWarps, stream, p, d);
  launch(mamba3_angle_columns_backward_kernel, "layers: launch of mamba3_angle_columns_backward_kernel", p.rows * p.P, kThreads, stream, p,
         d);
}

}  // namespace fw::cuda::layers
