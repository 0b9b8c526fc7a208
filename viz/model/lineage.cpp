// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/lineage.h"

#include <cmath>
#include <limits>

namespace fw::viz {
namespace {

const Entry& entry_at(const Run& run, int t) { return run.timeline().entries[static_cast<std::size_t>(t - 1)]; }

/// An edit by hand, as far as it multiplies S from the left; the rest of it is no write of any token.
void operate(Vec& x, const Command& c) {
  if (c.verb == Verb::zero_row) x[static_cast<std::size_t>(c.row)] = 0.0;
  if (c.verb == Verb::scale)
    for (double& element : x) element *= c.number;
}

/// m <- (I - k e^T) D m
void forward(const Run& run, int t, Vec& m) {
  const Entry& entry = entry_at(run, t);
  if (entry.kind == EntryKind::surgery) return operate(m, entry.command);
  const Gates& gates = run.gates(t);
  double along = 0.0;
  for (std::size_t i = 0; i < m.size(); ++i) {
    m[i] *= std::exp(gates.g[i]);
    along += gates.b[i] * entry.k[i] * m[i];
  }
  for (std::size_t i = 0; i < m.size(); ++i) m[i] -= along * entry.k[i];
}

}  // namespace

Vec overlap_with_writes(const Run& run, int t, const Vec& at, int first) {
  Vec out(static_cast<std::size_t>(t - first + 1), 0.0), x = at;
  for (int s = t; s >= first; --s) {
    const Entry& entry = entry_at(run, s);
    if (entry.kind == EntryKind::surgery) {
      operate(x, entry.command);
      continue;
    }
    const double along = dot(entry.k, x);
    out[static_cast<std::size_t>(s - first)] = along;
    const Gates& gates = run.gates(s);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::exp(gates.g[i]) * (x[i] - gates.b[i] * entry.k[i] * along);
  }
  return out;
}

Vec surviving_key(const Run& run, int i, int t) {
  Vec m = entry_at(run, i).k;
  for (int s = i + 1; s <= t; ++s) forward(run, s, m);
  return m;
}

Grid retention(const Run& run, int first, int count) {
  Grid out(count, count, std::numeric_limits<double>::quiet_NaN());
  for (int i = 0; i < count; ++i) {
    Vec m = entry_at(run, first + i).k;
    const double length = norm(m);
    for (int t = i; t < count; ++t) {
      if (t > i) forward(run, first + t, m);
      out(t, i) = length == 0.0 ? 0.0 : norm(m) / length;
    }
  }
  return out;
}

Grid hidden_attention(const Run& run, int first, int count) {
  Grid out(count, count, std::numeric_limits<double>::quiet_NaN());
  for (int t = 0; t < count; ++t) {
    const Vec row = overlap_with_writes(run, first + t, entry_at(run, first + t).q, first);
    for (int i = 0; i <= t; ++i) out(t, i) = run.timeline().scale * row[static_cast<std::size_t>(i)];
  }
  return out;
}

Origin origin_of(const Run& run, int t, int fact) {
  const Fact& f = run.timeline().facts[static_cast<std::size_t>(fact)];
  Origin out;
  out.answer = transposed_times(run.state(t), f.k);
  out.signal.assign(out.answer.size(), 0.0);
  const Vec overlap = overlap_with_writes(run, t, f.k);
  for (int i = t; i >= 1; --i) {
    const Entry& entry = entry_at(run, i);
    const bool whole = entry.kind == EntryKind::write || entry.kind == EntryKind::trace;
    if (entry.fact != fact || (!whole && entry.kind != EntryKind::append)) continue;
    const Gates& gates = run.gates(i);
    for (std::size_t j = 0; j < out.signal.size(); ++j) out.signal[j] += overlap[static_cast<std::size_t>(i - 1)] * gates.w[j] * entry.v[j];
    if (out.retained == 0.0) out.retained = norm(surviving_key(run, i, t)) / norm(entry.k);
    if (whole) break;
  }
  out.crosstalk = out.answer;
  for (std::size_t j = 0; j < out.crosstalk.size(); ++j) out.crosstalk[j] -= out.signal[j];
  return out;
}

}  // namespace fw::viz
