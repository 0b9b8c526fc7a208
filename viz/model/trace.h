// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Tensors as a source: one head of one sequence of a case file (core/case_file.h), a dump of a real kernel or a file of
// ours. Tokens are normalised and activated as the reference does it and written in GDN-2's form; the rule of the file becomes
// head A's. A trace has no names: at most kTraceFacts of its tokens, evenly spaced, stand in the tables as "k17", and what
// memory is meant to answer there is what was written, z = w (.) v (what was offered, v, may have been shut out by w).
// The other way round, a run becomes a case file that `fastweight verify` can judge.
#pragma once

#include "core/case_file.h"
#include "viz/model/document.h"
#include "viz/model/run.h"

namespace fw::viz {

constexpr int kTraceFacts = 24;

struct Trace {
  Timeline timeline;
  Variant variant = Variant::gdn2;
};

/// Throws fw::Error: no such head or sequence, a rule outside the delta family, unusable tensors.
Trace trace_of(const CaseFile& file, const TraceSource& source);
Trace load_trace(const TraceSource& source);

/// Inputs, outputs and final state of a run as GDN-2 with the gates in effect. Throws when something was edited by hand.
TensorFile case_of(const Run& run);

}  // namespace fw::viz
