// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "bench_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "backend.h"
#include "bench_report.h"
#include "naive/reference.h"
#include "progress.h"
#ifdef FASTWEIGHT_WITH_CUDA
#include "cuda/bench/decode_bench.h"
#include "cuda/bench/path_bench.h"
#include "cuda/run_problem.h"
#endif

namespace fw::cli {
namespace {

#ifdef FASTWEIGHT_WITH_CUDA

/// The same rule, widths and options on a problem that the truth takes little time for: few tokens, but as many sequences and heads, up to
/// what fills a device, since the kernels choose their tiles by these.
ProblemShape small(const DevicePlan& plan) {
  constexpr index_t kFull = 128;
  ProblemShape shape = plan.shape;
  shape.T = std::min<index_t>(shape.T, 200), shape.H = shape.HV = std::min<index_t>(shape.H, kFull);
  shape.B = std::min<index_t>(shape.B, std::max<index_t>(1, kFull / shape.H));
  return shape;
}

void add(DeviceReport& report, const DevicePlan& plan, DeviceCheck one) {
  if (plan.broken) one.right = false;
  if (!one.right) report.wrong.push_back(fmt::format("{} {} {}: relative L2 error {:.2e}, limit {:.2e}", one.pass, one.family, one.tensor, one.error, one.limit));
  report.checks.push_back(std::move(one));
}

void check_paths(const DevicePlan& plan, DeviceReport& report, const std::string& family) {
  BackendOptions options;
  options.backend = "cuda", options.shape = small(plan), options.tensors = plan.tensors, options.accurate = plan.accurate, options.seed = plan.seed;
  const verify::Call call = call_backend(options, plan.variant, family);
  verify::JudgeSettings settings;
  settings.bank = false;
  if (!plan.accurate && plan.tensors == DType::f32) settings.precision = verify::Precision::bf16;
  const verify::Judgement judgement = verify::judge(call, settings);
  for (const verify::TensorReport& t : judgement.tensors)
    add(report, plan, {t.direction == verify::Direction::forward ? "forward" : "backward", family, t.name, t.error.rel_l2, t.limit.global, t.verdict != verify::Verdict::wrong, t.verdict == verify::Verdict::right});
  if (judgement.verdict == verify::Verdict::wrong && report.wrong.empty()) report.wrong.push_back(family + ": judged wrong");
}

/// Outputs are rounded once to their type; states are sums of float32.
void check_decode(const DevicePlan& plan, DeviceReport& report, const std::string& family) {
  ProblemShape shape = small(plan);
  shape.T = 8;
  Problem problem = make_problem(plan.variant, shape, family, plan.seed);
  const DType gates = gate_dtype_of(plan.tensors);
  round_problem(problem, plan.tensors, gates);
  for (index_t i = 0; i < problem.in.beta.numel(); ++i) problem.in.beta[i] = round_to(plan.tensors, problem.in.beta[i]);
  const Outputs<double> truth = naive::forward(problem.in, problem.options), got = cuda::run_decode(problem, plan.tensors, gates);
  const double limit = plan.tensors == DType::bf16 ? 4e-3 : plan.tensors == DType::f16 ? 5e-4 : 1e-5;
  const Comparison o = compare(got.o, truth.o, {limit, 1e300}), state = compare(got.final_state, truth.final_state, {1e-5, 1e300});
  double largest = 0;
  for (index_t i = 0; i < truth.o.numel(); ++i) largest = std::max(largest, std::abs(truth.o[i]));
  const bool posed = plan.tensors != DType::f16 || largest >= 0x1p-14;  // below f16's normal numbers o has no digits to judge
  add(report, plan, {"decode", family, "o", o.rel_l2, limit, posed ? o.rel_l2 <= limit : o.max_abs <= 0x1p-24, posed});
  add(report, plan, {"decode", family, "final_state", state.rel_l2, 1e-5, state.rel_l2 <= 1e-5});
}

DeviceRow time_pass(const DevicePlan& plan, Pass pass) {
  cuda::PathCase c;
  c.variant = plan.variant, c.B = plan.shape.B, c.T = plan.shape.T, c.H = plan.shape.H, c.Dk = plan.shape.Dk, c.Dv = plan.shape.Dv;
  c.tensors = plan.tensors, c.g = gate_dtype_of(plan.tensors), c.precision = plan.accurate ? cuda::Precision::accurate : cuda::Precision::fast;
  c.backward = pass == Pass::training;
  if (plan.reps > 0) c.repeats = plan.reps;
  const cuda::PathTime time = cuda::time_path(c);
  return {pass_name(pass), time.median_ms, time.least_ms, time.most_ms, time.bytes, time.extra_bytes};
}

DeviceRow time_steps(const DevicePlan& plan, bool rotated) {
  cuda::Call call;
  call.options.variant = plan.variant;
  call.B = plan.shape.B, call.T = 1, call.H = call.HV = call.g_heads = call.b_heads = plan.shape.H, call.Dk = plan.shape.Dk, call.Dv = plan.shape.Dv;
  call.tensors = plan.tensors, call.g = gate_dtype_of(plan.tensors);
  const cuda::DecodeTiming time = cuda::time_decode(call, cuda::DecodeTiling::automatic, rotated, plan.reps > 0 ? plan.reps : 30);
  return {rotated ? "decode, states from memory" : "decode, same states", 1e-3 * time.median, 1e-3 * time.min, 1e-3 * time.max, time.bytes, 0};
}

#endif

}  // namespace

#ifdef FASTWEIGHT_WITH_CUDA
DeviceReport run_device_plan(const DevicePlan& plan) {
  if (plan.shape.HV != plan.shape.H || !plan.shape.cu_seqlens.empty())
    throw Error("bench: --shape must have HV = H and no packed sequences for --backend cuda, got " + plan.shape.str());
  const std::string why = cuda::why_no_device();
  if (!why.empty()) throw Skipped{why};
  DeviceReport report;
  report.device = cuda::device_name(), report.checked_shape = small(plan).str();
  Progress bar("bench --backend cuda");
  const bool paths = std::any_of(plan.passes.begin(), plan.passes.end(), [](Pass pass) { return pass != Pass::decode; });
  const bool steps = std::find(plan.passes.begin(), plan.passes.end(), Pass::decode) != plan.passes.end();
  for (const std::string& family : plan.families) {
    bar.update(-1, "check " + family);
    if (paths) check_paths(plan, report, family);
    if (steps) check_decode(plan, report, family);
  }
  if (!report.wrong.empty() || plan.check_only) return report;
  report.copy_tbs = cuda::copy_bandwidth(cuda::Copy::apart);
  for (const Pass pass : plan.passes) {
    bar.update(-1, std::string("time ") + pass_name(pass));
    if (pass == Pass::decode)
      for (const bool rotated : {false, true}) report.rows.push_back(time_steps(plan, rotated));
    else
      report.rows.push_back(time_pass(plan, pass));
  }
  return report;
}
#else
DeviceReport run_device_plan(const DevicePlan&) {
  throw Error("--backend cuda: this build has no CUDA; expected nvcc at configure time, got none (scripts/run.sh builds with it where it works)");
}
#endif

void print_device_report(const DevicePlan& plan, const DeviceReport& report) {
  fmt::print("{} {}, {}{}, seed {}, {}\n", info(plan.variant).name, plan.shape.str(), dtype_name(plan.tensors), plan.accurate ? " accurate" : "", plan.seed, report.device);
  fmt::print("check   {} against the float64 truth\n", report.checked_shape);
  for (const DeviceCheck& one : report.checks)
    fmt::print("  {:<9} {:<20} {:<15} {:.2e} of {:.2e}  {}\n", one.pass, one.family, one.tensor, one.error, one.limit, !one.right ? "WRONG" : one.posed ? "right" : "ill-conditioned");
  if (!report.wrong.empty()) {
    for (const std::string& why : report.wrong) fmt::print(stderr, "wrong: {}\n", why);
    fmt::print(stderr, "no speed is shown of results that are wrong\n");
    return;
  }
  if (plan.check_only) return;
  fmt::print("copy on the device, read and written: {:.2f} TB/s\n\n{:<28} {:>10}  {:>10}    {:<10} {:>6} {:>6}  {:>9}\n", report.copy_tbs, "pass", "median ms", "least", "most", "TB/s", "copy", "extra GiB");
  for (const DeviceRow& row : report.rows) {
    const double tbs = row.bytes / row.median_ms * 1e-9;
    fmt::print("{:<28} {:>10.4f}  {:>10.4f} .. {:<10.4f} {:>6.2f} {:>5.0f}%  {:>9.2f}\n", row.pass, row.median_ms, row.least_ms, row.most_ms, tbs, 100 * tbs / report.copy_tbs, row.extra_bytes / 1073741824.0);
  }
  fmt::print("single launches of a graph between events, the L2 flushed before (decode: chains of steps). TB/s of inputs and results, once each.\n");
}

std::string device_json(const DevicePlan& plan, const DeviceReport& report) {
  using Json = nlohmann::ordered_json;
  Json json = {{"program", "fastweight " FASTWEIGHT_VERSION}, {"date", today()}, {"device", report.device}, {"compiler", __VERSION__}, {"backend", "cuda"},
               {"variant", info(plan.variant).name}, {"shape", plan.shape.str()}, {"checked_shape", report.checked_shape}, {"dtype", dtype_name(plan.tensors)},
               {"accurate", plan.accurate}, {"seed", plan.seed}, {"copy_tbs", report.copy_tbs}};
  json["checks"] = Json::array(), json["rows"] = Json::array();
  for (const DeviceCheck& one : report.checks)
    json["checks"].push_back({{"pass", one.pass}, {"family", one.family}, {"tensor", one.tensor}, {"error", one.error}, {"limit", one.limit}, {"right", one.right}, {"posed", one.posed}});
  json["wrong"] = report.wrong;
  for (const DeviceRow& row : report.rows)
    json["rows"].push_back({{"pass", row.pass}, {"median_ms", row.median_ms}, {"least_ms", row.least_ms}, {"most_ms", row.most_ms}, {"bytes", row.bytes},
                            {"tbs", row.bytes / row.median_ms * 1e-9}, {"extra_bytes", row.extra_bytes}});
  return json.dump(2);
}

}  // namespace fw::cli
