// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Making a golden case: inputs drawn from a family, rounded to the types a kernel gets them in, and the float64 truth of
// exactly these rounded inputs, gradients included.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/case_file.h"
#include "core/families.h"

namespace fw::cli {

struct GoldenRequest {
  Variant variant = Variant::gdn2;
  ProblemShape shape;
  std::string family = "mixed";
  std::uint64_t seed = 1;
  DType dtype = DType::f32;
  std::optional<DType> gate_dtype;  ///< unset: f32 beside 16-bit tensors, else as dtype
  DType truth_dtype = DType::f64;
  std::optional<double> scale, l2norm_eps, decay_lower_bound;
  Layout layout = Layout::BTHK;
  StateLayout state_layout = StateLayout::KV;
  bool gradients = true;
  int threads = 0;
};

/// `progress(fraction, stage)` is called between the stages.
CaseFile make_golden(const GoldenRequest& request, const std::function<void(double, const std::string&)>& progress);

/// What the numbers mean, in words: order of the operations, units, shapes, every option.
std::string convention(const CaseFile& file);

}  // namespace fw::cli
