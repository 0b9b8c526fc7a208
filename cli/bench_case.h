// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What `fastweight bench` times: one problem in float32, the ways to compute it, and the check that must hold before any of
// them is timed. Useful work of a forward is 8 Dk Dv flop per token and value head (read along e and q, erase, write: (R2)-(R4)),
// of forward and backward together three times that; traffic is every input read and every result written once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/families.h"
#include "omp/engine.h"

namespace fw::cli {

enum class Pass { forward, training, decode };
const char* pass_name(Pass pass);

/// One way to compute the problem.
struct Contender {
  std::string backend = "omp";  ///< "omp" or "naive"
  int threads = 1;
  int rung = 0;                 ///< 0: the engine itself
  omp::Settings settings;
  std::string label() const;
};

/// A problem in float32, with results that are used again and again.
struct BenchProblem {
  Inputs<float> in;
  Upstream<float> up;
  Options options;
  Geometry geo;
  double useful_flop(Pass pass) const;
  double bytes(Pass pass) const;
};
/// Family "typical" of the shape, gradients included; as float32. options: no checks of values inside what is timed.
BenchProblem make_bench_problem(Variant variant, const ProblemShape& shape, std::uint64_t seed);

/// Everything a contender computes in a pass, kept between runs.
struct BenchResults {
  Outputs<float> out;
  omp::Saved<float> saved;
  Gradients<float> grad;
};
void run_contender(const BenchProblem& problem, const Contender& contender, Pass pass, BenchResults& results);

struct CheckedTensor {
  std::string contender, family, name;
  double error, naive_error, limit;
  bool right;
};
/// The contender on a problem of 200 tokens and two key heads with the same rule, widths and options, against the float64
/// truth: at most twice the error of the naive float32 loop, or 4e-7. `broken` flips one number first (a test of the check).
std::vector<CheckedTensor> check_contender(Variant variant, const ProblemShape& shape, const std::string& family, const Contender& contender,
                                           bool backward, std::uint64_t seed, bool broken);
/// Empty, or what is wrong with the timed results: a number that is not finite, or other bits than `first`.
std::string why_results_wrong(const BenchResults& results, const BenchResults& first, Pass pass, bool same_bits);

}  // namespace fw::cli
