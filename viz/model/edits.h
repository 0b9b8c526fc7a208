// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Edits of the log by hand that are no command at its end: a gate of one channel set from a token on.
#pragma once

#include "viz/model/document.h"

namespace fw::viz {

/// `gate` (b, w or a) of one channel = `value` from token t (1-based) on: a gate command right before token t, in place of one for
/// the same channel there. In A's log, or in B's: then B becomes a branch with the same tokens. Throws for a trace and a t without token.
Document with_gate(const Document& document, bool of_b, int t, char gate, int channel, double value);

}  // namespace fw::viz
