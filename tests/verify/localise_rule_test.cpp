// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Localisation on the rule itself: GDN-2 computed wrongly in known ways, with bf16-like noise on both sides.
#include <doctest/doctest.h>

#include <cmath>

#include "core/families.h"
#include "localise_fixture.h"
#include "naive/reference.h"

using namespace fw;
using namespace fw::verify;
using namespace fw::verify::test;

namespace {

Tensor<double> in_bf16(const Tensor<double>& t, const char* stream) {
  const Random numbers(4, stream);
  Tensor<double> out = t;
  const index_t width = t.shape()[-1];
  for (index_t r = 0; r < t.numel() / width; ++r) {
    double ms = 0;
    for (index_t c = 0; c < width; ++c) ms += t[r * width + c] * t[r * width + c] / static_cast<double>(width);
    for (index_t i = r * width; i < (r + 1) * width; ++i)
      out[i] = round_to(DType::bf16, t[i] + 3e-3 * std::sqrt(ms) * numbers.normal(static_cast<std::uint64_t>(i)));
  }
  return out;
}

struct Case {
  Problem problem;
  Geometry geo;
  Outputs<double> out;
  Gradients<double> grad;

  explicit Case(const char* family) {
    ProblemShape shape;
    shape.B = 1;
    shape.T = 200;
    shape.HV = 4;
    problem = make_problem(Variant::gdn2, shape, family, 3);
    geo = check_inputs("localise test", problem.in, problem.options);
    out = naive::forward(problem.in, problem.options);
    grad = naive::backward(problem.in, problem.up, problem.options);
  }
  Localisation judge(const char* name, const Tensor<double>& wrong, const Tensor<double>& truth) const {
    const Tensor<double> candidate = in_bf16(wrong, "candidate"), yardstick = in_bf16(truth, "yardstick");
    return localise({name, axes_of(name, truth.shape(), geo), candidate.view(), truth.view(), yardstick.view()}, geo, 5e-3);
  }
  /// Every chunk of 64 starts from nothing.
  Outputs<double> carry_dropped() const {
    Problem wrong = problem;
    wrong.in.cu_seqlens = {0, 64, 128, 192, 200};
    const Tensor<double>& h0 = problem.in.initial_state;
    wrong.in.initial_state = Tensor<double>(Shape{4, geo.HV, geo.Dk, geo.Dv});
    for (index_t i = 0; i < h0.numel(); ++i) wrong.in.initial_state[i] = h0[i];
    return naive::forward(wrong.in, wrong.options);
  }
};

}  // namespace

TEST_SUITE("verify") {
  TEST_CASE("localise: a right GDN-2 kernel shows nothing on any tensor") {
    for (const char* family : {"typical", "mixed", "weak", "strong"}) {
      const Case c(family);
      const auto silent = [&](const char* name, const Tensor<double>& truth) {
        const Localisation result = c.judge(name, truth, truth);
        INFO(family, " ", name, kinds(result));
        CHECK(result.rows_bad == 0);
        CHECK(result.findings.empty());
      };
      silent("o", c.out.o);
      silent("final_state", c.out.final_state);
      for_each_gradient(c.grad, [&](const char* name, const Tensor<double>& t) {
        if (t.defined()) silent(name, t);
      });
    }
  }

  TEST_CASE("localise: GDN-2 without the carry begins at chunk 1, with a short memory only behind each edge") {
    for (const char* family : {"typical", "mixed", "weak"}) {
      const Case c(family);
      const Localisation result = c.judge("o", c.carry_dropped().o, c.out.o);
      INFO(family, kinds(result));
      REQUIRE(find(result, "time-begins-at-chunk") != nullptr);
      CHECK(find(result, "time-begins-at-chunk")->text.find("chunk 1 of 64") != std::string::npos);
      CHECK(result.first.token == 64);
    }
    const Case c("strong");
    const Localisation result = c.judge("o", c.carry_dropped().o, c.out.o);
    INFO(kinds(result));
    REQUIRE(find(result, "time-chunk-edges") != nullptr);
    CHECK(find(result, "time-chunk-edges")->text.find("rows behind each edge between chunks of 64") != std::string::npos);
  }

  TEST_CASE("localise: a GDN-2 initial state ignored fades, a final gradient ignored grows toward the end") {
    const Case c("mixed");
    Problem wrong = c.problem;
    wrong.in.initial_state.fill(0.0);
    const Localisation state = c.judge("o", naive::forward(wrong.in, wrong.options).o, c.out.o);
    INFO(kinds(state));
    CHECK(state.profile.shape == "fading");
    CHECK(state.first.token == 0);
    wrong = c.problem;
    wrong.up.dfinal_state.fill(0.0);
    const Localisation gradient = c.judge("dv", naive::backward(wrong.in, wrong.up, wrong.options).dv, c.grad.dv);
    INFO(kinds(gradient));
    CHECK(gradient.profile.shape == "exponential");
    CHECK(gradient.worst.token > 150);
  }

  TEST_CASE("localise: a doubled GDN-2 scale is a factor of 2") {
    const Case c("mixed");
    Problem wrong = c.problem;
    wrong.options.scale = 2.0 * c.geo.scale;
    const Localisation result = c.judge("o", naive::forward(wrong.in, wrong.options).o, c.out.o);
    INFO(kinds(result));
    REQUIRE(find(result, "factor") != nullptr);
    CHECK(find(result, "factor")->text.starts_with("candidate = 2 x truth"));
  }
}
