// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A bench report for people and for programs.
#pragma once

#include <string>

#include "bench_rows.h"

namespace fw::cli {

void print_report(const BenchPlan& plan, const BenchReport& report);
/// One JSON object with every run.
std::string report_json(const BenchPlan& plan, const BenchReport& report);

/// Today in UTC, as 2026-01-31.
std::string today();

}  // namespace fw::cli
