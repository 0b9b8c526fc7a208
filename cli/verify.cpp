// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight verify: judge a kernel's tensors. fastweight break: make a wrong copy of a right file, to see the judge at work.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "backend.h"
#include "commands.h"
#include "core/case_file.h"
#include "core/safetensors.h"
#include "progress.h"
#include "verify/report.h"
#include "verify/self_test.h"

namespace fw::cli {
namespace {

/// How the tensors of a file lie in memory and what its metadata leaves unsaid.
void add_case_options(CLI::App& app, CaseOptions& overrides) {
  app.add_option("--variant", overrides.variant, "rule the kernel implements, if the file's metadata does not say")->type_name("NAME");
  app.add_option("--layout", overrides.layout, "BTHK: tensors [B,T,H,D] (default); BHTK: [B,H,T,D]")->type_name("LAYOUT");
  app.add_option("--state-layout", overrides.state_layout, "KV: states [N,HV,Dk,Dv] (default); VK: [N,HV,Dv,Dk]")->type_name("LAYOUT");
  app.add_option("--scale", overrides.scale, "scale of the output, if the metadata does not say (default 1/sqrt(Dk))")->type_name("X");
}

verify::Call to_call(CaseFile&& file) {
  verify::Call call;
  call.problem = {std::move(file.in), file.options, std::move(file.up)};
  call.results = {std::move(file.out), std::move(file.grad)};
  for (const auto& [name, type] : file.dtypes) call.stored[name] = type;
  return call;
}

struct VerifyOptions {
  std::vector<std::string> files;
  CaseOptions overrides;
  std::string precision;
  index_t chunk = 64;
  int threads = 0;
  bool json = false, explain = false, no_bank = false, no_range_check = false;
  bool self_test = false;
  int seeds = 3;
  std::vector<std::string> families, scenarios, mistakes;
  std::string backend, shape = "B1-T200-H2-Dk64-Dv64", dtype;
  bool accurate = false;
  std::uint64_t seed = 0;
};

/// Exit status of one verdict: 0 right, 2 wrong, 1 no verdict possible.
int status_of(verify::Verdict verdict) { return verdict == verify::Verdict::right ? 0 : verdict == verify::Verdict::wrong ? 2 : 1; }

/// Wrong outranks unusable, unusable outranks right.
int worse(int a, int b) { return a == 2 || b == 2 ? 2 : std::max(a, b); }

int verify_file(const VerifyOptions& options, const std::string& path, std::string& printed) {
  CaseFile file = read_case(read_safetensors(path), options.overrides);
  const auto kernel = file.metadata.find("kernel");
  verify::ReportOptions report{path, kernel == file.metadata.end() ? "" : kernel->second, options.explain};
  for (const std::string& warning : file.warnings) std::fprintf(stderr, "%s: %s\n", path.c_str(), warning.c_str());
  verify::Call call = to_call(std::move(file));
  if (options.no_range_check) call.problem.options.check_ranges = false;
  verify::JudgeSettings settings;
  if (!options.precision.empty()) settings.precision = verify::precision_from_name(options.precision);
  settings.chunk = options.chunk;
  settings.threads = options.threads;
  settings.bank = !options.no_bank;
  Progress bar("verify " + path);
  settings.progress = [&](const std::string& stage, double fraction) { bar.update(fraction, stage); };
  const verify::Judgement judgement = verify::judge(call, settings);
  bar.finish();
  printed += options.json ? verify::json_report(judgement, report) : verify::text_report(judgement, report);
  return status_of(judgement.verdict);
}

int run_self_test(const VerifyOptions& options) {
  verify::SelfTestSettings settings;
  settings.families = options.families;
  settings.scenarios = options.scenarios;
  settings.mistakes = options.mistakes;
  settings.seeds = options.seeds;
  settings.threads = options.threads;
  Progress bar("self-test");
  settings.progress = [&](const std::string& stage, double fraction) { bar.update(fraction, stage); };
  const verify::SelfTestReport report = verify::self_test(settings);
  bar.finish();
  std::cout << (options.json ? verify::self_test_json(report) : verify::self_test_text(report));
  return report.passed() ? 0 : 2;
}

/// Our own kernels under our own judge: a line per rule and family, whole reports of those that are not right.
int verify_backend(const VerifyOptions& options) {
  BackendOptions backend;
  backend.backend = options.backend, backend.shape = ProblemShape::parse(options.shape), backend.seed = options.seed, backend.accurate = options.accurate;
  const std::string dtype = !options.dtype.empty() ? options.dtype : options.backend == "cuda" && !options.accurate ? "bf16" : "f32";
  if (dtype != "bf16" && dtype != "f16" && dtype != "f32") throw Error("--dtype: expected one of bf16, f16, f32, got \"" + dtype + "\"");
  backend.tensors = dtype == "bf16" ? DType::bf16 : dtype == "f16" ? DType::f16 : DType::f32;
  for (const VariantInfo& row : variants())
    if (options.overrides.variant.empty() ? row.family == Family::delta_rule : row.id == variant_from_name(options.overrides.variant)) backend.variants.push_back(row.id);
  for (const std::string& family : options.families) input_family(family);
  struct Item {
    Variant variant;
    std::string family;
  };
  std::vector<Item> items;
  for (const Variant variant : backend.variants)
    for (const InputFamily& family : input_families())
      if (options.families.empty() ? family_applies(variant, family.name) : std::find(options.families.begin(), options.families.end(), family.name) != options.families.end())
        items.push_back({variant, std::string(family.name)});
  Progress bar("verify --backend " + options.backend);
  std::string printed, reports;
  int status = 0, right = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string name = std::string(info(items[i].variant).name) + " " + items[i].family;
    bar.update(static_cast<double>(i) / static_cast<double>(items.size()), name);
    const verify::Call call = call_backend(backend, items[i].variant, items[i].family);
    verify::JudgeSettings settings;
    if (!options.precision.empty()) settings.precision = verify::precision_from_name(options.precision);
    else if (options.backend == "cuda" && !options.accurate && backend.tensors == DType::f32) settings.precision = verify::Precision::bf16;
    settings.chunk = options.chunk, settings.threads = options.threads, settings.bank = options.explain && !options.no_bank;
    const verify::Judgement judgement = verify::judge(call, settings);
    const verify::ReportOptions report{name, options.backend + " " + dtype + (options.accurate ? " accurate" : ""), options.explain};
    if (judgement.verdict == verify::Verdict::right) ++right;
    status = worse(status, judgement.verdict == verify::Verdict::ill_conditioned ? 0 : status_of(judgement.verdict));
    if (options.json) printed += (i == 0 ? "" : ",\n") + verify::json_report(judgement, report);
    const verify::TensorReport* worst = nullptr;
    for (const verify::TensorReport& t : judgement.tensors)
      if (worst == nullptr || t.error.rel_l2 / t.limit.global > worst->error.rel_l2 / worst->limit.global) worst = &t;
    char line[200];
    std::snprintf(line, sizeof line, "%-15s %-11s %-16s  %-12s %.2e of %.2e\n", std::string(verify::verdict_name(judgement.verdict)).c_str(),
                  std::string(info(items[i].variant).name).c_str(), items[i].family.c_str(), worst == nullptr ? "" : worst->name.c_str(),
                  worst == nullptr ? 0.0 : worst->error.rel_l2, worst == nullptr ? 0.0 : worst->limit.global);
    if (!options.json) printed += line;
    if (!options.json && (options.explain || judgement.verdict == verify::Verdict::wrong)) reports += "\n" + verify::text_report(judgement, report);
  }
  bar.finish();
  if (options.json) std::cout << "[\n" << printed << "]\n";
  else std::cout << printed << reports << right << " of " << items.size() << " right\n";
  return status;
}

int run_verify(const VerifyOptions& options) {
  if (options.self_test) return run_self_test(options);
  if (!options.backend.empty()) {
    if (!options.files.empty()) throw Error("verify: expected FILE or --backend, got both");
    try {
      return verify_backend(options);
    } catch (const Skipped& skipped) {
      std::printf("skipped: %s\n", skipped.why.c_str());
      return 77;
    }
  }
  if (options.files.empty()) throw Error("verify: expected at least one FILE (or --self-test), got none");
  int status = 0;
  if (options.json) std::cout << "[\n";
  bool first = true;
  for (const std::string& path : options.files) {
    std::string printed;
    try {
      status = worse(status, verify_file(options, path, printed));
    } catch (const std::exception& error) {  // one unusable file does not keep the others from being judged
      const std::string what = error.what();
      std::fprintf(stderr, "fastweight verify: %s%s\n", what.find(path) == std::string::npos ? (path + ": ").c_str() : "", what.c_str());
      status = worse(status, 1);
      if (!options.json) continue;
      printed = verify::json_unusable(path, what);
    }
    if (!first) std::cout << (options.json ? ",\n" : "\n");
    std::cout << printed << std::flush;
    first = false;
  }
  if (options.json) std::cout << "]\n";
  return status;
}

struct BreakOptions {
  std::string file, mistake, out;
  CaseOptions overrides;
  index_t chunk = 64;
};

int run_break(const BreakOptions& options) {
  const TensorFile source = read_safetensors(options.file);
  CaseFile file = read_case(source, options.overrides);
  CaseFile broken = file;
  const verify::Mistake& mistake = verify::mistake(options.mistake);
  const bool backward = mistake.direction == verify::Direction::backward;
  const verify::Call call = to_call(std::move(file));
  const verify::Bench bench = verify::make_bench(call.problem, backward, options.chunk, {}, 0);
  if (!mistake.applies(bench)) throw Error("break: " + mistake.id + " cannot act on " + options.file + ": this rule, shape or these inputs leave it no place");
  const verify::Results wrong = mistake.run(bench);
  verify::Results spoiled = call.results;
  verify::for_each_result(spoiled, [&](const char* name, Tensor<double>& t, verify::Direction d) {
    const Tensor<double>* w = verify::find(wrong, name);
    if (d != mistake.direction || !t.defined() || !w->defined()) return;
    const Tensor<double>& truth = *verify::find(bench.truth, name);
    for (index_t i = 0; i < t.numel(); ++i) t[i] = (*w)[i] + (t[i] - truth[i]);  // keeps the kernel's own rounding noise
  });
  broken.out = spoiled.out;
  broken.grad = spoiled.grad;
  broken.metadata["kernel"] = "broken copy (" + mistake.id + ") of " + broken.metadata["kernel"];
  broken.metadata["mistake"] = mistake.id;
  write_safetensors(options.out, to_tensor_file(broken));
  std::printf("%s: %s [%s]\n", options.out.c_str(), mistake.title.c_str(), mistake.id.c_str());
  return 0;
}

}  // namespace

void add_verify(CLI::App& app, int& status) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app.add_subcommand("verify", "judge a kernel's tensors against the float64 truth; say what is wrong and why");
  command->add_option("FILE", options->files, "safetensors files: inputs, outputs and gradients of one call each")->type_name("");
  add_case_options(*command, options->overrides);
  command->add_option("--precision", options->precision, "class to judge by: fp64 fp32 tf32 fp16 bf16 (default: the type of q; f32 may turn out tf32)")->type_name("CLASS");
  command->add_option("--chunk", options->chunk, "chunk length the bank of mistakes assumes first")->check(CLI::Range(2, 4096))->capture_default_str();
  command->add_option("--threads", options->threads, "threads, 0: all cores")->check(CLI::NonNegativeNumber)->capture_default_str();
  command->add_flag("--no-bank", options->no_bank, "do not run the bank of mistakes: no blind spots, no cause");
  command->add_flag("--no-range-check", options->no_range_check, "accept g > 0 and gates outside [0,2]");
  command->add_flag("--explain", options->explain, "explain the columns, list blind spots and runners-up in full");
  command->add_flag("--json", options->json, "an array with one object per file");
  command->add_option("--backend", options->backend, "judge the project's own kernels on problems drawn here: cuda, omp or naive")->type_name("NAME");
  command->add_option("--shape", options->shape, "backend: shape of the problems")->type_name("SHAPE")->capture_default_str();
  command->add_option("--dtype", options->dtype, "backend: type of the tensors, bf16 f16 f32 (default: bf16 on cuda, else f32)")->type_name("TYPE");
  command->add_flag("--accurate", options->accurate, "backend cuda: float32 tensors, products as accurate as float32");
  command->add_option("--seed", options->seed, "backend: seed of the problems")->capture_default_str();
  command->add_flag("--self-test", options->self_test, "judge the judge: every known mistake on every input family");
  command->add_option("--seeds", options->seeds, "self-test: seeds per problem")->check(CLI::Range(1, 1000))->capture_default_str();
  command->add_option("--family", options->families, "self-test and backend: only these input families")->type_name("NAME");
  command->add_option("--scenario", options->scenarios, "self-test: only these problems (dense wide packed tied scalar activated mamba3 window)")->type_name("NAME");
  command->add_option("--mistake", options->mistakes, "self-test: only these mistakes")->type_name("ID");
  command->footer(
      "Exit status: 0 right, 2 wrong, 1 unusable input (or no verdict possible), 77 no device for --backend cuda.\n"
      "Example:\n  fastweight verify my_kernel.safetensors --explain\n  fastweight verify --variant gdn2 --layout BHTK --state-layout VK dump.safetensors\n  fastweight verify --backend omp --variant kda");
  command->callback([options, &status] { status = run_verify(*options); });
}

void add_break(CLI::App& app, int& status) {
  auto options = std::make_shared<BreakOptions>();
  CLI::App* command = app.add_subcommand("break", "write a copy of a right file with one known mistake in it (fastweight list --mistakes)");
  command->add_option("FILE", options->file, "safetensors file of a right kernel")->required()->type_name("");
  command->add_option("--mistake", options->mistake, "id from the bank: fastweight list --mistakes")->required()->type_name("ID");
  command->add_option("-o,--output", options->out, "file to write")->required()->type_name("FILE");
  add_case_options(*command, options->overrides);
  command->add_option("--chunk", options->chunk, "chunk length of the mistaken kernel")->check(CLI::Range(2, 4096))->capture_default_str();
  command->footer("Example:\n  fastweight break right.safetensors --mistake carry-dropped -o wrong.safetensors && fastweight verify wrong.safetensors");
  command->callback([options, &status] { status = run_break(*options); });
}

}  // namespace fw::cli
