// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "model/model_fixture.h"

namespace fw::test {
namespace {

constexpr Tolerance kDifference{1e-8, 1e-8};

std::string why_wrong(const model::ModelConfig& config, std::string_view backend, index_t B = 2, index_t T = 6) {
  model::LanguageModel<double> m(config, backend);
  m.threads = 1;
  scatter_parameters(m, 7);
  const model::Batch batch = random_batch(B, T, config.vocab_size, 11);
  std::vector<double> gradient;
  m.loss_and_gradient(batch, gradient);
  return why_parameter_gradients_differ(m.table(), gradient, gradient_by_differences(m, batch), kDifference);
}

TEST_SUITE("model") {
  TEST_CASE("layers: gradient of every parameter matches central differences") {
    for (const Variant variant : layer_variants()) {
      for (const char* backend : {"naive", "omp"}) {
        CAPTURE(info(variant).name);
        CAPTURE(std::string(backend));
        CHECK(why_wrong(tiny_config({variant}), backend) == "");
      }
    }
  }

  TEST_CASE("grouped value heads, erase range [0,2], sigmoid output gate: gradient matches central differences") {
    for (const Variant variant : layer_variants()) {
      CAPTURE(info(variant).name);
      model::ModelConfig c = tiny_config({variant});
      c.num_v_heads = 4;
      c.allow_neg_eigval = true;
      c.output_gate_act = model::GateActivation::sigmoid;
      c.attn_num_kv_heads = 1;
      c.qkv_bias = true;
      c.tie_word_embeddings = true;
      CHECK(why_wrong(c, "omp") == "");
    }
  }

  TEST_CASE("no gate, no convolution, no MLP, no normalisation: gradient matches central differences") {
    for (const Variant variant : layer_variants()) {
      CAPTURE(info(variant).name);
      model::ModelConfig c = tiny_config({variant});
      c.use_gate = false;
      c.conv_size = 0;
      c.intermediate_size = 0;
      c.qk_l2norm = false;
      c.rotary_pairs = 0;
      CHECK(why_wrong(c, "naive") == "");
    }
  }

  TEST_CASE("layers: the gradient check fails when broken, for every tensor of every variant") {
    for (const Variant variant : layer_variants()) {
      const model::ModelConfig config = tiny_config({variant});
      model::LanguageModel<double> m(config, "omp");
      scatter_parameters(m, 7);
      std::vector<double> gradient;
      m.loss_and_gradient(random_batch(2, 6, config.vocab_size, 11), gradient);
      for (const model::ParameterTensor& p : m.table().all()) {
        CAPTURE(p.name);
        const auto first = gradient.begin() + p.offset, last = first + p.numel();
        CHECK(std::any_of(first, last, [](double g) { return std::abs(g) > 1e-6; }));  // no tensor is checked against zeros
        std::vector<double> broken = gradient;
        *std::max_element(broken.begin() + p.offset, broken.begin() + p.offset + p.numel(),
                          [](double a, double b) { return std::abs(a) < std::abs(b); }) *= 1 + 1e-6;
        CHECK(why_parameter_gradients_differ(m.table(), broken, gradient, kDifference).find(p.name + ":") == 0);
      }
    }
  }

  TEST_CASE("hybrid stack: gradient matches central differences") {
    CHECK(why_wrong(tiny_config({Variant::gdn2, Variant::swa, Variant::kda}), "omp", 3, 7) == "");
  }
}

}  // namespace
}  // namespace fw::test
