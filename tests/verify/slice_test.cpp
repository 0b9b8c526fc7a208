// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include "naive/reference.h"
#include "support/check.h"
#include "verify/slice.h"

using namespace fw;
using namespace fw::verify;

namespace {

/// The truth of a part is the part of the truth, bit for bit: heads and sequences do not interact.
void check_slice(Variant variant, const char* shape, const Selection& keep) {
  CAPTURE(shape);
  Problem problem = make_problem(variant, ProblemShape::parse(shape), "mixed", 11);
  const Geometry geo = check_inputs("slice test", problem.in, problem.options);
  Results whole{naive::forward(problem.in, problem.options), naive::backward(problem.in, problem.up, problem.options)};
  const Problem part = slice(problem, geo, keep);
  const Results expected = slice(whole, geo, keep);
  const Results got{naive::forward(part.in, part.options), naive::backward(part.in, part.up, part.options)};
  for_each_result(expected, [&](const char* name, const Tensor<double>& t, Direction) {
    CAPTURE(name);
    const Tensor<double>& g = *find(got, name);
    REQUIRE(g.defined() == t.defined());
    if (t.defined()) CHECK_BITWISE_EQUAL(g, t);
  });
}

}  // namespace

TEST_SUITE("verify") {
  TEST_CASE("slice: a part of the problem matches the part of the truth") {
    check_slice(Variant::gdn2, "B3-T20-H3-HV6-Dk4-Dv5", {{0, 2}, {1}});
    check_slice(Variant::gdn2, "B3-T20-H3-HV6-Dk4-Dv5", {{1}, {0, 2}});
    check_slice(Variant::kda, "B2-T20-H2-HV4-Dk4-Dv5", {{1}, {1}});
    check_slice(Variant::gdn, "H2-HV4-Dk4-Dv5-cu0,0,7,9,30", {{1, 3}, {0}});
    check_slice(Variant::gdn2, "H2-HV2-Dk4-Dv5-cu0,0,7,9,30", {{0}, {1}});
    check_slice(Variant::linear, "B2-T9-H2-HV2-Dk4-Dv3", {{0}, {1}});
  }

  TEST_CASE("slice: everything is the problem itself") {
    const Problem problem = make_problem(Variant::gdn2, ProblemShape::parse("B2-T9-H2-HV2-Dk4-Dv3"), "mixed", 1);
    const Geometry geo = check_inputs("slice test", problem.in, problem.options);
    CHECK(select_all(geo).everything(geo));
    CHECK_BITWISE_EQUAL(slice(problem, geo, select_all(geo)).in.k, problem.in.k);
  }
}
