// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The decode rows of `fastweight bench`: one token through several layers, the fast Decoder or the naive step on states that
// stay where they are, after a check of both against the float64 truth.
#pragma once

#include <memory>
#include <string>

#include "bench_case.h"

namespace fw::cli {

/// Runs one token through every layer.
class DecodeRunner {
 public:
  virtual ~DecodeRunner() = default;
  virtual void step() = 0;
};
/// `token`: inputs with T = 1; every layer has states of its own.
std::unique_ptr<DecodeRunner> make_decode_runner(const BenchProblem& token, const Contender& contender, int layers);

/// Largest relative error over o of all tokens and the final state of a decode of `problem` token by token, against the truth.
struct DecodeCheck {
  double error, naive_error, limit;
  bool right;
};
DecodeCheck check_decode(Variant variant, const ProblemShape& shape, const Contender& contender, std::uint64_t seed, bool broken);

}  // namespace fw::cli
