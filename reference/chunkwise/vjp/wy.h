// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of chunkwise/wy.h, Y = A_inv (gamma (.) E), U = A_inv Z, with dU = dR:
//   dE_gamma = A_inv^T dY,   dZ = A_inv^T dU
// What reaches A_inv is left to vjp/inverse.h, which needs no gradient of the inverse itself.
#pragma once

#include "chunkwise/chunk.h"

namespace fw::chunkwise {

template <class T>
void wy_rows_vjp(const ChunkFactors<T>& f, const Settings& settings, ChunkGradients<T>& d) {
  const Operand<T> A_inv(f.A_inv, settings.rounding), dY(d.dY, settings.rounding), dU(d.dR, settings.rounding);
  d.dE_gamma.noalias() = A_inv.transpose() * *dY;
  d.dz.noalias() = A_inv.transpose() * *dU;
}

}  // namespace fw::chunkwise
