// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Drawing the next token from logits: temperature, the k likeliest, and a seed. The draw number n of sequence b is a pure function
// of (seed, b, n), so a text can be drawn again, and resumed in its middle.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "model/language_model.h"

namespace fw::model {

struct SamplerOptions {
  double temperature = 1.0;  ///< 0: the likeliest token, the first of equals
  index_t top_k = 0;         ///< draw among the k likeliest; 0: all
  std::uint64_t seed = 0;
};

/// logits [vocab]. Throws on options out of range and on logits without a finite largest one.
std::int32_t sample(const float* logits, index_t vocab, const SamplerOptions& options, index_t sequence, index_t draw);

/// `count` tokens for each of the B sequences of prompt [B,T]: [B,count]. The prompt runs in the parallel form, the rest token by token.
std::vector<std::int32_t> generate(LanguageModel<float>& model, const std::vector<std::int32_t>& prompt, index_t B, index_t count,
                                   const SamplerOptions& options);

}  // namespace fw::model
