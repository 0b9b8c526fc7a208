// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One value head of one sequence in factor form: gates activated and expanded to channels, so that all nine delta rules
// are one rule. The bank of mistakes spoils these factors, or the loops over them. A row is a token.
//   Q K G B E  [T,Dk]   queries, keys, log-decay, erase gate, erase direction B (.) K
//   V W Z      [T,Dv]   values, write gate, value to be written W (.) V
//   KW         [T,Dk]   the key the edit is written along: K, unless a mistake changes it
//   S0 dST     [Dk,Dv]  initial state, gradient of the final state;  dO [T,Dv]
#pragma once

#include <vector>

#include "core/families.h"
#include "naive/types.h"
#include "verify/results.h"

namespace fw::verify {

using Mat = naive::Matrix<double>;
using Vec = naive::Vector<double>;

struct Head {
  index_t n = 0, hv = 0, T = 0, Dk = 0, Dv = 0;
  double scale = 1.0;
  Mat Q, K, G, B, E, KW, V, W, Z, S0, dO, dST;

  /// E and Z again from K, B, V, W after a mistake changed one of those.
  void rebuild();
};

struct HeadOutput {
  Mat O, ST;
};

/// Gradient with respect to the expanded factors of a head, gates per channel.
struct HeadGradient {
  Mat dQ, dK, dG, dB, dV, dW, dS0;
};

/// All heads of a delta-rule problem, index n * HV + hv.
std::vector<Head> gather_heads(const Problem& problem, const Geometry& geo);

/// Outputs of all heads as tensors.
Results scatter_outputs(const Geometry& geo, const std::vector<HeadOutput>& heads);

/// Gradients of all heads as tensors of the problem: tied gates summed, grouped heads summed, activations reversed.
Results scatter_gradients(const Problem& problem, const Geometry& geo, const std::vector<HeadGradient>& heads);

}  // namespace fw::verify
