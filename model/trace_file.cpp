// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Traces as files: names and metadata of docs/trace.md. What is read may come from anywhere and is checked before it is believed.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "core/safetensors_header.h"
#include "model/config_json.h"
#include "model/trace.h"

namespace fw::model {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "fastweight-trace";
constexpr const char* kConventions =
    "tensors [1,T,heads,width], states [n,HV,Dk,Dv] (rows: key channels) after the tokens state_tokens; q k v g b w beta as the rule takes "
    "them: "
    "after convolution, SiLU, normalisation and activation; g is a natural logarithm; value head j reads key head j / (HV/H); "
    "S_decayed = Diag(exp g) S, r = S_decayed^T e, S = S_decayed + k (z - r)^T, delta = z - r, o = scale S^T q with S after the edit";

std::string prefix_of(index_t layer) { return "layers." + std::to_string(layer) + "."; }

/// f(name, tensor) for everything of a layer that the file holds, states aside.
template <class Layer, class F>
void for_each_tensor(Layer& layer, F&& f) {
  for_each_input(layer.in, f);
  for_each_output(layer.out, f);
  f("e", layer.e), f("r", layer.r), f("z", layer.z), f("delta", layer.delta);
  f("q_rotated", layer.q_rotated), f("k_rotated", layer.k_rotated), f("o_backend", layer.o_backend);
}

AnyTensor from_floats(const Tensor<float>& values) {
  AnyTensor out(DType::f32, values.shape());
  if (values.numel() > 0) std::memcpy(out.bytes().data(), values.data(), out.bytes().size());
  return out;
}

/// One file being read; every refusal names it.
class Reader {
 public:
  Reader(const TensorFile& file, const std::string& name) : file_(file), name_(name) {}

  [[noreturn]] void refuse(const std::string& what, const std::string& expected, const std::string& got) const {
    throw Error("read_trace: " + name_ + ": " + what + " must be " + expected + ", got " + got);
  }
  const std::string& text(const std::string& key, const std::string& expected) const {
    const auto found = file_.metadata.find(key);
    if (found == file_.metadata.end()) refuse("metadata " + key, expected, "nothing");
    return found->second;
  }
  double number(const std::string& key) const {
    const std::string& given = text(key, "a number");
    double value = 0;
    const auto [at, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (error != std::errc() || at != given.data() + given.size() || !std::isfinite(value))
      refuse("metadata " + key, "a number", quoted_name(given));
    return value;
  }
  bool flag(const std::string& key) const {
    const std::string& given = text(key, "true or false");
    if (given != "true" && given != "false") refuse("metadata " + key, "true or false", quoted_name(given));
    return given == "true";
  }
  const AnyTensor* find(const std::string& name) {
    used_.insert(name);
    const auto found = file_.tensors.find(name);
    return found == file_.tensors.end() ? nullptr : &found->second;
  }
  /// Whole numbers [n] in [low, high].
  std::vector<index_t> whole(const std::string& name, index_t low, index_t high, bool required) {
    const AnyTensor* tensor = find(name);
    if (!tensor) {
      if (required) refuse("tensor " + name, "there", "nothing");
      return {};
    }
    if (is_floating(tensor->dtype()) || tensor->shape().rank() != 1)
      refuse("tensor " + name, "whole numbers [n]", std::string(dtype_name(tensor->dtype())) + " " + tensor->shape().str());
    std::vector<index_t> values = tensor->to_indices();
    for (const index_t value : values)
      if (value < low || value > high)
        refuse("tensor " + name, "in [" + std::to_string(low) + "," + std::to_string(high) + "]", std::to_string(value));
    return values;
  }
  /// Floating, of this shape; -inf is legal in g alone.
  Tensor<double> numbers(const std::string& name, const Shape& shape, bool logarithm) {
    const AnyTensor* tensor = find(name);
    if (!tensor) refuse("tensor " + name, "there, " + shape.str(), "nothing");
    if (!is_floating(tensor->dtype())) refuse("tensor " + name, "of a floating type", std::string(dtype_name(tensor->dtype())));
    if (tensor->shape() != shape) refuse("tensor " + name, shape.str(), tensor->shape().str());
    Tensor<double> values = tensor->to_double();
    for (index_t i = 0; i < values.numel(); ++i)
      if (!std::isfinite(values[i]) && !(logarithm && values[i] < 0))
        refuse("tensor " + name, "finite", std::to_string(values[i]) + " at " + std::to_string(i));
    return values;
  }
  std::vector<std::string> unused() const {
    std::vector<std::string> rest;
    for (const auto& [name, tensor] : file_.tensors)
      if (!used_.count(name)) rest.push_back(name);
    return rest;
  }

 private:
  const TensorFile& file_;
  std::string name_;
  std::set<std::string> used_;
};

/// The shape that a tensor of a layer must have; rank 0: the rule has no such tensor. `given`: what the file has.
Shape expected_shape(std::string_view name, const ModelConfig& c, Variant variant, index_t T_, const Shape& given) {
  const VariantInfo& rule = info(variant);
  const bool mamba3 = variant == Variant::mamba3;
  const index_t H = c.num_heads, HV = c.value_heads(), K = c.head_k_dim, V = c.head_v_dim, P = c.pairs();
  const index_t heads = given.rank() > 2 && given[2] == H ? H : HV;  // g and b may belong to key heads or value heads
  if (name == "q" || name == "k") return {1, T_, H, K};
  if (name == "v" || name == "o" || name == "o_backend") return {1, T_, HV, V};
  if (name == "g")
    return mamba3 || rule.decay == Decay::scalar ? Shape{1, T_, heads} : rule.decay == Decay::channel ? Shape{1, T_, heads, K} : Shape{};
  if (name == "final_state" || name == "initial_state") return {1, HV, K, V};
  if (mamba3) {
    if (name == "dt" || name == "lambda") return {1, T_, HV};
    if (name == "theta") return P > 0 ? Shape{1, T_, HV, P} : Shape{};
    if (name == "final_angle" || name == "initial_angle") return P > 0 ? Shape{1, HV, P} : Shape{};
    if (name == "final_key" || name == "initial_key") return {1, HV, K};
    if (name == "final_value" || name == "initial_value") return {1, HV, V};
    if (name == "q_rotated" || name == "k_rotated") return {1, T_, HV, K};
    return {};
  }
  const bool gates = rule.erase == Erase::channel || rule.erase == Erase::mean || rule.write == Write::channel || rule.write == Write::mean;
  if (name == "b") return gates ? Shape{1, T_, heads, K} : Shape{};
  if (name == "w") return gates ? Shape{1, T_, HV, V} : Shape{};
  if (name == "beta") return !gates && rule.erase == Erase::scalar ? Shape{1, T_, HV} : Shape{};
  if (name == "e") return {1, T_, HV, K};
  if (name == "r" || name == "z" || name == "delta") return {1, T_, HV, V};
  return {};
}

TraceLayer read_layer(Reader& read, const Trace& trace, index_t number) {
  const std::string prefix = prefix_of(number);
  TraceLayer layer;
  layer.layer = number;
  const Variant expected = trace.config.mixers[static_cast<std::size_t>(number)];
  const std::string& variant = read.text(prefix + "variant", std::string(info(expected).name));
  if (variant != info(expected).name)
    read.refuse("metadata " + prefix + "variant", std::string(info(expected).name) + ", as in the configuration", quoted_name(variant));
  layer.options.variant = expected;
  layer.options.scale = read.number(prefix + "scale");
  layer.unit_qk = read.flag(prefix + "unit_qk");
  for_each_tensor(layer, [&](std::string_view name, Tensor<double>& tensor) {
    const std::string full = prefix + std::string(name);
    const AnyTensor* given = read.find(full);
    const Shape shape = expected_shape(name, trace.config, expected, trace.length(), given ? given->shape() : Shape{});
    const bool optional = name.starts_with("initial_") || name == "o_backend";
    if (shape.rank() == 0 && given)
      read.refuse("tensor " + full, "absent (" + std::string(info(expected).name) + " has none)", given->shape().str());
    if (shape.rank() > 0 && (given || !optional)) tensor = read.numbers(full, shape, name == "g");
  });
  const index_t n = static_cast<index_t>(trace.state_tokens.size());
  if (n > 0)
    layer.states = read.numbers(prefix + "states", {n, trace.config.value_heads(), trace.config.head_k_dim, trace.config.head_v_dim}, false)
                       .cast<float>();
  check_inputs(("read_trace: " + prefix.substr(0, prefix.size() - 1)).c_str(), layer.in, layer.options);
  return layer;
}

std::map<index_t, std::string> names_from(const Reader& read, const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  std::map<index_t, std::string> names;
  if (!json.is_object()) read.refuse("metadata token_names", "a JSON object {\"7\": \"k3\", ...}", quoted_name(text));
  for (const auto& [key, value] : json.items()) {
    if (key.empty() || key.size() > 10 || key.find_first_not_of("0123456789") != std::string::npos || !value.is_string())
      read.refuse("metadata token_names", "a JSON object {\"7\": \"k3\", ...}", quoted_name(key));
    names[std::stoll(key)] = value.get<std::string>();
  }
  return names;
}

/// "0,2,5"
std::vector<index_t> layers_from(const Reader& read, const std::string& text, const ModelConfig& config) {
  std::vector<index_t> layers;
  const std::vector<index_t> all = recurrent_layers(config);
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    index_t layer = -1;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, layer);
    if (error != std::errc() || stop != text.data() + end || !std::count(all.begin(), all.end(), layer) ||
        (!layers.empty() && layer <= layers.back()))
      read.refuse("metadata layers", "recurrent layers of the configuration, ascending, like 0,2", quoted_name(text));
    layers.push_back(layer);
    at = end + 1;
  }
  return layers;
}

}  // namespace

TensorFile to_tensor_file(const Trace& trace) {
  TensorFile file;
  auto& m = file.metadata;
  m = {{"format", kFormat}, {"version", "1"}, {"conventions", kConventions}, {"layout", "BTHK"}, {"state_layout", "KV"}};
  m["config"] = config_to_json(trace.config);
  m["prompt"] = std::to_string(trace.prompt);
  Json names = Json::object();
  for (const auto& [token, name] : trace.names) names[std::to_string(token)] = name;
  if (!names.empty()) m["token_names"] = names.dump(-1, ' ', true, Json::error_handler_t::replace);
  for (const auto& [key, text] : trace.notes) m["note." + key] = text;
  file.tensors["tokens"] = AnyTensor::from_indices(trace.tokens);
  if (!trace.targets.empty()) file.tensors["targets"] = AnyTensor::from_indices(trace.targets);
  if (!trace.predictions.empty()) file.tensors["predictions"] = AnyTensor::from_indices(trace.predictions);
  if (!trace.state_tokens.empty()) file.tensors["state_tokens"] = AnyTensor::from_indices(trace.state_tokens);
  for (const TraceLayer& layer : trace.layers) {
    const std::string prefix = prefix_of(layer.layer);
    m["layers"] += (m["layers"].empty() ? "" : ",") + std::to_string(layer.layer);
    m[prefix + "variant"] = info(layer.options.variant).name;
    m[prefix + "scale"] = Json(layer.options.scale).dump();
    m[prefix + "unit_qk"] = layer.unit_qk ? "true" : "false";
    for_each_tensor(layer, [&](const char* name, const Tensor<double>& t) {
      if (t.defined()) file.tensors[prefix + name] = AnyTensor::from(t, DType::f32);
    });
    if (layer.states.defined()) file.tensors[prefix + "states"] = from_floats(layer.states);
  }
  return file;
}

void write_trace(const std::string& path, const Trace& trace) { write_safetensors(path, to_tensor_file(trace)); }

Trace read_trace(const TensorFile& file, const std::string& name) {
  Reader read(file, name);
  if (const std::string& format = read.text("format", kFormat); format != kFormat)
    read.refuse("metadata format", kFormat, quoted_name(format));
  if (const std::string& version = read.text("version", "1"); version != "1") read.refuse("metadata version", "1", quoted_name(version));
  Trace trace;
  trace.config = config_from_json(read.text("config", "the configuration as JSON"), name + " (metadata config)").config;
  check_config(trace.config);
  const index_t vocab = trace.config.vocab_size;
  trace.tokens = read.whole("tokens", 0, vocab - 1, true);
  if (trace.tokens.empty()) read.refuse("tensor tokens", "at least one token", "none");
  trace.targets = read.whole("targets", -1, vocab - 1, false);
  trace.predictions = read.whole("predictions", 0, vocab - 1, false);
  for (const auto& [what, list] : {std::pair{"targets", &trace.targets}, {"predictions", &trace.predictions}})
    if (!list->empty() && list->size() != trace.tokens.size())
      read.refuse(std::string("tensor ") + what, "as long as tokens, " + std::to_string(trace.length()), std::to_string(list->size()));
  trace.state_tokens = read.whole("state_tokens", 0, trace.length() - 1, false);
  if (std::adjacent_find(trace.state_tokens.begin(), trace.state_tokens.end(), std::greater_equal<>()) != trace.state_tokens.end())
    read.refuse("tensor state_tokens", "ascending", "another order");
  const double prompt = read.number("prompt");
  if (prompt < 0 || prompt > static_cast<double>(trace.length()) || prompt != std::floor(prompt))
    read.refuse("metadata prompt", "a whole number of tokens up to " + std::to_string(trace.length()), read.text("prompt", ""));
  trace.prompt = static_cast<index_t>(prompt);
  if (const auto names = file.metadata.find("token_names"); names != file.metadata.end()) trace.names = names_from(read, names->second);
  for (const auto& [key, text] : file.metadata)
    if (key.starts_with("note.")) trace.notes[key.substr(5)] = text;
  for (const index_t layer : layers_from(read, read.text("layers", "the recorded layers, like 0,2"), trace.config))
    trace.layers.push_back(read_layer(read, trace, layer));
  trace.ignored = read.unused();
  return trace;
}

Trace read_trace(const std::string& path) { return read_trace(read_safetensors(path), path); }

}  // namespace fw::model
