// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decoding on the GPU: 1 to 8 tokens of N sequences in one kernel, on float32 states that live in a pool of slots. Every row
// of the delta-rule family, (R1)-(R4). The state is read once and written once whatever the number of tokens; with
//   t = alpha S_prev (R1)     r = t^T e (R2)     p = t^T q     delta = z - r
//   S = t + k delta^T (R3)    o = scale (p + (q.k) delta), which is scale S^T q (R4)
// both sums are made in one sweep over registers, before the write is known.
//
// Shapes: q k g b v w beta as in core/problem.h with B = N and T tokens; o [N,T,HV,Dv]; states [slots,HV,Dk,Dv], or [slots,HV,Dv,Dk]
// for StateLayout::value_key; snapshots [N,T,HV,...] in the layout of the states.
// Bits of a sequence do not depend on N, on its slot, on the tiling, or on whether its tokens come in one call or in several.
// Enqueues one kernel on the stream: no allocation, no synchronisation, no look at device data, so it can be captured in a graph.
// On compute capability 9 the launch overlaps the kernel before it; the kernel waits for that one's end before it reads anything.
// Fastest with Dk 64 or 128. A slower scalar path takes states whose rows are no multiple of 4 numbers or not 16-byte aligned,
// and for key_value an o that is not aligned to four elements.
#pragma once

#include <cstdint>

#include "cuda/engine.h"

namespace fw::cuda {

/// Where the states are. Slot numbers are read on the device: one outside [0, slots), such as -1, means "none".
struct StatePool {
  float* states = nullptr;
  index_t slots = 0;
  const std::int32_t* from = nullptr;  ///< [N], the slot a sequence reads; none: the sequence is skipped, its o is zeros. null: slot n
  const std::int32_t* to = nullptr;    ///< [N], the slot it writes; none: the state is not kept. null: as `from`, in place
  float* snapshots = nullptr;          ///< the state after every token, e.g. to undo rejected tokens; null: not wanted
};
// No slot may be written by two sequences of a call, nor written by one and read by another.

/// How much of a state one block takes, for measurements. automatic: the most that keeps the device busy.
enum class DecodeTiling { automatic, small, medium, large };

/// call: B = N sequences (N may stay 0), T in 1..8, Dk and Dv in 16..256, no packed sequences; `precision` is not used: sums and
/// states are float32 always. in: no initial_state, no cu_seqlens. o: call.tensors. Values are not checked.
/// Throws fw::Error "decode: <argument> must be ..., got ...".
void decode(const Call& call, const Inputs& in, const StatePool& pool, void* o, Stream stream = nullptr,
            DecodeTiling tiling = DecodeTiling::automatic);

}  // namespace fw::cuda
