// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/precision.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/error.h"

namespace fw::verify {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"fp64", "fp32", "tf32", "fp16", "bf16"};

/// Columns of the table in docs/numerics.md: outputs, gradients of q k v and states, gradients of gates and parameters.
struct Row {
  Tolerance outputs, gradients, gates;
  double cap_outputs, cap_gradients;
};

Row row(Precision precision) {
  switch (precision) {
    case Precision::fp64: return {{1e-10, 1e-9}, {1e-9, 1e-8}, {1e-8, 1e-7}, 1e-8, 1e-7};
    case Precision::fp32: return {{1e-5, 1e-4}, {1e-4, 1e-3}, {1e-4, 1e-3}, 1e-3, 1e-2};
    case Precision::tf32:
    case Precision::fp16: return {{2e-3, 5e-3}, {5e-3, 1.5e-2}, {1e-2, 3e-2}, 1e-2, 3e-2};
    case Precision::bf16: return {{1e-2, 3e-2}, {1.5e-2, 5e-2}, {2e-2, 6e-2}, 3e-2, 6e-2};
  }
  throw Error("tolerance_rule: unknown precision");
}

}  // namespace

std::string_view precision_name(Precision precision) { return kNames[static_cast<std::size_t>(precision)]; }

Precision precision_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<Precision>(i);
  throw Error("precision: expected one of fp64, fp32, tf32, fp16, bf16, got \"" + std::string(name) + "\"");
}

Precision precision_of(DType tensor_type) {
  switch (tensor_type) {
    case DType::f64: return Precision::fp64;
    case DType::f32: return Precision::fp32;
    case DType::f16: return Precision::fp16;
    case DType::bf16: return Precision::bf16;
    default: throw Error("precision_of: expected a floating type, got " + std::string(dtype_name(tensor_type)));
  }
}

ToleranceRule tolerance_rule(Precision precision, std::string_view name) {
  const Row r = row(precision);
  if (name == "o" || name.starts_with("final_")) return {r.outputs, 2.0, r.cap_outputs};
  const bool gate = name == "dg" || name == "db" || name == "dw" || name == "dbeta" || name == "dA_log" || name == "ddt_bias" ||
                    name == "ddt" || name == "dlambda" || name == "dtheta" || name == "dinitial_angle";
  return {gate ? r.gates : r.gradients, 3.0, r.cap_gradients};
}

Tolerance limit_of(Precision precision, std::string_view name, const Comparison& noise) {
  const ToleranceRule rule = tolerance_rule(precision, name);
  return {std::min(std::max(rule.floor.global, rule.multiple * noise.rel_l2), rule.cap),
          std::min(std::max(rule.floor.worst_row, rule.multiple * noise.worst_row), 3.0 * rule.cap)};
}

index_t row_width_of(Variant variant, std::string_view name) {
  const bool through_mean = (variant == Variant::gdn2_write && name == "db") || (variant == Variant::gdn2_erase && name == "dw");
  return through_mean ? 1 : 0;
}

bool undecidable(Precision precision, std::string_view name, const Comparison& noise) {
  const ToleranceRule rule = tolerance_rule(precision, name);
  return !(rule.multiple * noise.rel_l2 <= rule.cap && rule.multiple * noise.worst_row <= 3.0 * rule.cap);
}

bool ill_conditioned(Precision precision, std::string_view name, const Comparison& error, const Comparison& noise) {
  const ToleranceRule rule = tolerance_rule(precision, name);
  return undecidable(precision, name, noise) && error.shapes_match && error.nonfinite_mismatch == 0 &&
         passes(error, {std::max(rule.floor.global, rule.multiple * noise.rel_l2), std::max(rule.floor.worst_row, rule.multiple * noise.worst_row)});
}

}  // namespace fw::verify
