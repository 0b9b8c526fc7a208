// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The fast CPU path of the delta-rule family, float or double: micro-chunks of 8 tokens, the state in column tiles that stay
// in the first-level cache, OpenMP over sequences, heads and tiles. One implementation serves all nine rules; what differs
// is the gate structure, a trait of the part that builds the chunk factors (simd/prepare.h).
//
//   forward    o and the final state; optionally what the backward needs (Saved)
//   backward   every gradient, from states saved once in 32 tokens: never from all T states
//
// Right for every g <= 0, -inf included: decay enters as products of exp(g), each at most 1, never as a quotient.
// The results have the same bits at any options.threads, and do not depend on how the work was shared out.
// Not here: Mamba-3 and attention (naive has them).
#pragma once

#include "core/problem.h"
#include "omp/aligned.h"
#include "omp/isa.h"

namespace fw::omp {

/// What the caller may choose beside Options. The bits of the results depend on `isa` and `segments`, on nothing else here.
struct Settings {
  Isa isa = Isa::automatic;  ///< instruction set of the kernels; automatic: the best this CPU has
  /// Pieces a sequence is cut into along time, computed side by side after a scan of their affine state maps. It costs
  /// 7/3 of the arithmetic, so it pays only where heads x column tiles are far fewer than the cores. 1: no cut.
  index_t segments = 1;
  /// Ask for coming rows while a block is worked on, and take neighbouring heads together. Off only to measure what it gives.
  bool look_ahead = true;
};

/// What forward leaves for backward: the state before every block of 32 tokens and the residual rows R (C4). Bytes per token
/// and value head, with widths rounded up to whole vectors: sizeof(T) (Dk Dv / 32 + Dv); 2.5 KiB for float at Dk = Dv = 128,
/// where all T states would be 64 KiB.
template <class T>
struct Saved {
  Aligned<T> states;  ///< [prep, block, head and tile] panels
  Aligned<T> rows;    ///< [prep, block, head and tile] residual rows
  Aligned<T> maps;    ///< [prep] maps of the segments [Dk,Dk], with Settings::segments > 1
  std::size_t bytes() const { return (states.size() + rows.size() + maps.size()) * sizeof(T); }
};

/// o and the final state. `out` is reused where its shapes fit. Throws fw::Error with function, argument, expected, got.
template <class T>
void forward(const Inputs<T>& in, const Options& options, Outputs<T>& out, Saved<T>* saved = nullptr, const Settings& settings = {});
template <class T>
Outputs<T> forward(const Inputs<T>& in, const Options& options, const Settings& settings = {}) {
  Outputs<T> out;
  forward(in, options, out, static_cast<Saved<T>*>(nullptr), settings);
  return out;
}

/// Gradient of the loss with respect to every input given, from the gradients `up` of the outputs. `saved` is what forward
/// left for the same inputs, options and settings; without it the forward runs again first.
template <class T>
void backward(const Inputs<T>& in, const Upstream<T>& up, const Options& options, Gradients<T>& grad, const Saved<T>* saved = nullptr,
              const Settings& settings = {});
template <class T>
Gradients<T> backward(const Inputs<T>& in, const Upstream<T>& up, const Options& options, const Settings& settings = {}) {
  Gradients<T> grad;
  backward(in, up, options, grad, static_cast<const Saved<T>*>(nullptr), settings);
  return grad;
}

}  // namespace fw::omp
