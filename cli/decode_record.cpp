// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight decode --trace and --case: what the rules saw and did, as files.
#include "decode.h"

namespace fw::cli {
namespace {

model::TraceOptions recorder_options(const DecodeOptions& options, const model::ModelConfig& config) {
  model::TraceOptions wanted;
  wanted.threads = options.threads;
  wanted.states_every = options.trace.empty() ? 0 : options.states_every.value_or(1);
  if (!options.layer && options.trace.empty()) {
    const std::vector<index_t> all = model::recurrent_layers(config);
    if (!all.empty()) wanted.layers = {all.front()};
  }
  if (options.layer) wanted.layers = {*options.layer};
  return wanted;
}

}  // namespace

Recording::Recording(const DecodeOptions& options, Subject& subject) : options_(options), subject_(subject) {
  if (options.trace.empty() && options.case_file.empty()) return;
  recorder_ = std::make_unique<model::TraceRecorder>(subject.model().config(), recorder_options(options, subject.model().config()));
  subject.model().observer = recorder_.get();
}

Recording::~Recording() { subject_.model().observer = nullptr; }

void Recording::write(const std::vector<std::int32_t>& ran, index_t prompt, const std::vector<std::int32_t>& targets,
                      const std::vector<std::int32_t>& predictions) {
  subject_.model().observer = nullptr;
  if (!recorder_) return;
  model::Trace trace = recorder_->finish(ran);
  trace.prompt = prompt;
  trace.targets.assign(targets.begin(), targets.end());
  trace.predictions.assign(predictions.begin(), predictions.end());
  trace.notes = {{"backend", std::string(subject_.model().backend_name())}};
  if (subject_.task) {
    trace.notes["task"] = subject_.task->name();
    trace.notes["settings"] = subject_.task->parameters().str();
    for (const std::vector<index_t>* list : {&trace.tokens, &trace.targets, &trace.predictions})
      for (const index_t token : *list)
        if (token >= 0) trace.names[token] = subject_.show(static_cast<std::int32_t>(token));
  }
  if (!options_.trace.empty()) model::write_trace(options_.trace, trace);
  if (!options_.case_file.empty()) write_safetensors(options_.case_file, to_tensor_file(model::trace_case(trace.layers.front())));
}

}  // namespace fw::cli
