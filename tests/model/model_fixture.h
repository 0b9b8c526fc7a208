// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Small models for tests: every variant a layer can have, a configuration with no two sizes alike, parameters that are far from
// any special value, random batches, and gradients by central differences.
#pragma once

#include <string>
#include <vector>

#include "core/random.h"
#include "model/language_model.h"
#include "support/check.h"

namespace fw::test {

/// Everything a layer can be.
inline std::vector<Variant> layer_variants() {
  std::vector<Variant> all;
  for (const VariantInfo& row : variants())
    if (row.family == Family::delta_rule || row.id == Variant::mamba3 || row.id == Variant::swa) all.push_back(row.id);
  return all;
}

inline model::ModelConfig tiny_config(std::vector<Variant> mixers) {
  model::ModelConfig c;
  c.mixers = std::move(mixers);
  c.vocab_size = 7;
  c.hidden_size = 8;
  c.num_heads = 2;
  c.head_k_dim = 4;
  c.head_v_dim = 3;
  c.conv_size = 3;
  c.intermediate_size = 5;
  c.gla_rank = 2;
  c.window_size = 4;
  return c;
}

/// Norm weights around 1, everything else normal: large enough that every path carries a gradient.
template <class T>
void scatter_parameters(model::LanguageModel<T>& m, std::uint64_t seed) {
  for (const model::ParameterTensor& p : m.table().all()) {
    const Random random(seed, p.name);
    for (index_t i = 0; i < p.numel(); ++i) {
      const double x = random.normal(static_cast<std::uint64_t>(i));
      m.parameters()[static_cast<std::size_t>(p.offset + i)] = static_cast<T>(p.start == model::Start::ones ? 1 + 0.2 * x : 0.4 * x);
    }
  }
}

/// Random tokens; every `unscored`-th target is not scored (0: all are).
inline model::Batch random_batch(index_t B, index_t T, index_t vocab, std::uint64_t seed, index_t unscored = 3) {
  model::Batch batch{B, T, {}, {}};
  const Random tokens(seed, "tokens"), targets(seed, "targets");
  for (index_t i = 0; i < B * T; ++i) {
    const auto at = static_cast<std::uint64_t>(i), n = static_cast<std::uint64_t>(vocab);
    batch.tokens.push_back(static_cast<std::int32_t>(tokens.bits(at) % n));
    batch.targets.push_back(unscored && i % unscored == 0 ? -1 : static_cast<std::int32_t>(targets.bits(at) % n));
  }
  return batch;
}

/// dloss/dparameter for all of them: (8 (L(x+h) - L(x-h)) - (L(x+2h) - L(x-2h))) / 12 h.
inline std::vector<double> gradient_by_differences(model::LanguageModel<double>& m, const model::Batch& batch, double h = 1e-4) {
  std::vector<double> gradient;
  for (double& x : m.parameters()) {
    const double centre = x;
    const auto at = [&](double step) {
      x = centre + step;
      return m.loss(batch).loss;
    };
    gradient.push_back((8.0 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12.0 * h));
    x = centre;
  }
  return gradient;
}

/// The part of a flat vector that belongs to one parameter, as a tensor of one row.
template <class T>
Tensor<double> part(const std::vector<T>& flat, const model::ParameterTensor& p) {
  Tensor<double> out({p.numel()});
  for (index_t i = 0; i < p.numel(); ++i) out[i] = static_cast<double>(flat[static_cast<std::size_t>(p.offset + i)]);
  return out;
}

/// Empty when every tensor's gradient is close, else the names of those that are not, and why.
template <class T>
std::string why_parameter_gradients_differ(const model::ParameterTable& table, const std::vector<T>& candidate,
                                           const std::vector<double>& reference, const Tolerance& tolerance) {
  std::string text;
  for (const model::ParameterTensor& p : table.all()) {
    const std::string why = why_not_close(part(candidate, p), part(reference, p), tolerance);
    if (!why.empty()) text += p.name + ": " + why + "; ";
  }
  return text;
}

}  // namespace fw::test
