// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One token of every delta-family rule worked on paper, all numbers dyadic so that they can be compared exactly.
//   S0 = (1 2; 3 4)  q = (1 2)  k = (1 2)  v = (4 8)  scale 1/2
//   alpha = (1/2 1) per channel or 1/2, beta = 1/2, b = (1 1/2), w = (1/2 1/4)
//   r = S_decayed^T e, delta = z - r, S = S_decayed + k delta^T, o = S^T q / 2
#pragma once

#include "core/problem.h"
#include "support/sequences.h"

namespace fw::test {

constexpr double kHalf = -0.6931471805599453;  ///< exp of it is 1/2 exactly

struct Worked {
  Variant variant;
  double S[4], o[2];
};

constexpr Worked kWorked[] = {
    {Variant::linear, {5, 10, 11, 20}, {13.5, 25}},                             // S0 + (4 8; 8 16)
    {Variant::mamba2, {4.5, 9, 9.5, 18}, {11.75, 22.5}},                        // (.5 1; 1.5 2) + (4 8; 8 16)
    {Variant::gla, {4.5, 9, 11, 20}, {13.25, 24.5}},                            // (.5 1; 3 4) + (4 8; 8 16)
    {Variant::delta, {-0.5, 1, 0, 2}, {-0.25, 2.5}},                            // e (.5 1) r (3.5 5) z (2 4) delta (-1.5 -1)
    {Variant::gdn, {0.75, 2.5, 2, 5}, {2.375, 6.25}},                           // r (1.75 2.5) delta (.25 1.5)
    {Variant::kda, {-0.75, 0.5, 0.5, 3}, {0.125, 3.25}},                        // r (3.25 4.5) delta (-1.25 -.5)
    {Variant::gdn2, {-1, -2, 0, -2}, {-0.5, -3}},                               // e (1 1) r (3.5 5) z (2 2) delta (-1.5 -3)
    {Variant::gdn2_write, {-2.375, -3.75, -2.75, -5.5}, {-3.9375, -7.375}},     // e (.75 1.5) r (4.875 6.75) delta (-2.875 -4.75)
    {Variant::gdn2_erase, {-1.5, -1, -1, 0}, {-1.75, -0.5}},                    // z (1.5 3) r (3.5 5) delta (-2 -2)
};

inline Inputs<double> worked_inputs(const VariantInfo& row) {
  Inputs<double> in;
  in.q = tensor_of({1, 1, 1, 2}, {1, 2});
  in.k = tensor_of({1, 1, 1, 2}, {1, 2});
  in.v = tensor_of({1, 1, 1, 2}, {4, 8});
  in.initial_state = tensor_of({1, 1, 2, 2}, {1, 2, 3, 4});
  if (row.decay == Decay::scalar) in.g = tensor_of({1, 1, 1}, {kHalf});
  if (row.decay == Decay::channel) in.g = tensor_of({1, 1, 1, 2}, {kHalf, 0});
  if (row.erase == Erase::channel || row.erase == Erase::mean) in.b = tensor_of({1, 1, 1, 2}, {1, 0.5});
  if (row.write == Write::channel || row.write == Write::mean) in.w = tensor_of({1, 1, 1, 2}, {0.5, 0.25});
  if (row.erase == Erase::scalar) in.beta = tensor_of({1, 1, 1}, {0.5});
  return in;
}

}  // namespace fw::test
