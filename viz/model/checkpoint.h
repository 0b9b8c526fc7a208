// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A trained model with what its folder says about its task: words for tokens, tokens for words.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/language_model.h"
#include "model/tasks/task.h"

namespace fw::viz {

struct Checkpoint {
  std::string path, fingerprint;
  model::LanguageModel<float> model;
  std::unique_ptr<model::Task> task;  ///< null: not known
  bool bytes = false;                 ///< tokens are bytes of a text

  /// The task's word, a letter of a text, or "#7".
  std::string show(std::int32_t token) const;
  /// Bytes of a text, else words of the task and numbers such as 7 or #7, with blanks between. Throws on others and on none.
  std::vector<std::int32_t> tokens_of(std::string_view prompt) const;
};

/// A byte of a text for people: "a", "' '", "\\n", "\\xff".
std::string letter(std::int32_t byte);
/// 64 bits of config.json and the weights, in hexadecimal. Throws when the folder is none.
std::string fingerprint_of(const std::string& folder);
/// Throws fw::Error: no such folder, files that do not fit, a fingerprint (when one is given) that is not theirs, a task with
/// more tokens than the model. Empty task and settings: those of the checkpoint.
std::shared_ptr<Checkpoint> load_checkpoint(const std::string& folder, const std::string& fingerprint, const std::string& task,
                                            const std::string& settings);

}  // namespace fw::viz
