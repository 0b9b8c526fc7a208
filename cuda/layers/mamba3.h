// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The Mamba-3 core (SISO) as decayed linear attention, which cuda/engine.h has. The write of a token, that of (M3) and the share the next
// token takes, is put off to the next token; what a token reads of its own write is added apart:
//   (L1) Theta_t = Theta_{t-1} + pi tanh(angle) dt,   q~ = Rot(Theta) q,   k~ = Rot(Theta) k         pairs (2i,2i+1), i < P
//   (L2) w_t = alpha_t (lambda_{t-1} dt_{t-1} + (1 - lambda_t) dt_t),   w = 0 at the first token
//   (L3) P_t = alpha_t P_{t-1} + w_t k~_{t-1} v_{t-1}^T,   r_t = scale P_t^T q~_t                    decayed linear attention
//   (L4) o_t = r_t + scale lambda_t dt_t (q_t . k_t) v_t                                                the turns of q~ . k~ cancel
// with dt = softplus(raw + bias), g = -max(softplus(decay), 1e-4) dt, alpha = exp(g), lambda = sigmoid(trapezoid), and q, k behind their
// L2 norm. (M3) follows from S_t = P_t + lambda_t dt_t k~_t v_t^T; nothing is subtracted. What a warp or thread does stands in
// mamba3_items.h.
#pragma once

#include "cuda/engine.h"

namespace fw::cuda::layers {

/// X: float on the device, double in tests. Rows [R,n], sequences of T rows one after another. Without state before or behind.
template <class X>
struct Mamba3 {
  index_t rows = 0, replica_rows = 1, T = 1;  ///< all rows, those of a replica, those of a sequence
  index_t H = 0, HV = 0, K = 0, V = 0, P = 0;
  X scale = 1, l2norm_eps = 0;
  bool l2norm = false;
  const X *q = nullptr, *k = nullptr, *v = nullptr;  ///< [rows,H,K], [rows,H,K], [rows,HV,V]
  const X* decay = nullptr;                          ///< [rows,HV]
  const X* side = nullptr;                           ///< [rows,2HV+P]: step, trapezoid, angles, all raw
  const X* bias = nullptr;                           ///< of the step: that of replica r begins at r bias_stride
  index_t bias_stride = 0;
  X *dt = nullptr, *g = nullptr, *lambda = nullptr;  ///< [rows,HV]
  X* angle = nullptr;                                ///< [rows,HV,P] Theta / pi, in [-1,1]
  X *q_turned = nullptr, *k_before = nullptr;        ///< [rows,HV,K] q~_t, k~_{t-1}
  X* v_before = nullptr;                             ///< [rows,HV,V] w_t v_{t-1}
  X* alike = nullptr;                                ///< [rows,HV] scale q . k
  X* o = nullptr;                                    ///< [rows,HV,V] r, becomes o
};

template <class X>
struct Mamba3Gradients {
  const X* d_o = nullptr;                              ///< [rows,HV,V]
  const X *dq_turned = nullptr, *dk_before = nullptr;  ///< of (L3)
  const X *dv_before = nullptr, *dg = nullptr;         ///< of (L3)
  X *dread = nullptr, *dwrite = nullptr;               ///< [rows,HV] v . do, and the gradient of w_{t+1}
  X* dangle = nullptr;                                 ///< [rows,HV,P] of Theta, then of its increments
  X *dq = nullptr, *dk = nullptr, *dv = nullptr;       ///< overwritten, as the following
  X *ddecay = nullptr, *dside = nullptr;               ///< of the raw numbers
};

/// Gates, angles and what (L3) reads.
void mamba3_factors(const Mamba3<float>& p, Stream stream);
/// o of r.
void mamba3_own_read(const Mamba3<float>& p, Stream stream);
/// Behind the backward of (L3).
void mamba3_backward(const Mamba3<float>& p, const Mamba3Gradients<float>& d, Stream stream);

}  // namespace fw::cuda::layers
