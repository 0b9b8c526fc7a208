// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "cuda/chunk/factors_launch.cuh"

namespace fw::cuda::chunk {
void launch_factors_f32(const FactorParams& p, Stream stream) { launch_factors_of<float>(p, stream); }
}  // namespace fw::cuda::chunk
