// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Invariants every rule of the delta family keeps: handing over the state, permutations, linearity, forgetting, packing,
// and the collapse of gates bit for bit.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "naive/reference.h"
#include "support/check.h"
#include "support/sequences.h"

namespace fw::test {
namespace {

constexpr double kForget = -std::numeric_limits<double>::infinity();

Problem problem_of(Variant variant, const char* shape, const char* family = "mixed") { return make_problem(variant, ProblemShape::parse(shape), family, 21); }

template <class F>
void for_each_rule(F&& f) {
  for (const VariantInfo& row : variants())
    if (row.family == Family::delta_rule) {
      CAPTURE(std::string(row.name));
      f(row);
    }
}

Outputs<double> run(const Problem& p) { return naive::forward(p.in, p.options); }

/// Two entries of an axis exchanged.
Tensor<double> exchanged(const Tensor<double>& t, index_t axis, index_t i, index_t j) {
  if (!t.defined()) return {};
  Tensor<double> out = t;
  index_t outer = 1, inner = 1;
  for (index_t a = 0; a < t.shape().rank(); ++a) (a < axis ? outer : inner) *= a == axis ? 1 : t.shape()[a];
  for (index_t o = 0; o < outer; ++o)
    for (index_t x = 0; x < inner; ++x) std::swap(out[(o * t.shape()[axis] + i) * inner + x], out[(o * t.shape()[axis] + j) * inner + x]);
  return out;
}

/// The same numbers under a wider or narrower rule; gates are set by the caller.
Problem as(const Problem& p, Variant variant) {
  Problem out = p;
  out.options.variant = variant;
  out.in.g = out.in.b = out.in.w = out.in.beta = {};
  return out;
}

Tensor<double> filled(Shape shape, double value) { return Tensor<double>(std::move(shape), value); }

void check_same(const Problem& a, const Problem& b) {
  const Outputs<double> x = run(a), y = run(b);
  CHECK_BITWISE_EQUAL(x.o, y.o);
  CHECK_BITWISE_EQUAL(x.final_state, y.final_state);
}

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("delta family naive: invariant, a sequence split anywhere and handed over is the whole") {
    for_each_rule([](const VariantInfo& row) {
      const Problem p = problem_of(row.id, "B2-T9-H1-HV2-Dk4-Dv3");
      const Outputs<double> whole = run(p);
      for (index_t cut : {0, 1, 4, 8, 9}) {
        const Outputs<double> head = run(tokens_of(p, 0, cut));
        Problem tail = tokens_of(p, cut, 9);
        tail.in.initial_state = head.final_state;
        const Outputs<double> rest = run(tail);
        CHECK_BITWISE_EQUAL(head.o, part(whole.o, 1, 0, cut));
        CHECK_BITWISE_EQUAL(rest.o, part(whole.o, 1, cut, 9));
        CHECK_BITWISE_EQUAL(rest.final_state, whole.final_state);
      }
    });
  }

  TEST_CASE("delta family naive: invariant, permuted heads and batch rows give permuted results") {
    for_each_rule([](const VariantInfo& row) {
      const Problem p = problem_of(row.id, "B2-T6-H2-HV2-Dk4-Dv3");
      for (index_t axis : {0, 2}) {
        Problem q = p;
        for_each_tensor(q, [&](const char* name, Tensor<double>& t) { t = exchanged(t, is_per_token(name) ? axis : axis / 2, 0, 1); });
        const Outputs<double> a = run(p), b = run(q);
        CHECK_BITWISE_EQUAL(b.o, exchanged(a.o, axis, 0, 1));
        CHECK_BITWISE_EQUAL(b.final_state, exchanged(a.final_state, axis / 2, 0, 1));
      }
    });
  }

  TEST_CASE("delta family naive: invariant, o and S are linear in (v, S0) for fixed keys and gates") {
    for_each_rule([](const VariantInfo& row) {
      const Problem p = problem_of(row.id, "B1-T12-H1-HV2-Dk4-Dv3"), other = make_problem(row.id, ProblemShape::parse("B1-T12-H1-HV2-Dk4-Dv3"), "mixed", 22);
      Problem second = p, sum = p, twice = p;
      second.in.v = other.in.v;
      second.in.initial_state = other.in.initial_state;
      for (index_t i = 0; i < p.in.v.numel(); ++i) {
        sum.in.v[i] = 3.0 * p.in.v[i] - 0.5 * other.in.v[i];
        twice.in.v[i] = 4.0 * p.in.v[i];
      }
      for (index_t i = 0; i < p.in.initial_state.numel(); ++i) {
        sum.in.initial_state[i] = 3.0 * p.in.initial_state[i] - 0.5 * other.in.initial_state[i];
        twice.in.initial_state[i] = 4.0 * p.in.initial_state[i];
      }
      const Outputs<double> a = run(p), b = run(second), c = run(sum), d = run(twice);
      Tensor<double> o = a.o, S = a.final_state, o4 = a.o;
      for (index_t i = 0; i < o.numel(); ++i) {
        o[i] = 3.0 * a.o[i] - 0.5 * b.o[i];
        o4[i] = 4.0 * a.o[i];
      }
      for (index_t i = 0; i < S.numel(); ++i) S[i] = 3.0 * a.final_state[i] - 0.5 * b.final_state[i];
      CHECK_CLOSE(c.o, o, Tolerance{1e-14, 1e-13});
      CHECK_CLOSE(c.final_state, S, Tolerance{1e-14, 1e-13});
      CHECK_BITWISE_EQUAL(d.o, o4);  // a power of two: exactly
    });
  }

  TEST_CASE("delta family naive: invariant, g = -inf in all channels forgets the past exactly") {
    for_each_rule([](const VariantInfo& row) {
      if (row.decay == Decay::none) return;
      Problem p = problem_of(row.id, "B1-T9-H1-HV1-Dk4-Dv3"), q = p;
      for (Problem* x : {&p, &q})
        for (index_t i = 0; i < (row.decay == Decay::channel ? 4 : 1); ++i) x->in.g.row(0, 5, 0)[i] = kForget;
      q.in.initial_state.fill(7.0);
      for (index_t i = 0; i < 5 * 3; ++i) q.in.v[i] = -3.0;
      const Outputs<double> a = run(p), b = run(q);
      CHECK_BITWISE_EQUAL(part(a.o, 1, 5, 9), part(b.o, 1, 5, 9));
      CHECK_BITWISE_EQUAL(a.final_state, b.final_state);
    });
  }

  TEST_CASE("delta family naive: invariant, g = -inf on one channel cuts that row of the past alone") {
    for (Variant variant : {Variant::gla, Variant::kda, Variant::gdn2, Variant::gdn2_write, Variant::gdn2_erase}) {
      Problem p = problem_of(variant, "B1-T1-H1-HV1-Dk4-Dv3");
      p.in.g[2] = kForget;
      Problem q = p, r = p;
      for (index_t j = 0; j < 3; ++j) q.in.initial_state(0, 0, 2, j) += 5.0;
      for (index_t j = 0; j < 3; ++j) r.in.initial_state(0, 0, 1, j) += 5.0;
      CHECK_BITWISE_EQUAL(run(p).final_state, run(q).final_state);
      CHECK_NOT_CLOSE(run(r).final_state, run(p).final_state, Tolerance{1e-3, 1e-3});
    }
  }

  TEST_CASE("delta family naive: packed sequences match the same sequences one by one, bit for bit") {
    for_each_rule([](const VariantInfo& row) {
      const Problem p = problem_of(row.id, "H2-HV4-Dk4-Dv3-cu0,0,3,4,70,70");
      const Outputs<double> packed = run(p);
      const Gradients<double> packed_grad = naive::backward(p.in, p.up, p.options);
      for (index_t n = 0; n < 5; ++n) {
        const Problem one = sequence_of(p, n);
        const Outputs<double> alone = run(one);
        CHECK_BITWISE_EQUAL(part(packed.o, 1, p.in.cu_seqlens[static_cast<std::size_t>(n)], p.in.cu_seqlens[static_cast<std::size_t>(n) + 1]), alone.o);
        CHECK_BITWISE_EQUAL(part(packed.final_state, 0, n, n + 1), alone.final_state);
        const Gradients<double> alone_grad = naive::backward(one.in, one.up, one.options);
        CHECK_BITWISE_EQUAL(part(packed_grad.dk, 1, p.in.cu_seqlens[static_cast<std::size_t>(n)], p.in.cu_seqlens[static_cast<std::size_t>(n) + 1]), alone_grad.dk);
        CHECK_BITWISE_EQUAL(part(packed_grad.dinitial_state, 0, n, n + 1), alone_grad.dinitial_state);
      }
    });
  }

  TEST_CASE("delta family naive: T = 0 returns S0 and an empty o; its gradient hands dfinal_state through") {
    for_each_rule([](const VariantInfo& row) {
      Problem p = problem_of(row.id, "B2-T0-H1-HV2-Dk4-Dv3");
      const Outputs<double> out = run(p);
      CHECK(out.o.numel() == 0);
      CHECK_BITWISE_EQUAL(out.final_state, p.in.initial_state);
      CHECK_BITWISE_EQUAL(naive::backward(p.in, p.up, p.options).dinitial_state, p.up.dfinal_state);
      p.in.initial_state = {};
      CHECK_BITWISE_EQUAL(run(p).final_state, filled({2, 2, 4, 3}, 0.0));
    });
  }

  TEST_CASE("delta family naive: bitwise repeatable at any number of threads, fills its outputs") {
    for_each_rule([](const VariantInfo& row) {
      Problem p = problem_of(row.id, "B3-T70-H2-HV4-Dk4-Dv3-gH-bH");
      const Outputs<double> one = run(p);
      const Gradients<double> grad_one = naive::backward(p.in, p.up, p.options);
      p.options.threads = 3;
      const Outputs<double> three = run(p);
      const Gradients<double> grad_three = naive::backward(p.in, p.up, p.options);
      CHECK_BITWISE_EQUAL(one.o, three.o);
      CHECK_BITWISE_EQUAL(one.final_state, three.final_state);
      CHECK_BITWISE_EQUAL(grad_one.dq, grad_three.dq);
      CHECK_BITWISE_EQUAL(grad_one.dk, grad_three.dk);
      if (grad_one.dg.defined()) CHECK_BITWISE_EQUAL(grad_one.dg, grad_three.dg);
      CHECK_ALL_FINITE(one.o);
      CHECK_ALL_FINITE(one.final_state);
    });
  }

  TEST_CASE("delta family naive: float follows double") {
    for_each_rule([](const VariantInfo& row) {
      Problem p = problem_of(row.id, "B1-T70-H1-HV2-Dk8-Dv6");
      round_problem(p, DType::f32, DType::f32);
      Inputs<float> in;
      std::vector<Tensor<float>> casts;
      for_each_input(p.in, [&](const char*, const Tensor<double>& t) { casts.push_back(t.cast<float>()); });
      std::size_t i = 0;
      for_each_input(in, [&](const char*, Tensor<float>& t) { t = casts[i++]; });
      CHECK_CLOSE(naive::forward(in, p.options).o.cast<double>(), run(p).o, Tolerance{2e-6, 1e-5});
    });
  }

  TEST_CASE("gdn2 naive: collapsing gates reduces to every narrower rule, bit for bit") {
    const Problem p = problem_of(Variant::gdn2, "B2-T20-H2-HV2-Dk4-Dv8-gHV-bHV");
    const Shape channels{2, 20, 2, 4}, scalars{2, 20, 2}, values{2, 20, 2, 8};
    Tensor<double> beta(scalars), b(channels), w(values), g_scalar(scalars), g_equal(channels);
    for (index_t r = 0; r < beta.numel(); ++r) {
      beta[r] = static_cast<double>(r % 7) / 4.0;  // dyadic: means of equal numbers are exact
      g_scalar[r] = p.in.g[4 * r];
      for (index_t i = 0; i < 4; ++i) {
        b[4 * r + i] = beta[r];
        g_equal[4 * r + i] = g_scalar[r];
      }
      for (index_t j = 0; j < 8; ++j) w[8 * r + j] = beta[r];
    }
    // gdn2 with b = w = beta is kda, and so are both ablations
    Problem gdn2 = p, kda = as(p, Variant::kda);
    gdn2.in.b = b;
    gdn2.in.w = w;
    kda.in.g = p.in.g;
    kda.in.beta = beta;
    check_same(gdn2, kda);
    for (Variant ablation : {Variant::gdn2_write, Variant::gdn2_erase}) {
      Problem narrow = gdn2;
      narrow.options.variant = ablation;
      check_same(narrow, kda);
    }
    // an ablation is gdn2 with the averaged gate spelled out
    Problem write_only = p, erase_only = p;
    write_only.in.b = b;
    erase_only.in.w = w;
    Problem write_gdn2 = write_only, erase_gdn2 = erase_only;
    write_only.options.variant = Variant::gdn2_write;
    erase_only.options.variant = Variant::gdn2_erase;
    check_same(write_only, write_gdn2);
    check_same(erase_only, erase_gdn2);
    // kda with equal channels is gdn, gdn without decay is delta
    Problem gdn = as(p, Variant::gdn), delta = as(p, Variant::delta);
    kda.in.g = g_equal;
    gdn.in.g = g_scalar;
    gdn.in.beta = delta.in.beta = beta;
    check_same(kda, gdn);
    gdn.in.g.fill(0.0);
    check_same(gdn, delta);
    // b = 0, w = 1 is gated linear attention; then decayed, then plain linear attention
    Problem open = p, gla = as(p, Variant::gla), mamba2 = as(p, Variant::mamba2), linear = as(p, Variant::linear);
    open.in.b.fill(0.0);
    open.in.w.fill(1.0);
    gla.in.g = p.in.g;
    check_same(open, gla);
    gla.in.g = g_equal;
    mamba2.in.g = g_scalar;
    check_same(gla, mamba2);
    mamba2.in.g.fill(0.0);
    check_same(mamba2, linear);
  }
}

}  // namespace fw::test
