// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A batch of token sequences with their targets: what the task generators make and the training step eats.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace fw::model {

struct Batch {
  index_t B = 0, T = 0;
  std::vector<std::int32_t> tokens;   ///< [B,T]
  std::vector<std::int32_t> targets;  ///< [B,T], -1 = not scored
};

}  // namespace fw::model
