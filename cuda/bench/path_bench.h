// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Times of the chunkwise path: forward, and forward and backward together with states and factors kept, as one graph each, medians of
// single launches between events, the L2 flushed before each. Inputs are noise of a usual size, drawn on the device.
#pragma once

#include <string>

#include "core/problem.h"
#include "cuda/engine.h"

namespace fw::cuda {

struct PathCase {
  Variant variant = Variant::gdn2;
  index_t B = 1, T = 8192, H = 16, Dk = 128, Dv = 128;
  DType tensors = DType::bf16, g = DType::f32;
  Precision precision = Precision::fast;
  bool backward = false;
  int repeats = 20;
};
struct PathTime {
  double median_ms = 0, least_ms = 0, most_ms = 0;
  double bytes = 0;        ///< of inputs read and results written once
  double extra_bytes = 0;  ///< workspace and saved states
};
PathTime time_path(const PathCase& what);

std::string device_name();

}  // namespace fw::cuda
