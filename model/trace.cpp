// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/trace.h"

#include <algorithm>
#include <string_view>

namespace fw::model {
namespace {

bool has_token_axis(std::string_view name) { return name != "A_log" && name != "dt_bias" && !name.starts_with("initial_"); }

/// [1,T1,...], [1,T2,...], ... one behind the other.
Tensor<double> joined(const std::vector<const Tensor<float>*>& pieces) {
  std::vector<index_t> sizes = pieces.front()->shape().sizes();
  sizes[1] = 0;
  for (const Tensor<float>* piece : pieces) sizes[1] += piece->shape()[1];
  Tensor<double> out{Shape(std::move(sizes))};
  double* to = out.data();
  for (const Tensor<float>* piece : pieces) to = std::copy_n(piece->data(), piece->numel(), to);
  return out;
}

Inputs<double> joined(const std::vector<Inputs<float>>& pieces) {
  std::vector<std::vector<const Tensor<float>*>> columns;
  for (const Inputs<float>& piece : pieces) {
    std::size_t i = 0;
    for_each_input(piece, [&](const char*, const Tensor<float>& t) {
      if (columns.size() == i) columns.emplace_back();
      columns[i++].push_back(&t);
    });
  }
  Inputs<double> out;
  std::size_t i = 0;
  for_each_input(out, [&](const char* name, Tensor<double>& t) {
    const auto& column = columns[i++];
    if (column.front()->defined()) t = has_token_axis(name) ? joined(column) : column.front()->cast<double>();
  });
  return out;
}

}  // namespace

std::vector<index_t> recurrent_layers(const ModelConfig& config) {
  std::vector<index_t> layers;
  for (index_t l = 0; l < config.layers(); ++l)
    if (config.mixers[static_cast<std::size_t>(l)] != Variant::swa) layers.push_back(l);
  return layers;
}

TraceRecorder::TraceRecorder(const ModelConfig& config, TraceOptions options) : config_(config), options_(std::move(options)) {
  if (options_.states_every < 0) throw Error("trace: states_every must be at least 0, got " + std::to_string(options_.states_every));
  const std::vector<index_t> all = recurrent_layers(config);
  std::string known;
  for (const index_t l : all) known += (known.empty() ? "" : ", ") + std::to_string(l);
  if (all.empty()) throw Error("trace: the model must have a recurrent layer, got attention alone");
  if (options_.layers.empty()) options_.layers = all;
  for (const index_t l : options_.layers) {
    if (!std::count(all.begin(), all.end(), l))
      throw Error("trace: layers must be of the recurrent ones (" + known + "), got " + std::to_string(l));
    seen_[l];
  }
}

void TraceRecorder::observe(index_t layer, const Inputs<float>& in, const Options& options, const Outputs<float>& out) {
  const auto found = seen_.find(layer);
  if (found == seen_.end()) return;
  if (in.q.shape()[0] != 1) throw Error("trace: B must be 1, one sequence, got " + std::to_string(in.q.shape()[0]));
  Seen& seen = found->second;
  seen.options = options;
  seen.o.push_back(out.o);
  Inputs<float> piece = in;
  if (!seen.pieces.empty())
    piece.A_log = {}, piece.dt_bias = {}, piece.initial_state = {}, piece.initial_angle = {}, piece.initial_key = {},
    piece.initial_value = {};
  seen.pieces.push_back(std::move(piece));
}

Trace TraceRecorder::finish(const std::vector<std::int32_t>& tokens) const {
  Trace trace;
  trace.config = config_;
  trace.tokens.assign(tokens.begin(), tokens.end());
  trace.prompt = trace.length();
  const index_t T_ = trace.length(), every = options_.states_every;
  for (index_t t = every - 1; every > 0 && t < T_; t += every) trace.state_tokens.push_back(t);
  const double bytes = 4.0 * static_cast<double>(trace.state_tokens.size()) * static_cast<double>(seen_.size()) *
                       static_cast<double>(config_.value_heads()) * static_cast<double>(config_.head_k_dim) *
                       static_cast<double>(config_.head_v_dim);
  if (bytes > options_.max_bytes)
    throw Error("trace: states must take at most " + std::to_string(static_cast<index_t>(options_.max_bytes / 1048576.0)) + " MiB, got " +
                std::to_string(static_cast<index_t>(bytes / 1048576.0)) + " MiB (ask for the state after fewer tokens)");
  for (const auto& [number, seen] : seen_) {
    if (seen.pieces.empty()) throw Error("trace: layer " + std::to_string(number) + " must have seen tokens, got none");
    TraceLayer layer;
    layer.layer = number;
    layer.options = seen.options;
    layer.in = joined(seen.pieces);
    if (layer.in.q.shape()[1] != T_)
      throw Error("trace finish: tokens must be the " + std::to_string(layer.in.q.shape()[1]) + " that went through the model, got " +
                  std::to_string(T_));
    std::vector<const Tensor<float>*> o;
    for (const Tensor<float>& piece : seen.o) o.push_back(&piece);
    layer.o_backend = joined(o);
    replay(layer, trace.state_tokens, options_.threads);
    trace.layers.push_back(std::move(layer));
  }
  return trace;
}

CaseFile trace_case(const TraceLayer& layer) {
  CaseFile file;
  file.in = layer.in;
  file.options = layer.options;
  file.out = layer.out;
  if (layer.o_backend.defined()) file.out.o = layer.o_backend;
  const auto in_float = [&](const char* name, const Tensor<double>& t) {
    if (t.defined()) file.dtypes[name] = DType::f32;
  };
  for_each_input(file.in, in_float);
  for_each_output(file.out, in_float);
  file.metadata["layer"] = std::to_string(layer.layer);
  return file;
}

}  // namespace fw::model
