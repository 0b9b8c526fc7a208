// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/training.h"

#include <cmath>

#include "model/model_fixture.h"
#include "model/sampler.h"
#include "support/results.h"

namespace fw::test {
namespace {

model::ModelConfig small_config(std::vector<Variant> mixers) {
  model::ModelConfig c;
  c.mixers = std::move(mixers);
  c.vocab_size = 16;
  c.hidden_size = 32;
  c.head_k_dim = c.head_v_dim = 16;
  c.intermediate_size = 64;
  c.window_size = 16;
  return c;
}

/// Steps until the loss of one batch is below 0.01; -1: not within the limit.
index_t steps_to_overfit(const model::ModelConfig& config, index_t limit) {
  model::LanguageModel<float> m(config, "omp");
  m.initialise(1);
  model::OptimizerOptions options;
  options.lr = 5e-3, options.warmup = 10, options.steps = limit, options.weight_decay = 0;
  model::Training training(m, options);
  const model::Batch batch = random_batch(4, 16, config.vocab_size, 2, 0);
  for (index_t i = 0; i < limit; ++i)
    if (training.train_step(batch).loss < 0.01) return i;
  return -1;
}

TEST_SUITE("model") {
  TEST_CASE("training: every variant overfits one batch to a loss below 0.01") {
    for (const Variant variant : layer_variants()) {
      CAPTURE(info(variant).name);
      const index_t steps = steps_to_overfit(small_config({variant, variant}), 400);
      CHECK(steps >= 0);
    }
    CHECK(steps_to_overfit(small_config({Variant::gdn2, Variant::swa}), 400) >= 0);
  }

  TEST_CASE("learning rate: closed form") {
    model::OptimizerOptions o;
    o.lr = 2.0, o.min_lr_ratio = 0.1, o.warmup = 10, o.steps = 110;
    CHECK(model::learning_rate(o, 1) == 0.2);
    CHECK(model::learning_rate(o, 10) == 2.0);
    CHECK(std::abs(model::learning_rate(o, 60) - 1.1) < 1e-15);
    CHECK(std::abs(model::learning_rate(o, 110) - 0.2) < 1e-15);
    CHECK(std::abs(model::learning_rate(o, 500) - 0.2) < 1e-15);
  }

  TEST_CASE("adamw: matches the formula in double over several steps, clipping included") {
    model::ModelConfig c = tiny_config({Variant::gdn2});
    const model::ParameterTable table = model::layout_parameters(c).table;
    const std::size_t n = static_cast<std::size_t>(table.size());
    model::OptimizerOptions o;
    o.lr = 0.01, o.warmup = 2, o.steps = 6, o.weight_decay = 0.1, o.clip = 3;
    std::vector<float> x(n), g(n);
    std::vector<double> x_(n), m_(n, 0), v_(n, 0);
    const Random random(3, "x");
    for (std::size_t i = 0; i < n; ++i) x_[i] = x[i] = static_cast<float>(random.normal(i));
    model::OptimizerState state;
    for (index_t t = 1; t <= 6; ++t) {
      const Random draws(static_cast<std::uint64_t>(t), "g");
      double squares = 0;
      for (std::size_t i = 0; i < n; ++i)
        g[i] = static_cast<float>(0.02 * static_cast<double>(t) * draws.normal(i)), squares += double(g[i]) * g[i];
      const double norm = model::adamw_step(table, o, x, g, state), lr = model::learning_rate(o, t);
      CHECK(std::abs(norm - std::sqrt(squares)) < 1e-12);
      for (const model::ParameterTensor& p : table.all())
        for (std::size_t i = static_cast<std::size_t>(p.offset); i < static_cast<std::size_t>(p.offset + p.numel()); ++i) {
          const double clipped = g[i] * std::min(1.0, 3.0 / norm);
          m_[i] = 0.9 * m_[i] + 0.1 * clipped, v_[i] = 0.95 * v_[i] + 0.05 * clipped * clipped;
          const double t_ = static_cast<double>(t), decay = p.shape.rank() >= 2 ? 0.1 : 0.0;
          x_[i] -= lr * (m_[i] / (1 - std::pow(0.9, t_)) / (std::sqrt(v_[i] / (1 - std::pow(0.95, t_))) + 1e-8) + decay * x_[i]);
        }
    }
    Tensor<double> got({table.size()}), expected({table.size()});
    for (std::size_t i = 0; i < n; ++i) got[static_cast<index_t>(i)] = x[i], expected[static_cast<index_t>(i)] = x_[i];
    CHECK_CLOSE(got, expected, {1e-6, 1e-6});
  }

  TEST_CASE("adamw: rejects a gradient that is not finite and names the tensor") {
    const model::ParameterTable table = model::layout_parameters(tiny_config({Variant::gdn2})).table;
    std::vector<float> x(static_cast<std::size_t>(table.size()), 1.0f), g(x.size(), 0.0f);
    const model::ParameterTensor* bad = table.find("model.layers.0.attn.b_proj.weight");
    REQUIRE(bad != nullptr);
    g[static_cast<std::size_t>(bad->offset + 1)] = NAN;
    model::OptimizerState state;
    const std::string why = refusal([&] { model::adamw_step(table, {}, x, g, state); });
    CHECK(why.find("model.layers.0.attn.b_proj.weight") != std::string::npos);
    CHECK(x == std::vector<float>(x.size(), 1.0f));
    CHECK(state.step == 0);
  }

  TEST_CASE("sampler: temperature, top-k and seed") {
    const std::vector<float> logits{1.0f, 3.0f, 2.0f, 3.0f, -50.0f};
    const auto draw = [&](double temperature, index_t top_k, std::uint64_t seed, index_t n) {
      return model::sample(logits.data(), 5, {temperature, top_k, seed}, 0, n);
    };
    CHECK(draw(0, 0, 0, 0) == 1);
    CHECK(draw(5, 1, 9, 4) == 1);
    std::vector<int> seen(5);
    bool seeds_differ = false;
    for (index_t n = 0; n < 4000; ++n) {
      ++seen[static_cast<std::size_t>(draw(1, 3, 7, n))];
      CHECK(draw(1, 3, 7, n) == draw(1, 3, 7, n));
      seeds_differ |= draw(1, 3, 7, n) != draw(1, 3, 8, n);
    }
    CHECK(seeds_differ);
    CHECK(seen[0] + seen[4] == 0);
    // e^3 / (2 e^3 + e^2) = 0.422, e^2 / ... = 0.155; five standard deviations are 0.04 and 0.03
    CHECK(std::abs(seen[1] / 4000.0 - 0.422) < 0.04);
    CHECK(std::abs(seen[2] / 4000.0 - 0.155) < 0.03);
    CHECK(refusal([&] { draw(-1, 0, 0, 0); }) == "sample: temperature must be at least 0, got -1.000000");
  }

  TEST_CASE("generate: greedy text is what the parallel form says") {
    model::LanguageModel<float> m(small_config({Variant::gdn2, Variant::swa}), "omp");
    m.initialise(4);
    const model::Batch prompt = random_batch(2, 5, 16, 3);
    const auto text = model::generate(m, prompt.tokens, 2, 20, {0.0, 0, 0});
    for (index_t b = 0; b < 2; ++b) {
      std::vector<std::int32_t> all(prompt.tokens.begin() + b * 5, prompt.tokens.begin() + (b + 1) * 5);
      all.insert(all.end(), text.begin() + b * 20, text.begin() + (b + 1) * 20);
      const Tensor<float> logits = m.logits(all, 1, 25);
      for (index_t n = 0; n < 20; ++n)
        CHECK(model::sample(logits.row(0, 4 + n), 16, {0.0, 0, 0}, 0, 0) == text[static_cast<std::size_t>(b * 20 + n)]);
    }
  }
}

}  // namespace
}  // namespace fw::test
