// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Two tokens of Mamba-3 worked on paper: Dk = 2, one pair, Dv = 1, scale 1, quarter turns (x,y) -> (-y,x).
//   handed over          S = (8,4), angle 90 degrees, k~ = (1,2), v = 3
//   token 1  alpha 1/2   dt 2, lambda 1/4: zeta 1/2, eta 3/4; angle 180: k~ = -(1,0) , q~ = -(1,1), v = 2
//            S = (4,2) + 9/4 (1,2) + (-1,0) = (5.25, 6.5), o = -11.75
//   token 2  alpha 1/4   dt 4, lambda 1/2: zeta 2, eta 1/2;   angle 270: (3,1) -> (1,-3), (2,5) -> (5,-2), v = 4
//            S = (1.3125, 1.625) + 1/2 2 (-1,0) + 2 4 (1,-3) = (8.3125, -22.375), o = 41.5625 + 44.75 = 86.3125
#pragma once

#include <cmath>

#include "core/problem.h"
#include "support/sequences.h"

namespace fw::test {

constexpr double kQuarterTurn = 1.57079632679489661923;

inline Inputs<double> mamba3_by_hand() {
  Inputs<double> in;
  in.q = tensor_of({1, 2, 1, 2}, {1, 1, 2, 5});
  in.k = tensor_of({1, 2, 1, 2}, {1, 0, 3, 1});
  in.v = tensor_of({1, 2, 1, 1}, {2, 4});
  in.g = tensor_of({1, 2, 1}, {std::log(0.5), std::log(0.25)});
  in.dt = tensor_of({1, 2, 1}, {2, 4});
  in.lambda = tensor_of({1, 2, 1}, {0.25, 0.5});
  in.theta = tensor_of({1, 2, 1, 1}, {kQuarterTurn, kQuarterTurn});
  in.initial_state = tensor_of({1, 1, 2, 1}, {8, 4});
  in.initial_angle = tensor_of({1, 1, 1}, {kQuarterTurn});
  in.initial_key = tensor_of({1, 1, 2}, {1, 2});
  in.initial_value = tensor_of({1, 1, 1}, {3});
  return in;
}

inline Outputs<double> mamba3_by_hand_outputs() {
  Outputs<double> out;
  out.o = tensor_of({1, 2, 1, 1}, {-11.75, 86.3125});
  out.final_state = tensor_of({1, 1, 2, 1}, {8.3125, -22.375});
  out.final_angle = tensor_of({1, 1, 1}, {3 * kQuarterTurn});
  out.final_key = tensor_of({1, 1, 2}, {1, -3});
  out.final_value = tensor_of({1, 1, 1}, {4});
  return out;
}

}  // namespace fw::test
