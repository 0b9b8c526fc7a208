// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/self_test.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "core/parallel.h"
#include "core/random.h"
#include "verify/yardstick.h"

namespace fw::verify {
namespace {

struct Scenario {
  const char* name;
  Variant variant;
  const char* shape;
};

/// Between them every mistake of the bank can act in at least one.
constexpr std::array kScenarios = {
    Scenario{"dense", Variant::gdn2, "B2-T140-H2-HV2-Dk24-Dv24"},
    Scenario{"wide", Variant::gdn2, "B1-T200-H2-HV4-Dk16-Dv40"},
    Scenario{"packed", Variant::gdn2, "H2-HV2-Dk24-Dv20-cu0,0,75,203,220"},
    Scenario{"tied", Variant::kda, "B2-T140-H2-HV2-Dk24-Dv24"},
    Scenario{"scalar", Variant::gdn, "B1-T170-H2-HV4-Dk32-Dv24"},
    Scenario{"activated", Variant::gdn2, "B1-T140-H2-HV2-Dk24-Dv24-l2norm-softplus-sigmoid-times2"},
    Scenario{"mamba3", Variant::mamba3, "B2-T100-H2-HV2-Dk16-Dv24"},
    Scenario{"window", Variant::swa, "B1-T100-H2-HV2-Dk16-Dv24-W16"},
};

/// What stays of a mistake that acts in only half of the heads or channels: elsewhere the truth.
Results confined(const Results& wrong, const Results& truth, Extent extent) {
  Results out = wrong;
  if (extent == Extent::all) return out;
  for_each_result(out, [&](const char* name, Tensor<double>& t, Direction) {
    if (!t.defined()) return;
    const Tensor<double>& right = *find(truth, name);
    const std::string_view n(name);
    const bool state = n.starts_with("dinitial_") || n.starts_with("final_"), parameter = n == "dA_log" || n == "ddt_bias";
    const index_t head_axis = state ? 1 : parameter ? 0 : 2, rank = t.shape().rank();
    index_t behind = 1;
    for (index_t axis = head_axis + 1; axis < rank; ++axis) behind *= t.shape()[axis];
    const index_t heads = t.shape()[head_axis], channels = rank > head_axis + 1 ? t.shape()[-1] : 1;
    for (index_t i = 0; i < t.numel(); ++i) {
      const bool keep = extent == Extent::half_heads ? i / behind % heads >= heads / 2 : channels == 1 || i % channels >= channels / 2;
      if (!keep) t[i] = right[i];
    }
  });
  return out;
}

/// One problem with its truth, limits, signatures and the noise of a right kernel.
struct Arena {
  Bench bench;
  StoredTypes stored;
  Results quiet;   ///< the judge's yardstick
  Results noisy;   ///< a right kernel's results: another emulation, more noise
  NoiseLevels noise;  ///< the yardstick's error, tensor by tensor
  Limits limits;   ///< of the tensors that these inputs can decide
};

StoredTypes stored_types(const Results& truth) {
  StoredTypes types;
  for_each_result(truth, [&](const char* name, const Tensor<double>& t, Direction) {
    if (!t.defined()) return;
    const std::string_view n(name);
    const bool wide = n.starts_with("final_") || n.starts_with("dinitial_") || n == "dg" || n == "dbeta" || n == "dA_log" || n == "ddt_bias" || n == "ddt" || n == "dlambda" || n == "dtheta";
    types[name] = wide ? DType::f32 : DType::bf16;
  });
  return types;
}

Arena make_arena(const Scenario& scenario, std::string_view family, std::uint64_t seed, int threads) {
  Arena arena;
  Problem problem = make_problem(scenario.variant, ProblemShape::parse(scenario.shape), family, seed);
  round_problem(problem, DType::bf16, DType::f32);
  arena.bench = make_bench(problem, true, 64, {}, threads);
  const Results& truth = arena.bench.truth;
  arena.stored = stored_types(truth);
  Ideal ideal = ideal_kernel(problem, Precision::bf16, truth, true, arena.stored, 64, threads);
  arena.quiet = std::move(ideal.results);
  arena.noise = std::move(ideal.noise);
  arena.noisy = yardstick(problem, Precision::bf16, true, {}, 48, threads);
  for_each_result(arena.noisy, [&](const char* name, Tensor<double>& t, Direction) {
    const Random draw(seed, std::string("self-test noise ") + name);
    for (index_t i = 0; i < t.numel(); ++i) t[i] *= 1.0 + 0.003 * draw.normal(static_cast<std::uint64_t>(i));
  });
  for_each_result(truth, [&](const char* name, const Tensor<double>& t, Direction) {
    if (!t.defined()) return;
    const Comparison& noise = arena.noise.find(std::string_view(name))->second;
    if (!undecidable(Precision::bf16, name, noise)) arena.limits[name] = limit_with_margin(limit_of(Precision::bf16, name, noise), noise, t.numel());
  });
  return arena;
}

/// The mistaken kernel with the right kernel's noise: what it computes, plus what rounding adds, stored in its types. Only
/// the tensors that were spoiled.
Results with_noise(const Arena& arena, const Results& spoiled) {
  Results out;
  for_each_result(out, [&](const char* name, Tensor<double>& t, Direction) {
    const Tensor<double>* wrong = find(spoiled, name);
    if (!wrong->defined()) return;
    t = *find(arena.noisy, name);
    const Tensor<double>& truth = *find(arena.bench.truth, name);
    for (index_t i = 0; i < t.numel(); ++i) t[i] = (*wrong)[i] + (t[i] - truth[i]);
  });
  round_results(out, arena.stored);
  return out;
}

/// Some tensor over its limit, or (visibly) over its limit by the margin that noise may hide.
bool any_wrong(const Arena& arena, const Results& candidate, Direction direction, bool visibly = false) {
  bool wrong = false;
  for_each_result(candidate, [&](const char* name, const Tensor<double>& t, Direction d) {
    if (d != direction || !t.defined()) return;
    const auto limit = arena.limits.find(std::string_view(name));
    if (limit == arena.limits.end()) return;
    const double margin = visibly ? limit->second.margin : 1.0;
    const Tolerance wide{margin * limit->second.tolerance.global, margin * limit->second.tolerance.worst_row};
    if (!passes(compare(t, *find(arena.bench.truth, name), wide), wide)) wrong = true;
  });
  return wrong;
}

/// The judge's own verdict on the right kernel, undecidable tensors included: empty, or the tensors that would be rejected.
std::string rejected_tensors(const Arena& arena, const Results& right) {
  std::string rejected;
  for_each_result(right, [&](const char* name, const Tensor<double>& t, Direction) {
    if (!t.defined()) return;
    const Comparison& noise = arena.noise.find(std::string_view(name))->second;
    const Tolerance limit = limit_of(Precision::bf16, name, noise);
    const Comparison error = compare(t, *find(arena.bench.truth, name), limit);
    if (passes(error, limit) || ill_conditioned(Precision::bf16, name, error, noise)) return;
    rejected += std::string(rejected.empty() ? "" : "; ") + name + " " + describe(error, limit);
  });
  return rejected;
}

bool contains(const std::vector<Suspect>& list, const Mistake* m) {
  return std::any_of(list.begin(), list.end(), [&](const Suspect& s) { return s.mistake == m; });
}

struct Trial {
  bool visible = false, detected = false;
  Diagnosis diagnosis;
  bool orphan = false, orphan_likely = false, orphan_exact = false;  ///< asked again without its own entry; something not collinear was named
};

Trial try_one(const Arena& arena, const BankRun& run, const SignatureSpace& space, const std::vector<float>& quiet, const Effect& effect, const Results& wrong,
              Extent extent) {
  const Results spoiled = confined(wrong, arena.bench.truth, extent);
  Trial trial;
  trial.visible = extent == Extent::all ? effect.visible : any_wrong(arena, spoiled, effect.mistake->direction, true);
  const Results candidate = with_noise(arena, spoiled);
  trial.detected = any_wrong(arena, candidate, effect.mistake->direction);
  if (!trial.detected) return trial;
  const Residual residual(space.residual(candidate), quiet);
  const Lineup lineup = line_up(space, run, effect.mistake->direction, residual);
  trial.diagnosis = diagnose(space, lineup);
  if (extent == Extent::all) {
    const Diagnosis other = diagnose(space, lineup, effect.mistake);
    const bool collinear = !other.group.empty() && contains(trial.diagnosis.group, other.group.front().mistake);
    trial.orphan = true;
    trial.orphan_exact = other.named && other.exact && !collinear;
    trial.orphan_likely = other.named && !other.exact && !collinear;
  }
  return trial;
}

void tally(SelfTestRow::Count& count, const Trial& trial, const Mistake* m) {
  ++count.trials;
  if (!trial.detected) {
    ++(trial.visible ? count.missed : count.invisible);
    return;
  }
  ++count.detected;
  count.orphan_trials += trial.orphan;
  count.orphan_likely += trial.orphan_likely;
  count.orphan_exact += trial.orphan_exact;
  const bool in_group = contains(trial.diagnosis.group, m);
  if (trial.diagnosis.named && in_group) {
    ++count.named;
    count.exact += trial.diagnosis.exact;
    count.named_alone += trial.diagnosis.group.size() == 1;
  } else if (trial.diagnosis.named) {
    ++count.wrong;
  } else if (in_group || contains(trial.diagnosis.others, m)) {
    ++count.listed;
  } else {
    ++count.unknown;
  }
}

void add(SelfTestRow::Count& to, const SelfTestRow::Count& from) {
  to.trials += from.trials;
  to.detected += from.detected;
  to.invisible += from.invisible;
  to.missed += from.missed;
  to.named += from.named;
  to.named_alone += from.named_alone;
  to.listed += from.listed;
  to.wrong += from.wrong;
  to.unknown += from.unknown;
  to.orphan_trials += from.orphan_trials;
  to.orphan_likely += from.orphan_likely;
  to.orphan_exact += from.orphan_exact;
  to.exact += from.exact;
}

/// What the diagnosis said, for a remark: the three nearest with score and amplitude.
std::string outcome(const Diagnosis& d) {
  std::string text = d.named ? "named" : "not named, nearest";
  int shown = 0;
  for (const auto* list : {&d.group, &d.others})
    for (const Suspect& s : *list) {
      if (++shown > 3) break;
      char numbers[48];
      std::snprintf(numbers, sizeof numbers, " (%.3f, amplitude %.2f)", s.match.score, s.match.amplitude);
      text += (shown > 1 ? ", " : " ") + s.mistake->id + numbers;
    }
  return shown ? text : text + " nothing";
}

bool chosen(const std::vector<std::string>& filter, std::string_view name) {
  return filter.empty() || std::find(filter.begin(), filter.end(), name) != filter.end();
}

}  // namespace

std::vector<std::string> self_test_scenarios() {
  std::vector<std::string> names;
  for (const Scenario& s : kScenarios) names.emplace_back(s.name);
  return names;
}

double SelfTestReport::named_share(Extent extent) const {
  const auto& count = total[static_cast<std::size_t>(extent)];
  return count.detected ? static_cast<double>(count.named) / static_cast<double>(count.detected) : 1.0;
}

bool SelfTestReport::passed() const {
  bool fine = right_rejected == 0;
  for (Extent e : {Extent::all, Extent::half_heads, Extent::half_channels}) fine = fine && total[static_cast<std::size_t>(e)].missed == 0 && named_share(e) >= 0.95;
  return fine;
}

SelfTestReport self_test(const SelfTestSettings& settings) {
  const auto start = std::chrono::steady_clock::now();
  constexpr std::array kExtents = {Extent::all, Extent::half_heads, Extent::half_channels};
  constexpr std::array kExtentNames = {"", ", half of the heads", ", half of the channels"};
  SelfTestReport report;
  for (const Mistake& m : bank()) report.rows.push_back({m.id, m.direction, {}});
  for (const auto& name : settings.families) input_family(name);
  std::vector<std::pair<const Scenario*, std::string>> arenas;
  for (const Scenario& scenario : kScenarios)
    for (const InputFamily& family : input_families())
      if (chosen(settings.scenarios, scenario.name) && chosen(settings.families, family.name) && family_applies(scenario.variant, family.name))
        arenas.emplace_back(&scenario, std::string(family.name));
  const auto total = static_cast<double>(arenas.size()) * settings.seeds;
  double done = 0;
  for (const auto& [scenario, family] : arenas)
    for (int s = 0; s < settings.seeds; ++s, ++done) {
      const std::uint64_t seed = settings.first_seed + static_cast<std::uint64_t>(s);
      const std::string place = std::string(scenario->name) + "/" + family + "/seed " + std::to_string(seed);
      if (settings.progress) settings.progress(place, done / total);
      const Arena arena = make_arena(*scenario, family, seed, settings.threads);
      const Results& truth = arena.bench.truth;
      Results judged = truth;
      for_each_result(judged, [&](const char* name, Tensor<double>& t, Direction) {
        if (!arena.limits.contains(std::string_view(name))) t = {};
      });
      const SignatureSpace forward(arena.bench.geo, truth, judged, Direction::forward), backward(arena.bench.geo, truth, judged, Direction::backward);
      const BankRun run = run_bank(arena.bench, judged, arena.limits, &forward, &backward, settings.threads);
      const std::vector<float> quiet_forward = forward.residual(arena.quiet), quiet_backward = backward.residual(arena.quiet);
      ++report.right_trials;
      Results right = arena.noisy;
      round_results(right, arena.stored);
      if (const std::string rejected = rejected_tensors(arena, right); !rejected.empty()) {
        ++report.right_rejected;
        report.remarks.push_back(place + ": a right kernel was rejected: " + rejected);
      }
      std::vector<std::array<Trial, 3>> trials(run.effects.size());
      parallel_for(static_cast<index_t>(run.effects.size()), settings.threads, [&](index_t i) {
        const Effect& effect = run.effects[static_cast<std::size_t>(i)];
        if (!effect.applies || !chosen(settings.mistakes, effect.mistake->id)) return;
        const bool is_forward = effect.mistake->direction == Direction::forward;
        const Results wrong = effect.mistake->run(arena.bench);
        for (std::size_t e = 0; e < 3; ++e)
          trials[static_cast<std::size_t>(i)][e] =
              try_one(arena, run, is_forward ? forward : backward, is_forward ? quiet_forward : quiet_backward, effect, wrong, kExtents[e]);
      });
      for (std::size_t i = 0; i < trials.size(); ++i) {
        const Effect& effect = run.effects[i];
        if (!effect.applies || !chosen(settings.mistakes, effect.mistake->id)) continue;
        for (std::size_t e = 0; e < 3; ++e) {
          const Trial& trial = trials[i][e];
          tally(report.rows[i].extent[e], trial, effect.mistake);
          if (!trial.detected && trial.visible) report.remarks.push_back(place + ": missed " + effect.mistake->id + kExtentNames[e]);
          if (trial.detected && !(trial.diagnosis.named && contains(trial.diagnosis.group, effect.mistake))) {
            report.remarks.push_back(place + ": " + effect.mistake->id + kExtentNames[e] + ": " + outcome(trial.diagnosis));
          }
        }
      }
    }
  for (const SelfTestRow& row : report.rows)
    for (std::size_t e = 0; e < 3; ++e) add(report.total[e], row.extent[e]);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace fw::verify
