// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What a language model of this suite is made of: the mixer of every layer and the sizes they share. Nothing is allocated
// here; parameter_table.h turns a configuration into a table of tensors, config_json.h into flash-linear-attention's config.json.
// A block is x += mixer(attn_norm(x)); x += mlp(mlp_norm(x)); with RMSNorm and SwiGLU (arXiv 2605.22791, Fig. 1).
//   d = hidden_size, H = num_heads, HV = num_v_heads (a multiple of H), K = head_k_dim, V = head_v_dim
// Left out: dropout, biases in the MLP, mixtures of experts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "core/variant.h"

namespace fw::model {

enum class GateActivation { silu, sigmoid };
/// paper: Xavier-uniform, gain 2^-2.5. fla: N(0, initializer_range). wide: N(0, 0.49 / fan_in).
enum class Initialisation { paper, fla, wide };

std::string_view name_of(GateActivation activation);
std::string_view name_of(Initialisation style);
GateActivation gate_activation_from_name(std::string_view name);
Initialisation initialisation_from_name(std::string_view name);

struct ModelConfig {
  std::vector<Variant> mixers;  ///< one per layer; any delta-rule variant, mamba3, swa
  index_t vocab_size = 256;
  index_t hidden_size = 64;
  index_t num_heads = 2;
  index_t num_v_heads = 0;  ///< 0: as num_heads
  index_t head_k_dim = 32;
  index_t head_v_dim = 32;
  index_t conv_size = 4;           ///< taps of the causal convolutions of q, k, v; 0: none
  index_t intermediate_size = -1;  ///< of the MLP; -1: 256 ceil(int(d hidden_ratio 2/3) / 256); 0: no MLP
  index_t hidden_ratio = 4;
  bool allow_neg_eigval = false;                          ///< erase gate in [0,2]: b of GDN-2, the single beta of the tied rules
  bool use_gate = true;                                   ///< gate on the normalised output of the recurrent mixers
  GateActivation output_gate_act = GateActivation::silu;  ///< silu: the paper; sigmoid: flash-linear-attention's kda and gdn2
  bool qk_l2norm = true;                                  ///< unit queries and keys in the recurrent mixers
  double norm_eps = 1e-6;
  bool tie_word_embeddings = false;
  index_t gla_rank = 16;          ///< bottleneck of GLA's decay projection
  index_t rotary_pairs = -1;      ///< Mamba-3: rotated channel pairs; -1: K/2
  index_t attn_num_heads = 0;     ///< sliding-window attention; 0: as num_heads. Head width: d / attn_num_heads
  index_t attn_num_kv_heads = 0;  ///< 0: as attn_num_heads
  index_t window_size = 64;       ///< tokens seen, itself included
  double rope_theta = 10000.0;
  bool qkv_bias = false;  ///< of attention
  Initialisation initialisation = Initialisation::paper;
  double initializer_range = 0.02;

  index_t layers() const { return static_cast<index_t>(mixers.size()); }
  index_t value_heads() const { return num_v_heads ? num_v_heads : num_heads; }
  index_t mlp_width() const;
  index_t attention_heads() const { return attn_num_heads ? attn_num_heads : num_heads; }
  index_t attention_kv_heads() const { return attn_num_kv_heads ? attn_num_kv_heads : attention_heads(); }
  index_t pairs() const { return rotary_pairs < 0 ? head_k_dim / 2 : rotary_pairs; }
  bool operator==(const ModelConfig&) const = default;
};

/// The same mixer in every layer; with hybrid, every second layer (1, 3, ...) is sliding-window attention.
std::vector<Variant> uniform_stack(Variant mixer, index_t layers, bool hybrid = false);
/// Throws fw::Error with the field, what it must be and what it is.
void check_config(const ModelConfig& config);
/// Numbers of the decode state of one sequence, split in what the rule keeps and the rest (convolution history).
struct StateSize {
  index_t rule = 0;         ///< recurrent states; keys and values of the window for attention
  index_t convolution = 0;  ///< raw inputs of the last conv_size - 1 tokens
};
StateSize state_size(const ModelConfig& config);
/// Choose intermediate_size so that parameter_count comes nearest to `target`; the rest of the model stays.
ModelConfig match_parameters(ModelConfig config, index_t target);
/// Choose window_size so that an attention layer keeps about as many numbers as a recurrent layer of these heads.
ModelConfig match_state(ModelConfig config);
/// "gdn2 x 2, d 64, ...: 104448 parameters (... in the blocks), state 4096 + 1152 numbers a sequence"
std::string summary(const ModelConfig& config);

}  // namespace fw::model
