// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// (C3) The two sides of the chunk's compact (WY) form:
//   Y = A_inv (gamma (.) E)   [C,Dk]   what the edits read of the state at the chunk's start
//   U = A_inv Z               [C,Dv]   what they write if that state is zero
#pragma once

#include "chunkwise/chunk.h"

namespace fw::chunkwise {

template <class T>
void wy_rows(ChunkFactors<T>& f, const Settings& settings) {
  const Operand<T> A_inv(f.A_inv, settings.rounding), E_gamma(f.E_gamma, settings.rounding), Z(f.z, settings.rounding);
  f.Y.noalias() = *A_inv * *E_gamma;
  f.U.noalias() = *A_inv * *Z;
  round_stored(f.Y, settings.rounding);
  round_stored(f.U, settings.rounding);
}

}  // namespace fw::chunkwise
