// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The branch of forward() and backward() that goes token by token (cuda/recurrent): what engine.h promises for Precision::accurate, and keys
// wider than 128 on devices whose blocks have too little shared memory for the chunk kernels (sm_80: 163 KB). Arguments were checked before.
#pragma once

#include "cuda/launch/plan.h"

namespace fw::cuda::by_tokens {

bool is_wanted(const Call& call, const Plan& plan);

std::size_t forward_workspace_bytes(const Call& call, const Plan& plan);
std::size_t saved_bytes(const Call& call, const Plan& plan);
std::size_t backward_workspace_bytes(const Call& call, const Plan& plan, bool states_kept);
void forward(const Door& door, const Call& call, const Plan& plan, const Inputs& in, const Outputs& out, void* saved, void* workspace, Stream stream);
void backward(const Door& door, const Call& call, const Plan& plan, const Inputs& in, const Upstream& up, const Gradients& gradients, const Kept& kept, void* workspace, Stream stream);

}  // namespace fw::cuda::by_tokens
