// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/safetensors.h"
#include "model/checkpoint_files.h"
#include "model/config_json.h"
#include "model/fla_reference.h"
#include "model/model_fixture.h"
#include "support/results.h"
#include "support/scratch.h"

namespace fw::test {
namespace {

void write_file(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

/// A folder as flash-linear-attention would save it: tensors by that library's names and shapes, its own keys only.
struct FlaCase {
  std::string json;
  std::vector<std::pair<std::string, Shape>> tensors;  ///< of a layer's attn
  FlaReference reference;
};

/// d = 16, 2 heads of 8, two layers; value heads 2 or 4 of width 4; the second layer attends where hybrid.
FlaCase fla_case(const std::string& type, bool hybrid) {
  const bool delta = type == "delta_net", gdn = type == "gated_deltanet", gdn2 = type == "gdn2", kda = type == "kda";
  const index_t d = 16, H = 2, K = 8, V = 4, HV = delta ? 2 : 4;
  FlaCase c;
  c.json = R"({"model_type": ")" + type + R"(", "hidden_size": 16, "num_heads": 2, "num_hidden_layers": 2, "vocab_size": 13,
    "intermediate_size": 24, "norm_eps": 1e-5, "conv_size": 4, "attn_mode": "chunk", "fuse_norm": true, "allow_neg_eigval": true,)";
  c.json += delta ? R"("expand_k": 1, "expand_v": 0.5)" : R"("head_dim": 8, "expand_v": 0.5, "num_v_heads": 4)";
  c.json += std::string(R"(, "tie_word_embeddings": )") + (gdn ? "true" : "false");
  if (hybrid) c.json += R"(, "attn": {"layers": [1], "num_heads": 4, "num_kv_heads": 2, "window_size": 5})";
  c.json += "}";
  c.tensors = {{"q_proj.weight", {H * K, d}},
               {"k_proj.weight", {H * K, d}},
               {"v_proj.weight", {HV * V, d}},
               {"q_conv1d.weight", {H * K, 1, 4}},
               {"k_conv1d.weight", {H * K, 1, 4}},
               {"v_conv1d.weight", {HV * V, 1, 4}},
               {"b_proj.weight", {gdn2 ? H * K : HV, d}},
               {"o_norm.weight", {V}},
               {"o_proj.weight", {d, HV * V}}};
  const auto add = [&](const char* name, Shape shape) { c.tensors.emplace_back(name, shape); };
  if (gdn2) add("w_proj.weight", {HV * V, d});
  if (gdn) add("a_proj.weight", {HV, d}), add("g_proj.weight", {HV * V, d}), add("A_log", {HV}), add("dt_bias", {HV});
  if (gdn2 || kda) {
    const index_t heads = gdn2 ? H : HV;
    add("f_proj.0.weight", {V, d}), add("f_proj.1.weight", {heads * K, V}), add("A_log", {heads}), add("dt_bias", {heads * K});
    add("g_proj.0.weight", {V, d}), add("g_proj.1.weight", {HV * V, V}), add("g_proj.1.bias", {HV * V});
  }
  FlaReference& r = c.reference;
  r.type = type, r.heads = H, r.value_heads = HV, r.attention_heads = 4, r.kv_heads = 2, r.window = 5, r.eps = 1e-5;
  r.negative = true, r.gate = !delta, r.sigmoid_gate = kda || gdn2;
  return c;
}

TensorFile fla_tensors(const FlaCase& c, bool hybrid, bool tied, DType dtype) {
  std::vector<std::pair<std::string, Shape>> all{{"model.embeddings.weight", {13, 16}}, {"model.norm.weight", {16}}};
  if (!tied) all.push_back({"lm_head.weight", {13, 16}});
  for (int n = 0; n < 2; ++n) {
    const std::string layer = "model.layers." + std::to_string(n) + ".";
    for (const auto& [name, shape] : std::vector<std::pair<std::string, Shape>>{{"attn_norm.weight", {16}},
                                                                                {"mlp_norm.weight", {16}},
                                                                                {"mlp.gate_proj.weight", {24, 16}},
                                                                                {"mlp.up_proj.weight", {24, 16}},
                                                                                {"mlp.down_proj.weight", {16, 24}}})
      all.push_back({layer + name, shape});
    const std::vector<std::pair<std::string, Shape>> attention{
        {"q_proj.weight", {16, 16}}, {"k_proj.weight", {8, 16}}, {"v_proj.weight", {8, 16}}, {"o_proj.weight", {16, 16}}};
    for (const auto& [name, shape] : hybrid&& n == 1 ? attention : c.tensors) all.push_back({layer + "attn." + name, shape});
  }
  TensorFile file;
  for (const auto& [name, shape] : all) {
    Tensor<double> t(shape);
    const Random random(21, name);
    for (index_t i = 0; i < t.numel(); ++i)
      t[i] = (name.find("norm") != std::string::npos ? 1.0 : 0.0) + 0.3 * random.normal(static_cast<std::uint64_t>(i));
    file.tensors[name] = AnyTensor::from(t, dtype);
  }
  return file;
}

Tensor<double> reference_logits(const FlaCase& c, const TensorFile& file, const std::vector<std::int32_t>& tokens) {
  FlaReference reference = c.reference;
  reference.file = &file;
  const FlaReference::Rows rows = reference.logits(tokens, 2);
  Tensor<double> out({1, static_cast<index_t>(rows.size()), 13});
  for (std::size_t t = 0; t < rows.size(); ++t) std::copy(rows[t].begin(), rows[t].end(), out.row(0, t));
  return out;
}

bool same_numbers(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

TEST_SUITE("model") {
  TEST_CASE("checkpoint: one in flash-linear-attention's format gives the same logits") {
    for (const std::string type : {"delta_net", "gated_deltanet", "kda", "gdn2"})
      for (const bool hybrid : {false, true})
        for (const DType dtype : {DType::f32, DType::bf16}) {
          CAPTURE(type);
          CAPTURE(hybrid);
          const Scratch scratch;
          const FlaCase c = fla_case(type, hybrid);
          const TensorFile file = fla_tensors(c, hybrid, type == "gated_deltanet", dtype);
          write_file(scratch.file("config.json"), c.json);
          write_safetensors(scratch.file("model.safetensors"), file);
          model::LoadedModel loaded = model::load_model(scratch.file(""));
          CHECK(loaded.ignored.empty());
          const model::Batch batch = random_batch(1, 24, 13, 8);
          const Tensor<double> expected = reference_logits(c, file, batch.tokens),
                               got = loaded.model.logits(batch.tokens, 1, 24).cast<double>();
          // the same parameters in double: nothing but rounding is left
          model::LanguageModel<double> wide(loaded.model.config());
          wide.parameters().assign(loaded.model.parameters().begin(), loaded.model.parameters().end());
          CHECK_CLOSE(wide.logits(batch.tokens, 1, 24), expected, {1e-10, 1e-10});
          double largest = 0;
          for (index_t i = 0; i < got.numel(); ++i) largest = std::max(largest, std::abs(got[i] - expected[i]));
          CHECK(largest <= 1e-4);
        }
  }

  TEST_CASE("checkpoint: the output gate's activation is a key, and it matters") {
    const Scratch scratch;
    const FlaCase c = fla_case("gdn2", false);
    const TensorFile file = fla_tensors(c, false, false, DType::f32);
    write_file(scratch.file("config.json"), c.json.substr(0, c.json.size() - 1) + R"(, "output_gate_act": "silu"})");
    write_safetensors(scratch.file("model.safetensors"), file);
    FlaCase silu = c;
    silu.reference.sigmoid_gate = false;
    model::LoadedModel loaded = model::load_model(scratch.file(""));
    const model::Batch batch = random_batch(1, 24, 13, 8);
    CHECK_CLOSE(loaded.model.logits(batch.tokens, 1, 24), reference_logits(silu, file, batch.tokens), {1e-4, 1e-3});
    CHECK_NOT_CLOSE(loaded.model.logits(batch.tokens, 1, 24), reference_logits(c, file, batch.tokens), {1e-3, 1e-3});
  }

  TEST_CASE("checkpoint: older layouts and shards load, fused gate_proj, attn.D, no lm_head") {
    const Scratch scratch;
    FlaCase c = fla_case("kda", false);
    TensorFile file = fla_tensors(c, false, true, DType::f32), first, second;
    const model::Batch batch = random_batch(1, 24, 13, 8);
    const Tensor<double> expected = reference_logits(c, file, batch.tokens);
    for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
      AnyTensor &gate = file.tensors[layer + "mlp.gate_proj.weight"], fused(DType::f32, {48, 16});
      const AnyTensor& up = file.tensors[layer + "mlp.up_proj.weight"];
      std::copy(gate.bytes().begin(), gate.bytes().end(), fused.bytes().begin());
      std::copy(up.bytes().begin(), up.bytes().end(), fused.bytes().begin() + static_cast<std::ptrdiff_t>(gate.bytes().size()));
      gate = fused;
      file.tensors.erase(layer + "mlp.up_proj.weight");
      file.tensors[layer + "attn.D"] = AnyTensor(DType::f32, {4});
    }
    std::string map;
    for (const auto& [name, tensor] : file.tensors) {
      const bool one = name < "model.layers.1";
      (one ? first : second).tensors[name] = tensor;
      map += (map.empty() ? "" : ", ") + ("\"" + name) + (one ? "\": \"a.safetensors\"" : "\": \"b.safetensors\"");
    }
    write_file(scratch.file("config.json"), c.json);
    write_file(scratch.file("model.safetensors.index.json"), "{\"weight_map\": {" + map + "}}");
    write_safetensors(scratch.file("a.safetensors"), first);
    write_safetensors(scratch.file("b.safetensors"), second);
    model::LoadedModel loaded = model::load_model(scratch.file(""));
    CHECK(loaded.model.config().tie_word_embeddings);
    CHECK_CLOSE(loaded.model.logits(batch.tokens, 1, 24), expected, {1e-4, 1e-3});
  }

  TEST_CASE("checkpoint: round trip, every variant bitwise in float32, rounded in bf16") {
    for (const Variant variant : layer_variants()) {
      CAPTURE(info(variant).name);
      const Scratch scratch;
      model::ModelConfig config = tiny_config({variant, Variant::swa});
      config.allow_neg_eigval = true;
      model::LanguageModel<float> m(config);
      scatter_parameters(m, 5);
      model::save_model(scratch.file("m"), m);
      model::LoadedModel loaded = model::load_model(scratch.file("m"));
      CHECK(model::config_to_json(loaded.model.config()) == model::config_to_json(config));
      CHECK(loaded.ignored.empty());
      CHECK(same_numbers(loaded.model.parameters(), m.parameters()));
      model::save_model(scratch.file("m"), m, DType::bf16);
      loaded = model::load_model(scratch.file("m"));
      for (std::size_t i = 0; i < m.parameters().size(); ++i)
        CHECK(loaded.model.parameters()[i] == static_cast<float>(round_to(DType::bf16, m.parameters()[i])));
    }
  }

  TEST_CASE("checkpoint: training that goes on is bitwise equal to training without a break") {
    for (const auto& mixers :
         {std::vector<Variant>{Variant::gdn2, Variant::swa}, std::vector<Variant>{Variant::mamba3}, std::vector<Variant>{Variant::kda}}) {
      const Scratch scratch;
      const model::ModelConfig config = tiny_config(mixers);
      model::OptimizerOptions options;
      options.warmup = 3, options.steps = 12;
      const auto batch = [&](index_t step) { return random_batch(6, 9, config.vocab_size, static_cast<std::uint64_t>(step)); };
      model::LanguageModel<float> whole(config), half(config), rest(config);
      whole.initialise(2), half.initialise(2);
      model::Training straight(whole, options), before(half, options), after(rest, options);
      for (index_t step = 0; step < 12; ++step) straight.train_step(batch(step));
      for (index_t step = 0; step < 5; ++step) before.train_step(batch(step));
      model::save_training(scratch.file("run"), before, {{"task", "random"}});
      model::save_training(scratch.file("run"), before, {{"task", "random"}, {"seed", "2"}});
      const model::Notes notes = model::resume(scratch.file("run"), after);
      CHECK(notes == model::Notes{{"task", "random"}, {"seed", "2"}});
      CHECK(after.step() == 5);
      for (index_t step = after.step(); step < 12; ++step) after.train_step(batch(step));
      CHECK(same_numbers(rest.parameters(), whole.parameters()));
      CHECK(same_numbers(after.state().m, straight.state().m));
      CHECK(same_numbers(after.state().v, straight.state().v));
      CHECK(std::distance(std::filesystem::directory_iterator(scratch.file("")), {}) == 1);
    }
  }

  TEST_CASE("checkpoint: rejects one that does not fit and lists all that differs") {
    const Scratch scratch;
    model::LanguageModel<float> m(tiny_config({Variant::gdn2}));
    scatter_parameters(m, 5);
    model::save_model(scratch.file("m"), m);
    TensorFile file = read_safetensors(scratch.file("m/model.safetensors"));
    file.tensors["model.layers.0.attn.extra"] = AnyTensor(DType::f32, {3});
    file.tensors["model.norm.weight"] = AnyTensor(DType::f32, {9});
    file.tensors.erase("model.layers.0.attn.A_log");
    write_safetensors(scratch.file("m/model.safetensors"), file);
    const std::string why = refusal([&] { model::load_model(scratch.file("m")); });
    CHECK(why.find("model.layers.0.attn.A_log: missing, expected [2]") != std::string::npos);
    CHECK(why.find("model.layers.0.attn.extra: not in the model, has shape [3]") != std::string::npos);
    CHECK(why.find("model.norm.weight: shape [9], expected [8]") != std::string::npos);
    const std::vector<float> kept = m.parameters();
    CHECK(!refusal([&] { model::load_parameters(scratch.file("m"), m); }).empty());
    CHECK(same_numbers(m.parameters(), kept));

    model::ModelConfig other = tiny_config({Variant::kda});
    other.norm_eps = 1e-5;
    model::LanguageModel<float> kda(other);
    const std::string differs = refusal([&] { model::load_parameters(scratch.file("m"), kda); });
    CHECK(differs.find("norm_eps: the model has 1e-05, the file 1e-06") != std::string::npos);
    CHECK(differs.find("mixers: the model has [\"kda\"], the file [\"gdn2\"]") != std::string::npos);

    model::Training training(m, {});
    CHECK(refusal([&] { model::resume(scratch.file("m"), training); }).find("training.safetensors") != std::string::npos);
    model::save_training(scratch.file("t"), training);
    model::OptimizerOptions slower;
    slower.lr = 1e-4;
    model::Training with_other_lr(m, slower);
    CHECK(refusal([&] { model::resume(scratch.file("t"), with_other_lr); }).find("optimizer.lr: the training has") != std::string::npos);
    std::filesystem::create_directories(scratch.file("mine"));
    write_file(scratch.file("mine/thesis.txt"), "text");
    CHECK(refusal([&] { model::save_model(scratch.file("mine"), m); }).find("must be free or a checkpoint") != std::string::npos);
    CHECK(slurp(scratch.file("mine/thesis.txt")) == "text");
  }

  TEST_CASE("checkpoint: a save that fails half-way leaves the old one whole") {
    const Scratch scratch;
    model::LanguageModel<float> m(tiny_config({Variant::gdn2}));
    scatter_parameters(m, 5);
    model::save_model(scratch.file("m"), m);
    CHECK(refusal([&] {
            model::replace_folder(scratch.file("m"), [](const std::string& place) {
              write_file(place + "/config.json", "{");
              throw Error("disk full");
            });
          }) == "disk full");
    CHECK(same_numbers(model::load_model(scratch.file("m")).model.parameters(), m.parameters()));
    CHECK(std::distance(std::filesystem::directory_iterator(scratch.file("")), {}) == 1);
    CHECK(!refusal([&] { model::save_model("/proc/nowhere/m", m); }).empty());
  }

  TEST_CASE("checkpoint: rejects sizes that a file only claims, before asking for memory") {
    const Scratch scratch;
    model::LanguageModel<float> m(tiny_config({Variant::gdn2}));
    model::save_model(scratch.file("m"), m);
    std::string json = slurp(scratch.file("m/config.json"));
    json.replace(json.find("\"vocab_size\": 7"), 15, "\"vocab_size\": 16000000");
    json.replace(json.find("\"intermediate_size\": 5"), 22, "\"intermediate_size\": 16000000");
    write_file(scratch.file("m/config.json"), json);
    CHECK(refusal([&] { model::load_model(scratch.file("m")); }).find("model.embeddings.weight: shape [7,8], expected [16000000,8]") !=
          std::string::npos);
    json.replace(json.find("16000000"), 8, "9000000000000000000");
    write_file(scratch.file("m/config.json"), json);
    CHECK(refusal([&] { model::load_model(scratch.file("m")); }).find("must be at most 16777216, got 9000000000000000000") !=
          std::string::npos);
  }

  TEST_CASE("config.json: rejects what no layer here can do") {
    const std::string good =
        R"({"model_type": "kda", "hidden_size": 16, "num_heads": 2, "num_hidden_layers": 1, "vocab_size": 9, "head_dim": 8)";
    CHECK(refusal([&] { model::config_from_json(good + "}", "c"); }).empty());
    CHECK(refusal([&] { model::config_from_json(good + R"(, "safe_gate": true})", "c"); }) == "c: safe_gate must be [false], got true");
    CHECK(refusal([&] { model::config_from_json(good + R"(, "conv_size": "4"})", "c"); }) ==
          "c: conv_size must be a whole number, got \"4\"");
    CHECK(refusal([&] {
            model::config_from_json(good + R"(, "expand_v": 0.3})", "c");
          }).find("c: expand_v must be such that widths are whole numbers") == 0);
    CHECK(refusal([&] { model::config_from_json("[1]", "c"); }) == "c: must be a JSON object, got [1]");
    CHECK(refusal([&] { model::config_from_json(R"({"model_type": "gpt2"})", "c"); }).find("c: model_type must be one of") == 0);
    CHECK(model::config_from_json(good + R"(, "colour": 1})", "c").ignored == std::vector<std::string>{"colour"});
  }
}

}  // namespace
}  // namespace fw::test
