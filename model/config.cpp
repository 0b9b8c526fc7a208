// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/config.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "model/parameter_table.h"

namespace fw::model {
namespace {

[[noreturn]] void refuse(const std::string& field, const std::string& expected, const std::string& got) {
  throw Error("model config: " + field + " must be " + expected + ", got " + got);
}
void at_least(const char* field, index_t value, index_t least) {
  if (value < least) refuse(field, "at least " + std::to_string(least), std::to_string(value));
}
bool is_recurrent(Variant v) { return info(v).family == Family::delta_rule || v == Variant::mamba3; }

}  // namespace

std::string_view name_of(GateActivation activation) { return activation == GateActivation::silu ? "silu" : "sigmoid"; }

std::string_view name_of(Initialisation style) {
  constexpr std::array<std::string_view, 3> names{"paper", "fla", "wide"};
  return names[static_cast<std::size_t>(style)];
}

GateActivation gate_activation_from_name(std::string_view name) {
  if (name == "silu" || name == "swish") return GateActivation::silu;
  if (name == "sigmoid") return GateActivation::sigmoid;
  refuse("output_gate_act", "silu or sigmoid", "\"" + std::string(name) + "\"");
}

Initialisation initialisation_from_name(std::string_view name) {
  for (const Initialisation style : {Initialisation::paper, Initialisation::fla, Initialisation::wide})
    if (name == name_of(style)) return style;
  refuse("initialisation", "paper, fla or wide", "\"" + std::string(name) + "\"");
}

index_t ModelConfig::mlp_width() const {
  if (intermediate_size >= 0) return intermediate_size;
  return (hidden_size * hidden_ratio * 2 / 3 + 255) / 256 * 256;
}

std::vector<Variant> uniform_stack(Variant mixer, index_t layers, bool hybrid) {
  std::vector<Variant> stack(static_cast<std::size_t>(std::max<index_t>(layers, 0)), mixer);
  if (hybrid)
    for (std::size_t i = 1; i < stack.size(); i += 2) stack[i] = Variant::swa;
  return stack;
}

void check_config(const ModelConfig& c) {
  if (c.mixers.empty()) refuse("mixers", "one variant per layer", "none");
  for (const Variant v : c.mixers)
    if (v != Variant::swa && !is_recurrent(v)) refuse("mixers", "delta-rule variants, mamba3 or swa", std::string(info(v).name));
  at_least("vocab_size", c.vocab_size, 1);
  at_least("hidden_size", c.hidden_size, 1);
  at_least("num_heads", c.num_heads, 1);
  at_least("num_v_heads", c.num_v_heads, 0);
  at_least("head_k_dim", c.head_k_dim, 1);
  at_least("head_v_dim", c.head_v_dim, 1);
  at_least("conv_size", c.conv_size, 0);
  at_least("intermediate_size", c.intermediate_size, -1);
  at_least("hidden_ratio", c.hidden_ratio, 1);
  at_least("gla_rank", c.gla_rank, 1);
  at_least("window_size", c.window_size, 1);
  // far beyond any model, and small enough that no product of sizes overflows
  constexpr index_t kLargest = index_t(1) << 24;
  for (const auto& [field, value] : {std::pair<const char*, index_t>{"hidden_size", c.hidden_size},
                                     {"num_heads", c.num_heads},
                                     {"num_v_heads", c.num_v_heads},
                                     {"head_k_dim", c.head_k_dim},
                                     {"head_v_dim", c.head_v_dim},
                                     {"conv_size", c.conv_size},
                                     {"intermediate_size", c.intermediate_size},
                                     {"hidden_ratio", c.hidden_ratio},
                                     {"gla_rank", c.gla_rank},
                                     {"vocab_size", c.vocab_size},
                                     {"window_size", c.window_size},
                                     {"attn_num_heads", c.attn_num_heads},
                                     {"attn_num_kv_heads", c.attn_num_kv_heads}})
    if (value > kLargest) refuse(field, "at most " + std::to_string(kLargest), std::to_string(value));
  if (c.value_heads() % c.num_heads != 0)
    refuse("num_v_heads", "a multiple of num_heads = " + std::to_string(c.num_heads), std::to_string(c.value_heads()));
  if (2 * c.pairs() > c.head_k_dim)
    refuse("rotary_pairs", "at most head_k_dim / 2 = " + std::to_string(c.head_k_dim / 2), std::to_string(c.pairs()));
  if (!(c.norm_eps > 0)) refuse("norm_eps", "above 0", std::to_string(c.norm_eps));
  if (std::count(c.mixers.begin(), c.mixers.end(), Variant::swa)) {
    at_least("attn_num_heads", c.attention_heads(), 1);
    if (c.hidden_size % (2 * c.attention_heads()) != 0)
      refuse("attn_num_heads", "a divisor of hidden_size = " + std::to_string(c.hidden_size) + " with an even quotient",
             std::to_string(c.attention_heads()));
    if (c.attention_kv_heads() < 1 || c.attention_heads() % c.attention_kv_heads() != 0)
      refuse("attn_num_kv_heads", "a divisor of attn_num_heads = " + std::to_string(c.attention_heads()),
             std::to_string(c.attention_kv_heads()));
    if (!(c.rope_theta > 0)) refuse("rope_theta", "above 0", std::to_string(c.rope_theta));
  }
}

StateSize state_size(const ModelConfig& c) {
  StateSize size;
  for (const Variant v : c.mixers) {
    if (v == Variant::swa) {
      size.rule += 2 * (c.window_size - 1) * c.hidden_size / c.attention_heads() * c.attention_kv_heads();
      continue;
    }
    size.rule += c.value_heads() * c.head_k_dim * c.head_v_dim;
    if (v == Variant::mamba3) size.rule += c.value_heads() * (c.pairs() + c.head_k_dim + c.head_v_dim);
    size.convolution += std::max<index_t>(c.conv_size - 1, 0) * (2 * c.num_heads * c.head_k_dim + c.value_heads() * c.head_v_dim);
  }
  return size;
}

ModelConfig match_parameters(ModelConfig config, index_t target) {
  config.intermediate_size = 0;
  const index_t bare = parameter_count(config).total, norms = config.layers() * config.hidden_size;
  const index_t column = 3 * config.hidden_size * config.layers();
  const index_t rest = target - bare - norms;
  if (rest < 0)
    throw Error("match_parameters: target must be at least " + std::to_string(bare + norms) + " (the model without its MLP), got " +
                std::to_string(target));
  config.intermediate_size = (rest + column / 2) / column;
  return config;
}

ModelConfig match_state(ModelConfig config) {
  const index_t token = 2 * config.hidden_size / config.attention_heads() * config.attention_kv_heads();  // its key and value
  const index_t recurrent = config.value_heads() * config.head_k_dim * config.head_v_dim;
  config.window_size = 1 + std::max<index_t>((recurrent + token / 2) / token, 1);
  return config;
}

std::string summary(const ModelConfig& c) {
  std::string stack;
  for (std::size_t i = 0; i < c.mixers.size();) {
    std::size_t same = i;
    while (same < c.mixers.size() && c.mixers[same] == c.mixers[i]) ++same;
    stack += (i ? ", " : "") + std::string(info(c.mixers[i]).name) + (same - i > 1 ? " x " + std::to_string(same - i) : "");
    i = same;
  }
  const ParameterCount count = parameter_count(c);
  const StateSize state = state_size(c);
  return stack + "; d " + std::to_string(c.hidden_size) + ", heads " + std::to_string(c.num_heads) + "/" + std::to_string(c.value_heads()) +
         " x " + std::to_string(c.head_k_dim) + "x" + std::to_string(c.head_v_dim) + ", mlp " + std::to_string(c.mlp_width()) + ", vocab " +
         std::to_string(c.vocab_size) + ": " + std::to_string(count.total) + " parameters (" + std::to_string(count.blocks) +
         " in the blocks), state " + std::to_string(state.rule) + " + " + std::to_string(state.convolution) + " numbers a sequence";
}

}  // namespace fw::model
