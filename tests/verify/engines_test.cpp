// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The engines the bank of mistakes is made with: without a fault they are the truth, so that a mistake differs from the
// truth by the mistake alone.
#include <doctest/doctest.h>

#include "naive/reference.h"
#include "support/check.h"
#include "verify/mistake.h"

using namespace fw;
using namespace fw::verify;

namespace {

constexpr Tolerance kExact{1e-12, 1e-11};

void check_engines(Variant variant, const char* shape, const char* family) {
  CAPTURE(shape);
  CAPTURE(family);
  CAPTURE(info(variant).name);
  const Problem problem = make_problem(variant, ProblemShape::parse(shape), family, 5);
  for (index_t chunk : {16, 64}) {
    const Bench bench = make_bench(problem, true, chunk, {}, 1);
    const Results tokens = forward_of_heads({})(bench), chunks = forward_of_chunks({})(bench), reverse = backward_of_heads({})(bench),
                  parts = gradients_of_parts([](HeadGradient&, const ReverseParts&, const Head&, const Bench&) {})(bench);
    for_each_result(bench.truth, [&](const char* name, const Tensor<double>& truth, Direction d) {
      if (!truth.defined()) return;
      CAPTURE(name);
      for (const Results* r : d == Direction::forward ? std::vector<const Results*>{&tokens, &chunks} : std::vector<const Results*>{&reverse, &parts})
        CHECK_CLOSE(*find(*r, name), truth, kExact);
    });
  }
}

}  // namespace

TEST_SUITE("verify") {
  TEST_CASE("engines: without a fault they match the truth") {
    for (const auto& row : variants())
      if (row.family == Family::delta_rule)
        for (const char* family : {"mixed", "weak", "zero"}) check_engines(row.id, "B2-T70-H2-HV4-Dk6-Dv5", family);
    check_engines(Variant::gdn2, "H2-HV2-Dk8-Dv7-cu0,0,5,70,71", "mixed");
    check_engines(Variant::gdn2, "B1-T70-H2-HV2-Dk6-Dv5-l2norm-softplus-sigmoid-times2", "typical");
    check_engines(Variant::kda, "B1-T66-H2-HV2-Dk6-Dv5", "hard-mask");
    check_engines(Variant::gdn, "B1-T66-H2-HV2-Dk6-Dv5", "strong");
  }

  TEST_CASE("engines: the parts of the reverse pass add up") {
    const Problem problem = make_problem(Variant::gdn2, ProblemShape::parse("B1-T100-H1-HV1-Dk8-Dv20"), "mixed", 3);
    const Bench bench = make_bench(problem, true, 32, {}, 1);
    const ReverseParts& p = bench.reverse.front();
    // one chunk as long as the sequence and no initial state: nothing comes from a carried state
    Problem alone = problem;
    alone.in.initial_state.fill(0.0);
    const Bench single = make_bench(alone, true, 128, {}, 1);
    CHECK(single.reverse.front().dQ_inter.cwiseAbs().maxCoeff() == 0.0);
    CHECK(single.reverse.front().dE_inter.cwiseAbs().maxCoeff() == 0.0);
    // the tile parts over all columns are the whole
    Problem narrow = problem;
    CHECK(value_tile(20) == 16);
    CHECK(value_tile(4) == 4);
    CHECK(p.dQ_tile.rows() == 100);
  }

  TEST_CASE("bank: ids are unique, every entry says what and how") {
    CHECK(bank().size() >= 45);
    for (std::size_t i = 0; i < bank().size(); ++i) {
      CAPTURE(bank()[i].id);
      CHECK(!bank()[i].title.empty());
      for (std::size_t j = 0; j < i; ++j) CHECK(bank()[i].id != bank()[j].id);
    }
    CHECK_THROWS_AS(mistake("no-such-mistake"), Error);
  }
}
