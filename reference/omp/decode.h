// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decoding: one token per call and sequence, the state in place. The state lives in column tiles [Dk, tile] and the last
// write is kept pending, S = S_stored + k delta^T, so that a step reads and writes each number of the state exactly once:
//   s <- alpha_i (s + k_i delta)      write of the token before, then this token's decay (R1)
//   r += e_i s,  p += q_i s           what memory answers along e (R2) and along q
// then delta = z - r and o = scale (p + (q.k) delta), which is (R3) and (R4) without a second look at the state.
// Bits do not depend on the number of threads.
#pragma once

#include "core/problem.h"
#include "omp/aligned.h"
#include "omp/isa.h"

namespace fw::omp {

template <class T>
class Decoder {
 public:
  /// N sequences of zero states. `options`: variant, scale, norms, activations, checks, threads.
  Decoder(index_t N, index_t HV, index_t Dk, index_t Dv, const Options& options, Isa isa = Isa::automatic);

  /// Replace all states. state [N,HV,Dk,Dv]
  void load(const Tensor<T>& state);
  /// The states with the pending write carried out. [N,HV,Dk,Dv]
  Tensor<T> state() const;

  /// One token of every sequence: inputs with B = N, T = 1 and no initial_state or cu_seqlens; o [N,1,HV,Dv], reused when it
  /// fits. Throws fw::Error with function, argument, expected, got; the states are then as before.
  void step(const Inputs<T>& token, Tensor<T>& o);

  /// Bytes of state that one step reads, and writes.
  std::size_t state_bytes() const { return state_.size() * sizeof(T); }

 private:
  Options options_;
  Isa isa_;
  index_t N_, HV_, Dk_, Dv_, Kp_, tile_, tiles_;
  Aligned<T> state_;    ///< [N, HV, tile, Kp, width]
  Aligned<T> pending_;  ///< [N, HV, Kp + tiles * tile]: k and delta of the write that is still to be added
  Aligned<T> scratch_;
};

}  // namespace fw::omp
