// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>

#include "model/model_fixture.h"
#include "support/results.h"

namespace fw::test {
namespace {

/// Longer than two windows and three convolutions, in float, with sizes as in training.
model::ModelConfig decode_config(Variant variant) {
  model::ModelConfig c = tiny_config({variant, variant});
  c.vocab_size = 31;
  c.hidden_size = 32;
  c.num_v_heads = 4;
  c.head_k_dim = 16;
  c.head_v_dim = 8;
  c.conv_size = 4;
  c.intermediate_size = 48;
  c.window_size = 9;
  return c;
}

/// Logits of the tokens fed in pieces of the given lengths, the last repeated.
template <class T>
Tensor<T> in_pieces(model::LanguageModel<T>& m, const model::Batch& batch, const std::vector<index_t>& lengths) {
  const index_t vocab = m.config().vocab_size;
  Tensor<T> all({batch.B, batch.T, vocab});
  auto state = m.new_state(batch.B);
  std::size_t piece = 0;
  for (index_t at = 0; at < batch.T;) {
    const index_t n = std::min(lengths[std::min(piece++, lengths.size() - 1)], batch.T - at);
    std::vector<std::int32_t> tokens;
    for (index_t b = 0; b < batch.B; ++b)
      tokens.insert(tokens.end(), batch.tokens.begin() + b * batch.T + at, batch.tokens.begin() + b * batch.T + at + n);
    const Tensor<T> logits = m.continued(tokens, batch.B, n, state);
    for (index_t b = 0; b < batch.B; ++b) std::copy_n(logits.row(b), n * vocab, all.row(b, at));
    at += n;
  }
  return all;
}

TEST_SUITE("model") {
  // One head's output can be small by cancellation (q orthogonal to all keys so far) and is then enlarged by its RMSNorm: either
  // form may be off by a few 1e-5 in one row. So: 1e-5 over all logits, ten times that in a single row, and the decoded logits
  // are no further from the truth in double than twice the parallel ones.
  TEST_CASE("decode: logits match the parallel form to 1e-5 in float") {
    for (const Variant variant : layer_variants()) {
      for (const char* backend : {"naive", "omp"}) {
        CAPTURE(info(variant).name);
        CAPTURE(std::string(backend));
        model::LanguageModel<float> m(decode_config(variant), backend);
        model::LanguageModel<double> truth(decode_config(variant), "naive");
        m.initialise(3);
        truth.parameters().assign(m.parameters().begin(), m.parameters().end());
        const model::Batch batch = random_batch(2, 70, 31, 5);
        const Tensor<double> parallel = m.logits(batch.tokens, 2, 70).cast<double>(), expected = truth.logits(batch.tokens, 2, 70);
        const double yardstick = compare(parallel, expected, {}).rel_l2;
        for (const std::vector<index_t>& lengths : {std::vector<index_t>{1}, std::vector<index_t>{17, 2, 1, 1, 30, 1}}) {
          const Tensor<double> decoded = in_pieces(m, batch, lengths).cast<double>();
          CHECK_CLOSE(decoded, parallel, {1e-5, 1e-4});
          CHECK(compare(decoded, expected, {}).rel_l2 <= 2 * yardstick);
        }
      }
    }
  }

  TEST_CASE("decode: logits match the parallel form to rounding in double") {
    for (const Variant variant : layer_variants()) {
      CAPTURE(info(variant).name);
      model::LanguageModel<double> m(decode_config(variant), "omp");
      scatter_parameters(m, 3);
      const model::Batch batch = random_batch(2, 40, 31, 5);
      CHECK_CLOSE(in_pieces(m, batch, {3, 1}), m.logits(batch.tokens, 2, 40), {1e-10, 1e-10});
    }
  }

  TEST_CASE("decode: memory of the state is constant and what the configuration says") {
    for (const Variant variant : layer_variants()) {
      CAPTURE(info(variant).name);
      model::LanguageModel<float> m(decode_config(variant), "omp");
      m.initialise(3);
      auto state = m.new_state(1);
      const std::vector<std::int32_t> token{1};
      m.continued(token, 1, 1, state);
      const std::size_t first = state.bytes();
      const model::StateSize size = model::state_size(m.config());
      CHECK(first == static_cast<std::size_t>(size.rule + size.convolution) * sizeof(float));
      for (int t = 0; t < 40; ++t) m.continued(token, 1, 1, state);
      CHECK(state.bytes() == first);
      CHECK(state.position() == 41);
    }
  }

  TEST_CASE("backends: omp matches naive") {
    for (const Variant variant : layer_variants()) {
      CAPTURE(info(variant).name);
      model::LanguageModel<double> fast(decode_config(variant), "omp"), truth(decode_config(variant), "naive");
      scatter_parameters(fast, 9);
      scatter_parameters(truth, 9);
      const model::Batch batch = random_batch(3, 40, 31, 5);
      CHECK_CLOSE(fast.logits(batch.tokens, 3, 40), truth.logits(batch.tokens, 3, 40), {1e-10, 1e-10});
      std::vector<double> dfast, dtruth;
      fast.loss_and_gradient(batch, dfast);
      truth.loss_and_gradient(batch, dtruth);
      CHECK(why_parameter_gradients_differ(fast.table(), dfast, dtruth, {1e-9, 1e-9}) == "");
    }
  }

  TEST_CASE("backends: cuda matches naive, or says that it cannot run") {
    const model::ModelConfig c = decode_config(Variant::gdn2);
    const std::vector<std::string_view> names = model::backend_names();
    if (std::find(names.begin(), names.end(), "cuda") == names.end()) {
      CHECK(refusal([&] { model::LanguageModel<float> m(c, "cuda"); }).find("which this build does not have") != std::string::npos);
      return;
    }
    CHECK(refusal([&] { model::LanguageModel<double> m(c, "cuda"); }).find("cuda computes in float") != std::string::npos);
    for (const Variant variant : layer_variants()) {
      CAPTURE(info(variant).name);
      model::ModelConfig wide = decode_config(variant);
      wide.head_v_dim = 16;
      model::LanguageModel<float> device(wide, "cuda");
      model::LanguageModel<double> truth(wide, "naive");
      device.initialise(9);
      truth.parameters().assign(device.parameters().begin(), device.parameters().end());
      const model::Batch batch = random_batch(3, 40, 31, 5);
      std::vector<float> ddevice;
      std::vector<double> dtruth;
      const std::string why = refusal([&] { device.loss_and_gradient(batch, ddevice); });
      if (why.find("no CUDA device") != std::string::npos) {
        MESSAGE("skipped: ", why);
        return;
      }
      CHECK(why == "");
      truth.loss_and_gradient(batch, dtruth);
      CHECK(why_parameter_gradients_differ(device.table(), ddevice, dtruth, {1e-4, 1e-4}) == "");
      CHECK_CLOSE(device.logits(batch.tokens, 3, 40), truth.logits(batch.tokens, 3, 40), {1e-5, 1e-4});
      CHECK_CLOSE(in_pieces(device, batch, {20, 1}), truth.logits(batch.tokens, 3, 40), {1e-5, 1e-4});
    }
  }

  TEST_CASE("gradient: float matches double, and is bitwise repeatable at any number of threads") {
    for (const Variant variant : layer_variants()) {
      CAPTURE(info(variant).name);
      model::LanguageModel<double> truth(decode_config(variant), "naive");
      model::LanguageModel<float> one(decode_config(variant), "omp"), many(decode_config(variant), "omp");
      truth.initialise(9), one.initialise(9), many.initialise(9);
      truth.parameters().assign(one.parameters().begin(), one.parameters().end());
      one.threads = 1, many.threads = 5;
      const model::Batch batch = random_batch(11, 20, 31, 5);
      std::vector<double> dtruth;
      std::vector<float> done, dmany;
      truth.loss_and_gradient(batch, dtruth);
      one.loss_and_gradient(batch, done);
      many.loss_and_gradient(batch, dmany);
      CHECK(done == dmany);
      CHECK(why_parameter_gradients_differ(one.table(), done, dtruth, {1e-4, 1e-4}) == "");
    }
  }
}

}  // namespace
}  // namespace fw::test
