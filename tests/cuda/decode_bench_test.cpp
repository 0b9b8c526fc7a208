// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Timings of decode, left out of a usual run: test_cuda --no-skip --test-case="cuda decode: bench".
#include <doctest/doctest.h>

#include "cuda/bench/decode_bench.h"

TEST_SUITE_BEGIN("cuda");

TEST_CASE("cuda decode: bench" * doctest::skip()) { fw::cuda::print_decode_bench(stdout); }

TEST_CASE("cuda decode: the bench times every variant") {
  for (const fw::VariantInfo& row : fw::variants()) {
    if (row.family != fw::Family::delta_rule) continue;
    fw::cuda::Call call;
    call.options.variant = row.id;
    call.B = 3, call.T = 2, call.H = 1, call.HV = 2, call.Dk = 64, call.Dv = 32, call.g_heads = 1, call.b_heads = 2;
    for (const bool rotated : {false, true}) {
      const fw::cuda::DecodeTiming time = fw::cuda::time_decode(call, fw::cuda::DecodeTiling::automatic, rotated, 3);
      CHECK(time.min > 0);
      CHECK(time.min <= time.median);
      CHECK(time.median <= time.max);
      CHECK(time.bytes > 2.0 * 3 * 2 * 64 * 32 * 4);
    }
  }
}

TEST_SUITE_END();
