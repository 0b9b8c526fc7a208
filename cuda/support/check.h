// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Every CUDA call and every launch is checked: a failure becomes fw::Error with the call, the code's name and its text, e.g.
//   decode: launch failed: cudaErrorInvalidConfiguration (invalid configuration argument)
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "core/error.h"

namespace fw::cuda {

/// Throws unless `status` is success; `what` names the call.
inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess)
    throw Error(std::string(what) + " failed: " + cudaGetErrorName(status) + " (" + cudaGetErrorString(status) + ")");
}
/// Directly after <<<>>>: a launch that could not be made.
inline void check_launch(const char* what) { check(cudaGetLastError(), what); }

}  // namespace fw::cuda
