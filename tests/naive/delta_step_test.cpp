// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Closed form: tokens of the delta-family rules against the numbers of delta_hand.h, compared exactly; what a recorder sees.
#include <doctest/doctest.h>

#include <limits>

#include "naive/delta_hand.h"
#include "naive/gdn2.h"
#include "naive/reference.h"
#include "support/check.h"
#include "support/sequences.h"

namespace fw::test {
namespace {

constexpr double kForget = -std::numeric_limits<double>::infinity();

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("delta family naive: closed form of one token, worked by hand") {
    for (const Worked& w : kWorked) {
      CAPTURE(std::string(info(w.variant).name));
      Options options;
      options.variant = w.variant;
      options.scale = 0.5;
      const Outputs<double> out = naive::forward(worked_inputs(info(w.variant)), options);
      for (index_t i = 0; i < 4; ++i) CHECK(out.final_state[i] == w.S[i]);
      for (index_t j = 0; j < 2; ++j) CHECK(out.o[j] == w.o[j]);
    }
  }

  TEST_CASE("gdn2 naive: closed form of a second token that forgets a channel") {
    // after the token above S = (-1 -2; 0 -2); then alpha = (0 1), k = e = (0 1): S_decayed = (0 0; 0 -2), r = (0 -2),
    // z = (1 1), delta = (1 3), S = (0 0; 1 1); q = (1 0) reads the forgotten channel: o = 0
    Inputs<double> in = worked_inputs(info(Variant::gdn2));
    in.q = tensor_of({1, 2, 1, 2}, {1, 2, 1, 0});
    in.k = tensor_of({1, 2, 1, 2}, {1, 2, 0, 1});
    in.v = tensor_of({1, 2, 1, 2}, {4, 8, 1, 1});
    in.g = tensor_of({1, 2, 1, 2}, {kHalf, 0, kForget, 0});
    in.b = tensor_of({1, 2, 1, 2}, {1, 0.5, 1, 1});
    in.w = tensor_of({1, 2, 1, 2}, {0.5, 0.25, 1, 1});
    Options options;
    options.scale = 0.5;
    const Outputs<double> out = naive::forward(in, options);
    CHECK_BITWISE_EQUAL(out.o, tensor_of({1, 2, 1, 2}, {-0.5, -3, 0, 0}));
    CHECK_BITWISE_EQUAL(out.final_state, tensor_of({1, 1, 2, 2}, {0, 0, 1, 1}));
  }

  TEST_CASE("delta family naive: scale defaults to 1/sqrt(Dk)") {
    Options options;
    options.variant = Variant::linear;
    Inputs<double> in;
    in.q = tensor_of({1, 1, 1, 4}, {1, 0, 0, 0});
    in.k = in.q;
    in.v = tensor_of({1, 1, 1, 1}, {3});
    CHECK(naive::forward(in, options).o[0] == 1.5);
  }

  TEST_CASE("gdn2 naive: a recorder sees e, z, r, delta and the decayed state") {
    naive::Token<double> x;
    x.q = x.k = naive::Vector<double>{{1, 2}};
    x.v = naive::Vector<double>{{4, 8}};
    x.g = naive::Vector<double>{{kHalf, 0}};
    x.b = naive::Vector<double>{{1, 0.5}};
    x.w = naive::Vector<double>{{0.5, 0.25}};
    naive::Matrix<double> S(2, 2);
    S << 1, 2, 3, 4;
    naive::Vector<double> o(2);
    naive::StepRecord<double> seen;
    naive::Gdn2::step(S, x, 0.5, o, [&](const auto& e, const auto& z, const auto& r, const auto& delta, const auto& decayed) {
      seen = {e, z, r, delta, decayed};
    });
    CHECK((seen.e - naive::Vector<double>{{1, 1}}).isZero(0.0));
    CHECK((seen.z - naive::Vector<double>{{2, 2}}).isZero(0.0));
    CHECK((seen.r - naive::Vector<double>{{3.5, 5}}).isZero(0.0));
    CHECK((seen.delta - naive::Vector<double>{{-1.5, -3}}).isZero(0.0));
    CHECK(seen.S_decayed(0, 0) == 0.5);
    CHECK(o[1] == -3);
  }
}

}  // namespace fw::test
