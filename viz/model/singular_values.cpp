// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Singular values alone, in two steps: Householder reflections from both sides make the matrix bidiagonal (8/3 n^3 operations),
// implicitly shifted QR steps make that diagonal (Golub and Van Loan, Matrix Computations, 8.6). Errors stay below a few
// roundings of the largest one.
#include <algorithm>
#include <cmath>
#include <limits>

#include "naive/types.h"
#include "viz/model/quantities.h"

namespace fw::viz {
namespace {

using Matrix = naive::Matrix<double>;
using Vector = naive::Vector<double>;

/// x becomes v with (I - tau v v^T) x = (norm, 0, ...); returns tau, 0 when there is nothing to reflect.
double reflector(Vector& x, double& norm) {
  const double tail = x.size() > 1 ? x.tail(x.size() - 1).squaredNorm() : 0.0, head = x[0];
  if (tail == 0.0) return norm = head, 0.0;
  norm = std::sqrt(head * head + tail);
  x[0] = head <= 0.0 ? head - norm : -tail / (head + norm);
  return 2.0 / (x[0] * x[0] + tail);
}

/// The bidiagonal of a matrix with at least as many rows as columns: d on the diagonal, e above it.
void bidiagonal(Matrix& m, Vec& d, Vec& e) {
  const Eigen::Index n = m.cols(), rows = m.rows();
  for (Eigen::Index k = 0; k < n; ++k) {
    Vector v = m.col(k).tail(rows - k);
    const double tau = reflector(v, d[static_cast<std::size_t>(k)]);
    auto rest = m.bottomRightCorner(rows - k, n - k - 1);
    if (tau != 0.0 && n - k > 1) {
      const Vector u = tau * (rest.transpose() * v);
      rest.noalias() -= v * u.transpose();
    }
    if (k + 1 >= n) break;
    Vector h = rest.row(0).transpose();
    const double sigma = reflector(h, e[static_cast<std::size_t>(k)]);
    if (sigma == 0.0 || rows - k < 2) continue;
    auto below = rest.bottomRows(rows - k - 1);
    const Vector u = sigma * (below * h);
    below.noalias() -= u * h.transpose();
  }
}

struct Rotation {
  double c = 1.0, s = 0.0, r = 0.0;
};
/// c a + s b = r, -s a + c b = 0
Rotation rotation(double a, double b) {
  if (b == 0.0) return {1.0, 0.0, a};
  const double r = std::hypot(a, b);
  return {a / r, b / r, r};
}

/// One step on the block first..last: a bulge is chased down the bidiagonal, starting from the shift.
void qr_step(Vec& d, Vec& e, std::size_t first, std::size_t last) {
  // The eigenvalue of the last 2 x 2 block of B^T B that is nearer to its corner (Wilkinson's shift).
  const double above = last - first > 1 ? e[last - 2] : 0.0, a = d[last - 1] * d[last - 1] + above * above, b = d[last - 1] * e[last - 1],
               c = d[last] * d[last] + e[last - 1] * e[last - 1], half = 0.5 * (a - c);
  const double shift = b == 0.0 ? c : c - b * b / (half + std::copysign(std::hypot(half, b), half));
  double y = d[first] * d[first] - shift, z = d[first] * e[first];
  for (std::size_t k = first; k < last; ++k) {
    const Rotation right = rotation(y, z);
    if (k > first) e[k - 1] = right.r;
    y = right.c * d[k] + right.s * e[k];
    e[k] = -right.s * d[k] + right.c * e[k];
    z = right.s * d[k + 1];
    d[k + 1] = right.c * d[k + 1];
    const Rotation left = rotation(y, z);
    d[k] = left.r;
    y = left.c * e[k] + left.s * d[k + 1];
    d[k + 1] = -left.s * e[k] + left.c * d[k + 1];
    if (k + 1 < last) {
      z = left.s * e[k + 1];
      e[k + 1] = left.c * e[k + 1];
    }
  }
  e[last - 1] = y;
}

/// d[k] is zero: rotations of rows carry e[k] out of the block to the right.
void clear_row(Vec& d, Vec& e, std::size_t k, std::size_t last) {
  double bulge = e[k];
  e[k] = 0.0;
  for (std::size_t j = k + 1; j <= last && bulge != 0.0; ++j) {
    const Rotation g = rotation(d[j], bulge);
    d[j] = g.r;
    if (j < last) bulge = -g.s * e[j], e[j] = g.c * e[j];
  }
}

}  // namespace

Vec singular_values(const Grid& m) {
  const Eigen::Map<const Matrix> given(m.a.data(), m.rows, m.cols);
  Matrix work = m.cols > m.rows ? Matrix(given.transpose()) : Matrix(given);
  const auto n = static_cast<std::size_t>(work.cols());
  Vec d(n, 0.0), e(n, 0.0);
  if (!work.allFinite()) return Vec(n, std::nan(""));
  const double largest = max_abs(m.a);
  if (largest == 0.0) return d;
  work /= largest;  // so that no square overflows
  bidiagonal(work, d, e);
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  double whole = 0.0;
  for (std::size_t i = 0; i < n; ++i) whole = std::max(whole, std::fabs(d[i]) + std::fabs(e[i]));
  std::size_t last = n - 1;
  for (std::size_t step = 0; last > 0 && step < 60 * n; ++step) {
    for (std::size_t i = 0; i < last; ++i)
      if (std::fabs(e[i]) <= kEpsilon * (std::fabs(d[i]) + std::fabs(d[i + 1])) || std::fabs(e[i]) <= 0.5 * kEpsilon * kEpsilon * whole)
        e[i] = 0.0;
    if (e[last - 1] == 0.0) {
      --last;
      continue;
    }
    std::size_t first = last - 1;
    while (first > 0 && e[first - 1] != 0.0) --first;
    std::size_t zero = last;
    for (std::size_t i = first; i < last; ++i)
      if (std::fabs(d[i]) <= kEpsilon * whole * kEpsilon) zero = i;
    if (zero < last)
      d[zero] = 0.0, clear_row(d, e, zero, last);
    else
      qr_step(d, e, first, last);
  }
  for (double& x : d) x = std::fabs(x) * largest;
  std::sort(d.begin(), d.end(), [](double x, double y) { return x > y; });
  return d;
}

}  // namespace fw::viz
