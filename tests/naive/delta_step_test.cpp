// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Closed form: one token of every delta-family rule against numbers worked by hand, all dyadic and compared exactly.
//   S0 = (1 2; 3 4)  q = (1 2)  k = (1 2)  v = (4 8)  scale 1/2
//   alpha = (1/2 1) per channel or 1/2, beta = 1/2, b = (1 1/2), w = (1/2 1/4)
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "naive/gdn2.h"
#include "naive/reference.h"
#include "support/check.h"
#include "support/sequences.h"

namespace fw::test {
namespace {

const double kHalf = -0.6931471805599453;  // exp of it is 1/2 exactly
constexpr double kForget = -std::numeric_limits<double>::infinity();

struct Worked {
  Variant variant;
  double S[4], o[2];
};

// r = S_decayed^T e, delta = z - r, S = S_decayed + k delta^T, o = S^T q / 2
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

Inputs<double> worked_inputs(const VariantInfo& row) {
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
