// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Gradients by perturbing every element of every input, to judge hand-written ones. The loss is the sum over all outputs of
// upstream times output; an absent upstream counts as zero.
//   complex step        dL/dx = Im L(x + i h) / h, h = 1e-50: no cancellation, exact to the rounding of one evaluation
//   central difference  (8 (L(x+h) - L(x-h)) - (L(x+2h) - L(x-2h))) / 12 h: error about h^4, independent of complex arithmetic
// `forward(inputs, options)` returns Outputs of the inputs' scalar.
#pragma once

#include <algorithm>
#include <complex>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/problem.h"
#include "support/check.h"

namespace fw::test {

using Complex = std::complex<double>;

template <class T>
T loss(const Outputs<T>& out, const Upstream<double>& up) {
  std::vector<const Tensor<double>*> weights;
  for_each_upstream(up, [&](const char*, const Tensor<double>& w) { weights.push_back(&w); });
  T sum(0);
  std::size_t next = 0;
  for_each_output(out, [&](const char*, const Tensor<T>& y) {
    const Tensor<double>& w = *weights[next++];
    if (w.defined())
      for (index_t i = 0; i < y.numel(); ++i) sum += w[i] * y[i];
  });
  return sum;
}

template <class T>
Inputs<T> inputs_as(const Inputs<double>& in) {
  std::vector<const Tensor<double>*> from;
  for_each_input(in, [&](const char*, const Tensor<double>& t) { from.push_back(&t); });
  Inputs<T> out;
  std::size_t next = 0;
  for_each_input(out, [&](const char*, Tensor<T>& t) { t = from[next++]->template cast<T>(); });
  out.cu_seqlens = in.cu_seqlens;
  return out;
}

/// Gradient of every input given, element by element: `slope(x)` perturbs the element and returns dL/dx.
template <class T, class Slope>
Gradients<double> by_perturbation(Inputs<T>& in, const Slope& slope) {
  std::vector<Tensor<T>*> inputs;
  for_each_input(in, [&](const char*, Tensor<T>& t) { inputs.push_back(&t); });
  Gradients<double> grad;
  std::size_t next = 0;
  for_each_gradient(grad, [&](const char*, Tensor<double>& d) {
    Tensor<T>& x = *inputs[next++];
    if (!x.defined()) return;
    d = Tensor<double>(x.shape());
    for (index_t i = 0; i < x.numel(); ++i) {
      const T kept = x[i];
      d[i] = slope(x[i]);
      x[i] = kept;
    }
  });
  return grad;
}

template <class Forward>
Gradients<double> complex_step(const Inputs<double>& inputs, const Upstream<double>& up, const Options& options, const Forward& forward) {
  constexpr double h = 1e-50;
  Inputs<Complex> in = inputs_as<Complex>(inputs);
  return by_perturbation(in, [&](Complex& x) {
    x += Complex(0.0, h);
    return loss(forward(in, options), up).imag() / h;
  });
}

/// Ranges are not checked: a gate at the end of its range is moved past it.
template <class Forward>
Gradients<double> central_difference(const Inputs<double>& inputs, const Upstream<double>& up, Options options, const Forward& forward,
                                     double h = 1e-3) {
  options.check_ranges = false;
  Inputs<double> in = inputs;
  return by_perturbation(in, [&](double& x) {
    const double centre = x;
    const auto at = [&](double step) {
      x = centre + step;
      return loss(forward(in, options), up);
    };
    return (8.0 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12.0 * h);
  });
}

/// Empty when every gradient is close to its reference and none is missing, otherwise what is not.
inline std::string why_gradients_differ(const Gradients<double>& candidate, const Gradients<double>& reference,
                                        const Tolerance& tolerance) {
  std::vector<const Tensor<double>*> references;
  for_each_gradient(reference, [&](const char*, const Tensor<double>& d) { references.push_back(&d); });
  std::string text;
  std::size_t next = 0;
  for_each_gradient(candidate, [&](const char* name, const Tensor<double>& d) {
    const Tensor<double>& expected = *references[next++];
    if (!d.defined() && !expected.defined()) return;
    const std::string why = why_not_close(d, expected, tolerance);
    if (!why.empty()) text += std::string(name) + ": " + why + "; ";
  });
  return text;
}

/// The largest global error over all gradients (infinite where one is missing).
inline double worst_gradient_error(const Gradients<double>& candidate, const Gradients<double>& reference) {
  std::vector<const Tensor<double>*> references;
  for_each_gradient(reference, [&](const char*, const Tensor<double>& d) { references.push_back(&d); });
  double worst = 0;
  std::size_t next = 0;
  for_each_gradient(candidate, [&](const char*, const Tensor<double>& d) {
    const Tensor<double>& expected = *references[next++];
    if (!d.defined() && !expected.defined()) return;
    const Comparison measured = compare(d, expected, {});
    const double error = measured.shapes_match ? std::max(measured.rel_l2, measured.worst_row) : std::numeric_limits<double>::infinity();
    if (!(error <= worst)) worst = error;
  });
  return worst;
}

}  // namespace fw::test
