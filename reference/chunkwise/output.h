// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// (C6) O = scale (gamma (.) Q) S0 + A_qk R   [C,Dv]: what the queries read of the past before the chunk, and of its edits.
#pragma once

#include "chunkwise/chunk.h"

namespace fw::chunkwise {

template <class T>
void chunk_output(const ChunkFactors<T>& f, const Matrix<T>& S0, const Settings& settings, Matrix<T>& O) {
  const Operand<T> Q_gamma(f.Q_gamma, settings.rounding), S(S0, settings.rounding), A_qk(f.A_qk, settings.rounding),
      R(f.R, settings.rounding);
  O.noalias() = *Q_gamma * *S;
  O *= f.scale;
  O.noalias() += *A_qk * *R;
}

}  // namespace fw::chunkwise
