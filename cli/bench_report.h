// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A bench report for people and for programs.
#pragma once

#include <nlohmann/json.hpp>

#include "bench_rows.h"

namespace fw::cli {

void print_report(const BenchPlan& plan, const BenchReport& report);
nlohmann::ordered_json report_json(const BenchPlan& plan, const BenchReport& report);

}  // namespace fw::cli
