// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// write_checkpoints FOLDER: models of every kind that flash-linear-attention has too, each as a checkpoint with reference.safetensors
// beside it (tokens [B,T], logits [B,T,vocab]), for fla_checkpoint_test.py.
#include <cstdio>

#include "core/error.h"
#include "core/random.h"
#include "core/safetensors.h"
#include "model/checkpoint.h"

namespace {

using fw::index_t;
using fw::Variant;

void write(const std::string& folder, fw::model::ModelConfig config, fw::DType dtype) {
  config.vocab_size = 29, config.hidden_size = 24, config.head_k_dim = 8, config.intermediate_size = 20,
  config.initialisation = fw::model::Initialisation::wide;
  fw::model::LanguageModel<float> model(config);
  model.initialise(3);
  for (const fw::model::ParameterTensor& p : model.table().all()) {
    const fw::Random random(4, p.name);
    for (index_t i = 0; i < p.numel(); ++i) {
      float& x = model.parameters()[static_cast<std::size_t>(p.offset + i)];
      x += static_cast<float>((p.start == fw::model::Start::embedding ? 1.0 : 0.2) * random.normal(static_cast<std::uint64_t>(i)));
    }
  }
  fw::model::save_model(folder, model, dtype);
  fw::model::LoadedModel stored = fw::model::load_model(folder);  // in bf16 the rounded weights count
  constexpr index_t B = 2, T = 33;
  const fw::Random random(5, "tokens");
  std::vector<std::int32_t> tokens;
  fw::Tensor<double> as_tensor({B, T});
  for (index_t i = 0; i < B * T; ++i) {
    tokens.push_back(static_cast<std::int32_t>(random.bits(static_cast<std::uint64_t>(i)) % static_cast<std::uint64_t>(config.vocab_size)));
    as_tensor[i] = tokens.back();
  }
  fw::TensorFile file;
  file.tensors["tokens"] = fw::AnyTensor::from(as_tensor, fw::DType::i64);
  file.tensors["logits"] = fw::AnyTensor::from(stored.model.logits(tokens, B, T).cast<double>(), fw::DType::f32);
  fw::write_safetensors(folder + "/reference.safetensors", file);
}

fw::model::ModelConfig of(std::vector<Variant> mixers) {
  fw::model::ModelConfig config;
  config.mixers = std::move(mixers);
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "write_checkpoints FOLDER\n"), 1;
  try {
    const std::string root = std::string(argv[1]) + "/";
    fw::model::ModelConfig c = of({Variant::delta, Variant::delta});
    c.head_v_dim = 6, c.use_gate = false;
    write(root + "delta", c, fw::DType::f32);
    c.use_gate = true, c.allow_neg_eigval = true;
    write(root + "delta_gated", c, fw::DType::f32);
    c = of({Variant::gdn, Variant::gdn});
    c.num_v_heads = 4, c.head_v_dim = 16, c.tie_word_embeddings = true;
    write(root + "gdn", c, fw::DType::f32);
    c.tie_word_embeddings = false, c.conv_size = 0, c.use_gate = false;
    write(root + "gdn_bare_bf16", c, fw::DType::bf16);
    c = of({Variant::kda, Variant::kda});
    c.num_v_heads = 4, c.head_v_dim = 8, c.allow_neg_eigval = true, c.output_gate_act = fw::model::GateActivation::sigmoid,
    c.norm_eps = 1e-5;
    write(root + "kda", c, fw::DType::f32);
    c = of({Variant::gdn2, Variant::gdn2});
    c.num_v_heads = 4, c.head_v_dim = 8, c.allow_neg_eigval = true;
    write(root + "gdn2", c, fw::DType::f32);
    c = of({Variant::gdn2, Variant::swa, Variant::gdn2});
    c.head_v_dim = 8, c.attn_num_heads = 4, c.attn_num_kv_heads = 2, c.qkv_bias = true, c.window_size = 5,
    c.output_gate_act = fw::model::GateActivation::sigmoid;
    write(root + "gdn2_hybrid", c, fw::DType::bf16);
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "%s\n", e.what()), 1;
  }
}
