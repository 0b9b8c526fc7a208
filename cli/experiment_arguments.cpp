// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "experiment_arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace fw::cli {

void add_experiment_options(CLI::App& command, ExperimentArguments& a) {
  command.add_option("--layers", a.layers, "blocks")->capture_default_str();
  command.add_option("--hidden", a.hidden, "width of the model")->capture_default_str();
  command.add_option("--heads", a.heads, "key heads")->capture_default_str();
  command.add_option("--value-heads", a.value_heads, "value heads, a multiple of the key heads; 0: as many")->capture_default_str();
  command.add_option("--key-width", a.key_width, "Dk, of a head")->capture_default_str();
  command.add_option("--value-width", a.value_width, "Dv, of a head")->capture_default_str();
  command.add_option("--conv", a.convolution, "taps of the causal convolutions; 0: none")->capture_default_str();
  command.add_option("--mlp", a.mlp, "width of the SwiGLU; 0: none")->capture_default_str();
  command.add_option("--window", a.window, "tokens that sliding-window attention sees")->capture_default_str();
  command.add_flag("--hybrid", a.hybrid, "every second layer is sliding-window attention");
  command.add_flag("--no-gate", a.no_gate, "no gate on the output of the mixers");
  command.add_option("--output-gate", a.output_gate, "its activation: silu, sigmoid")->capture_default_str();
  command.add_option("--init", a.initialisation, "starting values of the projections: paper, fla, wide")->capture_default_str();
  command.add_flag("--tie", a.tie, "one table for the embedding and the last projection");
  command.add_option("--batch", a.batch, "sequences a step")->capture_default_str();
  command.add_option("--steps", a.optimizer.steps, "training steps")->capture_default_str();
  command.add_option("--lr", a.optimizer.lr, "highest learning rate")->capture_default_str();
  command.add_option("--min-lr-ratio", a.optimizer.min_lr_ratio, "of the highest, at the end of the cosine")->capture_default_str();
  command.add_option("--warmup", a.optimizer.warmup, "steps until the highest learning rate")->capture_default_str();
  command.add_option("--weight-decay", a.optimizer.weight_decay, "of AdamW, on matrices")->capture_default_str();
  command.add_option("--clip", a.optimizer.clip, "largest norm of a gradient; 0: any")->capture_default_str();
  command.add_option("--backend", a.backend, "who computes the rule: naive, omp, or cuda where it is built")->capture_default_str();
  command.add_option("--threads", a.threads, "0: all cores")->capture_default_str()->check(CLI::NonNegativeNumber);
}

VariantChoice variant_choice(const std::string& who, const std::string& text) {
  VariantChoice choice;
  choice.name = text;
  const std::size_t colon = text.find(':');
  const std::string rule = text.substr(0, colon);
  for (std::size_t at = colon; at != std::string::npos;) {
    const std::size_t end = text.find(':', at + 1);
    const std::string mark = text.substr(at, end == std::string::npos ? end : end - at);
    bool& mine = mark == ":neg" ? choice.negative : choice.hybrid;
    if ((mark != ":neg" && mark != ":hybrid") || mine)
      throw Error(who + ": a variant must be a rule, with \":neg\" or \":hybrid\" or both behind it, got \"" + text + "\"");
    mine = true, at = end;
  }
  choice.variant = variant_from_name(rule);
  const VariantInfo& row = info(choice.variant);
  if (choice.negative && (row.family != Family::delta_rule || row.erase == Erase::none))
    throw Error(who + ": \":neg\" must follow a rule that erases, got \"" + text + "\"");
  return choice;
}

model::ModelConfig model_config(const ExperimentArguments& a, const VariantChoice& choice) {
  model::ModelConfig config;
  config.mixers = model::uniform_stack(choice.variant, a.layers, a.hybrid || choice.hybrid);
  config.hidden_size = a.hidden, config.num_heads = a.heads, config.num_v_heads = a.value_heads;
  config.head_k_dim = a.key_width, config.head_v_dim = a.value_width, config.conv_size = a.convolution;
  config.intermediate_size = a.mlp, config.window_size = a.window;
  config.allow_neg_eigval = choice.negative, config.use_gate = !a.no_gate, config.tie_word_embeddings = a.tie;
  config.initialisation = model::initialisation_from_name(a.initialisation);
  config.output_gate_act = model::gate_activation_from_name(a.output_gate);
  return config;
}

std::string training_stage(const model::TrainingProgress& p) {
  const double rate = p.tokens_per_second;
  const std::string tokens = rate < 1e4 ? fmt::format("{:.0f}", rate) : rate < 1e7 ? fmt::format("{:.0f}k", rate / 1e3) : fmt::format("{:.0f}M", rate / 1e6);
  return fmt::format("loss {:.3f}, acc {:.3f}, {} tokens/s, {:.0f} s left", p.step.loss, p.step.accuracy, tokens, p.seconds_left);
}
std::string scores_json(const model::Scores& s) {
  nlohmann::ordered_json json = {{"settings", s.settings}, {"length", s.length},     {"sequences", s.sequences}, {"scored", s.scored},
                                 {"right", s.right},       {"accuracy", s.accuracy()}, {"chance", s.chance},       {"loss", s.loss}};
  json["wrong"] = nlohmann::ordered_json::object();
  for (const auto& [kind, count] : s.wrong) json["wrong"][kind] = count;
  return json.dump();
}
std::string scores_line(const model::Scores& s) {
  std::string line = fmt::format("length {}: accuracy {:.4f} (chance {:.3f}), loss {:.4f}, {} answers", s.length, s.accuracy(), s.chance, s.loss, s.scored);
  if (s.right == s.scored) return line;
  line += fmt::format(", {} wrong", s.scored - s.right);
  const char* before = ": ";
  for (const auto& [kind, count] : s.wrong)
    if (kind != "wrong" || s.wrong.size() > 1) line += fmt::format("{}{} {}", before, kind, count), before = ", ";
  return line;
}

}  // namespace fw::cli
