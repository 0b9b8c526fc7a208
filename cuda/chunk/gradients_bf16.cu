// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// gradients_kernel with operands in bf16.
#include "cuda/chunk/gradients_kernel.cuh"

namespace fw::cuda::chunk {
void launch_gradients_bf16(const GradientParams& p, int shared_limit, Stream stream) { launch_gradients_of<__nv_bfloat16>(p, shared_limit, stream); }
bool gradients_have_all_channels(int Kp, int shared_limit) { return Kp == 64 || (Kp == 128 && shared_limit >= GradientMemory<128, 128, 2>::kBytes); }
}  // namespace fw::cuda::chunk
