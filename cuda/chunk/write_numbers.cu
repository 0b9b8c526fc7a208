// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The one write gate of a token and value head, float32: beta (Write::scalar) or the mean of w over its channels (Write::mean),
// after the activation. Mapping: a warp has 32 rows of width 1, or one wider row after the other.
#include "cuda/chunk/gates.cuh"
#include "cuda/support/check.h"

namespace fw::cuda::chunk {
namespace {

template <class X>
__global__ void write_numbers_kernel(const WriteNumberParams p) {
  const index_t thread = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x, threads = static_cast<index_t>(gridDim.x) * blockDim.x;
  const X* from = static_cast<const X*>(p.from);
  const auto gate = [&](float raw) { return p.sigmoid ? p.gain * sigmoid(raw) : raw; };
  if (p.width == 1) {
    for (index_t row = thread; row < p.rows; row += threads) p.to[row] = gate(to_float(from[row]));
    return;
  }
  const int lane = static_cast<int>(thread % 32);
  for (index_t row = thread / 32; row < p.rows; row += threads / 32) {
    float sum = 0.0f;
    for (int i = lane; i < p.width; i += 32) sum += gate(to_float(from[row * p.width + i]));
    sum = warp_sum(sum);
    if (lane == 0) p.to[row] = sum / static_cast<float>(p.width);
  }
}

}  // namespace

void launch_write_numbers(const WriteNumberParams& p, DType tensors, Stream stream) {
  const index_t threads = p.width == 1 ? p.rows : p.rows * 32, wanted = (threads + 255) / 256;
  const unsigned blocks = static_cast<unsigned>(wanted < 4096 ? wanted : 4096);
  if (tensors == DType::bf16) write_numbers_kernel<__nv_bfloat16><<<blocks, 256, 0, stream>>>(p);
  else if (tensors == DType::f16) write_numbers_kernel<__half><<<blocks, 256, 0, stream>>>(p);
  else write_numbers_kernel<float><<<blocks, 256, 0, stream>>>(p);
  check_launch("cuda forward: launch of write_numbers_kernel");
}

void launch_factors(const FactorParams& p, DType tensors, Stream stream) {
  if (tensors == DType::bf16) launch_factors_bf16(p, stream);
  else if (tensors == DType::f16) launch_factors_f16(p, stream);
  else launch_factors_f32(p, stream);
}

}  // namespace fw::cuda::chunk
