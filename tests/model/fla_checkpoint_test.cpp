// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The checkpoints of notebooks_data/fla_checkpoints: flash-linear-attention's format, written by PyTorch, with the logits that a reading of
// that library's layers in PyTorch gives. Here the same numbers must come out, in parallel and token by token.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "core/safetensors.h"
#include "model/checkpoint.h"

namespace fw::test {
namespace {

constexpr double kLimit = 1e-4;

std::vector<std::string> shipped() {
  std::vector<std::string> folders;
  for (const auto& entry : std::filesystem::directory_iterator("notebooks_data/fla_checkpoints"))
    if (entry.is_directory()) folders.push_back(entry.path().string());
  return folders;
}

struct Reference {
  index_t B = 0, T = 0, vocab = 0;
  std::vector<std::int32_t> tokens;
  const AnyTensor* logits = nullptr;
  TensorFile file;
  explicit Reference(const std::string& folder) : file(read_safetensors(folder + "/reference.safetensors")) {
    logits = &file.tensors.at("logits");
    const AnyTensor& given = file.tensors.at("tokens");
    B = logits->shape()[0], T = logits->shape()[1], vocab = logits->shape()[2];
    for (index_t i = 0; i < B * T; ++i) tokens.push_back(static_cast<std::int32_t>(given.at(i)));
  }
  /// Largest difference over the logits of token `first` on; NaN counts as infinite.
  double farthest(const Tensor<float>& got, index_t first = 0) const {
    double worst = 0;
    const index_t n = got.shape()[1];
    for (index_t b = 0; b < B; ++b)
      for (index_t i = 0; i < n * vocab; ++i) {
        const double d = std::abs(static_cast<double>(got[b * n * vocab + i]) - logits->at((b * T + first) * vocab + i));
        if (!(d <= worst)) worst = std::isnan(d) ? INFINITY : d;
      }
    return worst;
  }
};

TEST_SUITE("model") {
  TEST_CASE("fla checkpoints: the logits of PyTorch, in parallel, token by token, and in pieces") {
    int seen = 0;
    for (const std::string& folder : shipped()) {
      CAPTURE(folder);
      const Reference reference(folder);
      for (const char* backend : {"omp", "naive"}) {
        model::LoadedModel loaded = model::load_model(folder, backend);
        CHECK(loaded.ignored.empty());
        CHECK(reference.farthest(loaded.model.logits(reference.tokens, reference.B, reference.T)) <= kLimit);
        for (const index_t piece : {index_t(1), index_t(7)}) {
          model::DecodeState<float> state = loaded.model.new_state(reference.B);
          double worst = 0;
          for (index_t t = 0; t < reference.T; t += piece) {
            const index_t n = std::min(piece, reference.T - t);
            std::vector<std::int32_t> part;
            for (index_t b = 0; b < reference.B; ++b)
              for (index_t i = 0; i < n; ++i) part.push_back(reference.tokens[static_cast<std::size_t>(b * reference.T + t + i)]);
            worst = std::max(worst, reference.farthest(loaded.model.continued(part, reference.B, n, state), t));
          }
          CHECK(worst <= kLimit);
        }
      }
      ++seen;
    }
    CHECK(seen == 7);
  }

  TEST_CASE("fla checkpoints: the comparison fails when any one tensor is off by two percent") {
    for (const std::string& folder : shipped()) {
      const Reference reference(folder);
      model::LoadedModel loaded = model::load_model(folder);
      const std::vector<float> right = loaded.model.parameters();
      for (const model::ParameterTensor& p : loaded.model.table().all()) {
        CAPTURE(folder);
        CAPTURE(p.name);
        for (index_t i = p.offset; i < p.offset + p.numel(); ++i) loaded.model.parameters()[static_cast<std::size_t>(i)] *= 1.02f;
        CHECK(reference.farthest(loaded.model.logits(reference.tokens, reference.B, reference.T)) > 3 * kLimit);
        loaded.model.parameters() = right;
      }
    }
  }
}

}  // namespace
}  // namespace fw::test
