// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Two tokens of GDN-2 with one key channel and one value channel, by hand: S1 = 1 * (0.5 * 3) = 1.5, o1 = 1.5;
// S2_decayed = exp(-ln 2) * 1.5 = 0.75, r = 0.75, S2 = 0.75 + (2 - 0.75) = 2, o2 = 2.
#include <cmath>
#include <cstdio>
#include <exception>

#include "core/problem.h"
#include "naive/reference.h"

int main() try {
  const fw::Shape shape{1, 2, 1, 1};
  fw::Inputs<double> in;
  in.q = in.k = in.b = fw::Tensor<double>(shape, 1.0);
  in.v = in.g = in.w = fw::Tensor<double>(shape);
  in.v[0] = 3, in.v[1] = 2;
  in.g[1] = -std::log(2.0);
  in.w[0] = 0.5, in.w[1] = 1;
  fw::Options options;
  options.variant = fw::variant_from_name("gdn2");
  options.scale = 1;
  const auto out = fw::naive::forward(in, options);
  std::printf("o = %.12g %.12g\n", out.o[0], out.o[1]);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
