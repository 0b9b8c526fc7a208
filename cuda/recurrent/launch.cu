// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <string>

#include "cuda/recurrent/backward.cuh"
#include "cuda/recurrent/forward.cuh"
#include "cuda/recurrent/prepare.cuh"
#include "cuda/support/check.h"

namespace fw::cuda::recurrent {
namespace {

template <class Kernel, class Params>
void launch(Kernel kernel, const char* name, const Params& p, index_t blocks, int threads, int bytes, Stream stream) {
  if (blocks == 0) return;
  if (bytes > 0) check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), name);
  kernel<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads), static_cast<std::size_t>(bytes), stream>>>(p);
  check_launch(name);
}
template <int Kp, bool kErase>
void forward_as(const ForwardParams& p, Stream stream) {
  const index_t tiles = (p.Dv + kForwardColumns - 1) / kForwardColumns;
  launch(forward_kernel<Kp, kErase>, "cuda forward: launch of recurrent forward_kernel", p, static_cast<index_t>(p.tokens.N) * p.HV * tiles, kForwardThreads,
         2 * kSegment * (4 * Kp + kForwardColumns) * 4, stream);
}
template <int Kp, int State>
void backward_as(const BackwardParams& p, Stream stream) {
  using Shape = BackwardShape<Kp, State>;
  launch(p.erase ? backward_kernel<Kp, State, true> : backward_kernel<Kp, State, false>, "cuda backward: launch of recurrent backward_kernel", p,
         static_cast<index_t>(p.pairs) * p.tiles, Shape::kThreads, Shape::kBytes, stream);
}
template <int Kp>
void backward_of(const BackwardParams& p, bool small, Stream stream) {
  small ? backward_as<Kp, kSmallState>(p, stream) : backward_as<Kp, kState>(p, stream);
}

}  // namespace

void launch_prepare(const PrepareParams& p, Stream stream) {
  const auto kernel = p.tensors == DType::f32 ? prepare_kernel<float> : p.tensors == DType::f16 ? prepare_kernel<__half> : prepare_kernel<__nv_bfloat16>;
  launch(kernel, "cuda: launch of prepare_kernel", p, (p.tokens * p.raw.HV + kPrepareWarps - 1) / kPrepareWarps, 32 * kPrepareWarps, 0, stream);
}
void launch_forward(const ForwardParams& p, Stream stream) {
  if (p.steps.Kp == 64) p.erase ? forward_as<64, true>(p, stream) : forward_as<64, false>(p, stream);
  else if (p.steps.Kp == 128) p.erase ? forward_as<128, true>(p, stream) : forward_as<128, false>(p, stream);
  else p.erase ? forward_as<256, true>(p, stream) : forward_as<256, false>(p, stream);
}
bool backward_is_small(int Kp, int shared_limit) {
  return shared_limit < (Kp == 64 ? BackwardShape<64, kState>::kBytes : Kp == 128 ? BackwardShape<128, kState>::kBytes : BackwardShape<256, kState>::kBytes);
}
void launch_backward(const BackwardParams& p, bool small, Stream stream) {
  if (p.steps.Kp == 64) backward_of<64>(p, small, stream);
  else if (p.steps.Kp == 128) backward_of<128>(p, small, stream);
  else backward_of<256>(p, small, stream);
}
void launch_sum(const SumParams& p, Stream stream) {
  launch(sums_kernel, "cuda backward: launch of sums_kernel", p, static_cast<index_t>(p.from.pairs) * p.from.parts * kPart, 256, 0, stream);
}

}  // namespace fw::cuda::recurrent
