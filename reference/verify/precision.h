// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// How close is close enough. A precision class says what a kernel's products see; the tolerance of a tensor is the larger
// of a fixed floor and a multiple of the error that an emulated ideal kernel of that class makes on these very inputs,
// and never above a cap: past the cap the inputs are ill-conditioned for that precision and decide nothing.
// Where each number comes from: docs/numerics.md.
#pragma once

#include <string_view>

#include "core/compare.h"
#include "core/dtype.h"
#include "verify/results.h"

namespace fw::verify {

/// What the operands of the products are rounded to. tf32: float32 tensors, products in TensorFloat-32.
enum class Precision { fp64, fp32, tf32, fp16, bf16 };

std::string_view precision_name(Precision precision);
Precision precision_from_name(std::string_view name);
/// The strictest class that tensors of this type can claim: f32 -> fp32.
Precision precision_of(DType tensor_type);

struct ToleranceRule {
  Tolerance floor;    ///< allowed on any input
  double multiple;    ///< times the yardstick's own error
  double cap;         ///< of the global error; the worst row may reach 3 x the cap
};

/// The rule for the tensor `name` ("o", "final_state", "dq", ...).
ToleranceRule tolerance_rule(Precision precision, std::string_view name);
/// The limit in force: the rule applied to the noise an ideal kernel of the class makes on these inputs.
Tolerance limit_of(Precision precision, std::string_view name, const Comparison& noise);
/// Row width for compare(): 0 (the last axis), but 1 where every channel of a row holds the same number (the gradient of a
/// gate that enters through its mean): such a row has the error statistics of one number.
index_t row_width_of(Variant variant, std::string_view name);
/// An ideal kernel's own noise, times the multiple, is past the cap: this tensor decides nothing on these inputs.
bool undecidable(Precision precision, std::string_view name, const Comparison& noise);
/// The tensor is undecidable and the error no larger than the multiple of an ideal kernel's: not wrong, not right.
bool ill_conditioned(Precision precision, std::string_view name, const Comparison& error, const Comparison& noise);

}  // namespace fw::verify
