// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The two containers of the view model: a vector of doubles and a row-major matrix of doubles. Plain on purpose, so that
// panels compile without a linear-algebra library. Rows of a state are key channels, columns are value channels.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace fw::viz {

using Vec = std::vector<double>;

struct Grid {
  int rows = 0, cols = 0;
  Vec a;  ///< row-major, rows * cols

  Grid() = default;
  Grid(int r, int c, double fill = 0.0) : rows(r), cols(c), a(static_cast<std::size_t>(r) * static_cast<std::size_t>(c), fill) {}
  double& operator()(int i, int j) { return a[static_cast<std::size_t>(i) * static_cast<std::size_t>(cols) + static_cast<std::size_t>(j)]; }
  double operator()(int i, int j) const {
    return a[static_cast<std::size_t>(i) * static_cast<std::size_t>(cols) + static_cast<std::size_t>(j)];
  }
  bool operator==(const Grid&) const = default;
};

inline double dot(const Vec& x, const Vec& y) {
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}
inline double norm(const Vec& x) { return std::sqrt(dot(x, x)); }
/// Frobenius norm.
inline double norm(const Grid& m) { return norm(m.a); }

/// S^T x: what the memory answers at x. [Dv]
inline Vec transposed_times(const Grid& S, const Vec& x) {
  Vec y(static_cast<std::size_t>(S.cols), 0.0);
  for (int i = 0; i < S.rows; ++i)
    for (int j = 0; j < S.cols; ++j) y[static_cast<std::size_t>(j)] += S(i, j) * x[static_cast<std::size_t>(i)];
  return y;
}

/// Cosine of the angle between two vectors; NaN when either is zero.
inline double cosine(const Vec& x, const Vec& y) { return dot(x, y) / (norm(x) * norm(y)); }

inline Grid difference(const Grid& x, const Grid& y) {
  Grid d = x;
  for (std::size_t i = 0; i < d.a.size(); ++i) d.a[i] -= y.a[i];
  return d;
}

/// Largest absolute value; 0 for an empty grid.
inline double max_abs(const Vec& x) {
  double most = 0.0;
  for (double v : x) most = std::fabs(v) > most ? std::fabs(v) : most;
  return most;
}

}  // namespace fw::viz
