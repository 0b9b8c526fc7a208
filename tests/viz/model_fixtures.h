// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Checkpoints for the tests of the view model: one that ships, and a small random stack of several kinds of layers.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "model/checkpoint.h"
#include "model/trace.h"
#include "support/scratch.h"
#include "viz/model/model_source.h"

namespace fw::test {

inline const std::string kPour = "notebooks_data/checkpoints/pour_gdn2_neg";
inline const std::string kSwaps = "notebooks_data/checkpoints/s3_gdn2_neg";

/// A checkpoint that reads the prompt, or without one a sequence of its task.
inline viz::ModelSource reading(std::string path, std::optional<std::string> prompt = {}) {
  viz::ModelSource source;
  source.path = std::move(path);
  source.prompt = std::move(prompt);
  return source;
}

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

/// What `fastweight decode --trace` writes of such a stack: 24 tokens, the last six drawn, three answers judged.
inline std::string random_trace(const Scratch& scratch) {
  model::LoadedModel loaded = model::load_model(random_stack(scratch));
  model::TraceRecorder recorder(loaded.model.config(), {});
  loaded.model.observer = &recorder;
  std::vector<std::int32_t> tokens;
  for (int t = 0; t < 24; ++t) tokens.push_back(t * 5 % 16);
  auto state = loaded.model.new_state(1);
  loaded.model.continued(tokens, 1, 24, state);
  loaded.model.observer = nullptr;
  model::Trace trace = recorder.finish(tokens);
  trace.prompt = 18;
  trace.targets.assign(24, -1), trace.predictions.assign(24, 3);
  trace.targets[4] = 3, trace.targets[9] = 2, trace.targets[17] = 3;
  trace.names = {{1, "one"}, {2, "two"}};
  model::write_trace(scratch.file("trace.safetensors"), trace);
  return scratch.file("trace.safetensors");
}

}  // namespace fw::test
