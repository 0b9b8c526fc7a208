// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Checkpoints for the tests of the view model: one that ships, and a small random stack of several kinds of layers.
#pragma once

#include <string>

#include "model/checkpoint.h"
#include "support/scratch.h"

namespace fw::test {

inline const std::string kSwaps = "notebooks_data/checkpoints/s3_gdn2_neg";

/// gdn2, attention, kda, gdn2-write; 2 key heads, 4 value heads; 16 tokens of no task.
inline std::string random_stack(const Scratch& scratch, std::uint64_t seed = 3) {
  model::ModelConfig config;
  config.mixers = {Variant::gdn2, Variant::swa, Variant::kda, Variant::gdn2_write};
  config.vocab_size = 16;
  config.hidden_size = 32;
  config.num_heads = 2;
  config.num_v_heads = 4;
  config.head_k_dim = 8;
  config.head_v_dim = 12;
  config.intermediate_size = 32;
  config.allow_neg_eigval = true;
  config.initialisation = model::Initialisation::wide;
  model::LanguageModel<float> m(config);
  m.initialise(seed);
  const std::string folder = scratch.file("stack" + std::to_string(seed));
  model::save_model(folder, m);
  return folder;
}

}  // namespace fw::test
