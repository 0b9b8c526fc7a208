// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/quantities.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fw::viz {

RecallNow recall_of(const Vec& answer, const Vec& intended) {
  double squares = 0.0;
  for (std::size_t j = 0; j < answer.size(); ++j) squares += (answer[j] - intended[j]) * (answer[j] - intended[j]);
  return {cosine(answer, intended), norm(answer) / norm(intended), 0.5 * squares};
}

EraseGauge erase_gauge(const Vec& k, const Vec& e) {
  const double kk = dot(k, k), c = dot(k, e), n = kk * dot(e, e);
  EraseGauge g;
  g.beta = c;
  double perpendicular = 0.0;
  for (std::size_t i = 0; i < k.size(); ++i) {
    const double p = e[i] - (kk == 0.0 ? 0.0 : c / kk * k[i]);
    perpendicular += p * p;
  }
  g.oblique = std::sqrt(perpendicular);
  if (k.size() < 2) {
    g.sigma_max = g.sigma_min = std::fabs(1.0 - c);
    return g;
  }
  // q^2 - 4 (1-c)^2 = (q - 2(1-c)) (q + 2(1-c)) = n (n + 4 (1-c)): no cancellation near e = 0.
  const double q = 2.0 - 2.0 * c + n, root = std::sqrt(std::max(0.0, n * (n + 4.0 * (1.0 - c))));
  g.sigma_max = std::sqrt((q + root) / 2.0);
  g.sigma_min = g.sigma_max == 0.0 ? 0.0 : std::fabs(1.0 - c) / g.sigma_max;
  return g;
}

Spectrum spectrum_of(const Grid& S) {
  Spectrum out;
  out.sigma = singular_values(S);
  out.frobenius = norm(S);
  double sum = 0.0;
  for (double s : out.sigma) sum += s;
  if (!(sum > 0.0)) return out;
  double entropy = 0.0;
  for (double s : out.sigma)
    if (s > 0.0) entropy -= s / sum * std::log(s / sum);
  out.effective_rank = std::exp(entropy);
  out.stable_rank = out.frobenius * out.frobenius / (out.sigma[0] * out.sigma[0]);
  return out;
}

Split split_of(const Step& step) {
  const int rows = step.before.rows, cols = step.before.cols;
  Split s{difference(step.decayed, step.before), Grid(rows, cols), Grid(rows, cols), Grid(rows, cols), difference(step.after, step.before)};
  if (step.surgery) {
    s.surgery = s.total;
    return s;
  }
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < cols; ++j) {
      s.erase(i, j) = -step.k[static_cast<std::size_t>(i)] * step.r[static_cast<std::size_t>(j)];
      s.write(i, j) = step.k[static_cast<std::size_t>(i)] * step.z[static_cast<std::size_t>(j)];
    }
  return s;
}

Impact impact_on(const Step& step, const Split& split, const Vec& k_i) {
  const Vec decay = step.surgery ? transposed_times(difference(step.decayed, step.before), k_i) : transposed_times(split.decay, k_i);
  Vec edit = step.delta;
  if (step.surgery) {
    edit = transposed_times(difference(step.after, step.decayed), k_i);
  } else {
    const double along = dot(k_i, step.k);
    for (double& element : edit) element *= along;
  }
  Vec total = edit;
  for (std::size_t j = 0; j < total.size(); ++j) total[j] += decay[j];
  return {norm(edit), norm(decay), norm(total)};
}

CollapseGauge collapse_gauge(const Gates& gates) {
  CollapseGauge c;
  Vec alpha = gates.g, both = gates.b;
  for (double& a : alpha) a = std::exp(a);
  both.insert(both.end(), gates.w.begin(), gates.w.end());
  c.mean_b = mean_of(gates.b);
  c.mean_w = mean_of(gates.w);
  c.mean_alpha = mean_of(alpha);
  c.sd_b = deviation_of(gates.b);
  c.sd_w = deviation_of(gates.w);
  c.sd_alpha = deviation_of(alpha);
  c.kda = deviation_of(both);
  c.gdn = deviation_of(gates.g);
  for (double g : gates.g) c.delta += std::fabs(g) / static_cast<double>(gates.g.size());
  return c;
}

double transition_growth(const Step& step) {
  // With f = D e the transition is M = D - k f^T, and M^T M = D^2 + U C U^T for U = [D k, f], C = [0 -1; -1 |k|^2], which has one
  // positive and one negative eigenvalue. By Sylvester's law of inertia the number of eigenvalues of M^T M above x is that of
  // D^2, plus the positive eigenvalues of -C^-1 - U^T (D^2 - x)^-1 U, minus one. The largest is found by bisection.
  const std::size_t n = step.k.size();
  double kk = 0.0, ff = 0.0, largest = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    kk += step.k[i] * step.k[i];
    ff += step.alpha[i] * step.e[i] * step.alpha[i] * step.e[i];
    largest = std::max(largest, std::fabs(step.alpha[i]));
  }
  const auto any_above = [&](double x) {
    // -C^-1 = [|k|^2 1; 1 0]
    double a = kk, b = 1.0, c = 0.0;
    int above = -1;
    for (std::size_t i = 0; i < n; ++i) {
      const double d = step.alpha[i], u = d * step.k[i], f = d * step.e[i];
      double apart = d * d - x;
      if (apart == 0.0) apart = -std::numeric_limits<double>::min();
      above += apart > 0.0;
      a -= u * u / apart, b -= u * f / apart, c -= f * f / apart;
    }
    const double determinant = a * c - b * b;
    above += determinant < 0.0 ? 1 : a + c > 0.0 ? 2 : 0;
    return above > 0;
  };
  double low = 0.0, high = (largest + std::sqrt(kk * ff)) * (largest + std::sqrt(kk * ff)) * (1.0 + 1e-15);
  for (int i = 0; i < 100 && low < high; ++i) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    any_above(middle) ? low = middle : high = middle;
  }
  return std::sqrt(high);
}

Grid key_cosines(const Timeline& timeline) {
  const int n = static_cast<int>(timeline.facts.size());
  Grid out(n, n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j)
      out(i, j) = i == j ? 1.0 : cosine(timeline.facts[static_cast<std::size_t>(i)].k, timeline.facts[static_cast<std::size_t>(j)].k);
  return out;
}

Interference interference_of(const Grid& cosines) {
  Interference out;
  int pairs = 0;
  for (int i = 0; i < cosines.rows; ++i)
    for (int j = i + 1; j < cosines.cols; ++j) {
      const double c = std::fabs(cosines(i, j));
      out.mean += c;
      ++pairs;
      if (out.i < 0 || c > out.most) out.most = c, out.i = i, out.j = j;
    }
  if (pairs > 0) out.mean /= pairs;
  return out;
}

double mean_of(const Vec& x) {
  double sum = 0.0;
  for (double element : x) sum += element;
  return x.empty() ? 0.0 : sum / static_cast<double>(x.size());
}

double deviation_of(const Vec& x) {
  // Equal channels deviate by exactly nothing, whatever rounding does to their mean.
  if (x.empty() || std::all_of(x.begin(), x.end(), [&](double y) { return y == x[0]; })) return 0.0;
  const double mean = mean_of(x);
  double squares = 0.0;
  for (double element : x) squares += (element - mean) * (element - mean);
  return std::sqrt(squares / static_cast<double>(x.size()));
}

Vec row_norms(const Grid& m) {
  Vec out(static_cast<std::size_t>(m.rows), 0.0);
  for (int i = 0; i < m.rows; ++i)
    for (int j = 0; j < m.cols; ++j) out[static_cast<std::size_t>(i)] += m(i, j) * m(i, j);
  for (double& x : out) x = std::sqrt(x);
  return out;
}

Vec column_norms(const Grid& m) {
  Vec out(static_cast<std::size_t>(m.cols), 0.0);
  for (int i = 0; i < m.rows; ++i)
    for (int j = 0; j < m.cols; ++j) out[static_cast<std::size_t>(j)] += m(i, j) * m(i, j);
  for (double& x : out) x = std::sqrt(x);
  return out;
}

}  // namespace fw::viz
