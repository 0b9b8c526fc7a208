// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What a task hands to a model: B sequences of T tokens, and for each position the token that should be predicted after
// reading tokens[b, 0..t]. Positions that are not scored hold kNotScored.
#pragma once

#include <cstdint>
#include <vector>

#include "core/dtype.h"

namespace fw::model {

inline constexpr std::int32_t kNotScored = -1;

struct Batch {
  index_t B = 0, T = 0;
  std::vector<std::int32_t> tokens;   ///< [B,T], 0 <= token < size of the vocabulary
  std::vector<std::int32_t> targets;  ///< [B,T], kNotScored = not scored; targets[t] follows tokens[..t]
};

}  // namespace fw::model
