// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/config_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"

namespace fw::model {
namespace {

using Json = nlohmann::ordered_json;

struct ModelType {
  const char* name;
  const char* architecture;
  Variant mixer;
};
constexpr ModelType kTypes[] = {{"delta_net", "DeltaNetForCausalLM", Variant::delta},
                                {"gated_deltanet", "GatedDeltaNetForCausalLM", Variant::gdn},
                                {"kda", "KDAForCausalLM", Variant::kda},
                                {"gdn2", "GDN2ForCausalLM", Variant::gdn2}};

/// The type whose recurrent layers are all of one mixer, null when there is none.
const ModelType* type_of(const ModelConfig& c) {
  for (const ModelType& type : kTypes) {
    const auto fits = [&](Variant v) { return v == type.mixer || v == Variant::swa; };
    if (std::count(c.mixers.begin(), c.mixers.end(), type.mixer) && std::all_of(c.mixers.begin(), c.mixers.end(), fits)) return &type;
  }
  return nullptr;
}

/// Takes keys out of an object and remembers which.
class Reader {
 public:
  Reader(const Json& json, std::string name) : json_(json), name_(std::move(name)) {}

  [[noreturn]] void refuse(const std::string& key, const std::string& expected, const std::string& got) const {
    throw Error(name_ + ": " + key + " must be " + expected + ", got " + got);
  }
  bool has(const char* key) { return used_.insert(key), json_.contains(key) && !json_[key].is_null(); }
  template <class T>
  T get(const char* key, T otherwise) {
    return has(key) ? as<T>(key) : otherwise;
  }
  template <class T>
  T need(const char* key) {
    if (!has(key)) refuse(key, "given", "nothing");
    return as<T>(key);
  }
  const Json& at(const char* key) const { return json_[key]; }
  /// Nothing but this value can be computed here.
  template <class T>
  void only(const char* key, const std::vector<T>& values) {
    if (has(key) && std::find(values.begin(), values.end(), as<T>(key)) == values.end())
      refuse(key, Json(values).dump(), json_[key].dump());
  }
  std::vector<std::string> unused() const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : json_.items())
      if (!used_.count(key)) keys.push_back(key);
    return keys;
  }

 private:
  template <class T>
  T as(const char* key) const {
    const Json& value = json_[key];
    bool good = false;
    if constexpr (std::is_same_v<T, bool>)
      good = value.is_boolean();
    else if constexpr (std::is_integral_v<T>)
      good = value.is_number_integer();
    else if constexpr (std::is_floating_point_v<T>)
      good = value.is_number();
    else
      good = value.is_string();
    if (!good)
      refuse(key,
             std::is_same_v<T, bool>       ? "true or false"
             : std::is_integral_v<T>       ? "a whole number"
             : std::is_floating_point_v<T> ? "a number"
                                           : "a text",
             value.dump());
    return value.get<T>();
  }
  const Json& json_;
  std::string name_;
  std::set<std::string, std::less<>> used_;
};

/// A width given as a factor: must come out whole.
index_t whole(const Reader& r, const char* key, double x) {
  if (!(x >= 1 && std::abs(x - std::round(x)) < 1e-6)) r.refuse(key, "such that widths are whole numbers", std::to_string(x) + " channels");
  return static_cast<index_t>(std::llround(x));
}

void read_attention(Reader& r, ModelConfig& c, const std::string& name) {
  if (!r.has("attn")) return;
  const Json list = r.at("attn").is_array() ? r.at("attn") : Json::array({r.at("attn")});
  bool first = true;
  const ModelConfig before = c;
  for (const Json& one : list) {
    if (!one.is_object()) r.refuse("attn", "an object or a list of objects", one.dump());
    Reader a(one, name + ": attn");
    ModelConfig now = before;
    now.attn_num_heads = a.need<index_t>("num_heads");
    now.attn_num_kv_heads = a.get<index_t>("num_kv_heads", now.attn_num_heads);
    now.qkv_bias = a.get("qkv_bias", false);
    now.window_size = a.get<index_t>("window_size", r.get<index_t>("max_position_embeddings", 2048));
    now.rope_theta = a.get("rope_theta", 10000.0);
    if (!a.has("layers") || !a.at("layers").is_array())
      a.refuse("layers", "a list of layer numbers", a.has("layers") ? a.at("layers").dump() : "nothing");
    now.mixers = c.mixers;
    for (const Json& layer : a.at("layers")) {
      if (!layer.is_number_integer() || layer.get<index_t>() < 0 || layer.get<index_t>() >= c.layers())
        a.refuse("layers", "numbers below num_hidden_layers = " + std::to_string(c.layers()), layer.dump());
      now.mixers[layer.get<std::size_t>()] = Variant::swa;
    }
    if (!first && !(now.attn_num_heads == c.attn_num_heads && now.attn_num_kv_heads == c.attn_num_kv_heads && now.qkv_bias == c.qkv_bias &&
                    now.window_size == c.window_size && now.rope_theta == c.rope_theta))
      r.refuse("attn", "alike in all entries but for layers", list.dump());
    c = now;
    first = false;
  }
}

}  // namespace

std::string config_to_json(const ModelConfig& c) {
  check_config(c);
  const ModelType* type = type_of(c);
  Json j;
  j["model_type"] = type ? type->name : "fastweight";
  j["architectures"] = {type ? type->architecture : "FastweightForCausalLM"};
  j["hidden_size"] = c.hidden_size;
  j["num_hidden_layers"] = c.layers();
  j["num_heads"] = c.num_heads;
  // that library's delta_net has no such key
  if (!type || type->mixer != Variant::delta || c.value_heads() != c.num_heads) j["num_v_heads"] = c.value_heads();
  const double d = static_cast<double>(c.hidden_size), K = static_cast<double>(c.head_k_dim), V = static_cast<double>(c.head_v_dim);
  if (type && type->mixer == Variant::delta) {
    j["expand_k"] = K * static_cast<double>(c.num_heads) / d;
    j["expand_v"] = V * static_cast<double>(c.num_heads) / d;
  } else {
    j["head_dim"] = c.head_k_dim;
    j["expand_v"] = V / K;
  }
  j["use_short_conv"] = c.conv_size > 0;
  j["conv_size"] = c.conv_size;
  j["use_gate"] = c.use_gate;
  j["allow_neg_eigval"] = c.allow_neg_eigval;
  j["hidden_ratio"] = c.hidden_ratio;
  if (c.intermediate_size < 0)
    j["intermediate_size"] = nullptr;
  else
    j["intermediate_size"] = c.intermediate_size;
  j["hidden_act"] = "swish";
  j["norm_eps"] = c.norm_eps;
  j["vocab_size"] = c.vocab_size;
  j["tie_word_embeddings"] = c.tie_word_embeddings;
  j["initializer_range"] = c.initializer_range;
  Json layers = Json::array(), mixers = Json::array();
  for (std::size_t i = 0; i < c.mixers.size(); ++i) {
    mixers.push_back(std::string(info(c.mixers[i]).name));
    if (c.mixers[i] == Variant::swa) layers.push_back(i);
  }
  j["attn"] = nullptr;
  if (!layers.empty())
    j["attn"] = {{"layers", layers},       {"num_heads", c.attention_heads()}, {"num_kv_heads", c.attention_kv_heads()},
                 {"qkv_bias", c.qkv_bias}, {"window_size", c.window_size},     {"rope_theta", c.rope_theta}};
  j["mixers"] = mixers;
  j["head_k_dim"] = c.head_k_dim;
  j["head_v_dim"] = c.head_v_dim;
  j["output_gate_act"] = std::string(name_of(c.output_gate_act));
  j["qk_l2norm"] = c.qk_l2norm;
  j["gla_rank"] = c.gla_rank;
  j["rotary_pairs"] = c.pairs();
  j["initialisation"] = std::string(name_of(c.initialisation));
  return j.dump(2) + "\n";
}

ReadConfig config_from_json(std::string_view text, std::string_view file) {
  const std::string name(file);
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object())
    throw Error(name + ": must be a JSON object, got " + (json.is_discarded() ? "what is no JSON" : json.dump().substr(0, 40)));
  Reader r(json, name);
  const std::string type = r.need<std::string>("model_type");
  const ModelType* known = nullptr;
  for (const ModelType& one : kTypes)
    if (type == one.name) known = &one;
  if (!known && type != "fastweight") r.refuse("model_type", "one of delta_net, gated_deltanet, kda, gdn2, fastweight", "\"" + type + "\"");
  const Variant mixer = known ? known->mixer : Variant::gdn2;

  ModelConfig c;
  c.hidden_size = r.need<index_t>("hidden_size");
  c.vocab_size = r.need<index_t>("vocab_size");
  c.num_heads = r.need<index_t>("num_heads");
  const index_t layers = r.need<index_t>("num_hidden_layers");
  if (layers < 1 || layers > 100000) r.refuse("num_hidden_layers", "in 1..100000", std::to_string(layers));
  if (c.num_heads < 1) r.refuse("num_heads", "at least 1", std::to_string(c.num_heads));
  c.mixers = uniform_stack(mixer, layers);
  c.num_v_heads = r.get<index_t>("num_v_heads", c.num_heads);
  const double per_head = static_cast<double>(c.hidden_size) / static_cast<double>(c.num_heads);
  if (mixer == Variant::delta) {
    c.head_k_dim = whole(r, "expand_k", r.get("expand_k", 1.0) * per_head);
    c.head_v_dim = whole(r, "expand_v", r.get("expand_v", 1.0) * per_head);
  } else {
    c.head_k_dim = r.get<index_t>("head_dim", mixer == Variant::gdn ? 256 : 128);
    c.head_v_dim = whole(r, "expand_v", r.get("expand_v", mixer == Variant::gdn ? 2.0 : 1.0) * static_cast<double>(c.head_k_dim));
  }
  c.head_k_dim = r.get<index_t>("head_k_dim", c.head_k_dim);
  c.head_v_dim = r.get<index_t>("head_v_dim", c.head_v_dim);
  c.conv_size = r.get<index_t>("conv_size", 4);
  if (!r.get("use_short_conv", true)) c.conv_size = 0;
  c.use_gate = r.get("use_gate", mixer != Variant::delta);
  c.allow_neg_eigval = r.get("allow_neg_eigval", false);
  c.hidden_ratio = r.get<index_t>("hidden_ratio", 4);
  c.intermediate_size = r.get<index_t>("intermediate_size", -1);
  c.norm_eps = r.get("norm_eps", 1e-6);
  c.tie_word_embeddings = r.get("tie_word_embeddings", false);
  c.initializer_range = r.get("initializer_range", 0.02);
  read_attention(r, c, name);
  if (r.has("mixers")) {
    if (!r.at("mixers").is_array() || static_cast<index_t>(r.at("mixers").size()) != layers)
      r.refuse("mixers", "a list of " + std::to_string(layers) + " names", r.at("mixers").dump());
    for (std::size_t i = 0; i < c.mixers.size(); ++i) {
      if (!r.at("mixers")[i].is_string()) r.refuse("mixers", "a list of names", r.at("mixers").dump());
      c.mixers[i] = variant_from_name(r.at("mixers")[i].get<std::string>());
    }
  }
  const bool sigmoid = known && (mixer == Variant::kda || mixer == Variant::gdn2);
  c.output_gate_act = gate_activation_from_name(r.get<std::string>("output_gate_act", sigmoid ? "sigmoid" : "silu"));
  c.qk_l2norm = r.get("qk_l2norm", true);
  c.gla_rank = r.get<index_t>("gla_rank", 16);
  c.rotary_pairs = r.get<index_t>("rotary_pairs", -1);
  c.initialisation = initialisation_from_name(r.get<std::string>("initialisation", "fla"));
  r.only<std::string>("hidden_act", {"swish", "silu"});
  r.only<std::string>("qk_activation", {"silu"});
  r.only<std::string>("qk_norm", {"l2"});
  r.only<bool>("use_beta", {true});
  r.only<bool>("use_output_norm", {true});
  r.only<bool>("conv_bias", {false});
  r.only<bool>("safe_gate", {false});
  r.only<bool>("norm_first", {false});
  if (r.has("attnres_block_size")) r.refuse("attnres_block_size", "null", r.at("attnres_block_size").dump());
  // said by others, or of no meaning for the numbers
  for (const char* key : {"architectures",      "attn_mode",    "max_position_embeddings",
                          "bos_token_id",       "eos_token_id", "pad_token_id",
                          "torch_dtype",        "dtype",        "transformers_version",
                          "use_cache",          "fuse_norm",    "fuse_swiglu",
                          "fuse_cross_entropy", "use_l2warp",   "lower_bound",
                          "elementwise_affine", "norm_first",   "fuse_linear_cross_entropy",
                          "expand_k",           "expand_v",     "head_dim"})
    r.has(key);
  check_config(c);
  return {c, r.unused()};
}

}  // namespace fw::model
