// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decay between the rows of a chunk. Everything (C1)-(C7) needs is exp(G_r - G_s) with r >= s, G the running sum of g:
//   gamma[r] = exp(G_r)    tail[s] = exp(G_C - G_s)    and, for a block of rows that starts after row *,
//   to_row[r] = exp(G_r - G_*)    from_column[s] = exp(G_* - G_s)    inside[r,s] = exp(G_r - G_s)
// (N1) g <= 0 makes every exponent <= 0: an underflow to zero is then the right answer.
// (N2) a block of rows after earlier columns is to_row (.) rows times (from_column (.) columns)^T, a plain product.
// (N3) no difference is formed: each exponent is the sum of g over the tokens between, added up from one end. So a -inf
//      among them makes it -inf and the exponential zero, exactly, while sums that do not contain the reset are untouched;
//      and a mask of -1000 takes no digits from the decays around it, as it would from G_r - G_s with |G| large.
// std::exp, not a vectorised one: its value must depend on the argument alone, and exp(-inf) must be zero.
#pragma once

#include <algorithm>

#include "chunkwise/chunk.h"

namespace fw::chunkwise {

/// out = exp(sum), element by element.
template <class T>
void exponentials(const Row<T>& sum, T* out) {
  for (index_t i = 0; i < sum.size(); ++i) out[i] = std::exp(sum[i]);
}

/// Row r of `out`: exp(g_begin + .. + g_{begin+r}).
template <class T>
void decay_to_rows(const Matrix<T>& g, index_t begin, index_t rows, Matrix<T>& out) {
  out.resize(rows, g.cols());
  Row<T> sum = Row<T>::Zero(g.cols());
  for (index_t r = 0; r < rows; ++r) {
    sum += g.row(begin + r);
    exponentials(sum, out.row(r).data());
  }
}

/// Row s of `out`: exp(g_{s+1} + .. + g_{end-1}); the last row is 1.
template <class T>
void decay_from_rows(const Matrix<T>& g, index_t end, Matrix<T>& out) {
  out.resize(end, g.cols());
  Row<T> sum = Row<T>::Zero(g.cols());
  for (index_t s = end - 1; s >= 0; --s) {
    exponentials(sum, out.row(s).data());
    sum += g.row(s);
  }
}

template <class T>
void decay_inside(const Matrix<T>& g, index_t begin, index_t rows, Matrix<T>& out) {
  out.resize(rows * (rows - 1) / 2, g.cols());
  Row<T> sum(g.cols());
  for (index_t s = 0; s < rows; ++s) {
    sum.setZero();
    for (index_t r = s + 1; r < rows; ++r) {
      sum += g.row(begin + r);
      exponentials(sum, out.row(RowBlock<T>::pair(r, s)).data());
    }
  }
}

/// From the log-decays g [C,Dk] of a chunk.
template <class T>
void decay_differences(const Matrix<T>& g, index_t block, DecayDifferences<T>& decay) {
  const index_t C = g.rows();
  decay_to_rows(g, 0, C, decay.gamma);
  decay_from_rows(g, C, decay.tail);
  decay.blocks.resize(static_cast<std::size_t>((C + block - 1) / block));
  for (std::size_t i = 0; i < decay.blocks.size(); ++i) {
    RowBlock<T>& rows = decay.blocks[i];
    rows.begin = static_cast<index_t>(i) * block;
    rows.rows = std::min(block, C - rows.begin);
    decay_to_rows(g, rows.begin, rows.rows, rows.to_row);
    decay_from_rows(g, rows.begin, rows.from_column);
    decay_inside(g, rows.begin, rows.rows, rows.inside);
  }
}

}  // namespace fw::chunkwise
