// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/lineage.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.h"

namespace fw::viz {
namespace {

const Entry& entry_at(const Run& run, int t) { return run.timeline().entries[static_cast<std::size_t>(t - 1)]; }

/// An edit by hand, as far as it multiplies S from the left; the rest of it is no write of any token.
void operate(Vec& x, const Command& c) {
  if (c.verb == Verb::zero_row) x[static_cast<std::size_t>(c.row)] = 0.0;
  if (c.verb == Verb::scale)
    for (double& element : x) element *= c.number;
}

/// The gates of one token, decays no longer as logarithms.
struct Factors {
  const Entry& entry;
  const Vec& b;
  Vec alpha;

  Factors(const Run& run, int t) : entry(entry_at(run, t)), b(run.gates(t).b), alpha(run.gates(t).g) {
    for (double& a : alpha) a = std::exp(a);
  }
};

/// m <- (I - k e^T) D m
void forward(const Factors& f, Vec& m) {
  const Entry& entry = f.entry;
  if (entry.kind == EntryKind::surgery) return operate(m, entry.command);
  double along = 0.0;
  for (std::size_t i = 0; i < m.size(); ++i) {
    m[i] *= f.alpha[i];
    along += f.b[i] * entry.k[i] * m[i];
  }
  for (std::size_t i = 0; i < m.size(); ++i) m[i] -= along * entry.k[i];
}

/// x <- D (x - e (k.x)); returns k.x, 0 for an edit by hand.
double backward(const Factors& f, Vec& x) {
  const Entry& entry = f.entry;
  if (entry.kind == EntryKind::surgery) return operate(x, entry.command), 0.0;
  const double along = dot(entry.k, x);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = f.alpha[i] * (x[i] - f.b[i] * entry.k[i] * along);
  return along;
}

std::vector<Factors> factors_of(const Run& run, int first, int count) {
  std::vector<Factors> out;
  out.reserve(static_cast<std::size_t>(count));
  for (int t = first; t < first + count; ++t) out.emplace_back(run, t);
  return out;
}

bool writes_whole(const Entry& entry) { return entry.kind == EntryKind::write || entry.kind == EntryKind::trace; }

}  // namespace

Vec overlap_with_writes(const Run& run, int t, const Vec& at, int first) {
  Vec out(static_cast<std::size_t>(t - first + 1), 0.0), x = at;
  for (int s = t; s >= first; --s) out[static_cast<std::size_t>(s - first)] = backward(Factors(run, s), x);
  return out;
}

Vec surviving_key(const Run& run, int i, int t) {
  Vec m = entry_at(run, i).k;
  for (int s = i + 1; s <= t; ++s) forward(Factors(run, s), m);
  return m;
}

Grid retention(const Run& run, int first, int count) {
  Grid out(count, count, std::numeric_limits<double>::quiet_NaN());
  const std::vector<Factors> steps = factors_of(run, first, count);
  parallel_for(count, 0, [&](index_t column) {
    const int i = static_cast<int>(column);
    Vec m = steps[static_cast<std::size_t>(i)].entry.k;
    const double length = norm(m);
    for (int t = i; t < count; ++t) {
      if (t > i) forward(steps[static_cast<std::size_t>(t)], m);
      out(t, i) = length == 0.0 ? 0.0 : norm(m) / length;
    }
  });
  return out;
}

Grid hidden_attention(const Run& run, int first, int count) {
  Grid out(count, count, std::numeric_limits<double>::quiet_NaN());
  const std::vector<Factors> steps = factors_of(run, first, count);
  parallel_for(count, 0, [&](index_t row) {
    const int t = static_cast<int>(row);
    Vec x = steps[static_cast<std::size_t>(t)].entry.q;
    for (int i = t; i >= 0; --i) out(t, i) = run.timeline().scale * backward(steps[static_cast<std::size_t>(i)], x);
  });
  return out;
}

Origin origin_of(const Run& run, int t, int fact) {
  const Fact& f = run.timeline().facts[static_cast<std::size_t>(fact)];
  Origin out;
  out.answer = transposed_times(run.state(t), f.k);
  out.signal.assign(out.answer.size(), 0.0);
  // The writes in force, the first of them first, as Survivors carries them: both give the same bits.
  std::vector<int> writes;
  for (int i = t; i >= 1; --i) {
    const Entry& entry = entry_at(run, i);
    const bool whole = writes_whole(entry);
    if (entry.fact != fact || (!whole && entry.kind != EntryKind::append)) continue;
    writes.insert(writes.begin(), i);
    if (whole) break;
  }
  for (const int i : writes) {
    const Entry& entry = entry_at(run, i);
    const Vec m = surviving_key(run, i, t), &w = run.gates(i).w;
    const double overlap = dot(f.k, m);
    for (std::size_t j = 0; j < out.signal.size(); ++j) out.signal[j] += overlap * w[j] * entry.v[j];
    out.retained = norm(m) / norm(entry.k);
  }
  out.crosstalk = out.answer;
  for (std::size_t j = 0; j < out.crosstalk.size(); ++j) out.crosstalk[j] -= out.signal[j];
  return out;
}

void Survivors::advance(Moment& now, int t) const {
  const Factors step(*run_, t);
  for (Survivor& s : now) forward(step, s.m);
  const Entry& entry = step.entry;
  const bool whole = writes_whole(entry);
  if (entry.fact < 0 || (!whole && entry.kind != EntryKind::append)) return;
  if (whole) now.erase(std::remove_if(now.begin(), now.end(), [&](const Survivor& s) { return s.fact == entry.fact; }), now.end());
  now.push_back({entry.fact, t, entry.k});
}

std::vector<Origin> Survivors::origins(int t) {
  if (checkpoints_.empty()) checkpoints_.emplace_back();
  while (static_cast<int>(checkpoints_.size()) <= t / kApart) {
    Moment next = checkpoints_.back();
    const int from = (static_cast<int>(checkpoints_.size()) - 1) * kApart;
    for (int s = from + 1; s <= from + kApart; ++s) advance(next, s);
    checkpoints_.push_back(std::move(next));
  }
  Moment now = checkpoints_[static_cast<std::size_t>(t / kApart)];
  for (int s = t / kApart * kApart + 1; s <= t; ++s) advance(now, s);

  const std::vector<Fact>& facts = run_->timeline().facts;
  std::vector<Origin> out(facts.size());
  const Grid& S = run_->state(t);
  for (std::size_t f = 0; f < facts.size(); ++f) {
    if (facts[f].at(t) == nullptr) continue;
    out[f].answer = transposed_times(S, facts[f].k);
    out[f].signal.assign(out[f].answer.size(), 0.0);
  }
  for (const Survivor& s : now) {  // of one fact the last write comes last
    Origin& of = out[static_cast<std::size_t>(s.fact)];
    const Entry& entry = entry_at(*run_, s.token);
    const Vec& w = run_->gates(s.token).w;
    const double overlap = dot(facts[static_cast<std::size_t>(s.fact)].k, s.m);
    for (std::size_t j = 0; j < of.signal.size(); ++j) of.signal[j] += overlap * w[j] * entry.v[j];
    of.retained = norm(s.m) / norm(entry.k);
  }
  for (Origin& of : out) {
    of.crosstalk = of.answer;
    for (std::size_t j = 0; j < of.crosstalk.size(); ++j) of.crosstalk[j] -= of.signal[j];
  }
  return out;
}

}  // namespace fw::viz
