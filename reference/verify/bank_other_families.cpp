// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mistakes of Mamba-3 (rotation, trapezoid) and of attention (window). Forward through the spoiled problem.
#include <algorithm>

#include "verify/mistake.h"

namespace fw::verify {
namespace {

bool mamba3(const Bench& b) { return b.rule().family == Family::mamba3; }
bool rotates(const Bench& b) { return mamba3(b) && b.geo.P > 0; }
bool windowed(const Bench& b) { return b.problem.options.variant == Variant::swa; }

}  // namespace

void add_other_family_mistakes(std::vector<Mistake>& bank) {
  const auto add = [&](const char* id, const char* title, const char* advice, bool (*applies)(const Bench&), EditProblem edit) {
    bank.push_back({id, Direction::forward, title, advice, false, applies, forward_of_problem(edit)});
    bank.push_back({std::string("backward-") + id, Direction::backward, std::string("backward: ") + title, advice, false,
                    [applies](const Bench& b) { return b.gradients && applies(b); }, backward_of_problem(std::move(edit))});
  };
  add("trapezoid-exchanged", "lambda and 1 - lambda exchanged", "lambda = 1/2 makes the error vanish", mamba3, [](Problem& p, const Bench&) {
    for (index_t i = 0; i < p.in.lambda.numel(); ++i) p.in.lambda[i] = 1.0 - p.in.lambda[i];
  });
  add("previous-token-missing", "the previous token's half of the trapezoid is missing", "lambda = 1 makes the error vanish", mamba3, [](Problem& p, const Bench&) {
    for (index_t i = 0; i < p.in.dt.numel(); ++i) p.in.dt[i] *= p.in.lambda[i];
    p.in.lambda.fill(1.0);
  });
  add("step-missing", "the step dt is missing on the writes", "dt = 1 makes the error vanish", mamba3, [](Problem& p, const Bench&) { p.in.dt.fill(1.0); });
  add("previous-token-ignored", "the first token of a sequence ignores the previous key and value handed over", "", [](const Bench& b) { return mamba3(b) && b.problem.in.initial_key.defined(); },
      [](Problem& p, const Bench&) {
        p.in.initial_key = {};
        p.in.initial_value = {};
      });
  add("rotation-missing", "q and k are not rotated", "theta = 0 makes the error vanish", rotates, [](Problem& p, const Bench&) { p.in.theta.fill(0.0); });
  add("rotation-not-accumulated", "angles are used per token instead of their cumulative sum", "", rotates, [](Problem& p, const Bench& b) {
    const Tensor<double> angle = p.in.theta;
    for (const auto& seq : b.geo.sequences)
      for (index_t t = 1; t < seq.length; ++t) {
        const double *now = angle.row(seq.batch, seq.begin + t), *before = angle.row(seq.batch, seq.begin + t - 1);
        double* out = p.in.theta.row(seq.batch, seq.begin + t);
        for (index_t i = 0; i < b.geo.HV * b.geo.P; ++i) out[i] = now[i] - before[i];
      }
  });
  add("rotation-sign", "angles with the wrong sign", "theta = 0 makes the error vanish", rotates, [](Problem& p, const Bench&) {
    for (index_t i = 0; i < p.in.theta.numel(); ++i) p.in.theta[i] *= -1.0;
  });
  add("window-one-long", "the window holds W + 1 tokens", "T <= W hides it", windowed, [](Problem& p, const Bench&) { p.options.window += 1; });
  add("window-one-short", "the window holds W - 1 tokens", "T < W hides it", [](const Bench& b) { return windowed(b) && b.problem.options.window > 1; },
      [](Problem& p, const Bench&) { p.options.window -= 1; });
  add("window-ignored", "the window is ignored", "T <= W hides it", windowed, [](Problem& p, const Bench& b) { p.options.window = std::max<index_t>(b.geo.T, 1); });
}

}  // namespace fw::verify
