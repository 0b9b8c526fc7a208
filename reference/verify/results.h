// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What a kernel returns from one call: outputs and gradients, each possibly absent. A kernel under judgement, the truth,
// the yardstick and every deliberately wrong reference have this one form.
#pragma once

#include <string_view>

#include "core/problem.h"

namespace fw::verify {

enum class Direction { forward, backward };

struct Results {
  Outputs<double> out;
  Gradients<double> grad;
};

/// f(name, tensor, direction) for every tensor, absent ones included, always in the same order.
template <class R, class F>
void for_each_result(R& results, F&& f) {
  for_each_output(results.out, [&](const char* name, auto& t) { f(name, t, Direction::forward); });
  for_each_gradient(results.grad, [&](const char* name, auto& t) { f(name, t, Direction::backward); });
}

/// The tensor of that name, or nullptr when there is no such name.
const Tensor<double>* find(const Results& results, std::string_view name);
Tensor<double>* find(Results& results, std::string_view name);

}  // namespace fw::verify
