// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A chunk of random rows, its stages run in order, and the decay between two of its rows by the definition.
#pragma once

#include <cmath>
#include <limits>

#include "chunkwise/vjp/stages.h"
#include "core/random.h"
#include "support/check.h"

namespace fw::test {

using chunkwise::ChunkFactors;
using chunkwise::ChunkGradients;
using chunkwise::Settings;
using Mat = chunkwise::Matrix<double>;

inline Mat normal_matrix(const char* stream, index_t rows, index_t cols, double size = 1.0) {
  const Random draw(5, stream);
  Mat m(rows, cols);
  for (index_t r = 0; r < rows; ++r)
    for (index_t i = 0; i < cols; ++i) m(r, i) = size * draw.normal(Position{0, r, 0, i});
  return m;
}

inline Tensor<double> as_tensor(const Mat& m) {
  Tensor<double> t({m.rows(), m.cols()});
  Eigen::Map<Mat>(t.data(), m.rows(), m.cols()) = m;
  return t;
}

/// Rows of a chunk with decay -rate*|normal|; every tenth channel decays at 1e-4 of that, every seventh has a reset in row 2C/3.
inline ChunkFactors<double> random_chunk(index_t C, index_t Dk, index_t Dv, double rate, bool resets) {
  ChunkFactors<double> f;
  f.scale = 1.0 / std::sqrt(static_cast<double>(Dk));
  f.q = normal_matrix("q", C, Dk);
  f.k = normal_matrix("k", C, Dk).rowwise().normalized();
  f.v = normal_matrix("v", C, Dv);
  f.g = -normal_matrix("g", C, Dk, rate).cwiseAbs();
  f.b = normal_matrix("b", C, Dk).cwiseAbs().cwiseMin(2.0);
  f.w = normal_matrix("w", C, Dv).cwiseAbs().cwiseMin(2.0);
  for (index_t i = 0; i < Dk; ++i) {
    if (i % 10 == 3) f.g.col(i) *= 1e-4;
    if (resets && i % 7 == 2) f.g(2 * C / 3, i) = -std::numeric_limits<double>::infinity();
  }
  f.e = f.b.cwiseProduct(f.k);
  f.z = f.w.cwiseProduct(f.v);
  return f;
}

/// exp of the sum of g over rows (s, r] of channel i, by the definition.
inline double decay_between(const Mat& g, index_t r, index_t s, index_t i) {
  double sum = 0;
  for (index_t t = s + 1; t <= r; ++t) sum += g(t, i);
  return std::exp(sum);
}

}  // namespace fw::test

#define CHECK_MATRIX_CLOSE(candidate, reference) \
  CHECK_CLOSE(::fw::test::as_tensor(candidate), ::fw::test::as_tensor(reference), ::fw::Tolerance{1e-13, 1e-12})
