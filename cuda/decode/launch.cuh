// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// How decode kernels follow other kernels. On compute capability 9 a launch need not wait for the end of the kernel before it on
// the stream: blocks start as soon as that one allows it, and wait inside until it is done. For the kernel after a decode
// nothing changes unless it is launched that way too, and then it has to wait inside.
#pragma once

#include "cuda/decode/params.h"
#include "cuda/support/check.h"

namespace fw::cuda::decoding {

/// Waits until everything before on the stream is done and to be seen. Nothing of the call's memory is touched earlier.
__device__ __forceinline__ void after_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/// The next kernel may start to wait: called once the loads of the state are under way, when all that is left is waiting for them.
__device__ __forceinline__ void before_next() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

/// The most work per block that leaves two blocks for a multiprocessor. `width`: columns, or values, of a large block; half of
/// that is medium.
inline DecodeTiling tiling_for(const Params& p, int width, const Device& device) {
  const auto enough = [&](int piece) { return static_cast<std::int64_t>(p.N) * p.HV * ((p.Dv + piece - 1) / piece) >= 2 * device.multiprocessors; };
  return enough(width) ? DecodeTiling::large : enough(width / 2) ? DecodeTiling::medium : DecodeTiling::small;
}

inline void enqueue(const char* what, void (*kernel)(Params), const Params& p, dim3 grid, int threads, std::size_t shared, const Device& device,
                    Stream stream) {
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid, config.blockDim = dim3(static_cast<unsigned>(threads)), config.dynamicSmemBytes = shared, config.stream = stream;
  config.attrs = &overlap, config.numAttrs = device.major >= 9 ? 1 : 0;
  check(cudaLaunchKernelEx(&config, kernel, p), what);
}

}  // namespace fw::cuda::decoding
