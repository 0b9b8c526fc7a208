// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Which trained checkpoint is looked into, what it is given to read, and which of its memories is shown. Small and replayable:
// the tokens drawn follow from it, so undo and sessions need no more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace fw::viz {

struct ModelSource {
  std::string path;                   ///< folder with config.json and model.safetensors
  std::string fingerprint;            ///< of these files; empty: whatever they hold. Others are refused
  std::optional<std::string> prompt;  ///< words of the task, or text for a model of bytes; absent: a sequence of the task
  int example = 0;                    ///< which one of the evaluation stream
  std::string task, settings;         ///< over what the checkpoint says of itself; empty: as it says
  double temperature = 0.0;           ///< 0: the likeliest token
  int top_k = 0;                      ///< draw among the k likeliest; 0: all
  std::uint64_t seed = 0;
  int drawn = 0;       ///< tokens decoded after the prompt
  int layer = -1;      ///< number in the stack; -1: the first with a memory to show
  int head = 0;        ///< value head
  bool rerun = false;  ///< B's gates rule in all layers and heads, and the whole model is run again; else this head alone

  /// Of one checkpoint, do both read the same tokens, up to how many were drawn?
  bool same_text(const ModelSource& o) const {
    return prompt == o.prompt && example == o.example && temperature == o.temperature && top_k == o.top_k && seed == o.seed;
  }
  bool operator==(const ModelSource&) const = default;
};

}  // namespace fw::viz
