// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight bench: checks, then times. No speed is shown of anything whose results are wrong.
#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdlib>
#include <memory>

#include "backend.h"
#include "bench_device.h"
#include "bench_report.h"
#include "bench_rows.h"
#include "commands.h"
#include "omp/rungs.h"

namespace fw::cli {
namespace {

struct BenchArguments {
  std::string backend = "omp", variant = "gdn2", shape = "B1-T2048-H16-Dk128-Dv128", isa = "auto", family = "typical", compare, dtype;
  std::vector<std::string> passes{"forward"};
  std::vector<int> threads{1}, layers{1, 24}, rungs;
  index_t segments = 1;
  int reps = 0;
  double seconds = 2.0;
  std::uint64_t seed = 1;
  bool json = false, list_rungs = false, check_only = false, accurate = false;
};

Pass pass_from_name(const std::string& name) {
  for (Pass pass : {Pass::forward, Pass::training, Pass::decode})
    if (name == pass_name(pass)) return pass;
  throw Error("bench: --pass must be forward, training or decode, got \"" + name + "\"");
}

Variant delta_rule_of(const BenchArguments& a) {
  const Variant variant = variant_from_name(a.variant);
  if (info(variant).family != Family::delta_rule) throw Error("bench: --variant must be of the delta-rule family, got " + std::string(info(variant).name));
  return variant;
}

std::vector<std::string> families_of(const BenchArguments& a, Variant variant) {
  std::vector<std::string> names;
  for (const InputFamily& family : input_families())
    if ((a.family == "all" || a.family == family.name) && family_applies(variant, family.name)) names.emplace_back(family.name);
  if (names.empty()) throw Error("bench: --family must be all or a family that " + std::string(info(variant).name) + " has (fastweight list --families), got \"" + a.family + "\"");
  return names;
}

bool asked_to_break() {
  const char* broken = std::getenv("FASTWEIGHT_BENCH_BREAK");
  return broken && *broken == '1';
}

DevicePlan make_device_plan(const BenchArguments& a) {
  DevicePlan plan;
  plan.variant = delta_rule_of(a);
  plan.shape = ProblemShape::parse(a.shape);
  for (const std::string& name : a.passes) plan.passes.push_back(pass_from_name(name));
  plan.families = families_of(a, plan.variant);
  const std::string dtype = !a.dtype.empty() ? a.dtype : a.accurate ? "f32" : "bf16";
  if (dtype != "bf16" && dtype != "f16" && dtype != "f32") throw Error("bench: --dtype must be bf16, f16 or f32, got \"" + dtype + "\"");
  plan.tensors = dtype == "bf16" ? DType::bf16 : dtype == "f16" ? DType::f16 : DType::f32;
  if (a.accurate && plan.tensors != DType::f32) throw Error("bench: --accurate must go with --dtype f32, got " + dtype);
  if (a.reps < 0) throw Error("bench: --reps must be at least 0, got " + std::to_string(a.reps));
  if (!a.compare.empty() || !a.rungs.empty()) throw Error("bench: --compare and --rung must go with --backend omp, got cuda");
  plan.accurate = a.accurate, plan.check_only = a.check_only, plan.reps = a.reps, plan.seed = a.seed, plan.broken = asked_to_break();
  return plan;
}

int run_device(const BenchArguments& a) {
  const DevicePlan plan = make_device_plan(a);
  try {
    const DeviceReport report = run_device_plan(plan);
    if (a.json) std::printf("%s\n", device_json(plan, report).c_str());
    else print_device_report(plan, report);
    return report.wrong.empty() ? 0 : 2;
  } catch (const Skipped& skipped) {
    std::printf("skipped: %s\n", skipped.why.c_str());
    return 77;
  }
}

BenchPlan make_plan(const BenchArguments& a) {
  BenchPlan plan;
  plan.variant = delta_rule_of(a);
  plan.shape = ProblemShape::parse(a.shape);
  for (const std::string& name : a.passes) plan.passes.push_back(pass_from_name(name));
  for (int threads : a.threads)
    if (threads < 1) throw Error("bench: --threads must be at least 1, got " + std::to_string(threads));
  for (int layers : a.layers)
    if (layers < 1) throw Error("bench: --layers must be at least 1, got " + std::to_string(layers));
  if (a.segments < 1) throw Error("bench: --segments must be at least 1, got " + std::to_string(a.segments));
  if (a.reps < 0 || !(a.seconds > 0) || !std::isfinite(a.seconds)) throw Error("bench: --reps must be at least 0 and --seconds above 0");
  if (a.backend != "omp" && a.backend != "naive") throw Error("bench: --backend must be omp, naive or cuda, got \"" + a.backend + "\"");
  if (!a.dtype.empty() && a.dtype != "f32") throw Error("bench: --dtype must be f32 for backend " + a.backend + ", got \"" + a.dtype + "\"");
  if (a.accurate) throw Error("bench: --accurate must go with --backend cuda, got " + a.backend);
  if (!a.compare.empty() && a.compare != "naive") throw Error("bench: --compare must be naive, got \"" + a.compare + "\"");
  omp::Settings settings;
  settings.isa = omp::isa_from_name(a.isa);
  settings.segments = a.segments;
  omp::resolve_isa(settings.isa);
  if (a.compare == "naive") plan.contenders.push_back({"naive", 1, 0, {}});
  if (a.backend == "naive") {
    if (a.compare.empty()) plan.contenders.push_back({"naive", 1, 0, {}});
  } else if (a.rungs.empty()) {
    for (int threads : a.threads) plan.contenders.push_back({"omp", threads, 0, settings});
  }
  for (int rung : a.rungs) {
    const int last = static_cast<int>(omp::rungs().size()) - 1;
    if (rung < 1 || rung > last) throw Error("bench: --rung must lie in [1, " + std::to_string(last) + "], got " + std::to_string(rung));
    plan.contenders.push_back({"omp", rung == last ? a.threads.back() : 1, rung, settings});
  }
  plan.families = families_of(a, plan.variant);
  plan.check_only = a.check_only;
  plan.layers = a.layers;
  plan.reps = a.reps;
  plan.seconds = a.seconds;
  plan.seed = a.seed;
  plan.broken = asked_to_break();
  return plan;
}

int run_bench(const BenchArguments& arguments) {
  if (arguments.list_rungs) {
    for (const omp::Rung& rung : omp::rungs()) std::printf("%d  %-24s %s\n", rung.number, std::string(rung.name).c_str(), std::string(rung.idea).c_str());
    return 0;
  }
  if (arguments.backend == "cuda") return run_device(arguments);
  const BenchPlan plan = make_plan(arguments);
  const BenchReport report = run_bench_plan(plan);
  if (arguments.json) std::printf("%s\n", report_json(plan, report).c_str());
  else print_report(plan, report);
  return report.wrong.empty() ? 0 : 2;
}

}  // namespace

void add_bench(CLI::App& app, int& status) {
  auto arguments = std::make_shared<BenchArguments>();
  BenchArguments& a = *arguments;
  CLI::App* bench = app.add_subcommand("bench", "Time a rule, after checking it against the truth; beside what this machine can do at most");
  bench->add_option("--backend", a.backend, "omp (the fast CPU path), naive (the float32 loop, one thread) or cuda (the GPU kernels, as graphs)")->capture_default_str();
  bench->add_option("--variant", a.variant, "rule of the delta family")->capture_default_str();
  bench->add_option("--shape", a.shape, "sizes, e.g. B1-T2048-H16-Dk128-Dv128")->capture_default_str();
  bench->add_option("--pass", a.passes, "forward, training (forward and backward), decode")->delimiter(',')->capture_default_str();
  bench->add_option("--threads", a.threads, "numbers of threads, one row each")->delimiter(',')->capture_default_str();
  bench->add_option("--isa", a.isa, "auto, baseline, avx2 or avx512")->capture_default_str();
  bench->add_option("--segments", a.segments, "cut sequences along time (few heads, many cores)")->capture_default_str();
  bench->add_option("--layers", a.layers, "decode: layers with states of their own (1: in the cache, 24: not)")->delimiter(',')->capture_default_str();
  bench->add_option("--rung", a.rungs, "time earlier steps of the way from the naive loop (see --list-rungs)")->delimiter(',');
  bench->add_option("--family", a.family, "input family of the check, or all")->capture_default_str();
  bench->add_option("--dtype", a.dtype, "cuda: type of the tensors, bf16 (default), f16 or f32");
  bench->add_flag("--accurate", a.accurate, "cuda: float32 products as well as tensors");
  bench->add_flag("--check-only", a.check_only, "errors, no times");
  bench->add_flag("--list-rungs", a.list_rungs, "name them");
  bench->add_option("--compare", a.compare, "naive: time the naive float32 loop in between, on one thread");
  bench->add_option("--reps", a.reps, "runs of each row (0: as many as --seconds allow, at least 3)")->capture_default_str();
  bench->add_option("--seconds", a.seconds, "time for each row")->capture_default_str();
  bench->add_option("--seed", a.seed, "seed of the inputs")->capture_default_str();
  bench->add_flag("--json", a.json, "one JSON object with every run");
  bench->footer(
      "CPU: float32. First every row is checked on a small problem with the same rule and widths: at most twice the error of the naive\n"
      "float32 loop against the float64 truth, else status 2 and no speed. Checks of input values are off while timing.\n"
      "Example:\n  fastweight bench --backend omp --variant gdn2 --threads 1,2 --compare naive\n  fastweight bench --backend cuda --shape B8-T8192-H16-Dk128-Dv128 --pass forward,training");
  bench->callback([arguments, &status] { status = run_bench(*arguments); });
}

}  // namespace fw::cli
