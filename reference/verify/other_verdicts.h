// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What other projects' acceptance rules say of the same numbers, so that authors can relate a verdict to their own CI.
// They are printed, never used.
#pragma once

#include <string>
#include <vector>

#include "core/compare.h"
#include "verify/precision.h"

namespace fw::verify {

struct OtherVerdict {
  std::string rule;  ///< "FLA outputs 0.005"
  bool passes;
  double value;      ///< the number the rule looks at
};

/// Rules that have a limit for this tensor (forward: FLA, llama.cpp, FlashInfer, FlashQLA; gradients: FLA, FlashQLA).
std::vector<OtherVerdict> other_verdicts(std::string_view tensor, const Tensor<double>& candidate, const Tensor<double>& truth, const Comparison& comparison,
                                         Precision precision);

}  // namespace fw::verify
