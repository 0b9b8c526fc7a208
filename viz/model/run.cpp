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
  Grid g;
  g.rows = static_cast<int>(m.rows()), g.cols = static_cast<int>(m.cols());
  g.a.assign(m.data(), m.data() + m.size());
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

Run::Run(std::shared_ptr<const Timeline> timeline, const Head& head, const Options& options, std::vector<Grid> spare)
    : timeline_(std::move(timeline)), head_(head), options_(options), spare_(std::move(spare)), cache_(std::make_unique<Cache>()) {
  check_head(head_);
  prepare_to_extend();
  if (options_.later) return;
  Vec none;
  bring_forward(*this, nullptr, none);
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

/// A new checkpoint to be written, in storage that was used before where there is some: fresh pages cost more than the copy.
Grid& Run::keep() {
  const Grid& first = checkpoints_.front();
  Grid next;
  if (!spare_.empty()) {
    next = std::move(spare_.back());
    spare_.pop_back();
  }
  next.rows = first.rows, next.cols = first.cols;
  next.a.resize(first.a.size());
  return checkpoints_.emplace_back(std::move(next));
}

void Run::prepare_to_extend() {
  place_checkpoints();
  cache_->block = -1;
  recall_.resize(timeline_->facts.size());
  checkpoints_.reserve(static_cast<std::size_t>(timeline_->length() / distance_ + 1));
}

void Run::extend() {
  prepare_to_extend();
  Vec none;
  bring_forward(*this, nullptr, none);
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
    recompute(block, length(), cache_->states);
  }
  return cache_->states[static_cast<std::size_t>(t % distance_ - 1)];
}

/// The states between a checkpoint and the next, at most up to `last`.
void Run::recompute(int block, int last, std::vector<Grid>& states) const {
  states.clear();
  Matrix S = matrix_of(checkpoints_[static_cast<std::size_t>(block)]);
  naive::StepRecord<double> record;
  Vector o;
  for (int s = block * distance_; s < std::min((block + 1) * distance_ - 1, last); ++s) {
    advance(S, *timeline_, s, head_, gates_[static_cast<std::size_t>(s)], record, o, false);
    states.push_back(grid_of(S));
  }
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
