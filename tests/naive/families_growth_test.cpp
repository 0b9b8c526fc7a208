// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Well-posedness of the input families. The erase gate per channel of GDN-2 is no contraction, so it is measured that no
// family lets outputs or state grow: over 512 tokens, key widths 8 to 64 and three seeds they stay below 12 (about 8 measured;
// over 4096 tokens about 5).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "core/families.h"
#include "naive/reference.h"

TEST_SUITE_BEGIN("naive");

namespace {

double largest(const fw::Tensor<double>& x) {
  double most = 0.0;
  for (fw::index_t i = 0; i < x.numel(); ++i) most = std::isfinite(x[i]) ? std::max(most, std::fabs(x[i])) : HUGE_VAL;
  return most;
}

double gain_of(std::string_view family) { return family == "magnitude-large" ? 1e4 : family == "magnitude-tiny" ? 1e-20 : 1.0; }

/// Largest |o| and |S| along a sequence cut at 64, 128, 256 and 512 tokens.
double growth(fw::Variant variant, fw::ProblemShape shape, std::string_view family, std::uint64_t seed) {
  double most = 0.0;
  for (fw::index_t T : {64, 128, 256, 512}) {
    shape.T = T;
    const fw::Problem problem = fw::make_problem(variant, shape, family, seed);
    const fw::Outputs<double> out = fw::naive::forward(problem.in, problem.options);
    most = std::max({most, largest(out.o), largest(out.final_state)});
  }
  return most / gain_of(family);
}

}  // namespace

TEST_CASE("families: invariant under long sequences, the GDN-2 state stays bounded") {
  for (const auto& family : fw::input_families())
    for (fw::index_t width : {8, 16, 32, 64})
      for (std::uint64_t seed : {1, 2, 3}) {
        CAPTURE(std::string(family.name));
        CAPTURE(width);
        CAPTURE(seed);
        fw::ProblemShape shape = fw::ProblemShape::parse("B1-T512-H2-Dv4");
        shape.Dk = width;
        CHECK(growth(fw::Variant::gdn2, shape, family.name, seed) <= 12.0);
      }
}

TEST_CASE("families: invariant under long sequences, with activations in front of the rule") {
  for (const auto& family : fw::input_families())
    for (const char* form : {"B1-T512-H2-Dk16-Dv4-l2norm-softplus-sigmoid-times2", "B1-T512-H2-Dk16-Dv4-l2norm-bounded-sigmoid"}) {
      CAPTURE(std::string(family.name));
      CHECK(growth(fw::Variant::gdn2, fw::ProblemShape::parse(form), family.name, 4) <= 12.0);
    }
}

TEST_CASE("families: keys-orthonormal recalls exactly what was written, a closed form") {
  const fw::ProblemShape shape = fw::ProblemShape::parse("B1-T60-H1-Dk16-Dv5-noh0");
  fw::Problem problem = fw::make_problem(fw::Variant::gdn2, shape, "keys-orthonormal", 1);
  problem.options.scale = 1.0;
  const fw::Outputs<double> out = fw::naive::forward(problem.in, problem.options);
  double worst = 0.0;
  for (fw::index_t t = 0; t < shape.T; ++t) {
    fw::index_t asked = t;  // the latest token whose key is the query
    while (!std::equal(problem.in.q.row(0, t, 0), problem.in.q.row(0, t, 0) + shape.Dk, problem.in.k.row(0, asked, 0))) REQUIRE(asked-- > 0);
    for (fw::index_t j = 0; j < shape.Dv; ++j) worst = std::max(worst, std::fabs(out.o(0, t, 0, j) - problem.in.v(0, asked, 0, j)));
  }
  CHECK(worst <= 1e-13);
}

TEST_SUITE_END();
