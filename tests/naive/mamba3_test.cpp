// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mamba-3 forward: numbers worked by hand, an independent closed form, and the rules it reduces to.
#include <doctest/doctest.h>

#include <cmath>

#include "naive/mamba3_hand.h"
#include "naive/reference.h"
#include "support/check.h"
#include "support/derivatives.h"
#include "support/sequences.h"

using namespace fw;
using namespace fw::test;

namespace {

constexpr Tolerance kExact{1e-14, 1e-14};
constexpr Variant kRules[] = {Variant::mamba3, Variant::mamba3_mimo};

Options options_of(Variant variant, double scale = 1.0) {
  Options options;
  options.variant = variant;
  options.scale = scale;
  return options;
}

void check_outputs_bitwise(const Outputs<double>& a, const Outputs<double>& b) {
  CHECK_BITWISE_EQUAL(a.o, b.o);
  CHECK_BITWISE_EQUAL(a.final_state, b.final_state);
  CHECK_BITWISE_EQUAL(a.final_angle, b.final_angle);
  CHECK_BITWISE_EQUAL(a.final_key, b.final_key);
  CHECK_BITWISE_EQUAL(a.final_value, b.final_value);
}

/// q and k of value head hv at token t, turned by the angle from that of token `from` to that of token t.
std::vector<double> turned(const double* x, const Inputs<double>& in, index_t b, index_t t, index_t hv, index_t Dk) {
  std::vector<double> out(x, x + Dk);
  for (index_t i = 0; i < in.theta.shape()[3]; ++i) {
    long double angle = 0;
    for (index_t s = 0; s <= t; ++s) angle += in.theta(b, s, hv, i);
    const double c = static_cast<double>(std::cos(angle)), s = static_cast<double>(std::sin(angle));
    out[static_cast<std::size_t>(2 * i)] = x[2 * i] * c - x[2 * i + 1] * s;
    out[static_cast<std::size_t>(2 * i + 1)] = x[2 * i] * s + x[2 * i + 1] * c;
  }
  return out;
}

/// Without a state handed over, the trapezoid folds into one weight per pair of tokens:
///   o_t,m = scale sum_{s<=t} exp(G_t - G_s) (lambda_s dt_s + [s<t] (1 - lambda_{s+1}) dt_{s+1}) sum_n (q~_t,m.k~_s,n) v_s,n
Tensor<double> folded(const Inputs<double>& in, double scale) {
  const bool mimo = in.q.shape().rank() == 5;
  const index_t B = in.q.shape()[0], T = in.q.shape()[1], H = in.q.shape()[2], HV = in.v.shape()[2];
  const index_t M = mimo ? in.q.shape()[3] : 1, Dk = in.q.shape()[-1], Dv = in.v.shape()[-1];
  Tensor<double> o(in.v.shape(), 0.0);
  for (index_t b = 0; b < B; ++b)
    for (index_t hv = 0; hv < HV; ++hv)
      for (index_t t = 0; t < T; ++t) {
        double decay = 0;
        for (index_t s = t; s >= 0; --s) {
          const double weight = in.lambda(b, s, hv) * in.dt(b, s, hv) + (s < t ? (1 - in.lambda(b, s + 1, hv)) * in.dt(b, s + 1, hv) : 0.0);
          const index_t h = hv / (HV / H);
          for (index_t m = 0; m < M; ++m)
            for (index_t n = 0; n < M; ++n) {
              const auto q = turned(in.q.row(b, t, h) + m * Dk, in, b, t, hv, Dk), k = turned(in.k.row(b, s, h) + n * Dk, in, b, s, hv, Dk);
              double score = 0;
              for (index_t i = 0; i < Dk; ++i) score += q[static_cast<std::size_t>(i)] * k[static_cast<std::size_t>(i)];
              for (index_t j = 0; j < Dv; ++j)
                o.row(b, t, hv)[m * Dv + j] += scale * std::exp(decay) * weight * score * in.v.row(b, s, hv)[n * Dv + j];
            }
          decay += in.g(b, s, hv);
        }
      }
  return o;
}

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("mamba3 naive: closed form of two tokens worked by hand") {
    const Outputs<double> out = naive::forward(mamba3_by_hand(), options_of(Variant::mamba3)), expected = mamba3_by_hand_outputs();
    CHECK_CLOSE(out.o, expected.o, kExact);
    CHECK_CLOSE(out.final_state, expected.final_state, kExact);
    CHECK_CLOSE(out.final_angle, expected.final_angle, kExact);
    CHECK_CLOSE(out.final_key, expected.final_key, kExact);
    CHECK_CLOSE(out.final_value, expected.final_value, kExact);
  }

  TEST_CASE("mamba3 naive: closed form without anything handed over") {
    // token 1: S = 1/2 (0,1) 2 = (0,1), q~ = (-1,1), o = 1; token 2: S = (0,.25) + .5 (0,1) 2 + 2 (-3,-1) 4, q~ = (-2,-5)
    Inputs<double> in = mamba3_by_hand();
    in.initial_state = in.initial_angle = in.initial_key = in.initial_value = {};
    const Outputs<double> out = naive::forward(in, options_of(Variant::mamba3, 3.0));
    CHECK_CLOSE(out.o, tensor_of({1, 2, 1, 1}, {3 * 1.0, 3 * 81.75}), kExact);
    CHECK_CLOSE(out.final_state, tensor_of({1, 1, 2, 1}, {-24, -6.75}), kExact);
    CHECK_CLOSE(out.final_key, tensor_of({1, 1, 2}, {-3, -1}), kExact);
  }

  TEST_CASE("mamba3-mimo naive: closed form of rank 2 worked by hand") {
    // one token, no rotation: alpha 1/2, dt 2, lambda 1/2, so zeta 1 and eta 1/2; handed over the rows (1,0) 2 and (0,1) 3
    Inputs<double> in;
    in.q = tensor_of({1, 1, 1, 2, 2}, {1, 2, 0, 1});
    in.k = tensor_of({1, 1, 1, 2, 2}, {1, 1, 2, 0});
    in.v = tensor_of({1, 1, 1, 2, 1}, {4, 5});
    in.g = tensor_of({1, 1, 1}, {std::log(0.5)});
    in.dt = tensor_of({1, 1, 1}, {2});
    in.lambda = tensor_of({1, 1, 1}, {0.5});
    in.initial_key = tensor_of({1, 1, 2, 2}, {1, 0, 0, 1});
    in.initial_value = tensor_of({1, 1, 2, 1}, {2, 3});
    const Outputs<double> out = naive::forward(in, options_of(Variant::mamba3_mimo));
    // S = 1/2 (2,3) + (1,1) 4 + (2,0) 5 = (15, 5.5); o_1 = 15 + 11, o_2 = 5.5
    CHECK_CLOSE(out.final_state, tensor_of({1, 1, 2, 1}, {15, 5.5}), kExact);
    CHECK_CLOSE(out.o, tensor_of({1, 1, 1, 2, 1}, {26, 5.5}), kExact);
    CHECK(!out.final_angle.defined());
  }

  TEST_CASE("mamba3 naive: matches the folded trapezoid, token pair by token pair") {
    for (const Variant rule : kRules)
      for (const char* shape : {"B2-T20-H1-HV2-Dk6-Dv5-M3-P2-noh0", "B1-T65-H1-HV1-Dk4-Dv3-M2-P2-noh0"}) {
        const Problem p = make_problem(rule, ProblemShape::parse(shape), "mixed", 11);
        CHECK_CLOSE(naive::forward(p.in, p.options).o, folded(p.in, 1.0 / std::sqrt(static_cast<double>(p.in.q.shape()[-1]))),
                    Tolerance{1e-13, 1e-12});
      }
  }

  TEST_CASE("mamba3 naive: lambda = 1, dt = 1, theta = 0 reduces to mamba2 bit for bit") {
    for (const bool with_theta : {false, true}) {
      Problem p = make_problem(Variant::mamba3, ProblemShape::parse("B2-T70-H2-HV4-Dk6-Dv5"), "mixed", 1);
      p.in.lambda.fill(1.0);
      p.in.dt.fill(1.0);
      p.in.theta.fill(0.0);
      p.in.initial_angle = p.in.initial_key = p.in.initial_value = {};
      p.up.dfinal_angle = p.up.dfinal_key = p.up.dfinal_value = {};
      if (!with_theta) p.in.theta = {};
      Problem narrow = p;
      narrow.options.variant = Variant::mamba2;
      narrow.in.lambda = narrow.in.dt = narrow.in.theta = {};
      const Outputs<double> wide_out = naive::forward(p.in, p.options), narrow_out = naive::forward(narrow.in, narrow.options);
      CHECK_BITWISE_EQUAL(wide_out.o, narrow_out.o);
      CHECK_BITWISE_EQUAL(wide_out.final_state, narrow_out.final_state);
      const Gradients<double> wide = naive::backward(p.in, p.up, p.options), own = naive::backward(narrow.in, narrow.up, narrow.options);
      CHECK_BITWISE_EQUAL(wide.dq, own.dq);
      CHECK_BITWISE_EQUAL(wide.dk, own.dk);
      CHECK_BITWISE_EQUAL(wide.dv, own.dv);
      CHECK_BITWISE_EQUAL(wide.dg, own.dg);
      CHECK_BITWISE_EQUAL(wide.dinitial_state, own.dinitial_state);
    }
  }

  TEST_CASE("mamba3-mimo naive: M = 1 reduces to mamba3 bit for bit") {
    for (const char* shape : {"B2-T70-H2-HV4-Dk6-Dv5-M1-P2", "B1-T20-H1-HV2-Dk33-Dv17-M1-l2norm", "B1-T9-H1-HV1-Dk1-Dv1-M1"}) {
      const Problem mimo = make_problem(Variant::mamba3_mimo, ProblemShape::parse(shape), "mixed", 2);
      Problem siso = mimo;
      siso.options.variant = Variant::mamba3;
      const auto without_rank = [](Tensor<double>& x) {
        std::vector<index_t> sizes = x.shape().sizes();
        sizes.erase(sizes.end() - 2);
        x = x.reshaped(Shape(sizes));
      };
      for (Tensor<double>* x : {&siso.in.q, &siso.in.k, &siso.in.v, &siso.in.initial_key, &siso.in.initial_value, &siso.up.d_o,
                                &siso.up.dfinal_key, &siso.up.dfinal_value})
        without_rank(*x);
      Outputs<double> wide = naive::forward(mimo.in, mimo.options);
      for (Tensor<double>* x : {&wide.o, &wide.final_key, &wide.final_value}) without_rank(*x);
      check_outputs_bitwise(wide, naive::forward(siso.in, siso.options));
      Gradients<double> d_wide = naive::backward(mimo.in, mimo.up, mimo.options), d_siso = naive::backward(siso.in, siso.up, siso.options);
      for (Tensor<double>* x : {&d_wide.dq, &d_wide.dk, &d_wide.dv, &d_wide.dinitial_key, &d_wide.dinitial_value}) without_rank(*x);
      std::vector<const Tensor<double>*> expected;
      for_each_gradient(d_siso, [&](const char*, const Tensor<double>& d) { expected.push_back(&d); });
      std::size_t next = 0;
      for_each_gradient(d_wide, [&](const char* name, const Tensor<double>& d) {
        CAPTURE(name);
        const Tensor<double>& e = *expected[next++];
        CHECK_BITWISE_EQUAL(d, e);
      });
    }
  }

  TEST_CASE("mamba3-mimo naive: rows that write nothing leave rank 1, equal rows add") {
    const Problem p = make_problem(Variant::mamba3_mimo, ProblemShape::parse("B1-T12-H2-HV2-Dk4-Dv3-M2-P1"), "mixed", 3);
    const auto row = [](const Tensor<double>& x, index_t m) {  // row m of every token or sequence, as SISO
      Tensor<double> one = part(x, x.shape().rank() - 2, m, m + 1);
      std::vector<index_t> sizes = one.shape().sizes();
      sizes.erase(sizes.end() - 2);
      return one.reshaped(Shape(sizes));
    };
    Problem siso = p, twice = p;
    siso.options.variant = Variant::mamba3;
    siso.in.q = row(p.in.q, 1);
    siso.in.k = row(p.in.k, 0);
    siso.in.v = row(p.in.v, 0);
    siso.in.initial_key = row(p.in.initial_key, 0);
    siso.in.initial_value = row(p.in.initial_value, 0);
    const auto for_second_row = [](Tensor<double>& x, bool copy) {
      const index_t width = x.shape()[-1];
      for (index_t i = 0; i < x.numel(); ++i)
        if (i / width % 2 == 1) x[i] = copy ? x[i - width] : 0.0;
    };
    for (Tensor<double>* x : {&twice.in.v, &twice.in.initial_value}) for_second_row(*x, false);
    Outputs<double> alone = naive::forward(siso.in, siso.options), wide = naive::forward(twice.in, twice.options);
    CHECK_CLOSE(wide.final_state, alone.final_state, kExact);
    CHECK_CLOSE(row(wide.o, 1), alone.o, kExact);

    twice = p;
    for (Tensor<double>* x : {&twice.in.v, &twice.in.k, &twice.in.initial_value, &twice.in.initial_key}) for_second_row(*x, true);
    for (Tensor<double>* x : {&siso.in.v, &siso.in.initial_value})
      for (index_t i = 0; i < x->numel(); ++i) (*x)[i] *= 2.0;
    alone = naive::forward(siso.in, siso.options);
    wide = naive::forward(twice.in, twice.options);
    CHECK_CLOSE(wide.final_state, alone.final_state, kExact);
    CHECK_CLOSE(row(wide.o, 1), alone.o, kExact);
  }

  TEST_CASE("mamba3 naive: single precision matches double") {
    for (const Variant rule : kRules) {
      const Problem p = make_problem(rule, ProblemShape::parse("B1-T100-H1-HV2-Dk6-Dv5-M2"), "mixed", 4);
      const Outputs<float> single = naive::forward(inputs_as<float>(p.in), p.options);
      const Outputs<double> twice = naive::forward(p.in, p.options);
      CHECK_CLOSE(single.o, twice.o, Tolerance{1e-5, 1e-4});
      CHECK_CLOSE(single.final_state, twice.final_state, Tolerance{1e-5, 1e-4});
      CHECK_CLOSE(single.final_angle, twice.final_angle, Tolerance{1e-6, 1e-5});
    }
  }
}
