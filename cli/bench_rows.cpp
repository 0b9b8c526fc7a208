// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "bench_rows.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>

#include "median.h"
#include "progress.h"

namespace fw::cli {
namespace {

/// One thing that is timed in turn with others.
struct Runner {
  std::function<double()> run;  ///< seconds
  std::vector<double> seconds;  ///< one per turn; a slow one sits out turns and keeps its last value
  double spent = 0;
  int runs = 0;
};

/// All runners in turn until each has had its time, at least three runs each after one that does not count.
void run_in_turn(std::vector<Runner>& runners, const BenchPlan& plan, const std::function<void(double)>& progress) {
  for (Runner& runner : runners) runner.run();
  const auto done = [&](const Runner& r) { return plan.reps > 0 ? r.runs >= plan.reps : r.runs >= 3 && r.spent >= plan.seconds; };
  while (!std::all_of(runners.begin(), runners.end(), done)) {
    double share = 0;
    for (Runner& runner : runners) {
      if (done(runner)) {
        runner.seconds.push_back(runner.seconds.back());
      } else {
        runner.seconds.push_back(runner.run());
        runner.spent += runner.seconds.back();
        ++runner.runs;
      }
      share += std::min(1.0, plan.reps > 0 ? double(runner.runs) / plan.reps : runner.spent / plan.seconds);
    }
    progress(share / static_cast<double>(runners.size()));
  }
}

double median_ratio(const std::vector<double>& above, const std::vector<double>& below) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < below.size(); ++i) ratios.push_back(above[i] / below[i]);
  return median_of(ratios);
}

BenchRow make_row(Pass pass, const Contender& contender, const Runner& runner, double flop, double bytes) {
  BenchRow row;
  row.pass = pass;
  row.contender = contender;
  row.seconds.assign(runner.seconds.begin(), runner.seconds.begin() + runner.runs);
  row.median = median_of(row.seconds);
  row.least = *std::min_element(row.seconds.begin(), row.seconds.end());
  row.most = *std::max_element(row.seconds.begin(), row.seconds.end());
  row.gflops = flop / row.median / 1e9;
  row.gbs = bytes / row.median / 1e9;
  return row;
}

/// Results of every contender on what is timed: finite, and one set of bits for all numbers of threads.
void check_timed(const BenchProblem& problem, const std::vector<Contender>& contenders, Pass pass, std::vector<BenchResults>& results, BenchReport& report) {
  const BenchResults* first = nullptr;
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    run_contender(problem, contenders[i], pass, results[i]);
    const bool same = contenders[i].backend == "omp" && contenders[i].rung == 0;
    if (same && !first) first = &results[i];
    const std::string why = why_results_wrong(results[i], first ? *first : results[i], pass, same);
    if (!why.empty())
      report.wrong.push_back(contenders[i].label() + ", " + pass_name(pass) + ": " + why);
  }
}

std::vector<Contender> contenders_of(const BenchPlan& plan, Pass pass) {
  std::vector<Contender> all;
  for (const Contender& c : plan.contenders)
    if (pass == Pass::forward || c.rung == 0) all.push_back(c);
  return all;
}

void time_pass(const BenchPlan& plan, const BenchProblem& problem, Pass pass, BenchReport& report, Progress& progress) {
  const std::vector<Contender> contenders = contenders_of(plan, pass);
  if (contenders.empty()) return;
  std::vector<BenchResults> results(contenders.size());
  progress.update(-1.0, std::string("check ") + pass_name(pass));
  check_timed(problem, contenders, pass, results, report);
  if (!report.wrong.empty()) return;
  std::vector<Runner> runners;
  for (std::size_t i = 0; i < contenders.size(); ++i)
    runners.push_back({[&, i] {
      const double begin = seconds_now();
      run_contender(problem, contenders[i], pass, results[i]);
      return seconds_now() - begin;
    }, {}, 0, 0});
  run_in_turn(runners, plan, [&](double share) { progress.update(share, pass_name(pass)); });
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    BenchRow row = make_row(pass, contenders[i], runners[i], problem.useful_flop(pass), problem.bytes(pass));
    if (contenders.front().backend == "naive" && i > 0) row.times_naive = median_ratio(runners.front().seconds, runners[i].seconds);
    report.rows.push_back(row);
  }
}

void time_decode(const BenchPlan& plan, const BenchProblem& token, int layers, BenchReport& report, Progress& progress) {
  const std::vector<Contender> contenders = contenders_of(plan, Pass::decode);
  const auto numbers = static_cast<std::size_t>(token.geo.N * token.geo.HV * token.geo.Dk * token.geo.Dv);
  std::vector<std::unique_ptr<DecodeRunner>> decoders;
  std::vector<std::unique_ptr<Sweep>> sweeps;
  std::vector<Runner> runners;
  for (const Contender& contender : contenders) {
    decoders.push_back(make_decode_runner(token, contender, layers));
    runners.push_back({[&, decoder = decoders.back().get()] {
      const double begin = seconds_now();
      decoder->step();
      return (seconds_now() - begin) / layers;
    }, {}, 0, 0});
  }
  for (const Contender& contender : contenders) {
    sweeps.push_back(std::make_unique<Sweep>(contender.settings.isa, contender.threads, layers, numbers));
    runners.push_back({[sweep = sweeps.back().get()] { return sweep->run(); }, {}, 0, 0});
  }
  // in the cache means several runs of one and the same before the next has its turn
  if (layers == 1)
    for (Runner& runner : runners)
      runner.run = [once = runner.run] {
        std::vector<double> few;
        for (int i = 0; i < 25; ++i) few.push_back(once());
        return median_of(few);
      };
  BenchPlan turns = plan;
  if (turns.reps == 0) turns.reps = layers == 1 ? 60 : 100;
  run_in_turn(runners, turns, [&](double share) { progress.update(share, "decode, " + std::to_string(layers) + " layers"); });
  const double state_bytes = static_cast<double>(numbers) * sizeof(float);
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    BenchRow row = make_row(Pass::decode, contenders[i], runners[i], token.useful_flop(Pass::decode), 2.0 * state_bytes);
    row.layers = layers;
    if (contenders.front().backend == "naive" && i > 0) row.times_naive = median_ratio(runners.front().seconds, runners[i].seconds);
    const std::vector<double>& floor = runners[contenders.size() + i].seconds;
    row.floor_seconds = median_of(floor);
    row.floor_share = median_ratio(floor, runners[i].seconds);
    report.rows.push_back(row);
  }
}

void check_contenders(const BenchPlan& plan, BenchReport& report, Progress& progress) {
  const bool trains = std::count(plan.passes.begin(), plan.passes.end(), Pass::training) > 0;
  const bool decodes = std::count(plan.passes.begin(), plan.passes.end(), Pass::decode) > 0;
  for (const Contender& contender : plan.contenders) {
    for (const std::string& family : plan.families) {
      progress.update(-1.0, "check " + contender.label() + ", " + family);
      const auto checked = check_contender(plan.variant, plan.shape, family, contender, trains && contender.rung == 0, plan.seed, plan.broken);
      report.checks.insert(report.checks.end(), checked.begin(), checked.end());
    }
    if (decodes && contender.backend == "omp" && contender.rung == 0) {
      const DecodeCheck check = check_decode(plan.variant, plan.shape, contender, plan.seed, plan.broken);
      report.checks.push_back({contender.label(), "typical", "decode", check.error, check.naive_error, check.limit, check.right});
    }
  }
  for (const CheckedTensor& one : report.checks)
    if (!one.right)
      {
      char text[96];
      std::snprintf(text, sizeof text, " is off by %.2e, at most %.2e", one.error, one.limit);
      report.wrong.push_back(one.contender + ", " + one.family + ": " + one.name + text);
    }
}

}  // namespace

BenchReport run_bench_plan(const BenchPlan& plan) {
  BenchReport report;
  Progress progress("bench");
  progress.update(-1.0, "check");
  for (const Contender& contender : plan.contenders)
    if (contender.backend == "omp" || report.isa.empty()) report.isa = omp::isa_name(omp::resolve_isa(contender.settings.isa));
  check_contenders(plan, report, progress);
  if (!report.wrong.empty() || plan.check_only) return report;

  std::vector<int> threads;
  omp::Isa isa = omp::Isa::automatic;
  for (const Contender& contender : plan.contenders) {
    if (contender.backend == "omp") isa = contender.settings.isa;
    if (std::count(threads.begin(), threads.end(), contender.threads) == 0) threads.push_back(contender.threads);
  }
  for (int n : threads) report.ceilings.push_back(measure_ceilings(isa, n));

  progress.update(-1.0, "inputs");
  const bool sequences = std::any_of(plan.passes.begin(), plan.passes.end(), [](Pass pass) { return pass != Pass::decode; });
  const BenchProblem problem = sequences ? make_bench_problem(plan.variant, plan.shape, plan.seed) : BenchProblem{};
  for (Pass pass : plan.passes) {
    if (pass != Pass::decode) {
      time_pass(plan, problem, pass, report, progress);
      continue;
    }
    ProblemShape one = plan.shape;
    one.T = 1;
    one.cu_seqlens.clear();
    one.initial_state = false;
    const BenchProblem token = make_bench_problem(plan.variant, one, plan.seed);
    for (int layers : plan.layers) time_decode(plan, token, layers, report, progress);
  }
  if (!report.wrong.empty()) report.rows.clear();
  progress.finish();
  return report;
}

}  // namespace fw::cli
