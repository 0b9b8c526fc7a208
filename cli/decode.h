// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What the parts of `fastweight decode` share: the options as typed, the model with what its folder says about its task, and
// the recording of a run. decode.cpp parses and continues a prompt, decode_task.cpp answers a task, decode_record.cpp writes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/checkpoint.h"
#include "model/sampler.h"
#include "model/tasks/task.h"
#include "model/trace.h"

namespace fw::cli {

struct DecodeOptions {
  std::string folder, prompt, tokens, task, settings, backend = "omp", trace, case_file;
  std::optional<index_t> length, top_k, states_every, index, count, layer;
  std::string seed = "0";
  std::optional<double> temperature;
  int threads = 0;
  bool json = false, prompt_given = false, tokens_given = false;
};

/// A model and what it was trained for, as far as known.
struct Subject {
  model::LoadedModel loaded;
  model::Notes notes;
  std::unique_ptr<model::Task> task;  ///< null: not known
  model::LanguageModel<float>& model() { return loaded.model; }
  /// A token for people: the task's name for it; #7 for one that the task does not have.
  std::string show(std::int32_t token) const;
};

/// "--seed": a whole number below 2^64.
std::uint64_t seed_from(const DecodeOptions& options);

/// Records while it lives, where --trace or --case ask for it; otherwise it does nothing.
class Recording {
 public:
  Recording(const DecodeOptions& options, Subject& subject);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  bool active() const { return recorder_ != nullptr; }
  /// Ends the recording and writes the files. `ran`: the tokens that went through the model; `prompt`: how many were given.
  void write(const std::vector<std::int32_t>& ran, index_t prompt, const std::vector<std::int32_t>& targets,
             const std::vector<std::int32_t>& predictions);

 private:
  const DecodeOptions& options_;
  Subject& subject_;
  std::unique_ptr<model::TraceRecorder> recorder_;
};

/// One sequence of the task's evaluation stream in full, and the accuracy over --count.
void answer_task(const DecodeOptions& options, Subject& subject);

}  // namespace fw::cli
