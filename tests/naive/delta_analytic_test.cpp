// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Closed forms of the delta rules that need no reference: recall, replacement, reflection, the oblique projector, gates
// at their ends.
#include <doctest/doctest.h>

#include <cmath>

#include "naive/reference.h"
#include "support/check.h"
#include "support/sequences.h"

namespace fw::test {
namespace {

constexpr Tolerance kTight{1e-14, 1e-13};

/// GDN-2 with g = 0, b = 1, w = 1, scale 1; q, k, v of the family.
Problem open_gates(const char* shape, const char* family = "mixed") {
  Problem p = make_problem(Variant::gdn2, ProblemShape::parse(shape), family, 5);
  p.in.g.fill(0.0);
  p.in.b.fill(1.0);
  p.in.w.fill(1.0);
  p.options.scale = 1.0;
  return p;
}

Outputs<double> run(const Problem& p) { return naive::forward(p.in, p.options); }

/// Key of token t := `values`, made a unit vector.
void set_key(Problem& p, index_t t, std::initializer_list<double> values) {
  double squares = 0;
  for (double x : values) squares += x * x;
  index_t i = 0;
  for (double x : values) p.in.k(0, t, 0, i++) = x / std::sqrt(squares);
}

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("gdn2 naive: closed form, orthonormal keys recall every value over chunk edges") {
    Problem p = open_gates("B1-T100-H1-HV1-Dk100-Dv5");
    p.in.initial_state.fill(0.0);
    p.in.k.fill(0.0);
    p.in.q.fill(0.0);
    for (index_t t = 0; t < 100; ++t) p.in.k(0, t, 0, (t * 37) % 100) = 1.0;
    for (index_t t = 0; t < 100; ++t) p.in.q(0, t, 0, ((t / 2) * 37) % 100) = 1.0;  // asks for the key of token t/2
    const Outputs<double> out = run(p);
    for (index_t t = 0; t < 100; ++t)
      for (index_t j = 0; j < 5; ++j) CHECK(out.o(0, t, 0, j) == p.in.v(0, t / 2, 0, j));
  }

  TEST_CASE("delta rules naive: closed form, beta = 1 and a unit key return the value just written") {
    for (Variant variant : {Variant::delta, Variant::gdn, Variant::kda}) {
      Problem p = make_problem(variant, ProblemShape::parse("B2-T9-H2-HV2-Dk6-Dv4"), "mixed", 3);
      p.in.beta.fill(1.0);
      p.in.q = p.in.k;
      p.options.scale = 1.0;
      CHECK_CLOSE(run(p).o, p.in.v, kTight);
    }
    Problem p = open_gates("B2-T9-H2-HV2-Dk6-Dv4");
    p.in.q = p.in.k;
    CHECK_CLOSE(run(p).o, p.in.v, kTight);
  }

  TEST_CASE("gdn2 naive: closed form, the same key twice replaces the first value") {
    Problem p = open_gates("B1-T2-H1-HV1-Dk3-Dv4");
    set_key(p, 0, {1, 2, -1});
    set_key(p, 1, {1, 2, -1});
    Problem only_second = p;
    for (index_t j = 0; j < 4; ++j) only_second.in.v(0, 0, 0, j) = 0.0;
    CHECK_CLOSE(run(p).final_state, run(only_second).final_state, kTight);
  }

  TEST_CASE("gdn2 naive: invariant, b = 0 never reads the old state") {
    Problem p = make_problem(Variant::gdn2, ProblemShape::parse("B1-T9-H1-HV1-Dk4-Dv3"), "mixed", 3), q = p;
    for (Problem* x : {&p, &q}) x->in.b.fill(0.0);
    // the edit does not depend on the state: the difference of two runs is the decayed difference of their states
    for (index_t i = 0; i < 12; ++i) q.in.initial_state[i] += 1.0;
    const Tensor<double> a = run(p).final_state, b = run(q).final_state;
    Tensor<double> difference(a.shape()), expected(a.shape());
    for (index_t i = 0; i < 4; ++i) {
      double decay = 1.0;
      for (index_t t = 0; t < 9; ++t) decay *= std::exp(p.in.g(0, t, 0, i));
      for (index_t j = 0; j < 3; ++j) {
        expected(0, 0, i, j) = decay;
        difference(0, 0, i, j) = b(0, 0, i, j) - a(0, 0, i, j);
      }
    }
    CHECK_CLOSE(difference, expected, Tolerance{1e-13, 1e-12});
  }

  TEST_CASE("gdn2 naive: b = 0 reduces to gated linear attention of w (.) v, bit for bit") {
    Problem p = make_problem(Variant::gdn2, ProblemShape::parse("B2-T9-H1-HV2-Dk4-Dv3"), "mixed", 3), gla = p;
    p.in.b.fill(0.0);
    gla.options.variant = Variant::gla;
    gla.in.b = gla.in.w = {};
    for (index_t i = 0; i < p.in.v.numel(); ++i) gla.in.v[i] = p.in.w[i] * p.in.v[i];
    CHECK_BITWISE_EQUAL(run(p).o, run(gla).o);
    CHECK_BITWISE_EQUAL(run(p).final_state, run(gla).final_state);
  }

  TEST_CASE("gdn2 naive: invariant, w = 0 never writes; dv is zero bit for bit") {
    Problem p = make_problem(Variant::gdn2, ProblemShape::parse("B1-T9-H1-HV2-Dk4-Dv3"), "mixed", 3);
    p.in.w.fill(0.0);
    Problem q = p;
    for (index_t i = 0; i < q.in.v.numel(); ++i) q.in.v[i] = -2.0 * q.in.v[i] + 1.0;
    CHECK_BITWISE_EQUAL(run(p).o, run(q).o);
    CHECK_BITWISE_EQUAL(run(p).final_state, run(q).final_state);
    Problem twice = p;
    for (index_t i = 0; i < p.in.initial_state.numel(); ++i) twice.in.initial_state[i] *= 2.0;
    Tensor<double> doubled = run(p).final_state;
    for (index_t i = 0; i < doubled.numel(); ++i) doubled[i] *= 2.0;
    CHECK_BITWISE_EQUAL(run(twice).final_state, doubled);  // linear in S0, a power of two exactly
    const Gradients<double> grad = naive::backward(p.in, p.up, p.options);
    for (index_t i = 0; i < grad.dv.numel(); ++i) CHECK(grad.dv[i] == 0.0);
    CHECK(compare(grad.dw, Tensor<double>(grad.dw.shape(), 0.0), {}).max_abs > 0.0);
    p.in.initial_state.fill(0.0);
    CHECK_CLOSE(run(p).o, Tensor<double>({1, 9, 2, 3}, 0.0), Tolerance{0, 0});
  }

  TEST_CASE("gdn2 naive: closed form, b = 2 reflects: column norms of S are kept") {
    Problem p = open_gates("B1-T50-H1-HV1-Dk6-Dv4");
    p.in.b.fill(2.0);
    p.in.w.fill(0.0);
    const Tensor<double>&S0 = p.in.initial_state, S = run(p).final_state;
    for (index_t j = 0; j < 4; ++j) {
      double before = 0, after = 0;
      for (index_t i = 0; i < 6; ++i) {
        before += S0(0, 0, i, j) * S0(0, 0, i, j);
        after += S(0, 0, i, j) * S(0, 0, i, j);
      }
      CHECK(std::fabs(after - before) <= 1e-13 * before);
    }
  }

  TEST_CASE("gdn2 naive: closed form, along b.k the state shrinks by 1 - sum b k^2") {
    Problem p = open_gates("B1-T1-H1-HV1-Dk5-Dv3", "gates-wide");
    const Problem drawn = make_problem(Variant::gdn2, ProblemShape::parse("B1-T1-H1-HV1-Dk5-Dv3"), "gates-wide", 5);
    p.in.b = drawn.in.b;
    p.in.w.fill(0.0);
    const Tensor<double> S = run(p).final_state;
    double bkk = 0;
    for (index_t i = 0; i < 5; ++i) bkk += p.in.b[i] * p.in.k[i] * p.in.k[i];
    Tensor<double> got(Shape{3}), expected(Shape{3});
    for (index_t j = 0; j < 3; ++j)
      for (index_t i = 0; i < 5; ++i) {
        got[j] += p.in.b[i] * p.in.k[i] * S(0, 0, i, j);
        expected[j] += (1.0 - bkk) * p.in.b[i] * p.in.k[i] * p.in.initial_state(0, 0, i, j);
      }
    CHECK_CLOSE(got, expected, Tolerance{1e-13, 1e-13});
  }

  TEST_CASE("gdn2 naive: closed form, a channel-wise erase can lengthen the state, by 2/sqrt(3) at most in [0,1]") {
    // k = (cos, sin), b = (1,0): I - k (b.k)^T = (sin^2, 0; -cos sin, 1); its norm peaks at cos^2 = 1/3... measured over angles
    double longest = 0;
    for (int step = 0; step <= 400; ++step) {
      const double angle = M_PI * step / 400.0;
      Problem p = open_gates("B1-T1-H1-HV1-Dk2-Dv2");
      set_key(p, 0, {std::cos(angle), std::sin(angle)});
      p.in.b = tensor_of({1, 1, 1, 2}, {1, 0});
      p.in.w.fill(0.0);
      p.in.initial_state = tensor_of({1, 1, 2, 2}, {1, 0, 0, 1});  // final_state is the transition itself
      const Tensor<double> A = run(p).final_state;
      const double a = A[0] * A[0] + A[2] * A[2], b = A[0] * A[1] + A[2] * A[3], d = A[1] * A[1] + A[3] * A[3];
      longest = std::max(longest, std::sqrt(0.5 * (a + d) + std::sqrt(0.25 * (a - d) * (a - d) + b * b)));
    }
    CHECK(longest <= 2.0 / std::sqrt(3.0) + 1e-12);
    CHECK(longest >= 2.0 / std::sqrt(3.0) - 1e-4);
  }

  TEST_CASE("gdn2 naive: invariant, later tokens do not change earlier outputs") {
    Problem p = make_problem(Variant::gdn2, ProblemShape::parse("B1-T20-H1-HV1-Dk4-Dv3"), "mixed", 3), q = p;
    for (Tensor<double>* t : {&q.in.k, &q.in.v, &q.in.q})
      for (index_t i = t->numel() / 2; i < t->numel(); ++i) (*t)[i] = 0.25;
    CHECK_BITWISE_EQUAL(part(run(p).o, 1, 0, 10), part(run(q).o, 1, 0, 10));
  }
}

}  // namespace fw::test
