// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of chunkwise/scores.h. With P_i(r,s) = exp(G_ri - G_si) and rows "left" = e or scale q,
//   dleft_r = sum_{s<r} dA[r,s] P(r,s) (.) k_s      dk_s = sum_{r>s} dA[r,s] P(r,s) (.) left_r
//   dg_t    = sum_{s < t <= r} p(r,s),   p_i(r,s) = dA[r,s] left_ri k_si P_i(r,s)
// A decay at t stands in every pair that has t between its rows. The usual shortcut, a running sum of left (.) dleft - k (.) dk,
// adds and takes away again the pairs that do not; where the decay at t is strong they are all that is left and only their
// rounding survives. Here the pairs are sorted by where they stand, and every sum only adds:
//   rows of block I, columns before it:  t in I: suffix sum over r of left (.) dleft;  t before I: prefix sum over s of k (.) dk
//   both in block I:                     pair by pair, suffix sums over r for each s
// Adds to everything it writes.
#pragma once

#include "chunkwise/chunk.h"

namespace fw::chunkwise {

/// dg_t += sum of x_r over r >= t, for t in [begin, begin + rows): x decays from before `begin` to r.
template <class T, class Rows>
void add_suffix_sums(const Rows& x, index_t begin, Matrix<T>& dg) {
  Row<T> sum = Row<T>::Zero(dg.cols());
  for (index_t r = x.rows() - 1; r >= 0; --r) {
    sum += x.row(r);
    dg.row(begin + r) += sum;
  }
}

/// dg_t += sum of x_s over s < t, for t in [0, rows): x decays from after s to the end of the rows or later.
template <class T, class Rows>
void add_prefix_sums(const Rows& x, Matrix<T>& dg) {
  Row<T> sum = Row<T>::Zero(dg.cols());
  for (index_t t = 1; t < x.rows(); ++t) {
    sum += x.row(t - 1);
    dg.row(t) += sum;
  }
}

/// Rows of `block` against all columns before it.
template <class T>
void earlier_columns_vjp(const RowBlock<T>& block, const Matrix<T>& left, const Matrix<T>& k, const Matrix<T>& dA, const Rounding& rounding,
                         Matrix<T>& dleft, Matrix<T>& dk, Matrix<T>& dg) {
  Matrix<T> decayed_left = block.to_row.cwiseProduct(left.middleRows(block.begin, block.rows));
  Matrix<T> decayed_k = block.from_column.cwiseProduct(k.topRows(block.begin));
  round_stored(decayed_left, rounding);
  round_stored(decayed_k, rounding);
  const Operand<T> dA_op(dA.block(block.begin, 0, block.rows, block.begin), rounding);
  Matrix<T> to_left, to_k;
  to_left.noalias() = *dA_op * decayed_k;
  to_k.noalias() = dA_op.transpose() * decayed_left;
  to_left.array() *= block.to_row.array();
  to_k.array() *= block.from_column.array();
  dleft.middleRows(block.begin, block.rows) += to_left;
  dk.topRows(block.begin) += to_k;
  to_left.array() *= left.middleRows(block.begin, block.rows).array();
  to_k.array() *= k.topRows(block.begin).array();
  add_suffix_sums(to_left, block.begin, dg);
  add_prefix_sums(to_k, dg);
}

/// Pairs s < r inside `block`.
template <class T>
void inside_vjp(const RowBlock<T>& block, const Matrix<T>& left, const Matrix<T>& k, const Matrix<T>& dA, const Rounding& rounding,
                Matrix<T>& dleft, Matrix<T>& dk, Matrix<T>& dg) {
  const Operand<T> dA_op(dA.block(block.begin, block.begin, block.rows, block.rows), rounding);
  Row<T> to_left(k.cols()), to_k(k.cols()), crossing(k.cols());
  for (index_t s = 0; s < block.rows; ++s) {
    crossing.setZero();
    for (index_t r = block.rows - 1; r > s; --r) {
      const auto decay = block.inside.row(RowBlock<T>::pair(r, s));
      const T weight = (*dA_op)(r, s);
      to_left = decay.cwiseProduct(k.row(block.begin + s));
      to_k = decay.cwiseProduct(left.row(block.begin + r));
      round_stored(to_left, rounding);
      round_stored(to_k, rounding);
      to_left *= weight;
      dleft.row(block.begin + r) += to_left;
      dk.row(block.begin + s) += weight * to_k;
      crossing += to_left.cwiseProduct(left.row(block.begin + r));
      dg.row(block.begin + r) += crossing;
    }
  }
}

/// Reverse of decayed_scores. Reads dA strictly below the diagonal.
template <class T>
void decayed_scores_vjp(const Matrix<T>& left, const Matrix<T>& k, const DecayDifferences<T>& decay, const Matrix<T>& dA,
                        const Rounding& rounding, Matrix<T>& dleft, Matrix<T>& dk, Matrix<T>& dg) {
  for (const RowBlock<T>& block : decay.blocks) {
    if (block.begin > 0) earlier_columns_vjp(block, left, k, dA, rounding, dleft, dk, dg);
    inside_vjp(block, left, k, dA, rounding, dleft, dk, dg);
  }
}

/// (C1)
template <class T>
void erase_scores_vjp(const ChunkFactors<T>& f, const Settings& settings, ChunkGradients<T>& d) {
  decayed_scores_vjp(f.e, f.k, f.decay, d.dA_ek, settings.rounding, d.de, d.dk, d.dg);
}

/// (C5)
template <class T>
void query_scores_vjp(const ChunkFactors<T>& f, const Settings& settings, ChunkGradients<T>& d) {
  const Matrix<T> dA = f.scale * d.dA_qk;
  decayed_scores_vjp(f.q, f.k, f.decay, dA, settings.rounding, d.dq, d.dk, d.dg);
  const Operand<T> q(f.q, settings.rounding), k(f.k, settings.rounding), dA_op(dA, settings.rounding);
  d.dq += (*dA_op).diagonal().asDiagonal() * *k;
  d.dk += (*dA_op).diagonal().asDiagonal() * *q;
}

}  // namespace fw::chunkwise
