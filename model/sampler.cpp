// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "core/error.h"
#include "core/random.h"

namespace fw::model {

std::int32_t sample(const float* logits, index_t vocab, const SamplerOptions& options, index_t sequence, index_t draw) {
  if (!(options.temperature >= 0 && std::isfinite(options.temperature)))
    throw Error("sample: temperature must be at least 0, got " + std::to_string(options.temperature));
  if (options.top_k < 0) throw Error("sample: top_k must be at least 0, got " + std::to_string(options.top_k));
  std::vector<index_t> order(static_cast<std::size_t>(vocab));
  std::iota(order.begin(), order.end(), index_t(0));
  const auto likelier = [&](index_t a, index_t b) { return logits[a] > logits[b] || (logits[a] == logits[b] && a < b); };
  for (const index_t i : order)
    if (std::isnan(logits[i])) throw Error("sample: logits must be numbers, got NaN for token " + std::to_string(i));
  const index_t k = options.temperature == 0 ? 1 : options.top_k == 0 ? vocab : std::min(options.top_k, vocab);
  std::partial_sort(order.begin(), order.begin() + k, order.end(), likelier);
  const double top = logits[order[0]];
  if (!std::isfinite(top)) throw Error("sample: the largest logit must be finite, got " + std::to_string(top));
  if (k == 1) return static_cast<std::int32_t>(order[0]);
  std::vector<double> weights(static_cast<std::size_t>(k));
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] = std::exp((logits[order[i]] - top) / options.temperature);
  double left = Random(options.seed, "sample").uniform({sequence, draw, 0, 0}) * sum;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if ((left -= weights[i]) < 0) return static_cast<std::int32_t>(order[i]);
  return static_cast<std::int32_t>(order[0]);  // rounding used the sum up: the likeliest
}

std::vector<std::int32_t> generate(LanguageModel<float>& model, const std::vector<std::int32_t>& prompt, index_t B, index_t count,
                                   const SamplerOptions& options) {
  if (B < 1 || prompt.empty() || static_cast<index_t>(prompt.size()) % B != 0)
    throw Error("generate: prompt must be [B,T] with B = " + std::to_string(B) + " and T at least 1, got " + std::to_string(prompt.size()) +
                " tokens");
  if (count < 0) throw Error("generate: count must be at least 0, got " + std::to_string(count));
  DecodeState<float> state = model.new_state(B);
  std::vector<std::int32_t> out(static_cast<std::size_t>(B * count)), next(static_cast<std::size_t>(B));
  if (count == 0) return out;
  Tensor<float> logits = model.continued(prompt, B, static_cast<index_t>(prompt.size()) / B, state, true);
  for (index_t n = 0;; ++n) {
    for (index_t b = 0; b < B; ++b)
      out[static_cast<std::size_t>(b * count + n)] = next[static_cast<std::size_t>(b)] =
          sample(logits.row(b), model.config().vocab_size, options, b, n);
    if (n + 1 == count) return out;
    logits = model.continued(next, B, 1, state, true);
  }
}

}  // namespace fw::model
