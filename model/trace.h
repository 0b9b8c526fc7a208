// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A trace: one sequence through a model, with everything its rules saw and did, for a viewer and for authors of kernels.
//   TraceRecorder recorder(model.config(), options);  model.observer = &recorder;
//   ... model.continued(...) as often as needed ...   model.observer = nullptr;
//   Trace trace = recorder.finish(tokens);            write_trace("out.safetensors", trace);
// The recorder keeps what a model hands to its rules; finish() normalises and activates it as the naive reference does, rounds
// it to float, and lets the naive reference in double go over it token by token: there is no second implementation of a rule,
// and whoever replays the inputs of a trace gets its outputs. Attention layers leave nothing behind. The file: docs/trace.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/case_file.h"
#include "model/mixer.h"

namespace fw::model {

/// One recurrent layer. T tokens of one sequence; values are exact in float.
struct TraceLayer {
  index_t layer = 0;
  Options options;                      ///< variant and scale; no normalisation or activation is left to the rule
  bool unit_qk = false;                 ///< q and k were divided by their lengths before they came here
  Inputs<double> in;                    ///< [1,T,...] as core/problem.h; initial_* where the recording began in the middle
  Tensor<double> e;                     ///< [1,T,HV,Dk] erase direction; this and the next three: delta family only
  Tensor<double> r, z, delta;           ///< [1,T,HV,Dv] answer of the memory, what is to be written, z - r
  Tensor<double> q_rotated, k_rotated;  ///< [1,T,HV,Dk] Mamba-3 only
  Outputs<double> out;                  ///< of the naive reference: o, final_*
  Tensor<double> o_backend;             ///< [1,T,HV,Dv] what the model's backend gave for o
  Tensor<float> states;                 ///< [n,HV,Dk,Dv] after the tokens of Trace::state_tokens
};

struct Trace {
  std::vector<index_t> tokens;               ///< [T] that went through the model
  std::vector<index_t> targets;              ///< [T] right answers, -1: not scored; or empty
  std::vector<index_t> predictions;          ///< [T] likeliest next token after each; or empty
  index_t prompt = 0;                        ///< how many of the tokens were given, not drawn
  std::vector<index_t> state_tokens;         ///< tokens after which states were kept, ascending
  std::map<index_t, std::string> names;      ///< of tokens that occur, where known
  std::map<std::string, std::string> notes;  ///< of the caller
  ModelConfig config;
  std::vector<TraceLayer> layers;    ///< ascending
  std::vector<std::string> ignored;  ///< by read_trace: tensors that mean nothing here

  index_t length() const { return static_cast<index_t>(tokens.size()); }
};

struct TraceOptions {
  index_t states_every = 1;         ///< keep the state after every n-th token; 0: none
  std::vector<index_t> layers;      ///< empty: all recurrent ones
  double max_bytes = 4294967296.0;  ///< refuse states beyond this
  int threads = 1;                  ///< of the replay; 0: all cores
};

class TraceRecorder final : public RuleObserver<float> {
 public:
  /// Throws when a layer does not exist or is attention.
  TraceRecorder(const ModelConfig& config, TraceOptions options);
  /// One sequence (B = 1), pieces in order.
  void observe(index_t layer, const Inputs<float>& in, const Options& options, const Outputs<float>& out) override;
  /// Replays all that was seen. `tokens`: those that went through the model since this was made.
  Trace finish(const std::vector<std::int32_t>& tokens) const;

 private:
  struct Seen {
    Options options;
    std::vector<Inputs<float>> pieces;
    std::vector<Tensor<float>> o;
  };
  ModelConfig config_;
  TraceOptions options_;
  std::map<index_t, Seen> seen_;
};

/// The recurrent layers of a stack.
std::vector<index_t> recurrent_layers(const ModelConfig& config);
/// Everything but in, options and o_backend, from in and options. state_tokens: after which tokens to keep the state.
void replay(TraceLayer& layer, const std::vector<index_t>& state_tokens, int threads);

TensorFile to_tensor_file(const Trace& trace);
void write_trace(const std::string& path, const Trace& trace);
/// Checks names, types, shapes, ranges and finiteness of everything against the configuration in the file; throws Error with
/// the file, what was expected and what came.
Trace read_trace(const std::string& path);
/// The same from a file in memory; `name` stands for it in messages.
Trace read_trace(const TensorFile& file, const std::string& name);

/// A layer as a case file for `fastweight verify`: the inputs, o as the backend gave it, the final state.
CaseFile trace_case(const TraceLayer& layer);

}  // namespace fw::model
