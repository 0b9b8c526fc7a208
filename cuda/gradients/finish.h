// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The last step of a backward: gradients of what the recurrence works with, one set per value head, become gradients of the
// tensors that the caller gave: through the L2 norm, scale, activations of gates, tied gates, and the sum over the value heads
// that share a key head.
#pragma once

#include "cuda/engine.h"

namespace fw::cuda::gradients {

/// Gradients of the effective quantities of token and value head, float32, HV value heads each. The recurrence (R1)-(R4) is
///   S = Diag(exp g) S;  S += k (z - S^T e)^T;  o = S^T q    with k, q as normalised, q scaled, e = b (.) k, z = w (.) v
struct Effective {
  const float* dq = nullptr;  ///< [tokens,HV,Dk] of q after L2 norm and scale, or before the scale:
  bool dq_before_scale = false;
  const float* dk = nullptr;  ///< [tokens,HV,Dk] of k after the L2 norm, without what comes through e
  const float* de = nullptr;  ///< [tokens,HV,Dk] of e; null without erase
  const float* dg = nullptr;  ///< [tokens,HV,Dk] of g per channel, after its activation; null without decay
  const float* dz = nullptr;  ///< [tokens,HV,Dv] of z
};

/// Bytes of the partial sums of dA_log and ddt_bias over tokens.
std::size_t finish_workspace_bytes(const Call& call);
/// Writes dq dk dv dg db dw dbeta (of the tensor type; dg of g's) and dA_log, ddt_bias, each if not null. Deterministic.
void finish(const Call& call, const Inputs& in, const Effective& effective, const Gradients& gradients, void* workspace, Stream stream);

}  // namespace fw::cuda::gradients
