// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Chooses the instance of scan_kernel and how many images it keeps in shared memory, and launches it.
#pragma once

#include <string>

#include "cuda/chunk/scan.cuh"
#include "cuda/chunk/scan_wide.cuh"
#include "cuda/support/check.h"

namespace fw::cuda::chunk {

using ScanKernel = void (*)(ScanParams);

/// threads, columns, parts: of a block of the kernel; parts as WN of scan_kernel.
template <class E, int Kp>
void launch_scan_as(ScanKernel kernel, int threads, int columns, int parts, ScanParams p, bool adjoint, int shared_limit, Stream stream) {
  const auto bytes = [&](int stages) { return ScanMemory(Image{Kp, p.erase != 0}, columns, parts, stages, p.erase != 0).bytes; };
  p.stages = 3;
  while (p.stages > 1 && bytes(p.stages) > shared_limit) --p.stages;
  if (bytes(p.stages) > shared_limit)
    throw Error(std::string(adjoint ? "cuda backward" : "cuda forward") + ": Dk must leave room in shared memory, " + std::to_string(bytes(1)) + " bytes of " + std::to_string(shared_limit) +
                ", got a device with too little");
  p.tiles = (p.Dv + columns - 1) / columns;
  p.transition_tiles = p.pass == Pass::ends && p.segments > 2 ? (p.Dk + columns - 1) / columns : 0;
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes(p.stages)), "cuda: shared memory of scan_kernel");
  const index_t blocks = static_cast<index_t>(p.tokens.N) * (p.pass == Pass::whole ? 1 : p.segments - 1) * (p.HV * p.tiles + p.heads * p.transition_tiles);
  kernel<<<static_cast<unsigned>(blocks), threads, static_cast<std::size_t>(bytes(p.stages)), stream>>>(p);
  check_launch("cuda: launch of scan_kernel");
}
template <class E, int Kp, int WM, int WN, bool kAdjoint>
void launch_narrow(const ScanParams& p, int shared_limit, Stream stream) {
  launch_scan_as<E, Kp>(scan_kernel<E, Kp, WM, WN, kAdjoint>, 32 * WM * WN, 16 * WM, WN, p, kAdjoint, shared_limit, stream);
}

template <class E, int Kp, bool kAdjoint>
void launch_scan_of(const ScanParams& p, int columns, int shared_limit, Stream stream) {
#ifdef FW_SM90A
  if constexpr (Kp <= 128)
    if (p.wide && columns == 128) {
      launch_scan_as<E, Kp>(scan_wide_kernel<E, Kp, kAdjoint>, kWideTeams + kWideServers, kWideColumns, 1, p, kAdjoint, shared_limit, stream);
      return;
    }
#endif
  if (columns == 16) return launch_narrow<E, Kp, 1, 4, kAdjoint>(p, shared_limit, stream);
  if (columns == 32) return launch_narrow<E, Kp, 2, 4, kAdjoint>(p, shared_limit, stream);
  if constexpr (Kp <= 128)
    if (columns == 128) return launch_narrow<E, Kp, 8, 1, kAdjoint>(p, shared_limit, stream);
  launch_narrow<E, Kp, 4, 2, kAdjoint>(p, shared_limit, stream);
}

template <class E, bool kAdjoint>
void launch_scan_of(const ScanParams& p, int columns, int shared_limit, Stream stream) {
  if (p.Kp == 64) launch_scan_of<E, 64, kAdjoint>(p, columns, shared_limit, stream);
  else if (p.Kp == 128) launch_scan_of<E, 128, kAdjoint>(p, columns, shared_limit, stream);
  else launch_scan_of<E, 256, kAdjoint>(p, columns, shared_limit, stream);
}

}  // namespace fw::cuda::chunk
