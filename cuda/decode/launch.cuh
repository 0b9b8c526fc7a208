// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// How decode kernels follow other kernels: on compute capability 9 their launch is prepared while the kernel before them on the
// stream still runs, and they wait for its end inside. Nothing of the call's memory is touched before after_previous().
#pragma once

#include "cuda/decode/params.h"
#include "cuda/support/check.h"

namespace fw::cuda::decoding {

/// Waits until everything before on the stream is done and to be seen.
__device__ __forceinline__ void after_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
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
