// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "cuda/chunk/scan_launch.cuh"

namespace fw::cuda::chunk {
void launch_scan_f16(const ScanParams& p, int columns, int shared_limit, Stream stream) { launch_scan_of<__half, false>(p, columns, shared_limit, stream); }
}  // namespace fw::cuda::chunk
