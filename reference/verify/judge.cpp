// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/judge.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "naive/reference.h"
#include "verify/vacuity.h"

namespace fw::verify {
namespace {

class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - start_).count();
    start_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

bool any_gradient(const Results& results) {
  bool any = false;
  for_each_gradient(results.grad, [&](const char*, const Tensor<double>& t) { any = any || t.defined(); });
  return any;
}

/// Verdicts of all tensors the kernel returned, under one precision class.
std::vector<TensorReport> assess(const Call& call, const Results& truth, const NoiseLevels& noise, Precision precision) {
  std::vector<TensorReport> reports;
  for_each_result(call.results, [&](const char* name, const Tensor<double>& candidate, Direction direction) {
    if (!candidate.defined()) return;
    const Tensor<double>* right = find(truth, name);
    TensorReport report;
    report.name = name;
    report.direction = direction;
    if (!right->defined()) throw Error(std::string("verify: ") + name + " was returned, but the rule has no such result for these inputs");
    if (candidate.shape() != right->shape())
      throw Error(std::string("verify: ") + name + " must be " + right->shape().str() + ", got " + candidate.shape().str());
    const index_t row_width = row_width_of(call.problem.options.variant, name);
    report.noise = noise.find(std::string_view(name))->second;
    report.limit = limit_of(precision, name, report.noise);
    report.error = compare(candidate, *right, report.limit, row_width);
    const bool right_enough = passes(report.error, report.limit);
    report.verdict = right_enough ? Verdict::right : ill_conditioned(precision, name, report.error, report.noise) ? Verdict::ill_conditioned : Verdict::wrong;
    report.others = other_verdicts(name, candidate, *right, report.error, precision);
    reports.push_back(std::move(report));
  });
  return reports;
}

bool all_right(const std::vector<TensorReport>& reports) {
  return std::all_of(reports.begin(), reports.end(), [](const TensorReport& r) { return r.verdict == Verdict::right; });
}

/// Whether float32 tensors look like the work of tf32 products: even the best product-made tensor is far from float32 noise.
bool looks_like_tf32(const std::vector<TensorReport>& reports) {
  double best = HUGE_VAL;
  for (const TensorReport& r : reports)
    if (r.error.nonfinite_mismatch == 0 && r.error.rel_l2 > 0) best = std::min(best, r.error.rel_l2);
  return best > 5e-5 && best < HUGE_VAL;
}

double cost_of(const Geometry& geo, const std::vector<index_t>& sequences) {
  double tokens = 0;
  for (index_t n : sequences) tokens += static_cast<double>(geo.sequences[static_cast<std::size_t>(n)].length);
  return std::max(tokens, 1.0) * static_cast<double>(geo.group * geo.Dk * geo.Dv);
}

/// Heads and sequences the bank sees: everything if the budget allows, else key heads in the order of `interest`, and
/// sequences cut down only when one head of all of them is too much already.
Selection choose_scope(const Geometry& geo, double budget, const std::vector<index_t>& head_order, const std::vector<index_t>& sequence_order) {
  Selection keep = select_all(geo);
  if (cost_of(geo, keep.sequences) * static_cast<double>(geo.H) <= budget) return keep;
  while (keep.sequences.size() > 1 && cost_of(geo, keep.sequences) * std::min<double>(2.0, static_cast<double>(geo.H)) > budget) {
    const auto half = (keep.sequences.size() + 1) / 2;
    keep.sequences.assign(sequence_order.begin(), sequence_order.begin() + static_cast<std::ptrdiff_t>(half));
    if (half == 1) break;
  }
  std::sort(keep.sequences.begin(), keep.sequences.end());
  const auto affordable = std::max<index_t>(1, static_cast<index_t>(budget / cost_of(geo, keep.sequences)));
  keep.key_heads.assign(head_order.begin(), head_order.begin() + std::min<index_t>(affordable, geo.H));
  std::sort(keep.key_heads.begin(), keep.key_heads.end());
  return keep;
}

std::string scope_text(const Geometry& geo, const Selection& keep) {
  if (keep.everything(geo)) return "all sequences and heads";
  return std::to_string(keep.sequences.size()) + " of " + std::to_string(geo.N) + " sequences, " + std::to_string(keep.key_heads.size()) + " of " +
         std::to_string(geo.H) + " key heads";
}

std::vector<index_t> counted(index_t n) {
  std::vector<index_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), index_t{0});
  return order;
}

/// Key heads (`per` value heads each) or sequences that localisation found bad first, the others behind them.
std::vector<index_t> bad_first(const Results& results, const Geometry& geo, const std::vector<TensorReport>& reports, index_t count, index_t per,
                               std::vector<index_t> Localisation::*bad) {
  std::vector<index_t> votes(static_cast<std::size_t>(count), 0), order = counted(count);
  for (const TensorReport& r : reports) {
    if (!r.where) continue;
    const auto axes = axes_of(r.name, find(results, r.name)->shape(), geo);
    const bool value_heads = std::find(axes.begin(), axes.end(), Axis::value_head) != axes.end();
    for (index_t i : (*r.where).*bad) {
      const index_t at = value_heads ? i / per : i;
      if (at < count) ++votes[static_cast<std::size_t>(at)];
    }
  }
  std::stable_sort(order.begin(), order.end(), [&](index_t a, index_t b) { return votes[static_cast<std::size_t>(a)] > votes[static_cast<std::size_t>(b)]; });
  return order;
}

double inverse_growth(const Bench& bench) {
  double largest = 0;
  for (const auto& chunks : bench.scores)
    for (const ChunkScores& c : chunks) {
      Mat X = Mat::Identity(c.erase.rows(), c.erase.rows());
      (X + c.erase).triangularView<Eigen::UnitLower>().solveInPlace(X);
      largest = std::max(largest, X.cwiseAbs().rowwise().sum().maxCoeff());
    }
  return largest;
}

struct Judge {
  const Call& call;
  const JudgeSettings& settings;
  bool gradients;
  Results truth;
  Judgement out;

  void tell(const char* stage, double fraction) const {
    if (settings.progress) settings.progress(stage, fraction);
  }
  Ideal ideal_of(Precision precision) const {
    return ideal_kernel(call.problem, precision, truth, gradients, call.stored, settings.chunk, settings.threads);
  }

  /// Picks the precision class, fills the tensor reports; returns the yardstick that belongs to them.
  Results assess_in_class() {
    const auto q = call.stored.find("q");
    out.precision = settings.precision ? *settings.precision : q == call.stored.end() ? Precision::fp64 : precision_of(q->second);
    Ideal ideal = ideal_of(out.precision);
    out.tensors = assess(call, truth, ideal.noise, out.precision);
    const bool may_be_tf32 = out.precision == Precision::fp32 && !settings.precision;
    if (!may_be_tf32 || all_right(out.tensors)) return std::move(ideal.results);
    Ideal tf32 = ideal_of(Precision::tf32);
    std::vector<TensorReport> reports = assess(call, truth, tf32.noise, Precision::tf32);
    if (!all_right(reports) && !looks_like_tf32(out.tensors)) return std::move(ideal.results);
    out.precision = Precision::tf32;
    out.seen_as_tf32 = true;
    out.tensors = std::move(reports);
    return std::move(tf32.results);
  }

  Limits limits() const {
    Limits all;
    for (const TensorReport& r : out.tensors)
      if (!undecidable(out.precision, r.name, r.noise)) all[r.name] = limit_with_margin(r.limit, r.noise, r.error.elements);
    return all;
  }

  /// The kernel's results without tensors that decide nothing: their relative errors would drown all others.
  Results decidable() const {
    Results kept = call.results;
    for (const TensorReport& r : out.tensors)
      if (undecidable(out.precision, r.name, r.noise)) *find(kept, r.name) = {};
    return kept;
  }

  void blind_spots(const Selection& keep) {
    const Bench bench = make_bench(slice(call.problem, out.geo, keep), gradients, settings.chunk, slice(truth, out.geo, keep), settings.threads);
    const Results judged = slice(decidable(), out.geo, keep);
    const BankRun run = run_bank(bench, judged, limits(), nullptr, nullptr, settings.threads);
    out.bank_ran = true;
    out.bank_scope = scope_text(out.geo, keep);
    out.inverse_growth = inverse_growth(bench);
    for (const Effect& e : run.effects) {
      const bool judged_at_all = e.mistake->direction == Direction::forward || gradients;
      if (!e.applies || !judged_at_all) continue;
      ++out.applicable;
      if (e.visible) ++out.caught;
      else out.blind.push_back({e.mistake->id, e.mistake->title, e.mistake->direction, e.ratio});
    }
  }

  void localise_wrong(const Results& ideal) {
    for (TensorReport& r : out.tensors) {
      if (r.verdict != Verdict::wrong) continue;
      const Tensor<double>&c = *find(call.results, r.name), &t = *find(truth, r.name), &y = *find(ideal, r.name);
      const TensorUnderTest test{r.name, axes_of(r.name, t.shape(), out.geo), c.view(), t.view(), y.view()};
      r.where = localise(test, out.geo, r.noise.rel_l2);
      if (r.error.nonfinite_mismatch > 0) r.why_nonfinite = explain_nonfinite(test, call.problem.in, out.geo, call.problem.options);
    }
  }

  bool wrong(Direction d) const {
    return std::any_of(out.tensors.begin(), out.tensors.end(), [&](const TensorReport& r) { return r.direction == d && r.verdict == Verdict::wrong; });
  }

  /// Signatures with the bank's chunk length `chunk`; true if a cause was named for every direction that is wrong.
  bool name_cause(const Results& ideal, const Selection& keep, index_t chunk) {
    const Bench bench = make_bench(slice(call.problem, out.geo, keep), gradients, chunk, slice(truth, out.geo, keep), settings.threads);
    const Results judged = slice(decidable(), out.geo, keep), quiet = slice(ideal, out.geo, keep);
    const SignatureSpace forward(bench.geo, bench.truth, judged, Direction::forward), backward(bench.geo, bench.truth, judged, Direction::backward);
    const bool f = wrong(Direction::forward), b = wrong(Direction::backward);
    const BankRun run = run_bank(bench, judged, limits(), f ? &forward : nullptr, b ? &backward : nullptr, settings.threads);
    bool named = true;
    const auto one = [&](bool is_wrong, const SignatureSpace& space, Direction d, std::optional<Diagnosis>& result) {
      if (!is_wrong) return;
      Diagnosis found = diagnose(space, line_up(space, run, d, Residual(space.residual(judged), space.residual(quiet))));
      named = named && found.named;
      const bool better = !result || (found.named && !result->named);
      if (!better) return;
      result = std::move(found);
      if (chunk != settings.chunk && result->named) out.bank_scope += ", chunk length " + std::to_string(chunk);
    };
    one(f, forward, Direction::forward, out.forward);
    one(b, backward, Direction::backward, out.backward);
    return named;
  }

  void run() {
    Stopwatch watch;
    Options options = call.problem.options;
    options.threads = settings.threads;
    out.geo = check_inputs("verify", call.problem.in, options);
    out.options = options;
    if (!call.results.out.o.defined() && !gradients) throw Error("verify: expected o or gradients to judge, got neither");
    if (gradients && !call.problem.up.d_o.defined() && !call.problem.up.dfinal_state.defined())
      throw Error("verify: gradients need their upstream gradient: expected do (and dfinal_state), got neither");
    tell("truth", 0.0);
    truth.out = naive::forward(call.problem.in, options);
    if (gradients) truth.grad = naive::backward(call.problem.in, call.problem.up, options);
    out.seconds_truth = watch.lap();
    for_each_result(truth, [&](const char* name, const Tensor<double>& t, Direction d) {
      if (t.defined() && !find(call.results, name)->defined() && (d == Direction::forward || gradients)) out.missing.push_back(name);
    });
    tell("yardstick", 0.3);
    const Results ideal = assess_in_class();
    refuse_vacuous(call, truth, out.geo, out.tensors);
    out.seconds_yardstick = watch.lap();
    tell("bank of mistakes", 0.5);
    const bool delta_or_other = settings.bank && out.geo.N > 0;
    if (delta_or_other) blind_spots(choose_scope(out.geo, settings.bank_budget, counted(out.geo.H), counted(out.geo.N)));
    out.seconds_bank = watch.lap();
    if (wrong(Direction::forward) || wrong(Direction::backward)) {
      tell("diagnosis", 0.8);
      localise_wrong(ideal);
      if (delta_or_other) {
        const Selection keep = choose_scope(out.geo, settings.bank_budget, bad_first(call.results, out.geo, out.tensors, out.geo.H, out.geo.group, &Localisation::bad_heads),
                                            bad_first(call.results, out.geo, out.tensors, out.geo.N, 1, &Localisation::bad_sequences));
        if (!name_cause(ideal, keep, settings.chunk))
          for (index_t chunk : {32, 128, 16, 256})
            if (chunk != settings.chunk && name_cause(ideal, keep, chunk)) break;
      }
    }
    out.seconds_diagnosis = watch.lap();
    tell("done", 1.0);
    for (const TensorReport& r : out.tensors) {
      if (r.verdict == Verdict::wrong) out.verdict = Verdict::wrong;
      else if (r.verdict != Verdict::right && out.verdict == Verdict::right) out.verdict = r.verdict;
    }
  }
};

}  // namespace

double TensorReport::multiple() const { return noise.rel_l2 > 0 ? error.rel_l2 / noise.rel_l2 : error.rel_l2 > 0 ? HUGE_VAL : 0.0; }

Judgement judge(const Call& call, const JudgeSettings& settings) {
  Judge judge{call, settings, any_gradient(call.results), {}, {}};
  judge.run();
  return std::move(judge.out);
}

}  // namespace fw::verify
