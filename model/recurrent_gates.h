// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Gates that the rules do not compute themselves. After the projections `in` holds raw values; make_gates turns them into what
// the rule takes, gates_backward turns the rule's gradients into those of the raw values, adding what belongs to parameters.
//   GLA      g = log sigmoid(raw) / 16                                                 (arXiv 2312.06635, section 4.4)
//   Mamba-2  dt = softplus(raw + dt_bias), g = -exp(A_log) dt, v <- dt v               (decay and write share the step)
//   Mamba-3  dt = softplus(dt_raw + dt_bias), g = -max(softplus(a_raw), 1e-4) dt, lambda = sigmoid(trap_raw),
//            theta = pi tanh(angle_raw) dt, angles shared by the heads
#pragma once

#include "core/problem.h"
#include "model/parameter_table.h"

namespace fw::model {

template <class T>
struct GateCache {
  Tensor<T> raw, dt;  // [n,HV]: of the step (Mamba-2, Mamba-3)
  Tensor<T> decay_raw, trap_raw, angle_raw;
  Tensor<T> v;  // Mamba-2: values before the step
  Tensor<T> draw, dother;
};

/// x [n,d]. Does nothing for the other variants.
template <class T>
void make_gates(const ModelConfig& config, Variant variant, const MixerSlots& slots, const T* params, const T* x, index_t n,
                GateCache<T>& cache, Inputs<T>& in);
/// grad.dg becomes the gradient of the raw decay, grad.dv that of the values before the step. Adds to grads and dx.
template <class T>
void gates_backward(const ModelConfig& config, Variant variant, const MixerSlots& slots, const T* params, const T* x, index_t n,
                    GateCache<T>& cache, const Inputs<T>& in, Gradients<T>& grad, T* grads, T* dx);

}  // namespace fw::model
