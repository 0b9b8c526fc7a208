// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A judgement for people (plain text) and for machines (JSON). The text names the convention that was checked, gives one
// line per tensor with numbers, limits and verdict, then what these inputs could not show; for a wrong kernel where it is
// wrong and why.
#pragma once

#include <string>

#include "verify/judge.h"

namespace fw::verify {

struct ReportOptions {
  std::string file;       ///< shown in the headline
  std::string kernel;     ///< from the file's metadata, may be empty
  bool explain = false;   ///< explain columns, list every blind spot, advice and runner-ups
};

std::string text_report(const Judgement& judgement, const ReportOptions& options);
std::string json_report(const Judgement& judgement, const ReportOptions& options);

/// The entry of a file that could not be judged: {"file", "verdict": "unusable", "error"}.
std::string json_unusable(const std::string& file, const std::string& error);

/// "right", "wrong", "ill-conditioned", "vacuous"
std::string_view verdict_name(Verdict verdict);
/// The rule under test in one line: order, log base, scale, state layout, activations.
std::string contract(const Options& options, const Geometry& geo);

}  // namespace fw::verify
