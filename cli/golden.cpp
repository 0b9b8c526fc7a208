// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight golden: inputs, float64 truth and gradients of one call in one safetensors file, to test a kernel with.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "golden_case.h"
#include "progress.h"

namespace fw::cli {
namespace {

/// As typed; turned into a request when the command runs.
struct GoldenOptions {
  std::string variant, shape, output, family, dtype = "f32", gate_dtype, truth_dtype = "f64", layout = "BTHK", state_layout = "KV";
  std::string cu_seqlens, decay_activation = "none", g_heads, b_heads, seed = "1";
  std::optional<index_t> B, T, H, HV, Dk, Dv, M, P, window;
  std::optional<double> scale, l2norm_eps, decay_lower_bound;
  int threads = 0;
  bool no_initial_state = false, no_gradients = false, l2norm_qk = false, sigmoid_gates = false, erase_times_two = false, json = false;
};

DType floating_type(const char* option, const std::string& name) {
  for (DType dtype : {DType::f64, DType::f32, DType::bf16, DType::f16})
    if (dtype_name(dtype) == name) return dtype;
  throw Error(fmt::format("golden: {} must be f64, f32, bf16 or f16, got \"{}\"", option, name));
}

/// By hand: the parser of arguments would take -1 for a large number.
std::uint64_t seed_from(const std::string& text) {
  std::uint64_t seed = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, seed);
  if (error != std::errc() || at != end) throw Error(fmt::format("golden: --seed must be a whole number below 2^64, got \"{}\"", text));
  return seed;
}

/// Everything that was said about the shape goes through the one parser of shapes; what is said later counts.
ProblemShape shape_of(const GoldenOptions& options) {
  std::string text = options.shape;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "-") + part; };
  const auto add_size = [&](const char* prefix, const std::optional<index_t>& size) {
    if (size) add(prefix + std::to_string(*size));
  };
  add_size("B", options.B);
  add_size("T", options.T);
  add_size("H", options.H);
  add_size("HV", options.HV);
  add_size("Dk", options.Dk);
  add_size("Dv", options.Dv);
  add_size("M", options.M);
  add_size("P", options.P);
  add_size("W", options.window);
  if (!options.cu_seqlens.empty()) add("cu" + options.cu_seqlens);
  if (options.no_initial_state) add("noh0");
  if (options.l2norm_qk) add("l2norm");
  if (options.sigmoid_gates) add("sigmoid");
  if (options.erase_times_two) add("times2");
  if (!options.g_heads.empty()) add(options.g_heads == "value" ? "gHV" : "gH");
  if (!options.b_heads.empty()) add(options.b_heads == "value" ? "bHV" : "bH");
  if (options.decay_activation != "none") add(options.decay_activation);
  return text.empty() ? ProblemShape{} : ProblemShape::parse(text);
}

GoldenRequest request_of(const GoldenOptions& options) {
  GoldenRequest request;
  request.variant = variant_from_name(options.variant);
  request.shape = shape_of(options);
  if (!options.family.empty()) request.family = input_family(options.family).name;
  request.seed = seed_from(options.seed);
  request.dtype = floating_type("--dtype", options.dtype);
  if (!options.gate_dtype.empty()) request.gate_dtype = floating_type("--gate-dtype", options.gate_dtype);
  request.truth_dtype = floating_type("--truth-dtype", options.truth_dtype);
  for (const auto& [name, value] : {std::pair{"--scale", options.scale}, {"--l2norm-eps", options.l2norm_eps}})
    if (value && !std::isfinite(*value)) throw Error(fmt::format("golden: {} must be finite, got {}", name, *value));
  request.scale = options.scale;
  request.l2norm_eps = options.l2norm_eps;
  request.decay_lower_bound = options.decay_lower_bound;
  request.layout = layout_from_name(options.layout);
  request.state_layout = state_layout_from_name(options.state_layout);
  request.gradients = !options.no_gradients;
  request.threads = options.threads;
  return request;
}

/// What was asked for and cannot matter is said, not refused: a script may run over all variants.
void warn(const GoldenOptions& options, const GoldenRequest& request) {
  const VariantInfo& row = info(request.variant);
  const auto say = [&](const std::string& text) { std::fprintf(stderr, "fastweight golden: note: %s\n", text.c_str()); };
  if (!options.family.empty() && !family_applies(request.variant, request.family))
    say(fmt::format("{} has nothing that the family {} is about: typical values are drawn instead", row.name, request.family));
  if (request.shape.decay_activation != DecayActivation::none && row.decay == Decay::none)
    say(fmt::format("{} has no decay: no decay activation", row.name));
  if (request.shape.erase_times_two && !request.shape.sigmoid_gates) say("--erase-times-two acts with --sigmoid-gates only");
}

void print_summary(const GoldenOptions& options, const TensorFile& file, std::size_t bytes) {
  if (options.json) {
    auto tensors = nlohmann::ordered_json::object();
    for (const auto& [name, tensor] : file.tensors)
      tensors[name] = {{"dtype", dtype_name(tensor.dtype())}, {"shape", tensor.shape().sizes()}};
    std::cout << nlohmann::ordered_json{{"file", options.output}, {"tensor_bytes", bytes}, {"metadata", file.metadata}, {"tensors", tensors}}.dump(2) << '\n';
    return;
  }
  const auto& meta = file.metadata;
  std::cout << fmt::format("{}: {} {}, {}, family {}, seed {}, scale {}\n", options.output, meta.at("variant"), meta.at("shape"), meta.at("dtype"),
                           meta.at("family"), meta.at("seed"), meta.at("scale"));
  for (const auto& [name, tensor] : file.tensors)
    std::cout << fmt::format("  {:<16} {:<5} {}\n", name, dtype_name(tensor.dtype()), tensor.shape().str());
}

void run_golden(const GoldenOptions& options) {
  const GoldenRequest request = request_of(options);
  warn(options, request);
  Progress bar("golden");
  const auto progress = [&](double fraction, const std::string& stage) { bar.update(fraction, stage); };
  const TensorFile file = to_tensor_file(make_golden(request, progress));
  progress(0.9, "writing");
  write_safetensors(options.output, file);
  bar.finish();
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : file.tensors) bytes += tensor.bytes().size();
  print_summary(options, file, bytes);
}

void add_shape_options(CLI::App& command, GoldenOptions& options) {
  const auto size = [&](const char* name, std::optional<index_t>& value, const char* text) {
    command.add_option(name, value, text)->check(CLI::NonNegativeNumber)->type_name("N")->group("Shape");
  };
  command.add_option("--shape", options.shape, "all sizes at once: B2-T100-H3-HV6-Dk32-Dv48 (default B2-T100-H2-Dk32-Dv48)")->type_name("TEXT")->group("Shape");
  size("--B", options.B, "batch");
  size("--T", options.T, "tokens");
  size("--H", options.H, "key heads");
  size("--HV", options.HV, "value heads, a multiple of H (default H)");
  size("--Dk", options.Dk, "key width");
  size("--Dv", options.Dv, "value width");
  size("--M", options.M, "rank of mamba3-mimo");
  size("--P", options.P, "rotated channel pairs of mamba3 (default Dk/2)");
  size("--window", options.window, "tokens seen by swa, the token itself included");
  command.add_option("--cu-seqlens", options.cu_seqlens, "packed sequences: offsets like 0,5,5,40; sets B = 1 and T")->type_name("LIST")->group("Shape");
  const auto heads = [&](const char* name, std::string& value, const char* text) {
    command.add_option(name, value, text)->check(CLI::IsMember({"key", "value"}))->type_name("KIND")->group("Shape");
  };
  heads("--g-heads", options.g_heads, "g per \"key\" or per \"value\" head (default: as the rule's own kernels)");
  heads("--b-heads", options.b_heads, "b per \"key\" or per \"value\" head (default: key)");
}

void add_rule_options(CLI::App& command, GoldenOptions& options) {
  command.add_option("--scale", options.scale, "scale of the output (default 1/sqrt(Dk))")->type_name("X")->group("Rule");
  command.add_flag("--l2norm-qk", options.l2norm_qk, "the rule normalises q and k")->group("Rule");
  command.add_option("--l2norm-eps", options.l2norm_eps, "x / sqrt(x.x + eps) (default 1e-6)")->type_name("X")->group("Rule");
  command.add_option("--decay-activation", options.decay_activation, "none, softplus or bounded: g is raw, with A_log and dt_bias")
      ->check(CLI::IsMember({"none", "softplus", "bounded"}))->type_name("KIND")->group("Rule");
  command.add_option("--decay-lower-bound", options.decay_lower_bound, "of the bounded activation, in [-5, 0) (default -5)")->type_name("X")->group("Rule");
  command.add_flag("--sigmoid-gates", options.sigmoid_gates, "b, w and beta are raw")->group("Rule");
  command.add_flag("--erase-times-two", options.erase_times_two, "with --sigmoid-gates: erase gate = 2 sigmoid")->group("Rule");
  command.add_flag("--no-initial-state", options.no_initial_state, "start from zero")->group("Rule");
  command.add_flag("--no-gradients", options.no_gradients, "outputs only")->group("Rule");
}

void add_file_options(CLI::App& command, GoldenOptions& options) {
  const auto text = [&](const char* name, std::string& value, const char* what, const char* kind) {
    return command.add_option(name, value, what)->type_name(kind)->group("File");
  };
  text("--dtype", options.dtype, "f64, f32, bf16 or f16: q k v b w do (default f32)", "TYPE");
  text("--gate-dtype", options.gate_dtype, "everything else that goes in, states included (default f32 beside 16 bits, else as --dtype)", "TYPE");
  text("--truth-dtype", options.truth_dtype, "outputs and gradients (default f64)", "TYPE");
  text("--layout", options.layout, "BTHK: tensors [B,T,H,D] (default); BHTK: [B,H,T,D]", "LAYOUT");
  text("--state-layout", options.state_layout, "KV: states [N,HV,Dk,Dv] (default); VK: [N,HV,Dv,Dk]", "LAYOUT");
  text("-o,--output", options.output, "file to write", "FILE")->required();
}

}  // namespace

void add_golden(CLI::App& app, int& status) {
  auto options = std::make_shared<GoldenOptions>();
  CLI::App* command = app.add_subcommand("golden", "write inputs, truth and gradients to a file, to test a kernel with");
  command->add_option("--variant", options->variant, "rule: see fastweight list")->required()->type_name("NAME");
  command->add_option("--family", options->family, "how inputs are drawn: see fastweight list --families (default mixed)")->type_name("NAME");
  command->add_option("--seed", options->seed, "same seed, same file (default 1)")->type_name("N");
  add_shape_options(*command, *options);
  add_rule_options(*command, *options);
  add_file_options(*command, *options);
  command->add_option("--threads", options->threads, "threads, 0: all cores; the numbers do not depend on it")->check(CLI::NonNegativeNumber)->type_name("N");
  command->add_flag("--json", options->json, "print what was written as JSON");
  command->footer(
      "Inputs are rounded to their types first; the truth is the float64 result of the rounded inputs.\n"
      "Example:\n  fastweight golden --variant gdn2 --shape B2-T200-H4-HV8-Dk64-Dv128 --dtype bf16 -o golden.safetensors\n"
      "  fastweight golden --variant kda --cu-seqlens 0,5,5,40 --H 2 --state-layout VK -o packed.safetensors");
  command->callback([options, &status] {
    run_golden(*options);
    status = 0;
  });
}

}  // namespace fw::cli
