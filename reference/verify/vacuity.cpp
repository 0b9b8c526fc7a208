// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/vacuity.h"

#include <algorithm>
#include <numeric>

namespace fw::verify {
namespace {

bool trivial(const Tensor<double>& t) {
  return t.numel() == 0 || std::all_of(t.data(), t.data() + t.numel(), [&](double x) { return x == t[0]; });
}

/// The tensor one row on: what a stale or shifted buffer would hold.
Tensor<double> rotated(const Tensor<double>& t) {
  Tensor<double> out = t;
  const index_t width = t.shape().rank() > 0 ? t.shape()[-1] : 1;
  if (width < t.numel()) std::rotate(out.data(), out.data() + width, out.data() + out.numel());
  else std::rotate(out.data(), out.data() + 1, out.data() + out.numel());
  return out;
}

}  // namespace

void refuse_vacuous(const Call& call, const Results& truth, const Geometry& geo, std::vector<TensorReport>& reports) {
  for (TensorReport& report : reports) {
    if (report.verdict != Verdict::right) continue;
    const Tensor<double>& t = *find(truth, report.name);
    if (trivial(t)) continue;
    const auto would_pass = [&](const Tensor<double>& answer, const char* what) {
      const bool itself = std::equal(answer.data(), answer.data() + answer.numel(), t.data());
      if (itself || report.verdict != Verdict::right || !passes(compare(answer, t, report.limit, row_width_of(call.problem.options.variant, report.name)), report.limit)) return;
      report.verdict = Verdict::vacuous;
      report.vacuous_because = what;
    };
    would_pass(Tensor<double>(t.shape(), 0.0), "an all-zero answer would pass");
    would_pass(Tensor<double>(t.shape(), std::accumulate(t.data(), t.data() + t.numel(), 0.0) / static_cast<double>(t.numel())), "the mean everywhere would pass");
    would_pass(rotated(t), "the rows of a neighbour would pass");
    const bool moved = std::any_of(geo.sequences.begin(), geo.sequences.end(), [](const auto& seq) { return seq.length > 0; });
    if (report.name == "final_state" && moved && call.problem.in.initial_state.defined()) would_pass(call.problem.in.initial_state, "the initial state handed through would pass");
  }
}

}  // namespace fw::verify
