// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What passes between chunks.
//   (C4) R = U - Y S0                                 [C,Dv]   the edits of the chunk, one row per token
//   (C7) S_next = Diag(gamma_C) S0 + K_tail^T R       [Dk,Dv]
// The carried state is not rounded (unless bf16_state_carry says so); as an operand of (C4) it is.
#pragma once

#include "chunkwise/chunk.h"

namespace fw::chunkwise {

/// (C4)
template <class T>
void residual_rows(ChunkFactors<T>& f, const Matrix<T>& S0, const Settings& settings) {
  const Operand<T> Y(f.Y, settings.rounding), S(S0, settings.rounding);
  f.R = f.U;
  f.R.noalias() -= *Y * *S;
  round_stored(f.R, settings.rounding);
}

/// bf16_state_carry: what a kernel that keeps its state in bfloat16 hands to the next chunk.
template <class T>
void round_carry(Matrix<T>& S, const Rounding& rounding) {
  if (rounding.bf16_state_carry) round_numbers(S.data(), S.size(), Rounding::Products::bf16);
}

/// (C7), in place: S0 becomes S_next.
template <class T>
void carry_state(const ChunkFactors<T>& f, Matrix<T>& S, const Settings& settings) {
  const Operand<T> K_tail(f.K_tail, settings.rounding), R(f.R, settings.rounding);
  S = f.decay.gamma.row(f.rows() - 1).transpose().asDiagonal() * S;
  S.noalias() += K_tail.transpose() * *R;
  round_carry(S, settings.rounding);
}

}  // namespace fw::chunkwise
