// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What must hold for Mamba-3 whatever the numbers: handing over, packing, resets, turning everything, edges, refusals.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "naive/mamba3.h"
#include "naive/mamba3_driver.h"
#include "naive/mamba3_hand.h"
#include "naive/reference.h"
#include "support/check.h"
#include "support/sequences.h"

namespace fw::test {
namespace {

constexpr Variant kRules[] = {Variant::mamba3, Variant::mamba3_mimo};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Outputs<double> run(const Problem& p) { return naive::forward(p.in, p.options); }
Gradients<double> run_back(const Problem& p) { return naive::backward(p.in, p.up, p.options); }

void hand_over(const Outputs<double>& from, Inputs<double>& to) {
  to.initial_state = from.final_state;
  to.initial_angle = from.final_angle;
  to.initial_key = from.final_key;
  to.initial_value = from.final_value;
}
void hand_back(const Gradients<double>& from, Upstream<double>& to) {
  to.dfinal_state = from.dinitial_state;
  to.dfinal_angle = from.dinitial_angle;
  to.dfinal_key = from.dinitial_key;
  to.dfinal_value = from.dinitial_value;
}

void check_final_bitwise(const Outputs<double>& a, const Outputs<double>& b) {
  CHECK_BITWISE_EQUAL(a.final_state, b.final_state);
  CHECK_BITWISE_EQUAL(a.final_angle, b.final_angle);
  CHECK_BITWISE_EQUAL(a.final_key, b.final_key);
  CHECK_BITWISE_EQUAL(a.final_value, b.final_value);
}

/// One fault in the step.
enum class Fault {
  none,
  query_not_turned,
  key_turned_backwards,
  angle_not_summed,
  alpha_missing_in_eta,
  lambda_exchanged,
  dt_missing,
  output_before_write,
  key_turned_again,
  scale_missing
};

template <Fault fault>
struct FaultyStep : naive::Mamba3 {
  template <class T>
  static void step(State<T>& s, const Token<T>& given, T scale, naive::Vector<T>& o) {
    Token<T> x = given;
    if (fault == Fault::lambda_exchanged) x.lambda = T(1) - x.lambda;
    if (fault == Fault::dt_missing) x.dt = T(1);
    if (fault == Fault::scale_missing) scale = T(1);
    if (fault == Fault::alpha_missing_in_eta) s.key /= std::exp(x.g);
    if (fault == Fault::angle_not_summed) s.angle.setZero();
    if (fault == Fault::key_turned_again) s.key = naive::rotated(s.key, x.theta);
    if (fault == Fault::query_not_turned) x.q = naive::rotated(x.q, naive::Vector<T>(-s.angle - x.theta));
    if (fault == Fault::key_turned_backwards) x.k = naive::rotated(x.k, naive::Vector<T>(T(-2) * (s.angle + x.theta)));
    const State<T> before = s;
    naive::Mamba3::step(s, x, scale, o);
    if (fault == Fault::output_before_write) o = scale * (std::exp(x.g) * before.S.transpose() * naive::rotated(x.q, s.angle));
  }
};

template <Fault fault>
bool agrees_with_hand() {
  Options options;
  options.variant = Variant::mamba3;
  options.scale = 0.5;
  Outputs<double> expected = mamba3_by_hand_outputs();
  for (index_t i = 0; i < expected.o.numel(); ++i) expected.o[i] *= 0.5;
  const Outputs<double> out = naive::run_mamba3_forward<FaultyStep<fault>>("faulty mamba3 forward", mamba3_by_hand(), options);
  return why_not_close(out.o, expected.o, Tolerance{1e-13, 1e-13}).empty();
}

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("mamba3 naive: invariant under splitting, all four states handed over, forward and backward, bit for bit") {
    constexpr index_t T = 70;
    for (const Variant rule : kRules) {
      const Problem p = make_problem(rule, ProblemShape::parse("B2-T70-H1-HV2-Dk6-Dv5-M2-P2"), "mixed", 21);
      const Outputs<double> whole = run(p);
      const Gradients<double> grad = run_back(p);
      for (const index_t cut : {0, 1, 5, 63, 64, 69, 70}) {
        CAPTURE(cut);
        Problem first = tokens_of(p, 0, cut), second = tokens_of(p, cut, T);
        const Outputs<double> head = run(first);
        hand_over(head, second.in);
        const Outputs<double> tail = run(second);
        CHECK_BITWISE_EQUAL(head.o, part(whole.o, 1, 0, cut));
        CHECK_BITWISE_EQUAL(tail.o, part(whole.o, 1, cut, T));
        check_final_bitwise(tail, whole);
        const Gradients<double> d_tail = run_back(second);
        hand_back(d_tail, first.up);
        const Gradients<double> d_head = run_back(first);
        for_each_gradient(grad, [&](const char* name, const Tensor<double>& d) {
          if (!d.defined()) return;
          CAPTURE(name);
          Tensor<double> in_head, in_tail;
          for_each_gradient(d_head, [&](const char* other, const Tensor<double>& x) {
            if (std::string(other) == name) in_head = x;
          });
          for_each_gradient(d_tail, [&](const char* other, const Tensor<double>& x) {
            if (std::string(other) == name) in_tail = x;
          });
          if (is_per_token(name)) {
            CHECK_BITWISE_EQUAL(in_head, part(d, 1, 0, cut));
            CHECK_BITWISE_EQUAL(in_tail, part(d, 1, cut, T));
          } else {
            CHECK_BITWISE_EQUAL(in_head, d);
          }
        });
      }
    }
  }

  TEST_CASE("mamba3 naive: packed sequences, empty ones too, equal them run one by one, bit for bit") {
    for (const Variant rule : kRules) {
      const Problem p = make_problem(rule, ProblemShape::parse("B1-T83-H2-HV4-Dk4-Dv3-M2-P1-cu0,0,7,72,72,83"), "mixed", 22);
      const Outputs<double> packed = run(p);
      const Gradients<double> grad = run_back(p);
      for (index_t n = 0; n < 5; ++n) {
        CAPTURE(n);
        const Problem alone = sequence_of(p, n);
        const index_t begin = p.in.cu_seqlens[static_cast<std::size_t>(n)], end = p.in.cu_seqlens[static_cast<std::size_t>(n) + 1];
        const Outputs<double> out = run(alone);
        CHECK_BITWISE_EQUAL(part(packed.o, 1, begin, end), out.o);
        CHECK_BITWISE_EQUAL(part(packed.final_state, 0, n, n + 1), out.final_state);
        CHECK_BITWISE_EQUAL(part(packed.final_angle, 0, n, n + 1), out.final_angle);
        CHECK_BITWISE_EQUAL(part(packed.final_key, 0, n, n + 1), out.final_key);
        CHECK_BITWISE_EQUAL(part(packed.final_value, 0, n, n + 1), out.final_value);
        const Gradients<double> d = run_back(alone);
        CHECK_BITWISE_EQUAL(part(grad.dk, 1, begin, end), d.dk);
        CHECK_BITWISE_EQUAL(part(grad.dtheta, 1, begin, end), d.dtheta);
        CHECK_BITWISE_EQUAL(part(grad.dinitial_key, 0, n, n + 1), d.dinitial_key);
        CHECK_BITWISE_EQUAL(part(grad.dinitial_state, 0, n, n + 1), d.dinitial_state);
      }
    }
  }

  TEST_CASE("mamba3 naive: T = 0 hands everything on, forward and backward") {
    for (const Variant rule : kRules) {
      Problem p = make_problem(rule, ProblemShape::parse("B2-T0-H1-HV2-Dk4-Dv3-M2-P2"), "mixed", 23);
      const Outputs<double> out = run(p);
      CHECK(out.o.shape()[1] == 0);
      CHECK_BITWISE_EQUAL(out.final_state, p.in.initial_state);
      CHECK_BITWISE_EQUAL(out.final_angle, p.in.initial_angle);
      CHECK_BITWISE_EQUAL(out.final_key, p.in.initial_key);
      CHECK_BITWISE_EQUAL(out.final_value, p.in.initial_value);
      const Gradients<double> grad = run_back(p);
      CHECK_BITWISE_EQUAL(grad.dinitial_state, p.up.dfinal_state);
      CHECK_BITWISE_EQUAL(grad.dinitial_angle, p.up.dfinal_angle);
      CHECK_BITWISE_EQUAL(grad.dinitial_key, p.up.dfinal_key);
      CHECK_BITWISE_EQUAL(grad.dinitial_value, p.up.dfinal_value);
      p.in.initial_state = p.in.initial_angle = p.in.initial_key = p.in.initial_value = {};
      const Outputs<double> fresh = run(p);
      CHECK_BITWISE_EQUAL(fresh.final_key, Tensor<double>(fresh.final_key.shape(), 0.0));
      CHECK_BITWISE_EQUAL(fresh.final_state, Tensor<double>(fresh.final_state.shape(), 0.0));
    }
  }

  TEST_CASE("mamba3 naive: invariant under turning the start, with nothing handed over but the angle") {
    for (const Variant rule : kRules) {
      Problem p = make_problem(rule, ProblemShape::parse("B2-T70-H1-HV2-Dk6-Dv5-M2"), "mixed", 24);
      p.in.initial_state = p.in.initial_key = p.in.initial_value = {};
      const Tensor<double> turned = run(p).o;
      p.in.initial_angle = {};
      const Tensor<double> plain = run(p).o;
      CHECK_CLOSE(turned, plain, Tolerance{1e-13, 1e-13});
      for (index_t i = 0; i < p.in.theta.numel(); i += 3) p.in.theta[i] += 4 * kQuarterTurn;
      CHECK_CLOSE(run(p).o, plain, Tolerance{1e-11, 1e-11});
    }
  }

  TEST_CASE("mamba3 naive: the angle is not reduced") {
    Problem p = make_problem(Variant::mamba3, ProblemShape::parse("B1-T40-H1-HV1-Dk4-Dv3"), "mixed", 25);
    p.in.theta.fill(3.0);
    p.in.initial_angle.fill(7.0);
    CHECK_CLOSE(run(p).final_angle, Tensor<double>({1, 1, 2}, 127.0), Tolerance{1e-14, 1e-14});
  }

  TEST_CASE("mamba3 naive: g = -inf forgets the state and the token before, exactly") {
    constexpr index_t kReset = 9, T = 20;
    for (const Variant rule : kRules) {
      Problem p = make_problem(rule, ProblemShape::parse("B1-T20-H1-HV1-Dk6-Dv5-M2"), "mixed", 26);
      p.in.g[kReset] = -kInfinity;
      const Outputs<double> whole = run(p), head = run(tokens_of(p, 0, kReset));
      Problem after = tokens_of(p, kReset, T);
      hand_over(head, after.in);
      after.in.initial_state = after.in.initial_key = after.in.initial_value = {};
      CHECK_BITWISE_EQUAL(run(after).o, part(whole.o, 1, kReset, T));
      CHECK_BITWISE_EQUAL(run(after).final_state, whole.final_state);
    }
  }

  TEST_CASE("mamba3 naive: outputs are linear in values and memory together") {
    for (const Variant rule : kRules) {
      const ProblemShape shape = ProblemShape::parse("B1-T33-H1-HV2-Dk6-Dv5-M2");
      const Problem a = make_problem(rule, shape, "mixed", 27), b = make_problem(rule, shape, "mixed", 28);
      const auto mix = [](const Tensor<double>& x, const Tensor<double>& y) {
        Tensor<double> out(x.shape());
        for (index_t i = 0; i < x.numel(); ++i) out[i] = 2.0 * x[i] - 0.5 * y[i];
        return out;
      };
      Problem other = a, sum = a;
      for (const auto member : {&Inputs<double>::v, &Inputs<double>::initial_state, &Inputs<double>::initial_value}) {
        other.in.*member = b.in.*member;
        sum.in.*member = mix(a.in.*member, b.in.*member);
      }
      CHECK_CLOSE(run(sum).o, mix(run(a).o, run(other).o), Tolerance{1e-13, 1e-12});
      CHECK_CLOSE(run(sum).final_state, mix(run(a).final_state, run(other).final_state), Tolerance{1e-13, 1e-12});
    }
  }

  TEST_CASE("mamba3 naive: bitwise repeatable on any number of threads, fills its outputs") {
    for (const Variant rule : kRules) {
      Problem p = make_problem(rule, ProblemShape::parse("B2-T66-H2-HV4-Dk6-Dv5-M2-softplus-l2norm"), "mixed", 29);
      const Outputs<double> one = run(p);
      const Gradients<double> grad = run_back(p);
      for_each_output(one, [](const char*, const Tensor<double>& x) { CHECK_ALL_FINITE(x); });
      p.options.threads = 3;
      const Outputs<double> three = run(p);
      CHECK_BITWISE_EQUAL(three.o, one.o);
      check_final_bitwise(three, one);
      const Gradients<double> again = run_back(p);
      CHECK_BITWISE_EQUAL(again.dq, grad.dq);
      CHECK_BITWISE_EQUAL(again.dk, grad.dk);
      CHECK_BITWISE_EQUAL(again.dg, grad.dg);
      CHECK_BITWISE_EQUAL(again.dA_log, grad.dA_log);
      CHECK_BITWISE_EQUAL(again.ddt_bias, grad.ddt_bias);
      CHECK_BITWISE_EQUAL(again.dtheta, grad.dtheta);
    }
  }

  TEST_CASE("mamba3 naive: rejects what it cannot use") {
    const auto rejects = [](Variant rule, const char* expected, auto spoil) {
      Problem p = make_problem(rule, ProblemShape::parse("B1-T4-H1-HV2-Dk4-Dv3-M2-P1"), "mixed", 30);
      spoil(p);
      CHECK_THROWS_WITH_AS(run_back(p), doctest::Contains(expected), Error);
    };
    for (const Variant rule : kRules) {
      rejects(rule, "dt is required by this variant", [](Problem& p) { p.in.dt = {}; });
      rejects(rule, "lambda is required by this variant", [](Problem& p) { p.in.lambda = {}; });
      rejects(rule, "g is required by this variant", [](Problem& p) { p.in.g = {}; });
      rejects(rule, "beta is not used by this variant", [](Problem& p) { p.in.beta = p.in.dt; });
      rejects(rule, "lambda must lie in [0, 1], got 1.25 at flat index 1", [](Problem& p) { p.in.lambda[1] = 1.25; });
      rejects(rule, "dt must lie in [0, inf], got -1 at flat index 2", [](Problem& p) { p.in.dt[2] = -1; });
      rejects(rule, "g must lie in", [](Problem& p) { p.in.g[0] = 0.5; });
      rejects(rule, "theta must be finite", [](Problem& p) { p.in.theta[0] = kInfinity; });
      rejects(rule, "theta must rotate at most Dk/2 = 2 pairs, got 3", [](Problem& p) { p.in.theta = Tensor<double>({1, 4, 2, 3}); });
      rejects(rule, "theta must be [B,T,HV,P] = [1,4,2,1], got [1,4,1,1]", [](Problem& p) { p.in.theta = Tensor<double>({1, 4, 1, 1}); });
      rejects(rule, "initial_key and initial_value must be given together", [](Problem& p) { p.in.initial_value = {}; });
      rejects(rule, "initial_angle must be [N,HV,P] = [1,2,1]", [](Problem& p) { p.in.initial_angle = Tensor<double>({1, 2, 2}); });
      rejects(rule, "initial_key must be", [](Problem& p) { p.in.initial_key = Tensor<double>({1, 2, 5}); });
      rejects(rule, "dfinal_key must be", [](Problem& p) { p.up.dfinal_key = Tensor<double>({1, 2, 5}); });
      rejects(rule, "dfinal_angle must be finite", [](Problem& p) { p.up.dfinal_angle[0] = kInfinity; });
    }
    rejects(Variant::mamba3_mimo, "k must be [B,T,H,M,Dk] = [1,4,1,2,4], got [1,4,1,3,4]", [](Problem& p) {
      p.in.k = Tensor<double>({1, 4, 1, 3, 4});
    });
    rejects(Variant::mamba3_mimo, "q must be [B,T,H,M,Dk]", [](Problem& p) { p.in.q = Tensor<double>({1, 4, 1, 4}); });
  }

  TEST_CASE("mamba3 naive: the numbers worked by hand fail when broken") {
    CHECK(agrees_with_hand<Fault::none>());
    CHECK(!agrees_with_hand<Fault::query_not_turned>());
    CHECK(!agrees_with_hand<Fault::key_turned_backwards>());
    CHECK(!agrees_with_hand<Fault::angle_not_summed>());
    CHECK(!agrees_with_hand<Fault::alpha_missing_in_eta>());
    CHECK(!agrees_with_hand<Fault::lambda_exchanged>());
    CHECK(!agrees_with_hand<Fault::dt_missing>());
    CHECK(!agrees_with_hand<Fault::output_before_write>());
    CHECK(!agrees_with_hand<Fault::key_turned_again>());
    CHECK(!agrees_with_hand<Fault::scale_missing>());
  }
}

}  // namespace fw::test
