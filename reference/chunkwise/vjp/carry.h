// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of chunkwise/carry.h.
//   S_next = Diag(gamma_C) S0 + K_tail^T R:   dR += K_tail dS_next     dK_tail = R dS_next^T
//                                             dS0 += Diag(gamma_C) dS_next
//                                             dlog_gamma_C = gamma_C (.) rowsum(S0 (.) dS_next)
//   R = U - Y S0:                             dU = dR,  dY = -dR S0^T,  dS0 -= Y^T dR
// Run carry_state_vjp first: dR must be complete before it goes through (C4).
#pragma once

#include "chunkwise/carry.h"

namespace fw::chunkwise {

/// (C7). Adds to d.dR and dS0, overwrites d.dK_tail and d.dlog_gamma_C.
template <class T>
void carry_state_vjp(const ChunkFactors<T>& f, const Matrix<T>& S0, const Matrix<T>& dS_next, const Settings& settings,
                     ChunkGradients<T>& d, Matrix<T>& dS0) {
  const Operand<T> K_tail(f.K_tail, settings.rounding), R(f.R, settings.rounding), dS(dS_next, settings.rounding);
  const auto gamma_C = f.decay.gamma.row(f.rows() - 1);
  d.dR.noalias() += *K_tail * *dS;
  d.dK_tail.noalias() = *R * dS.transpose();
  dS0 += gamma_C.transpose().asDiagonal() * dS_next;
  d.dlog_gamma_C = gamma_C.cwiseProduct(S0.cwiseProduct(dS_next).rowwise().sum().transpose());
}

/// (C4). Overwrites d.dY, subtracts from dS0.
template <class T>
void residual_rows_vjp(const ChunkFactors<T>& f, const Matrix<T>& S0, const Settings& settings, ChunkGradients<T>& d, Matrix<T>& dS0) {
  const Operand<T> Y(f.Y, settings.rounding), S(S0, settings.rounding), dR(d.dR, settings.rounding);
  d.dY.noalias() = -(*dR * S.transpose());
  dS0.noalias() -= Y.transpose() * *dR;
}

}  // namespace fw::chunkwise
