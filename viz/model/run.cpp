// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/run.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "viz/model/quantities.h"
#include "viz/model/rule.h"

namespace fw::viz {
namespace {

using Matrix = naive::Matrix<double>;
using Vector = naive::Vector<double>;

Grid grid_of(const Matrix& m) {
  Grid g(static_cast<int>(m.rows()), static_cast<int>(m.cols()));
  std::copy(m.data(), m.data() + m.size(), g.a.begin());
  return g;
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

Run::Run(std::shared_ptr<const Timeline> timeline, const Head& head, const Options& options)
    : timeline_(std::move(timeline)), head_(head), cache_(std::make_unique<Cache>()) {
  check_head(head_);
  simulate(options);
}

void Run::simulate(const Options& options) {
  const Timeline& line = *timeline_;
  const int T = line.length();
  gates_.reserve(static_cast<std::size_t>(T));
  for (const Entry& entry : line.entries) gates_.push_back(gates_of(entry, head_));

  // Half of the memory for checkpoints, half for the block between two of them: distance d costs (T/d + d) states.
  const double most = std::max(4.0, static_cast<double>(options.state_bytes) / (8.0 * line.dk * line.dv));
  distance_ = T + 1 <= most ? 1 : static_cast<int>(std::ceil(2.0 * T / most));
  if (distance_ > 1) distance_ = std::min(std::max(distance_, 2), static_cast<int>(std::ceil(std::sqrt(T + 1.0))));

  const double F = static_cast<double>(line.facts.size());
  stride_ = std::max(1, static_cast<int>(std::ceil(F * T * line.dk * line.dv / options.recall_work)));
  recall_.assign(line.facts.size(), {});

  Matrix S = matrix_of(line.S0);
  naive::StepRecord<double> record;
  Vector o;
  checkpoints_.push_back(line.S0);
  largest_ = max_abs(line.S0.a);
  for (int t = 1; t <= T; ++t) {
    const Matrix before = S;
    advance(S, line, t - 1, head_, gates_[static_cast<std::size_t>(t - 1)], record, o);
    const Entry& entry = line.entries[static_cast<std::size_t>(t - 1)];
    const Vec e = vec_of(record.e);
    const double length_k = norm(entry.k);
    series_.state.push_back(S.norm());
    series_.decay.push_back((record.S_decayed - before).norm());
    series_.erase.push_back(length_k * record.r.norm());
    series_.write.push_back(length_k * record.z.norm());
    series_.total.push_back((S - before).norm());
    series_.beta.push_back(dot(entry.k, e));
    series_.growth.push_back(erase_gauge(entry.k, e).sigma_max);
    const CollapseGauge apart = collapse_gauge(gates_[static_cast<std::size_t>(t - 1)]);
    series_.kda.push_back(apart.kda);
    series_.gdn.push_back(apart.gdn);
    series_.delta.push_back(apart.delta);
    if (S.size() > 0) largest_ = std::max(largest_, S.cwiseAbs().maxCoeff());
    if (t % distance_ == 0) checkpoints_.push_back(grid_of(S));
    if (t % stride_ != 0) continue;
    for (std::size_t f = 0; f < recall_.size(); ++f) {
      const Intent* intent = line.facts[f].at(t);
      const double nan = std::numeric_limits<double>::quiet_NaN();
      RecallNow now{nan, nan, nan};
      if (intent != nullptr) {
        const Vector answer = S.transpose() * naive::ConstVectorMap<double>(line.facts[f].k.data(), line.dk);
        now = recall_of(vec_of(answer), intent->value);
      }
      recall_[f].cosine.push_back(now.cosine);
      recall_[f].norm_ratio.push_back(now.norm_ratio);
      recall_[f].residual.push_back(now.residual);
    }
  }
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

}  // namespace fw::viz
