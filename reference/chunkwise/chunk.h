// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Everything the chunk algebra knows about one chunk of one value head, as plain matrices: rows are tokens, C of them (fewer
// in the last chunk of a sequence). Each stage reads members made by earlier stages and writes its own, so a caller may run
// the stages one by one, look at a member, or change it before the next stage.
//
//   stage                 file        writes
//   gather_rows           factors.h   q k v g b w e z
//   decay_differences     decay.h     decay
//   decayed_rows          factors.h   Q_gamma E_gamma K_tail
//   erase_scores   (C1)   scores.h    A_ek
//   query_scores   (C5)   scores.h    A_qk
//   invert_erase   (C2)   inverse.h   A_inv
//   wy_rows        (C3)   wy.h        Y U
//   residual_rows  (C4)   carry.h     R                 needs the state at the chunk's start
//   chunk_output   (C6)   output.h    the outputs
//   carry_state    (C7)   carry.h     the next state
// stages.h runs them in order; vjp/ holds the reverse of each.
#pragma once

#include <vector>

#include "chunkwise/rounding.h"

namespace fw::chunkwise {

struct Settings {
  index_t chunk = 64;  ///< tokens per chunk, C
  index_t block = 16;  ///< rows per sub-block of the scores and of the inverse (N2)
  Rounding rounding;
};

/// Decay between rows of a block of rows [begin, begin + rows) and everything before it (N2). Each member is the exponential
/// of a sum of g over the tokens between, never of a difference of two longer sums.
template <class T>
struct RowBlock {
  index_t begin = 0, rows = 0;
  Matrix<T> to_row;       ///< [rows,Dk]   row r: exp(g_begin + .. + g_r), from the block's start through r
  Matrix<T> from_column;  ///< [begin,Dk]  row s: exp(g_{s+1} + .. + g_{begin-1}), from after s to the block's start
  Matrix<T> inside;       ///< [rows(rows-1)/2, Dk]  row pair(r,s): exp(g_{s+1} + .. + g_r), s < r counted from begin

  static index_t pair(index_t r, index_t s) { return r * (r - 1) / 2 + s; }
};

template <class T>
struct DecayDifferences {
  Matrix<T> gamma;  ///< [C,Dk]  exp(G_r), from the chunk's start through r
  Matrix<T> tail;   ///< [C,Dk]  exp(G_C - G_s), from after s to the chunk's end
  std::vector<RowBlock<T>> blocks;
};

template <class T>
struct ChunkFactors {
  index_t first = 0;  ///< first token of the chunk, counted from the start of its sequence
  T scale{1};
  Matrix<T> q, k, g;                   ///< [C,Dk]  after normalisation and activation; a scalar decay repeated over channels
  Matrix<T> v;                         ///< [C,Dv]
  Matrix<T> b, w;                      ///< [C,Dk], [C,Dv]  what the variant's gates amount to, channel by channel
  Matrix<T> e, z;                      ///< [C,Dk], [C,Dv]  e = b (.) k, z = w (.) v
  DecayDifferences<T> decay;
  Matrix<T> Q_gamma, E_gamma, K_tail;  ///< [C,Dk]  gamma (.) q, gamma (.) e, tail (.) k
  Matrix<T> A_ek, A_qk, A_inv;         ///< [C,C]   strictly lower, lower (scale included), unit lower
  Matrix<T> Y, U, R;                   ///< [C,Dk], [C,Dv], [C,Dv]

  index_t rows() const { return q.rows(); }
};

/// Gradients with respect to the members of the same name, filled by the stages in vjp/.
template <class T>
struct ChunkGradients {
  Matrix<T> dq, dk, dv, dg, db, dw, de, dz;
  Matrix<T> dQ_gamma, dE_gamma, dK_tail;
  Matrix<T> dA_ek, dA_qk;
  Matrix<T> dY, dR;     ///< dU = dR
  Row<T> dlog_gamma_C;  ///< [Dk]  of the decay of the carried state, with respect to its logarithm
};

}  // namespace fw::chunkwise
