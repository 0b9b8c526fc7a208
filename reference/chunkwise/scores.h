// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Scores between the rows of a chunk, each channel decayed over the tokens between:
//   (C1) A_ek[r,s] = sum_i e_ri k_si exp(G_ri - G_si),         s < r
//   (C5) A_qk[r,s] = scale sum_i q_ri k_si exp(G_ri - G_si),   s <= r
// Blocks of rows after all earlier columns are one product each, with the reference at the block's start (N2); diagonal
// blocks take each pair's own decay. With rounding, left rows and keys are rounded as they enter a product, decay included.
#pragma once

#include "chunkwise/chunk.h"

namespace fw::chunkwise {

/// A[r,s] = sum_i left_ri k_si exp(G_ri - G_si) for s < r, and zero elsewhere. [C,C]
template <class T>
void decayed_scores(const Matrix<T>& left, const Matrix<T>& k, const DecayDifferences<T>& decay, const Rounding& rounding, Matrix<T>& A) {
  A.setZero(left.rows(), k.rows());
  const Operand<T> k_op(k, rounding);
  Matrix<T> decayed_left, decayed_k;
  Row<T> row;
  for (const RowBlock<T>& block : decay.blocks) {
    if (block.begin > 0) {
      decayed_left = block.to_row.cwiseProduct(left.middleRows(block.begin, block.rows));
      decayed_k = block.from_column.cwiseProduct(k.topRows(block.begin));
      round_stored(decayed_left, rounding);
      round_stored(decayed_k, rounding);
      A.block(block.begin, 0, block.rows, block.begin).noalias() = decayed_left * decayed_k.transpose();
    }
    for (index_t r = 1; r < block.rows; ++r)
      for (index_t s = 0; s < r; ++s) {
        row = left.row(block.begin + r).cwiseProduct(block.inside.row(RowBlock<T>::pair(r, s)));
        round_stored(row, rounding);
        A(block.begin + r, block.begin + s) = row.cwiseProduct((*k_op).row(block.begin + s)).sum();
      }
  }
}

/// (C1)
template <class T>
void erase_scores(ChunkFactors<T>& f, const Settings& settings) {
  decayed_scores(f.e, f.k, f.decay, settings.rounding, f.A_ek);
}

/// (C5)
template <class T>
void query_scores(ChunkFactors<T>& f, const Settings& settings) {
  decayed_scores(f.q, f.k, f.decay, settings.rounding, f.A_qk);
  const Operand<T> q(f.q, settings.rounding), k(f.k, settings.rounding);
  for (index_t r = 0; r < f.rows(); ++r) f.A_qk(r, r) = (*q).row(r).cwiseProduct((*k).row(r)).sum();
  f.A_qk *= f.scale;
}

}  // namespace fw::chunkwise
