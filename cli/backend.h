// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The project's own kernels by name, as anybody else's would be judged: problems in, tensors out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/families.h"
#include "verify/judge.h"

namespace fw::cli {

/// Says a backend cannot run here, though nothing is wrong with what was asked: exit status 77.
struct Skipped {
  std::string why;
};

struct BackendOptions {
  std::string backend;                ///< "cuda", "omp" or "naive"
  std::vector<Variant> variants;
  std::vector<std::string> families;  ///< empty: all that apply
  ProblemShape shape;
  DType tensors = DType::bf16;        ///< omp and naive: f32
  bool accurate = false;              ///< cuda with f32 tensors
  std::uint64_t seed = 0;
};

/// A problem drawn and rounded as the backend gets it, and what the backend returned. Throws Error, or Skipped.
verify::Call call_backend(const BackendOptions& options, Variant variant, const std::string& family);

}  // namespace fw::cli
