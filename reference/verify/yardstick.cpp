// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/yardstick.h"

#include <algorithm>
#include <cmath>

#include "chunkwise/chunkwise.h"
#include "core/random.h"
#include "naive/reference.h"

namespace fw::verify {
namespace {

template <class To, class From>
Inputs<To> cast_inputs(const Inputs<From>& in) {
  Inputs<To> out;
  std::vector<Tensor<To>> casts;
  for_each_input(in, [&](const char*, const Tensor<From>& t) { casts.push_back(t.template cast<To>()); });
  std::size_t i = 0;
  for_each_input(out, [&](const char*, Tensor<To>& t) { t = std::move(casts[i++]); });
  out.cu_seqlens = in.cu_seqlens;
  return out;
}

Upstream<float> cast_upstream(const Upstream<double>& up) {
  Upstream<float> out;
  std::vector<Tensor<float>> casts;
  for_each_upstream(up, [&](const char*, const Tensor<double>& t) { casts.push_back(t.cast<float>()); });
  std::size_t i = 0;
  for_each_upstream(out, [&](const char*, Tensor<float>& t) { t = std::move(casts[i++]); });
  return out;
}

Results widen(const Outputs<float>& out, const Gradients<float>& grad) {
  std::vector<Tensor<double>> casts;
  for_each_output(out, [&](const char*, const Tensor<float>& t) { casts.push_back(t.cast<double>()); });
  for_each_gradient(grad, [&](const char*, const Tensor<float>& t) { casts.push_back(t.cast<double>()); });
  Results results;
  std::size_t i = 0;
  for_each_result(results, [&](const char*, Tensor<double>& t, Direction) { t = std::move(casts[i++]); });
  return results;
}

/// Largest relative error of one rounding.
double unit_roundoff(Precision precision) {
  switch (precision) {
    case Precision::fp64: return 0x1p-53;
    case Precision::fp32: return 0x1p-24;
    case Precision::tf32:
    case Precision::fp16: return 0x1p-11;
    case Precision::bf16: return 0x1p-8;
  }
  return 0;
}

/// q, k, v each off by up to one rounding, and what a kernel rounds on its way with them.
Problem perturbed(const Problem& problem, Precision precision, index_t seed) {
  Problem out = problem;
  const double unit = unit_roundoff(precision);
  for_each_input(out.in, [&](const char* name, Tensor<double>& t) {
    const bool operand = std::string_view(name) == "q" || std::string_view(name) == "k" || std::string_view(name) == "v";
    if (!operand) return;
    const Random draw(static_cast<std::uint64_t>(seed), name);
    for (index_t i = 0; i < t.numel(); ++i) t[i] *= 1.0 + unit * (2.0 * draw.uniform(static_cast<std::uint64_t>(i)) - 1.0);
  });
  return out;
}

}  // namespace

void round_results(Results& results, const StoredTypes& stored) {
  for_each_result(results, [&](const char* name, Tensor<double>& t, Direction) {
    const auto type = stored.find(std::string_view(name));
    if (type == stored.end() || type->second == DType::f64) return;
    for (index_t i = 0; i < t.numel(); ++i) t[i] = round_to(type->second, t[i]);
  });
}

Results yardstick(const Problem& problem, Precision precision, bool gradients, const StoredTypes& stored, index_t chunk, int threads) {
  Options options = problem.options;
  options.threads = threads;
  Results results;
  const bool delta = info(options.variant).family == Family::delta_rule;
  if (precision == Precision::fp32) {
    const Inputs<float> in = cast_inputs<float>(problem.in);
    const Upstream<float> up = cast_upstream(problem.up);
    if (delta) {
      chunkwise::Settings settings;
      settings.chunk = chunk;
      results = widen(chunkwise::forward(in, options, settings), gradients ? chunkwise::backward(in, up, options, settings) : Gradients<float>{});
    } else {
      results = widen(naive::forward(in, options), gradients ? naive::backward(in, up, options) : Gradients<float>{});
    }
  } else if (delta) {
    using Products = chunkwise::Rounding::Products;
    chunkwise::Settings settings;
    settings.chunk = chunk;
    settings.rounding.products = precision == Precision::fp64   ? Products::exact
                                 : precision == Precision::tf32 ? Products::tf32
                                 : precision == Precision::fp16 ? Products::f16
                                                                : Products::bf16;
    results.out = chunkwise::forward(problem.in, options, settings);
    if (gradients) results.grad = chunkwise::backward(problem.in, problem.up, options, settings);
  } else {
    const Problem off = perturbed(problem, precision, chunk);
    results.out = naive::forward(off.in, options);
    if (gradients) results.grad = naive::backward(off.in, off.up, options);
  }
  round_results(results, stored);
  return results;
}

Ideal ideal_kernel(const Problem& problem, Precision precision, const Results& truth, bool gradients, const StoredTypes& stored, index_t chunk, int threads) {
  constexpr index_t kFew = 64;
  Ideal ideal{yardstick(problem, precision, gradients, stored, chunk, threads), {}};
  const Variant variant = problem.options.variant;
  bool any_few = false;
  for_each_result(truth, [&](const char* name, const Tensor<double>& t, Direction) {
    if (!t.defined()) return;
    any_few = any_few || (t.numel() > 0 && t.numel() <= kFew);
    ideal.noise[name] = compare(*find(ideal.results, name), t, {}, row_width_of(variant, name));
  });
  if (!any_few) return ideal;
  for (index_t other : {16, 32, 128}) {
    if (other == chunk) continue;
    const Results again = yardstick(problem, precision, gradients, stored, other, threads);
    for_each_result(truth, [&](const char* name, const Tensor<double>& t, Direction) {
      if (!t.defined() || t.numel() == 0 || t.numel() > kFew) return;
      const Comparison noise = compare(*find(again, name), t, {}, row_width_of(variant, name));
      Comparison& worst = ideal.noise.find(std::string_view(name))->second;
      worst.rel_l2 = std::max(worst.rel_l2, noise.rel_l2);
      worst.worst_row = std::max(worst.worst_row, noise.worst_row);
    });
  }
  return ideal;
}

}  // namespace fw::verify
