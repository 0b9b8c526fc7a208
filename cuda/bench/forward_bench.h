// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The chunkwise forward on the device at hand: is it right, and how fast is it. Compiled with FW_FORWARD_BENCH_MAIN the source
// is a program of its own:  forward_bench [check] [time] [tune]  (nothing: check and time); it returns 1 if a check failed.
#pragma once

#include <cstdio>

namespace fw::cuda {

/// o and final states against the recurrence in float64 on the rounded inputs (bound 6e-3 in bf16, 1.5e-2 for keys that repeat or
/// lie close together), bitwise repeatability, prefix causality. Outputs are full of NaN before. Returns the number of failures.
int check_forward(std::FILE* out);
/// Milliseconds of the whole and of its kernels, bytes per second beside a device copy in the same run.
void print_forward_bench(std::FILE* out);
/// The scan with every tile of value columns, for the constants in launch/plan.cpp.
void print_forward_tuning(std::FILE* out);

}  // namespace fw::cuda
