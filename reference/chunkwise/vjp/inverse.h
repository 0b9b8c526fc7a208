// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of chunkwise/inverse.h and of what (C3) does with the inverse. From A_inv = (I + A_ek)^-1,
//   dA_inv = dU Z^T + dY (gamma (.) E)^T,   dA_ek = -tril(A_inv^T dA_inv A_inv^T, -1).
// A_inv^T dU = dZ, A_inv^T dY = dE_gamma, A_inv Z = U and A_inv E_gamma = Y, so that
//   dA_ek = -tril(dZ U^T + dE_gamma Y^T, -1),
// and with dY = -dU S0^T, hence dE_gamma = -dZ S0^T, and R = U - Y S0,
//   dA_ek = -tril(dZ (U - Y S0)^T, -1) = -tril(dZ R^T, -1).
// One product, and no difference of two large terms.
#pragma once

#include "chunkwise/chunk.h"

namespace fw::chunkwise {

template <class T>
void invert_erase_vjp(const ChunkFactors<T>& f, const Settings& settings, ChunkGradients<T>& d) {
  const Operand<T> dZ(d.dz, settings.rounding), R(f.R, settings.rounding);
  d.dA_ek.noalias() = -(*dZ * R.transpose());
  d.dA_ek.template triangularView<Eigen::Upper>().setZero();
}

}  // namespace fw::chunkwise
