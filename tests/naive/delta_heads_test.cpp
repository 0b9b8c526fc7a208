// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Who meets whom: value heads that share a key head, non-finite numbers that stay where they were put, gradients across a
// reset and across a handed-over state, single precision.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "naive/reference.h"
#include "support/check.h"
#include "support/derivatives.h"
#include "support/sequences.h"

namespace fw::test {
namespace {

constexpr double kForget = -std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Problem problem_of(Variant variant, const char* shape) { return make_problem(variant, ProblemShape::parse(shape), "mixed", 31); }
Outputs<double> run(const Problem& p) { return naive::forward(p.in, p.options); }
Gradients<double> run_back(const Problem& p) { return naive::backward(p.in, p.up, p.options); }

template <class F>
void for_each_rule(F&& f) {
  for (const VariantInfo& row : variants())
    if (row.family == Family::delta_rule) {
      CAPTURE(std::string(row.name));
      f(row);
    }
}

/// [B,T,H,...] with H * times heads: head j is head j / times, or j mod H when `tiled`.
Tensor<double> with_heads(const Tensor<double>& x, index_t times, bool tiled = false) {
  if (!x.defined()) return {};
  std::vector<index_t> sizes = x.shape().sizes();
  const index_t heads = sizes[2], tokens = sizes[0] * sizes[1], width = x.numel() / (tokens * heads);
  sizes[2] = heads * times;
  Tensor<double> out{Shape(sizes)};
  for (index_t i = 0; i < out.numel(); ++i) {
    const index_t token = i / (width * heads * times), head = i / width % (heads * times);
    out[i] = x[(token * heads + (tiled ? head % heads : head / times)) * width + i % width];
  }
  return out;
}

/// The reverse: neighbouring heads added up.
Tensor<double> heads_summed(const Tensor<double>& x, index_t times) {
  if (!x.defined()) return {};
  std::vector<index_t> sizes = x.shape().sizes();
  const index_t heads = sizes[2], tokens = sizes[0] * sizes[1], width = x.numel() / (tokens * heads);
  sizes[2] = heads / times;
  Tensor<double> out{Shape(sizes)};
  for (index_t i = 0; i < x.numel(); ++i) out[(i / (width * heads) * (heads / times) + i / width % heads / times) * width + i % width] += x[i];
  return out;
}

/// Every gradient of `a` that exists beside that of `b`.
void check_gradients_bitwise(const Gradients<double>& a, const Gradients<double>& b) {
  std::vector<const Tensor<double>*> others;
  for_each_gradient(b, [&](const char*, const Tensor<double>& d) { others.push_back(&d); });
  std::size_t next = 0;
  for_each_gradient(a, [&](const char* name, const Tensor<double>& d) {
    const Tensor<double>& other = *others[next++];
    CAPTURE(std::string(name));
    CHECK_BITWISE_EQUAL(d, other);
  });
}

/// Tokens [begin, end) of every gradient that has one row per token.
Gradients<double> tokens_of(const Gradients<double>& grad, index_t begin, index_t end) {
  Gradients<double> out = grad;
  for_each_gradient(out, [&](const char* name, Tensor<double>& d) { d = is_per_token(name) ? part(d, 1, begin, end) : Tensor<double>(); });
  return out;
}

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("delta family naive: value heads that share a key head match heads spelled out") {
    constexpr index_t kGroup = 3;
    for_each_rule([](const VariantInfo& row) {
      for (const char* shape : {"B2-T6-H2-HV6-Dk4-Dv3-gH-bH", "B2-T6-H2-HV6-Dk4-Dv3-gHV-bHV", "B2-T6-H2-HV6-Dk4-Dv3-gH-bHV"}) {
        CAPTURE(std::string(shape));
        const Problem p = problem_of(row.id, shape);
        const bool g_shared = p.in.g.defined() && p.in.g.shape()[2] == 2, b_shared = p.in.b.defined() && p.in.b.shape()[2] == 2;
        Problem spelled = p, tiled = p;
        spelled.in.q = with_heads(p.in.q, kGroup);
        spelled.in.k = with_heads(p.in.k, kGroup);
        if (g_shared) spelled.in.g = with_heads(p.in.g, kGroup);
        if (b_shared) spelled.in.b = with_heads(p.in.b, kGroup);
        const Outputs<double> out = run(p), wide = run(spelled);
        CHECK_BITWISE_EQUAL(out.o, wide.o);
        CHECK_BITWISE_EQUAL(out.final_state, wide.final_state);
        const Gradients<double> grad = run_back(p), each = run_back(spelled);
        CHECK_BITWISE_EQUAL(grad.dv, each.dv);
        CHECK_BITWISE_EQUAL(grad.dw, each.dw);
        CHECK_BITWISE_EQUAL(grad.dbeta, each.dbeta);
        CHECK_BITWISE_EQUAL(grad.dinitial_state, each.dinitial_state);
        const Tolerance rounding{1e-15, 1e-14};
        CHECK_CLOSE(grad.dq, heads_summed(each.dq, kGroup), rounding);
        CHECK_CLOSE(grad.dk, heads_summed(each.dk, kGroup), rounding);
        if (p.in.g.defined()) CHECK_CLOSE(grad.dg, g_shared ? heads_summed(each.dg, kGroup) : each.dg, rounding);
        if (p.in.b.defined()) CHECK_CLOSE(grad.db, b_shared ? heads_summed(each.db, kGroup) : each.db, rounding);
        tiled.in = spelled.in;
        tiled.in.k = with_heads(p.in.k, kGroup, true);
        CHECK_NOT_CLOSE(run(tiled).o, out.o, Tolerance{1e-3, 1e-3});
      }
    });
  }

  TEST_CASE("delta family naive: a NaN stays in its head, its batch row and the tokens from it on") {
    for_each_rule([](const VariantInfo& row) {
      Problem p = problem_of(row.id, "B2-T6-H2-HV4-Dk4-Dv3");
      p.options.check_finite = false;
      const Outputs<double> clean = run(p);
      const Gradients<double> clean_grad = run_back(p);
      p.in.v(1, 3, 2, 0) = kNaN;
      const Outputs<double> out = run(p);
      const Gradients<double> grad = run_back(p);
      for (index_t b = 0; b < 2; ++b)
        for (index_t hv = 0; hv < 4; ++hv) {
          const bool touched = b == 1 && hv == 2, shared = b == 1 && hv / 2 == 1;
          for (index_t t = 0; t < 6; ++t) {
            CHECK((out.o(b, t, hv, 0) == clean.o(b, t, hv, 0)) == !(touched && t >= 3));
            if (!shared) CHECK(grad.dk(b, t, hv / 2, 0) == clean_grad.dk(b, t, hv / 2, 0));
            if (!touched) CHECK(grad.dv(b, t, hv, 0) == clean_grad.dv(b, t, hv, 0));
          }
          CHECK((out.final_state(b, hv, 0, 0) == clean.final_state(b, hv, 0, 0)) == !touched);
          if (!touched) CHECK(grad.dinitial_state(b, hv, 0, 0) == clean_grad.dinitial_state(b, hv, 0, 0));
        }
    });
  }

  TEST_CASE("delta family naive: a NaN stays in its packed sequence") {
    for_each_rule([](const VariantInfo& row) {
      Problem p = problem_of(row.id, "H1-HV2-Dk4-Dv3-cu0,3,3,6,9");
      p.options.check_finite = false;
      const Outputs<double> clean = run(p);
      p.in.k(0, 4, 0, 1) = kNaN;
      const Outputs<double> out = run(p);
      CHECK_BITWISE_EQUAL(part(out.o, 1, 0, 4), part(clean.o, 1, 0, 4));
      CHECK_BITWISE_EQUAL(part(out.o, 1, 6, 9), part(clean.o, 1, 6, 9));
      CHECK_BITWISE_EQUAL(part(out.final_state, 0, 3, 4), part(clean.final_state, 0, 3, 4));
      CHECK(out.final_state(0, 0, 0, 0) == clean.final_state(0, 0, 0, 0));
      CHECK(out.final_state(2, 0, 1, 0) != clean.final_state(2, 0, 1, 0));
    });
  }

  TEST_CASE("delta family naive: gradient does not cross g = -inf, exactly") {
    for_each_rule([](const VariantInfo& row) {
      if (row.decay == Decay::none) return;
      Problem p = problem_of(row.id, "B1-T9-H1-HV2-Dk4-Dv3-gHV");
      const index_t width = row.decay == Decay::channel ? 4 : 1;
      for (index_t hv = 0; hv < 2; ++hv)
        for (index_t i = 0; i < width; ++i) p.in.g.row(0, 5, hv)[i] = kForget;
      const Gradients<double> grad = run_back(p);
      for (index_t hv = 0; hv < 2; ++hv)
        for (index_t i = 0; i < width; ++i) CHECK(grad.dg.row(0, 5, hv)[i] == 0.0);
      // before the reset: nothing comes from later; from it on: as if there had been nothing before
      Problem head = tokens_of(p, 0, 5), tail = tokens_of(p, 5, 9);
      head.up.dfinal_state.fill(0.0);
      tail.in.initial_state.fill(0.0);
      const Gradients<double> before = run_back(head), after = run_back(tail);
      CHECK_CLOSE(part(grad.dk, 1, 0, 5), before.dk, Tolerance{0, 0});
      CHECK_CLOSE(part(grad.dv, 1, 0, 5), before.dv, Tolerance{0, 0});
      CHECK_CLOSE(part(grad.dg, 1, 0, 5), before.dg, Tolerance{0, 0});
      CHECK_CLOSE(grad.dinitial_state, before.dinitial_state, Tolerance{0, 0});
      CHECK_CLOSE(part(grad.dq, 1, 5, 9), after.dq, Tolerance{0, 0});
      CHECK_CLOSE(part(grad.dk, 1, 5, 9), after.dk, Tolerance{0, 0});
      CHECK_CLOSE(part(grad.dv, 1, 5, 9), after.dv, Tolerance{0, 0});
      const auto forward = [](const auto& in, const Options& options) { return naive::forward(in, options); };
      FW_CHECK_EMPTY_REASON("gradients", why_gradients_differ(grad, complex_step(p.in, p.up, p.options, forward), Tolerance{1e-11, 1e-11}));
    });
  }

  TEST_CASE("delta family naive: gradient of a split sequence, handed back, is that of the whole, bit for bit") {
    for_each_rule([](const VariantInfo& row) {
      const Problem p = problem_of(row.id, "B2-T70-H1-HV2-Dk4-Dv3");
      const Gradients<double> whole = run_back(p);
      for (index_t cut : {0, 1, 33, 64, 70}) {
        Problem head = tokens_of(p, 0, cut), tail = tokens_of(p, cut, 70);
        tail.in.initial_state = run(head).final_state;
        const Gradients<double> second = run_back(tail);
        head.up.dfinal_state = second.dinitial_state;
        const Gradients<double> first = run_back(head);
        check_gradients_bitwise(tokens_of(first, 0, cut), tokens_of(whole, 0, cut));
        check_gradients_bitwise(tokens_of(second, 0, 70 - cut), tokens_of(whole, cut, 70));
        CHECK_BITWISE_EQUAL(first.dinitial_state, whole.dinitial_state);
      }
    });
  }

  TEST_CASE("delta family naive: gradient bitwise repeatable at any number of threads, every input") {
    for_each_rule([](const VariantInfo& row) {
      const std::string activations = row.decay == Decay::none ? "-l2norm-sigmoid" : "-l2norm-softplus-sigmoid";
      for (const std::string& shape : {"B3-T20-H2-HV4-Dk4-Dv3" + activations, "H2-HV4-Dk4-Dv3-cu0,5,5,19,20" + activations}) {
        Problem p = problem_of(row.id, shape.c_str());
        const Gradients<double> one = run_back(p);
        p.options.threads = 2;
        check_gradients_bitwise(run_back(p), one);
        p.options.threads = 0;
        check_gradients_bitwise(run_back(p), one);
        for_each_gradient(one, [](const char* name, const Tensor<double>& d) {
          CAPTURE(std::string(name));
          if (d.defined()) CHECK_ALL_FINITE(d);
        });
      }
    });
  }

  TEST_CASE("delta family naive: float follows double, every gradient") {
    double worst = 0;
    for_each_rule([&](const VariantInfo& row) {
      for (const char* shape : {"B1-T70-H1-HV2-Dk8-Dv6", "B1-T20-H2-HV4-Dk8-Dv6-l2norm-sigmoid"}) {
        Problem p = problem_of(row.id, shape);
        round_problem(p, DType::f32, DType::f32);
        Upstream<float> up;
        up.d_o = p.up.d_o.cast<float>();
        up.dfinal_state = p.up.dfinal_state.cast<float>();
        const Gradients<float> single = naive::backward(inputs_as<float>(p.in), up, p.options);
        Gradients<double> widened;
        std::vector<const Tensor<float>*> from;
        for_each_gradient(single, [&](const char*, const Tensor<float>& d) { from.push_back(&d); });
        std::size_t next = 0;
        for_each_gradient(widened, [&](const char*, Tensor<double>& d) { d = from[next++]->cast<double>(); });
        const Gradients<double> truth = run_back(p);
        FW_CHECK_EMPTY_REASON(shape, why_gradients_differ(widened, truth, Tolerance{5e-6, 5e-5}));
        worst = std::max(worst, worst_gradient_error(widened, truth));
      }
    });
    MESSAGE("worst error of float gradients: ", worst);
  }
}

}  // namespace fw::test
