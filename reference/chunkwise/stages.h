// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The forward stages of a chunk in their order (see chunk.h).
#pragma once

#include "chunkwise/carry.h"
#include "chunkwise/decay.h"
#include "chunkwise/factors.h"
#include "chunkwise/inverse.h"
#include "chunkwise/output.h"
#include "chunkwise/scores.h"
#include "chunkwise/wy.h"

namespace fw::chunkwise {

/// From q k v g b w e z to Y and U: all that does not need the state. `queries` off leaves out Q_gamma's partner A_qk (C5).
template <class T>
void build_chunk(ChunkFactors<T>& f, const Settings& settings, bool queries = true) {
  decay_differences(f.g, settings.block, f.decay);
  decayed_rows(f);
  erase_scores(f, settings);
  if (queries) query_scores(f, settings);
  invert_erase(f, settings);
  wy_rows(f, settings);
}

/// From the state at the chunk's start to R, the outputs O [C,Dv] and the state at its end (S in place).
template <class T>
void chunk_forward(ChunkFactors<T>& f, Matrix<T>& S, Matrix<T>& O, const Settings& settings) {
  residual_rows(f, S, settings);
  chunk_output(f, S, settings, O);
  carry_state(f, S, settings);
}

/// Tokens [first, min(first + chunk, end)) of the head, ready for chunk_forward.
template <class T>
void prepare_chunk(const Head<T>& head, index_t first, const Settings& settings, ChunkFactors<T>& f, bool queries = true) {
  gather_rows(head, first, std::min(settings.chunk, head.sequence().length - first), settings.rounding, f);
  build_chunk(f, settings, queries);
}

}  // namespace fw::chunkwise
