// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// config.json in flash-linear-attention's keys. model_type is that library's where it has the mixer (delta_net, gated_deltanet,
// kda; gdn2 by its pattern), "fastweight" otherwise; sliding-window layers stand under "attn" as in its hybrids. Keys of our own
// say what that library leaves to code and take precedence when a file is read:
//   mixers ["gdn2","swa",...]   head_k_dim head_v_dim   output_gate_act "silu"|"sigmoid"   qk_l2norm   gla_rank   rotary_pairs
//   initialisation
// Without output_gate_act a file means what that library computes: sigmoid for kda and gdn2, silu otherwise.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"

namespace fw::model {

std::string config_to_json(const ModelConfig& config);

struct ReadConfig {
  ModelConfig config;
  std::vector<std::string> ignored;  ///< keys that mean nothing here
};
/// `name` stands for the file in messages. Throws on what is missing, of the wrong type, or asks for something a layer cannot do.
ReadConfig config_from_json(std::string_view text, std::string_view name);

}  // namespace fw::model
