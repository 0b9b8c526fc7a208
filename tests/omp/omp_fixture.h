// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Runs a problem through the fast path. Every tensor it returns is full of NaN before the call: an element nobody writes is
// never close to anything.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "omp/decode.h"
#include "omp/engine.h"
#include "support/results.h"
#include "support/sequences.h"

namespace fw::test {

template <class T>
inline constexpr T kPoison = std::numeric_limits<T>::quiet_NaN();

template <class T>
Outputs<T> poisoned_outputs(const Inputs<T>& in) {
  const Shape &q = in.q.shape(), &v = in.v.shape();
  const index_t N = in.cu_seqlens.empty() ? q[0] : static_cast<index_t>(in.cu_seqlens.size()) - 1;
  Outputs<T> out;
  out.o = Tensor<T>(v, kPoison<T>);
  out.final_state = Tensor<T>({N, v[2], q[-1], v[-1]}, kPoison<T>);
  return out;
}
template <class T>
Gradients<T> poisoned_gradients(const Inputs<T>& in) {
  std::vector<const Tensor<T>*> given;
  for_each_input(in, [&](const char*, const Tensor<T>& x) { given.push_back(&x); });
  Gradients<T> grad;
  std::size_t i = 0;
  for_each_gradient(grad, [&](const char*, Tensor<T>& d) {
    const Tensor<T>& like = *given[i++];
    if (like.defined()) d = Tensor<T>(like.shape(), kPoison<T>);
  });
  return grad;
}

/// Outputs and gradients, the gradients from what the forward saved.
template <class T>
std::vector<Named<T>> omp_results(const Inputs<T>& in, const Upstream<T>& up, const Options& options, const omp::Settings& settings = {}) {
  Outputs<T> out = poisoned_outputs(in);
  Gradients<T> grad = poisoned_gradients(in);
  omp::Saved<T> saved;
  omp::forward(in, options, out, &saved, settings);
  omp::backward(in, up, options, grad, &saved, settings);
  return results(out, grad);
}
inline std::vector<Named<double>> omp_results(const Problem& p, const omp::Settings& settings = {}) {
  return omp_results(p.in, p.up, p.options, settings);
}

/// Instruction sets to test: all. Under ThreadSanitizer only the best: who waits for whom does not depend on it, and time does.
inline std::vector<omp::Isa> tested_isas() {
  std::vector<omp::Isa> all = omp::available_isas();
#if defined(__SANITIZE_THREAD__)
  all.erase(all.begin(), all.end() - 1);
#endif
  return all;
}
inline omp::Settings on(omp::Isa isa) { return {isa, 1}; }

/// A problem whose numbers are floats, and the same numbers as floats.
struct FloatProblem {
  explicit FloatProblem(Problem drawn) : wide(std::move(drawn)) {
    round_problem(wide, DType::f32, DType::f32);
    in = cast_inputs<float>(wide.in);
    up = cast_upstream<float>(wide.up);
  }
  Problem wide;
  Inputs<float> in;
  Upstream<float> up;
};
inline std::vector<Named<float>> omp_results(const FloatProblem& p, const omp::Settings& settings = {}) {
  return omp_results(p.in, p.up, p.wide.options, settings);
}

/// The results of a run in T, as doubles: the same numbers exactly, so bits can still be compared.
template <class T>
std::vector<Named<double>> results_in(const Problem& p, const omp::Settings& settings = {}) {
  if constexpr (std::is_same_v<T, double>) return omp_results(p, settings);
  else {
    std::vector<Named<double>> all;
    for (const Named<T>& one : omp_results(cast_inputs<T>(p.in), cast_upstream<T>(p.up), p.options, settings))
      all.push_back({one.name, one.value.template cast<double>()});
    return all;
  }
}

}  // namespace fw::test
