// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The reverse stages of a chunk in their order, each the mirror of a stage in chunkwise/stages.h.
#pragma once

#include "chunkwise/stages.h"
#include "chunkwise/vjp/carry.h"
#include "chunkwise/vjp/factors.h"
#include "chunkwise/vjp/inverse.h"
#include "chunkwise/vjp/output.h"
#include "chunkwise/vjp/scores.h"
#include "chunkwise/vjp/wy.h"

namespace fw::chunkwise {

/// Gradients of the rows that several stages add to.
template <class T>
void clear_rows(const ChunkFactors<T>& f, ChunkGradients<T>& d) {
  for (Matrix<T>* m : {&d.dq, &d.dk, &d.dg, &d.de}) m->setZero(f.rows(), f.q.cols());
}

/// From dO [C,Dv] and dS, the gradient of the state at the chunk's end, to the gradients of the rows and, in place, of the
/// state S0 [Dk,Dv] at its start. `f` must be as chunk_forward left it, R included.
template <class T>
void chunk_backward(const ChunkFactors<T>& f, const Matrix<T>& S0, const Matrix<T>& dO, Matrix<T>& dS, const Settings& settings,
                    ChunkGradients<T>& d) {
  Matrix<T> dS0;
  clear_rows(f, d);
  chunk_output_vjp(f, S0, dO, settings, d, dS0);
  carry_state_vjp(f, S0, dS, settings, d, dS0);
  residual_rows_vjp(f, S0, settings, d, dS0);
  wy_rows_vjp(f, settings, d);
  invert_erase_vjp(f, settings, d);
  query_scores_vjp(f, settings, d);
  erase_scores_vjp(f, settings, d);
  decayed_rows_vjp(f, d);
  gated_rows_vjp(f, d);
  dS.swap(dS0);
  round_carry(dS, settings.rounding);
}

}  // namespace fw::chunkwise
