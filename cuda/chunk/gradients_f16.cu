// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// gradients_kernel with operands in f16.
#include "cuda/chunk/gradients_kernel.cuh"

namespace fw::cuda::chunk {
void launch_gradients_f16(const GradientParams& p, int shared_limit, Stream stream) { launch_gradients_of<__half>(p, shared_limit, stream); }
}  // namespace fw::cuda::chunk
