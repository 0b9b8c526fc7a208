// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The delta-rule family chunk by chunk: the algebra every fast kernel uses, written for exactness. An independent second
// way to the results of the token-by-token references, and the yardstick of what a kernel of lower precision can reach
// (Settings::rounding). One implementation serves all nine variants of the family; what differs is data (core/variant.h).
//
// Right for every g <= 0, -inf included, and for moderate positive g: decay enters only as exponentials of sums of g over
// the tokens between two rows, so nothing overflows and nothing cancels (N1)-(N3).
// Results do not depend on options.threads. Memory per thread: a chunk's factors, and in backward T / C states.
#pragma once

#include "chunkwise/chunk.h"
#include "core/problem.h"

namespace fw::chunkwise {

/// o and final state. T = double or float. Throws fw::Error with function, argument, expected, got on any bad input, and for
/// variants outside the delta-rule family.
template <class T>
Outputs<T> forward(const Inputs<T>& in, const Options& options, const Settings& settings = {});

/// Gradient of the loss with respect to every input given, from the gradients `up` of the outputs.
template <class T>
Gradients<T> backward(const Inputs<T>& in, const Upstream<T>& up, const Options& options, const Settings& settings = {});

/// All that happened in one value head of one sequence, for whoever compares a kernel stage by stage.
template <class T>
struct HeadTrace {
  std::vector<ChunkFactors<T>> chunks;
  std::vector<Matrix<T>> states;   ///< [Dk,Dv] at the start of each chunk, and after the last
  std::vector<Matrix<T>> outputs;  ///< [C,Dv] of each chunk
};
template <class T>
HeadTrace<T> trace_head(const Inputs<T>& in, const Options& options, const Settings& settings, index_t sequence, index_t value_head);

}  // namespace fw::chunkwise
