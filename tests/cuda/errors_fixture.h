// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The errors of a whole forward and backward on the device, against the recurrence in double, as three numbers.
#pragma once

#include "cuda/backward_fixture.h"

namespace fw::test {

/// Relative errors, |x - truth| / |truth|: of o, of the final states, the largest of the gradients.
struct Errors {
  double o = 0, state = 0, gradients = 0;
};

/// Infinite where a number is not finite.
inline double relative(const Tensor<double>& x, const Tensor<double>& truth) {
  double difference = 0, size = 0;
  for (index_t i = 0; i < truth.numel(); ++i) {
    if (!std::isfinite(x[i])) return std::numeric_limits<double>::infinity();
    difference += (x[i] - truth[i]) * (x[i] - truth[i]), size += truth[i] * truth[i];
  }
  return difference == 0 ? 0 : std::sqrt(difference / size);
}

/// How a problem is run.
struct Cut {
  index_t segments = 0;  ///< 0: chosen
  DType tensors = DType::bf16;
  cuda::StateLayout layout = cuda::StateLayout::key_value;
  bool states = true;  ///< kept by the forward
};

inline Errors errors_of(const Problem& p, const Cut& cut) {
  const Outputs<double> truth = naive::forward(p.in, p.options);
  const Gradients<double> grads = naive::backward(p.in, p.up, p.options);
  BackwardRun run(p, cut.tensors, DType::f32, cut.layout, {cut.states, false}, cut.segments);
  run.run();
  Errors errors{relative(run.forward.o(), truth.o), relative(run.forward.final_state(), truth.final_state), 0};
  const auto add = [&](const char* name, const Tensor<double>& expected) {
    if (expected.defined() && expected.numel() > 0) errors.gradients = std::max(errors.gradients, relative(run.result(name), expected));
  };
  add("dq", grads.dq), add("dk", grads.dk), add("dv", grads.dv), add("dinitial_state", grads.dinitial_state);
  if (info(p.options.variant).erase == Erase::channel) add("db", grads.db);
  if (info(p.options.variant).write == Write::channel) add("dw", grads.dw);
  if (info(p.options.variant).decay == Decay::channel && !p.in.A_log.defined()) add("dg", grads.dg);
  return errors;
}

}  // namespace fw::test
