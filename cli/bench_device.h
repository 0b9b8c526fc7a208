// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// bench --backend cuda: the kernels under the judge first, then their times as graphs, beside a copy on the device in the same run.
#pragma once

#include <string>
#include <vector>

#include "bench_case.h"
#include "core/dtype.h"

namespace fw::cli {

struct DevicePlan {
  Variant variant = Variant::gdn2;
  ProblemShape shape;
  std::vector<Pass> passes;
  std::vector<std::string> families{"typical"};
  DType tensors = DType::bf16;
  bool accurate = false, check_only = false, broken = false;
  int reps = 0;
  std::uint64_t seed = 1;
};

struct DeviceCheck {
  std::string pass, family, tensor;
  double error = 0, limit = 0;
  bool right = false;  ///< or without a verdict, where the inputs leave the type no digits: `posed` is false then
  bool posed = true;
};
struct DeviceRow {
  std::string pass;
  double median_ms = 0, least_ms = 0, most_ms = 0;
  double bytes = 0;        ///< that must move: inputs and results once, states of decode
  double extra_bytes = 0;  ///< workspace and what is kept for the backward
};
struct DeviceReport {
  std::string device, checked_shape;
  double copy_tbs = 0;  ///< bytes read and written per second by a copy kernel
  std::vector<DeviceCheck> checks;
  std::vector<std::string> wrong;
  std::vector<DeviceRow> rows;
};

/// Throws Error; Skipped (backend.h) where there is no device.
DeviceReport run_device_plan(const DevicePlan& plan);
void print_device_report(const DevicePlan& plan, const DeviceReport& report);
std::string device_json(const DevicePlan& plan, const DeviceReport& report);

}  // namespace fw::cli
