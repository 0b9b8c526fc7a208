// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/attention.h"
#include "model/model_fixture.h"
#include "naive/reference.h"
#include "support/results.h"

namespace fw::test {
namespace {

TEST_SUITE("model") {
  // The authors' recurrent model of 1.3 billion parameters, whose code gives the count of its blocks: 1,302,638,112.
  TEST_CASE("parameter count: closed form for the published 1.3B configuration") {
    model::ModelConfig c;
    c.mixers = model::uniform_stack(Variant::gdn2, 18);
    c.hidden_size = 2304, c.num_heads = 16, c.head_k_dim = c.head_v_dim = 128, c.intermediate_size = 6208, c.vocab_size = 32000;
    CHECK(model::parameter_count(c).blocks == 1302638112);
    CHECK(model::parameter_count(c).total == 1302638112 + 2 * 32000 * 2304 + 2304);
    CHECK(model::state_size(c).rule == 18 * 16 * 128 * 128);
  }

  TEST_CASE("parameter count: variants can be matched by the width of the MLP") {
    model::ModelConfig wide = tiny_config(model::uniform_stack(Variant::gdn2, 2));
    wide.hidden_size = 64, wide.head_k_dim = wide.head_v_dim = 32, wide.intermediate_size = 128;
    const index_t target = model::parameter_count(wide).total;
    for (const Variant variant : layer_variants()) {
      CAPTURE(info(variant).name);
      model::ModelConfig c = wide;
      c.mixers = model::uniform_stack(variant, 2);
      c = model::match_parameters(c, target);
      CHECK(std::abs(model::parameter_count(c).total - target) <= 3 * 64);
      if (variant != Variant::swa && variant != Variant::mamba3) CHECK(model::state_size(c).rule == model::state_size(wide).rule);
    }
    CHECK(refusal([&] { model::match_parameters(wide, 10); }).find("match_parameters: target must be at least") == 0);
  }

  TEST_CASE("summary: says parameters and state") {
    model::ModelConfig c = tiny_config(model::uniform_stack(Variant::gdn2, 4, true));
    const std::string text = model::summary(c);
    CHECK(text.find("gdn2, swa, gdn2, swa; d 8") == 0);
    CHECK(text.find(std::to_string(model::parameter_count(c).total) + " parameters") != std::string::npos);
  }

  TEST_CASE("config: rejects what cannot be built, naming field, expectation and value") {
    const auto why = [](auto change) {
      model::ModelConfig c = tiny_config({Variant::gdn2, Variant::swa});
      change(c);
      return refusal([&] { model::LanguageModel<float> m(c); });
    };
    CHECK(why([](auto&) {}) == "");
    CHECK(why([](auto& c) { c.num_v_heads = 3; }) == "model config: num_v_heads must be a multiple of num_heads = 2, got 3");
    CHECK(why([](auto& c) { c.mixers = {Variant::softmax}; }) ==
          "model config: mixers must be delta-rule variants, mamba3 or swa, got softmax");
    CHECK(why([](auto& c) { c.rotary_pairs = 3; }) == "model config: rotary_pairs must be at most head_k_dim / 2 = 2, got 3");
    CHECK(why([](auto& c) { c.attn_num_heads = 3; }).find("model config: attn_num_heads must be a divisor") == 0);
    CHECK(refusal([] { model::LanguageModel<float> m(tiny_config({Variant::gdn2}), "gpu"); }) ==
          "backend: expected one of naive, omp, cuda, got \"gpu\"");
    model::LanguageModel<float> m(tiny_config({Variant::gdn2}));
    CHECK(refusal([&] { m.logits(std::vector<std::int32_t>{1, 7}, 1, 2); }) == "model logits: tokens must lie in [0, 7), got 7 at 1");
    CHECK(refusal([&] { m.loss({1, 2, {1, 2}, {-1, -1}}); }).find("model loss: at least one target must be scored") == 0);
  }

  TEST_CASE("attention: matches naive, forward and gradients") {
    for (const index_t window : {1, 5, 64, 100, 200}) {
      CAPTURE(window);
      ProblemShape shape;
      shape.B = 2, shape.T = 150, shape.H = shape.HV = 2, shape.Dk = shape.Dv = 8, shape.window = window;
      const Problem p = make_problem(Variant::swa, shape, "typical", 4);
      const Outputs<double> out = naive::forward(p.in, p.options);
      const Gradients<double> grad = naive::backward(p.in, p.up, p.options);
      Tensor<double> o(out.o.shape()), dq(p.in.q.shape()), dk(p.in.k.shape()), dv(p.in.v.shape());
      const model::AttentionShape sizes{2, 150, 150, 2, 2, 8, window};
      model::attention(sizes, p.in.q.data(), p.in.k.data(), p.in.v.data(), o.data());
      model::attention_backward(sizes, p.in.q.data(), p.in.k.data(), p.in.v.data(), p.up.d_o.data(), dq.data(), dk.data(), dv.data());
      CHECK_CLOSE(o, out.o, kExact);
      CHECK_CLOSE(dq, grad.dq, {1e-11, 1e-11});
      CHECK_CLOSE(dk, grad.dk, {1e-11, 1e-11});
      CHECK_CLOSE(dv, grad.dv, {1e-11, 1e-11});
    }
  }
}

}  // namespace
}  // namespace fw::test
