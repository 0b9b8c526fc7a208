// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Times decode steps in CUDA graphs, between events, beside what copies on the device reach in the same run.
// One graph holds many steps, so that what is timed is a step in a chain, not a launch. Two situations:
//   hot      every step on the same states: what fits in L2 is read from there
//   rotated  steps walk through pools of more than four times the L2 together: every state comes from memory
// Inputs are the same in all steps, as fresh activations would be in L2. Bytes are those a step must move: states read and
// written once, inputs and outputs once.
#pragma once

#include <cstdio>

#include "cuda/decode.h"

namespace fw::cuda {

struct DecodeTiming {
  double median = 0, min = 0, max = 0;  ///< microseconds of one step, over the repeats
  double bytes = 0;                     ///< of one step
  int steps = 0, repeats = 0, pools = 0;
  double terabytes_per_second() const { return bytes / median * 1e-6; }
};

/// Times steps of `call` (random inputs, gates in range, states that stay bounded; L2 norm as in its options) on slots in
/// shuffled order. The current device; needs memory for the pools. Throws fw::Error.
DecodeTiming time_decode(const Call& call, DecodeTiling tiling, bool rotated, int repeats = 30);

/// Bytes read and written per second, in TB/s, over 512 MiB, median of the repeats: by cudaMemcpyAsync, by a kernel of 16-byte
/// accesses, by that kernel in place, which is what a decode step does with its states.
enum class Copy { memcpy, apart, in_place };
double copy_bandwidth(Copy copy, int repeats = 30);

/// The table: sequences x widths x layouts x tilings of GDN-2, some of the narrower rules, 1 to 8 tokens.
void print_decode_bench(std::FILE* out);

}  // namespace fw::cuda
