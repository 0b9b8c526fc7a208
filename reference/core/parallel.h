// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A plain loop over independent pieces of work on several threads. Each index runs exactly once and writes only its
// own results, so the outcome does not depend on the number of threads. The first exception is rethrown.
#pragma once

#include <functional>

#include "core/dtype.h"

namespace fw {

/// Cores this process may use (at least 1).
int available_threads();

/// Run body(i) for i in [0, count) on at most `threads` threads (0: all cores; 1: in order, on the caller's thread).
void parallel_for(index_t count, int threads, const std::function<void(index_t)>& body);

}  // namespace fw
