// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Runs what was asked for: checks, ceilings, then all rows of a pass in turn, so that what disturbs the machine disturbs
// all of them alike; ratios are medians of the ratios within a turn.
#pragma once

#include <string>
#include <vector>

#include "bench_case.h"
#include "bench_ceilings.h"
#include "bench_decode.h"

namespace fw::cli {

struct BenchPlan {
  Variant variant = Variant::gdn2;
  ProblemShape shape;
  std::vector<Pass> passes;
  std::vector<Contender> contenders;  ///< a naive one, if any, comes first
  std::vector<int> layers;
  std::vector<std::string> families{"typical"};  ///< of the check; the first is decoded too
  bool check_only = false;
  int reps = 0;
  double seconds = 2.0;
  std::uint64_t seed = 1;
  bool broken = false;
};

struct BenchRow {
  Pass pass;
  Contender contender;
  int layers = 0;               ///< decode only
  std::vector<double> seconds;  ///< of each run; decode: per layer
  double median = 0, least = 0, most = 0;
  double gflops = 0, gbs = 0;
  double times_naive = 0;       ///< naive / this, median over turns; 0 without
  double floor_seconds = 0;     ///< decode: median sweep over as many bytes
  double floor_share = 0;       ///< decode: floor / this, median over turns
};

struct BenchReport {
  std::string isa;
  std::vector<CheckedTensor> checks;
  std::vector<std::string> wrong;  ///< what is wrong; then there are no rows
  std::vector<Ceilings> ceilings;
  std::vector<BenchRow> rows;
};

BenchReport run_bench_plan(const BenchPlan& plan);

}  // namespace fw::cli
