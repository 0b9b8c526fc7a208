// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A scan or its mirror over all chunks: in one launch, or where sequences are few and long cut in segments of time (scan.cuh: Pass).
#pragma once

#include "cuda/launch/plan.h"

namespace fw::cuda {

/// How a call's scans are cut.
struct Split {
  int segments = 1;
  int columns = 16;       ///< value columns a block takes: of the whole, or of the pass starts
  int ends_columns = 16;  ///< of the pass ends
  std::size_t bytes = 0;  ///< of the states between segments and of the transitions
};
Split split_of(const Call& call, const Plan& plan, const Device& device);

/// adjoint: launch_adjoint_*. memory: split.bytes, aligned to 16 bytes.
void launch_scan(chunk::ScanParams p, const Split& split, bool f16, bool adjoint, const Device& device, void* memory, Stream stream);

}  // namespace fw::cuda
