// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// (C2) A_inv = (I + A_ek)^-1, unit lower triangular: what the edits of a chunk owe to the edits before them.
// Diagonal blocks by forward substitution; each block of rows below then by two products,
//   A_inv[I, 0:I] = -A_inv[I,I] (A_ek[I, 0:I] A_inv[0:I, 0:I]).
// The sensitive step (N4): keys that repeat bring entries near 1, so it is never done in less than T. With rounding only the
// finished inverse is rounded, as a kernel does when it stores it.
#pragma once

#include <algorithm>

#include "chunkwise/chunk.h"

namespace fw::chunkwise {

/// Inverse of I + A, A strictly lower triangular (what stands on and above the diagonal is not read). [C,C]
template <class T>
void unit_lower_inverse(const Matrix<T>& A, index_t block, Matrix<T>& inverse) {
  const index_t C = A.rows();
  inverse.setIdentity(C, C);
  Matrix<T> below;
  for (index_t begin = 0; begin < C; begin += block) {
    const index_t rows = std::min(block, C - begin);
    auto diagonal = inverse.block(begin, begin, rows, rows);
    for (index_t r = 1; r < rows; ++r)
      for (index_t s = 0; s < r; ++s) {
        T sum(0);
        for (index_t j = s; j < r; ++j) sum += A(begin + r, begin + j) * diagonal(j, s);
        diagonal(r, s) = -sum;
      }
    if (begin == 0) continue;
    below.noalias() = A.block(begin, 0, rows, begin) * inverse.topLeftCorner(begin, begin);
    inverse.block(begin, 0, rows, begin).noalias() = -(diagonal * below);
  }
}

/// (C2)
template <class T>
void invert_erase(ChunkFactors<T>& f, const Settings& settings) {
  unit_lower_inverse(f.A_ek, settings.block, f.A_inv);
  round_stored(f.A_inv, settings.rounding);
}

}  // namespace fw::chunkwise
