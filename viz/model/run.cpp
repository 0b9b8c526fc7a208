// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/run.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/parallel.h"
#include "viz/model/quantities.h"
#include "viz/model/rule.h"

namespace fw::viz {
namespace {

using Matrix = naive::Matrix<double>;
using Vector = naive::Vector<double>;

Grid grid_of(const Matrix& m) {
  Grid g;
  g.rows = static_cast<int>(m.rows()), g.cols = static_cast<int>(m.cols());
  g.a.assign(m.data(), m.data() + m.size());
  return g;
}

/// What one pass over a state and the one before it gives.
struct Pass {
  double state = 0, total = 0, largest = 0;  ///< squares of norms, largest absolute value
};
/// `rows`: squared norms of the rows of S.
Pass pass_over(const Matrix& S, const double* before, Vec& rows) {
  Pass out;
  for (Eigen::Index i = 0; i < S.rows(); ++i) {
    const Eigen::Map<const Eigen::RowVectorXd> now(S.data() + i * S.cols(), S.cols()), then(before + i * S.cols(), S.cols());
    rows[static_cast<std::size_t>(i)] = now.squaredNorm();
    out.state += rows[static_cast<std::size_t>(i)];
    out.total += (now - then).squaredNorm();
    out.largest = std::max(out.largest, now.cwiseAbs().maxCoeff());
  }
  return out;
}
Matrix matrix_of(const Grid& g) { return naive::ConstMatrixMap<double>(g.a.data(), g.rows, g.cols); }
Vec vec_of(const Vector& x) { return Vec(x.data(), x.data() + x.size()); }

}  // namespace

/// The states of one block between two checkpoints, recomputed when somebody looks there.
struct Run::Cache {
  int block = -1;
  std::vector<Grid> states;
};

Run::~Run() = default;

Run::Run(std::shared_ptr<const Timeline> timeline, const Head& head, const Options& options, std::vector<Grid> spare)
    : timeline_(std::move(timeline)), head_(head), options_(options), spare_(std::move(spare)), cache_(std::make_unique<Cache>()) {
  check_head(head_);
  extend();
  spare_.clear();
}

/// Half of the memory for checkpoints, half for the block between two of them: distance d costs (T/d + d) states.
void Run::place_checkpoints() {
  const Timeline& line = *timeline_;
  const int T = line.length();
  const double most = std::max(4.0, static_cast<double>(options_.state_bytes) / (8.0 * line.dk * line.dv));
  int distance = T + 1 <= most ? 1 : static_cast<int>(std::ceil(2.0 * T / most));
  if (distance > 1) distance = std::min(std::max(distance, 2), static_cast<int>(std::ceil(std::sqrt(T + 1.0))));
  // Every state is kept: recall costs nothing before somebody looks.
  const double work = static_cast<double>(line.facts.size()) * T * line.dk * line.dv;
  const int stride = distance == 1 ? 1 : std::max(1, static_cast<int>(std::ceil(work / options_.recall_work)));
  if (distance == distance_ && stride == stride_ && !checkpoints_.empty()) return;
  distance_ = distance, stride_ = stride;
  gates_.clear();
  series_ = {};
  recall_.clear();
  checkpoints_.assign(1, line.S0);
  last_ = line.S0;
  largest_ = max_abs(line.S0.a);
}

/// A new checkpoint, in storage that was used before where there is some: fresh pages cost more than the copy.
void Run::keep(const double* S) {
  const Grid& first = checkpoints_.front();
  Grid next;
  if (!spare_.empty()) {
    next = std::move(spare_.back());
    spare_.pop_back();
  }
  next.rows = first.rows, next.cols = first.cols;
  next.a.assign(S, S + first.a.size());
  checkpoints_.push_back(std::move(next));
}

void Run::extend() {
  place_checkpoints();
  cache_->block = -1;
  simulate();
}

void Run::simulate() {
  const Timeline& line = *timeline_;
  const int T = line.length();
  recall_.resize(line.facts.size());
  checkpoints_.reserve(static_cast<std::size_t>(T / distance_ + 1));
  Matrix S = matrix_of(last_), before;
  Vec rows(static_cast<std::size_t>(S.rows()));
  static_cast<void>(pass_over(S, S.data(), rows));
  naive::StepRecord<double> record;
  Vector o;
  for (int t = length() + 1; t <= T; ++t) {
    const Entry& entry = line.entries[static_cast<std::size_t>(t - 1)];
    gates_.push_back(gates_of(entry, head_));
    if (distance_ > 1) before = S;
    advance(S, line, t - 1, head_, gates_.back(), record, o, false);
    const Vec e = vec_of(record.e);
    const double length_k = norm(entry.k);
    double decay = 0.0;  // ||(D - I) S_prev||^2, row by row
    for (std::size_t i = 0; entry.kind != EntryKind::surgery && i < rows.size(); ++i) {
      const double lost = 1.0 - std::exp(gates_.back().g[i]);
      decay += lost * lost * rows[i];
    }
    const Pass pass = pass_over(S, distance_ > 1 ? before.data() : checkpoints_.back().a.data(), rows);
    largest_ = std::max(largest_, pass.largest);
    series_.state.push_back(std::sqrt(pass.state));
    series_.decay.push_back(std::sqrt(decay));
    series_.erase.push_back(length_k * record.r.norm());
    series_.write.push_back(length_k * record.z.norm());
    series_.total.push_back(std::sqrt(pass.total));
    series_.beta.push_back(dot(entry.k, e));
    series_.growth.push_back(erase_gauge(entry.k, e).sigma_max);
    const CollapseGauge apart = collapse_gauge(gates_.back());
    series_.kda.push_back(apart.kda);
    series_.gdn.push_back(apart.gdn);
    series_.delta.push_back(apart.delta);
    if (t % distance_ == 0) keep(S.data());
    if (distance_ == 1 || t % stride_ != 0) continue;
    const Grid now = grid_of(S);
    for (std::size_t f = 0; f < recall_.size(); ++f) measure_recall(recall_[f], static_cast<int>(f), t, now);
  }
  last_ = grid_of(S);
}

void Run::measure_recall(Recall& recall, int fact, int t, const Grid& S) const {
  const Fact& of = timeline_->facts[static_cast<std::size_t>(fact)];
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Intent* intent = of.at(t);
  const RecallNow now = intent == nullptr ? RecallNow{nan, nan, nan} : recall_of(transposed_times(S, of.k), intent->value);
  recall.cosine.push_back(now.cosine);
  recall.norm_ratio.push_back(now.norm_ratio);
  recall.residual.push_back(now.residual);
}

const Recall& Run::recall(int fact) const {
  Recall& out = recall_[static_cast<std::size_t>(fact)];
  if (distance_ == 1)
    for (int t = static_cast<int>(out.cosine.size()) + 1; t <= length(); ++t)
      measure_recall(out, fact, t, checkpoints_[static_cast<std::size_t>(t)]);
  return out;
}

const Grid& Run::state(int t) const {
  if (t < 0 || t > length()) throw Error("run state: t: expected 0 to " + std::to_string(length()) + ", got " + std::to_string(t));
  const int block = t / distance_;
  if (t % distance_ == 0) return checkpoints_[static_cast<std::size_t>(block)];
  if (cache_->block != block) {
    cache_->block = block;
    cache_->states.clear();
    Matrix S = matrix_of(checkpoints_[static_cast<std::size_t>(block)]);
    naive::StepRecord<double> record;
    Vector o;
    for (int s = block * distance_; s < std::min((block + 1) * distance_ - 1, length()); ++s) {
      advance(S, *timeline_, s, head_, gates_[static_cast<std::size_t>(s)], record, o);
      cache_->states.push_back(grid_of(S));
    }
  }
  return cache_->states[static_cast<std::size_t>(t % distance_ - 1)];
}

Step Run::step(int t) const {
  if (t < 1 || t > length()) throw Error("run step: t: expected 1 to " + std::to_string(length()) + ", got " + std::to_string(t));
  const auto index = static_cast<std::size_t>(t - 1);
  const Entry& entry = timeline_->entries[index];
  Step out;
  out.t = t;
  out.surgery = entry.kind == EntryKind::surgery;
  out.before = state(t - 1);
  Matrix S = matrix_of(out.before);
  naive::StepRecord<double> record;
  Vector o;
  advance(S, *timeline_, t - 1, head_, gates_[index], record, o);
  out.decayed = grid_of(record.S_decayed);
  out.after = grid_of(S);
  out.alpha = gates_[index].g;
  for (double& a : out.alpha) a = std::exp(a);
  out.b = gates_[index].b;
  out.w = gates_[index].w;
  if (out.surgery) out.alpha.assign(out.alpha.size(), 1.0);
  out.q = entry.q;
  out.k = entry.k;
  out.v = entry.v;
  out.e = vec_of(record.e);
  out.r = vec_of(record.r);
  out.z = vec_of(record.z);
  out.delta = vec_of(record.delta);
  out.o = vec_of(o);
  return out;
}

const Gates& Run::gates(int t) const {
  if (t < 1 || t > length()) throw Error("run gates: t: expected 1 to " + std::to_string(length()) + ", got " + std::to_string(t));
  return gates_[static_cast<std::size_t>(t - 1)];
}

Vec divergence_of(const Run& a, const Run& b, Vec known) {
  const int first = static_cast<int>(known.size()), last = std::min(a.length(), b.length());
  known.resize(static_cast<std::size_t>(std::max(first, last + 1)));
  const auto measure = [&](int t) {
    const Grid &x = a.state(t), &y = b.state(t);
    const naive::ConstVectorMap<double> u(x.a.data(), static_cast<Eigen::Index>(x.a.size())), v(y.a.data(), u.size());
    const double apart = (u - v).norm(), whole = t == 0 ? u.norm() : a.series().state[static_cast<std::size_t>(t - 1)];
    known[static_cast<std::size_t>(t)] = apart == 0.0 ? 0.0 : apart / whole;
  };
  // States that are all kept may be read by several threads at once.
  const bool kept = a.checkpoint_distance() == 1 && b.checkpoint_distance() == 1;
  const int pieces = kept && last - first > 32 ? available_threads() : 1;
  parallel_for(pieces, 0, [&](index_t piece) {
    const auto n = static_cast<index_t>(last + 1 - first);
    for (auto t = first + piece * n / pieces; t < first + (piece + 1) * n / pieces; ++t) measure(static_cast<int>(t));
  });
  return known;
}

}  // namespace fw::viz
