// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The forward's own check on the device, and its timings, which a usual run leaves out: test_cuda --no-skip --test-case="cuda forward: bench".
#include <doctest/doctest.h>

#include "cuda/bench/forward_bench.h"

TEST_CASE("cuda forward: right on every case of its benchmark") { CHECK(fw::cuda::check_forward(stdout) == 0); }

TEST_CASE("cuda forward: bench" * doctest::skip()) { fw::cuda::print_forward_bench(stdout); }
