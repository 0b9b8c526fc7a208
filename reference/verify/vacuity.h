// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The vacuity guard: if a trivial answer would pass under the limit in force, the limit proves nothing and there is no
// verdict. Trivial answers: all zero, the mean everywhere, the initial state handed through, the result of another head
// or token (a stale buffer). A truth that is itself trivial (all zero, T = 0) is exempt: it is compared exactly.
#pragma once

#include "verify/judge.h"

namespace fw::verify {

/// Marks every right tensor for which a trivial answer passes as vacuous, with the reason.
void refuse_vacuous(const Call& call, const Results& truth, const Geometry& geo, std::vector<TensorReport>& reports);

}  // namespace fw::verify
