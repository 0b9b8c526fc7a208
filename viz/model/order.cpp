// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/order.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fw::viz {
namespace {

/// Largest first; what is no number last.
std::vector<int> falling(const Vec& weight) {
  std::vector<int> order(weight.size());
  std::iota(order.begin(), order.end(), 0);
  const auto of = [&](int i) {
    const double x = weight[static_cast<std::size_t>(i)];
    return std::isnan(x) ? -INFINITY : x;
  };
  std::stable_sort(order.begin(), order.end(), [&](int i, int j) { return of(i) > of(j); });
  return order;
}

}  // namespace

std::vector<int> key_order(const Run& run, RowOrder by, int at) {
  const auto dk = static_cast<std::size_t>(run.timeline().dk);
  if (by == RowOrder::norm) return falling(row_norms(run.state(std::clamp(at, 0, run.length()))));
  Vec slow(dk, 0.0);
  if (by == RowOrder::decay)
    for (int t = 1; t <= run.length(); ++t) {
      const Vec& g = run.gates(t).g;
      for (std::size_t i = 0; i < std::min(dk, g.size()); ++i) slow[i] += std::max(-1e6, g[i]);  // a reset has -infinity
    }
  return falling(slow);
}

std::vector<int> fact_order(const Side& side, FactOrder by) {
  Vec weight;
  for (const Association& row : side.associations)
    weight.push_back(by == FactOrder::written  ? 0.0
                     : by == FactOrder::impact ? row.impact.total
                     : row.intent == nullptr   ? std::nan("")
                     : by == FactOrder::cosine ? -row.recall.cosine
                                               : row.recall.norm_ratio);
  return falling(weight);
}

std::vector<int> inverse(const std::vector<int>& order) {
  std::vector<int> row(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) row[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
  return row;
}

Grid reordered(const Grid& m, const std::vector<int>& order) {
  if (order.empty()) return m;
  Grid out(m.rows, m.cols);
  for (int i = 0; i < m.rows; ++i)
    for (int j = 0; j < m.cols; ++j) out(i, j) = m(order[static_cast<std::size_t>(i)], j);
  return out;
}

}  // namespace fw::viz
