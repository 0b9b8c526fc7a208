// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Chooses the instance of factors_kernel for a gate structure, a width and the lie of the rows, and launches it.
#pragma once

#include "cuda/chunk/factors.cuh"
#include "cuda/support/check.h"

namespace fw::cuda::chunk {

inline bool aligned16(const void* at) { return reinterpret_cast<std::uintptr_t>(at) % 16 == 0; }

inline int multiprocessors() {
  int device = 0, count = 0;
  check(cudaGetDevice(&device), "cuda forward: cudaGetDevice");
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "cuda forward: cudaDeviceGetAttribute");
  return count;
}

template <class X, class G, bool kChannel, bool kErase, int kWidth>
void launch_factors_as(const FactorParams& p, Stream stream) {
  const auto kernel = factors_kernel<X, G, kChannel, kErase, kWidth>;
  const int bytes = FactorMemory::bytes(p.Kp, kErase);
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "cuda forward: shared memory of factors_kernel");
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared),
        "cuda forward: carve-out of factors_kernel");
  const auto slots = static_cast<unsigned>(p.slots), heads = static_cast<unsigned>(p.heads), most = static_cast<unsigned>(kMostOfGrid);
  const dim3 grid = p.chunk_grid ? dim3(heads, static_cast<unsigned>(p.tokens.N), static_cast<unsigned>((p.tokens.T + kRows - 1) / kRows))
                                 : dim3(heads, slots < most ? slots : most, (slots + most - 1) / most);
  FactorParams params = p;
  const bool whole_pieces = kChannel && p.Dk % 8 == 0 && aligned16(p.q) && aligned16(p.k) && aligned16(p.b) && aligned16(p.g);
  params.ahead = p.chunk_grid && whole_pieces ? blocks_of_factors(kWidth) * multiprocessors() : 0;
  kernel<<<grid, static_cast<unsigned>(2 * p.Kp), static_cast<std::size_t>(bytes), stream>>>(params);
  check_launch("cuda forward: launch of factors_kernel");
}

template <class X, class G, bool kChannel, bool kErase>
void launch_factors_of_width(const FactorParams& p, Stream stream) {
  if (p.Kp == 64) launch_factors_as<X, G, kChannel, kErase, 64>(p, stream);
  else if (p.Kp == 128) launch_factors_as<X, G, kChannel, kErase, 128>(p, stream);
  else launch_factors_as<X, G, kChannel, kErase, 256>(p, stream);
}

template <class X, bool kChannel, bool kErase>
void launch_factors_with(const FactorParams& p, Stream stream) {
  if (!p.vectors) {
    launch_factors_as<X, float, kChannel, kErase, 0>(p, stream);
  } else {
    if constexpr (kChannel && sizeof(X) == 2)
      if (!p.g_is_float) return launch_factors_of_width<X, X, kChannel, kErase>(p, stream);
    launch_factors_of_width<X, float, kChannel, kErase>(p, stream);
  }
}

template <class X>
void launch_factors_of(FactorParams p, Stream stream) {
  constexpr int kSize = static_cast<int>(sizeof(X));
  p.group = p.HV / p.H;
  p.chunk_grid = p.tokens.cu == nullptr && p.tokens.T > 0 && p.tokens.T <= index_t{kMostOfGrid} * kRows && p.tokens.N <= kMostOfGrid;
  p.q_step = p.H * p.Dk * kSize, p.b_step = p.b_heads * p.Dk * kSize;
  p.g_step = p.g_heads * (p.decay == Decay::channel ? p.Dk : 1) * (p.g_is_float ? 4 : kSize);
  const bool channel = p.decay == Decay::channel, erase = p.erase != Erase::none;
  if (channel && erase) launch_factors_with<X, true, true>(p, stream);
  else if (channel) launch_factors_with<X, true, false>(p, stream);
  else if (erase) launch_factors_with<X, false, true>(p, stream);
  else launch_factors_with<X, false, false>(p, stream);
}

}  // namespace fw::cuda::chunk
