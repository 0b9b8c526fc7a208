// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// forward() in parts, for measurements: its kernels one by one, and with another tile of value columns than it would choose.
#pragma once

#include "cuda/engine.h"

namespace fw::cuda {

struct ForwardParts {
  bool factors = true, scan = true;  ///< factors: with the write numbers. The scan reads what the factors left in the workspace
  int columns = 0;                   ///< of a block of the scan: 16, 32, 64 or 128; 0: chosen
  int ends_columns = 0;              ///< the same for the first pass over segments of time
};
void forward_parts(const Call& call, const Inputs& in, const Outputs& out, void* saved, void* workspace, Stream stream, const ForwardParts& parts);

}  // namespace fw::cuda
