// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of chunkwise/output.h, O = scale (gamma (.) Q) S0 + A_qk R:
//   dQ_gamma = scale dO S0^T      dS0 = scale Q_gamma^T dO
//   dA_qk = tril(dO R^T)          dR  = A_qk^T dO
// Overwrites all four; later stages add to dR and dS0. dA_qk is the gradient of A_qk as it stands, scale included.
#pragma once

#include "chunkwise/chunk.h"

namespace fw::chunkwise {

template <class T>
void chunk_output_vjp(const ChunkFactors<T>& f, const Matrix<T>& S0, const Matrix<T>& dO, const Settings& settings, ChunkGradients<T>& d,
                      Matrix<T>& dS0) {
  const Operand<T> Q_gamma(f.Q_gamma, settings.rounding), S(S0, settings.rounding), A_qk(f.A_qk, settings.rounding);
  const Operand<T> R(f.R, settings.rounding), dO_op(dO, settings.rounding);
  d.dQ_gamma.noalias() = f.scale * (*dO_op * S.transpose());
  dS0.noalias() = f.scale * (Q_gamma.transpose() * *dO_op);
  d.dA_qk.noalias() = *dO_op * R.transpose();
  d.dA_qk.template triangularView<Eigen::StrictlyUpper>().setZero();
  d.dR.noalias() = A_qk.transpose() * *dO_op;
}

}  // namespace fw::chunkwise
