// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decoding: one token per call and sequence, the state in place. The state lives in column tiles [Dk, tile]; each row has a
// factor c that takes the decay (in double: it is multiplied for as long as the sequence lasts), and the last write is kept pending, S_i = c_i X_i + k_i delta, so that a step reads and writes
// each number of the state exactly once and multiplies it three times:
//   c <- alpha c (R1)     X += (k / c) delta of the token before     r = X^T (c e) (R2)     p = X^T (c q)
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
  std::size_t pending_step() const { return static_cast<std::size_t>(Kp_ + tiles_ * tile_); }
  void forget_pending();
  Options options_;
  Isa isa_;
  index_t N_, HV_, Dk_, Dv_, Kp_, tile_, tiles_;
  Aligned<T> state_;    ///< [N, HV, tile, Kp, width]
  Aligned<double> factors_;  ///< [N, HV, Kp] of the rows
  Aligned<T> pending_;  ///< [N, HV, Kp + tiles * tile]: k and delta of the write still to be added
  Aligned<T> scratch_;
};

}  // namespace fw::omp
