// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What stands in front of a rule: activations and the L2 norm by closed form, beside gates worked out outside the call, their
// gradients for every form of dt_bias, and numbers at which a careless formula overflows.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <string_view>

#include "core/families.h"
#include "naive/reference.h"
#include "naive/token.h"
#include "support/check.h"
#include "support/derivatives.h"

namespace fw::test {
namespace {

const auto kForward = [](const auto& in, const Options& options) { return naive::forward(in, options); };
constexpr const char* kActivations[] = {"-l2norm", "-sigmoid", "-sigmoid-times2", "-softplus-gH", "-softplus-gHV", "-bounded-gH", "-l2norm-bounded-gHV-sigmoid-times2"};

/// The three forms of dt_bias.
enum class Bias { as_drawn, per_head, absent };

bool has_place_for(const VariantInfo& row, std::string_view activations) {
  const bool decays = activations.find("softplus") != std::string_view::npos || activations.find("bounded") != std::string_view::npos;
  return row.family == Family::delta_rule && (!decays || row.decay != Decay::none);
}

Problem problem_of(Variant variant, const std::string& shape, Bias bias = Bias::as_drawn) {
  Problem p = make_problem(variant, ProblemShape::parse(shape), "typical", 11);
  if (bias == Bias::absent) p.in.dt_bias = {};
  if (bias == Bias::per_head && p.in.dt_bias.defined() && p.in.dt_bias.shape().rank() == 2) {
    Tensor<double> heads(Shape{p.in.dt_bias.shape()[0]});
    for (index_t h = 0; h < heads.numel(); ++h) heads[h] = p.in.dt_bias(h, 1);
    p.in.dt_bias = heads;
  }
  return p;
}

double plain_sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// Rows divided by their length, written out.
void normalise(Tensor<double>& x, double eps) {
  const index_t width = x.shape()[-1];
  for (index_t r = 0; r < x.numel(); r += width) {
    double squares = eps;
    for (index_t i = 0; i < width; ++i) squares += x[r + i] * x[r + i];
    for (index_t i = 0; i < width; ++i) x[r + i] /= std::sqrt(squares);
  }
}

/// The same call with its gates worked out in front of it by the textbook formulas: the rule gets them plain.
Problem worked_out(const Problem& p) {
  Problem out = p;
  out.in.A_log = out.in.dt_bias = {};
  out.options.decay_activation = DecayActivation::none;
  out.options.l2norm_qk = out.options.sigmoid_gates = out.options.erase_times_two = false;
  if (p.options.l2norm_qk) {
    normalise(out.in.q, p.options.l2norm_eps);
    normalise(out.in.k, p.options.l2norm_eps);
  }
  const double erase_gain = p.options.erase_times_two ? 2.0 : 1.0;
  if (p.options.sigmoid_gates) {
    for (index_t i = 0; i < p.in.b.numel(); ++i) out.in.b[i] = erase_gain * plain_sigmoid(p.in.b[i]);
    for (index_t i = 0; i < p.in.beta.numel(); ++i) out.in.beta[i] = erase_gain * plain_sigmoid(p.in.beta[i]);
    for (index_t i = 0; i < p.in.w.numel(); ++i) out.in.w[i] = plain_sigmoid(p.in.w[i]);
  }
  if (p.options.decay_activation != DecayActivation::none) {
    const bool channels = p.in.g.shape().rank() == 4;
    const index_t heads = p.in.g.shape()[2], width = channels ? p.in.g.shape()[3] : 1;
    for (index_t i = 0; i < p.in.g.numel(); ++i) {
      const index_t head = i / width % heads;
      double bias = 0;
      if (p.in.dt_bias.defined()) bias = p.in.dt_bias.shape().rank() == 2 ? p.in.dt_bias(head, i % width) : p.in.dt_bias(head);
      const double rate = std::exp(p.in.A_log(head)), shifted = p.in.g[i] + bias;
      out.in.g[i] = p.options.decay_activation == DecayActivation::softplus ? -rate * std::log(1.0 + std::exp(shifted))
                                                                            : p.options.decay_lower_bound * plain_sigmoid(rate * shifted);
    }
  }
  return out;
}

template <class F>
void for_each_form(F&& f) {
  for (const VariantInfo& row : variants())
    for (const char* activations : kActivations) {
      if (!has_place_for(row, activations)) continue;
      for (Bias bias : {Bias::as_drawn, Bias::per_head, Bias::absent}) {
        const Problem p = problem_of(row.id, std::string("B2-T5-H2-HV4-Dk4-Dv3") + activations, bias);
        if (bias != Bias::as_drawn && !p.in.A_log.defined()) continue;
        CAPTURE(std::string(row.name));
        CAPTURE(std::string(activations));
        CAPTURE(static_cast<int>(bias));
        f(p);
      }
    }
}

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("gates naive: closed form of sigmoid and softplus, ends included") {
    CHECK(naive::sigmoid(0.0) == 0.5);
    CHECK(std::fabs(naive::sigmoid(std::log(3.0)) - 0.75) <= 1e-15);
    CHECK(std::fabs(naive::sigmoid(-std::log(3.0)) - 0.25) <= 1e-15);
    CHECK(naive::sigmoid(800.0) == 1.0);
    CHECK(naive::sigmoid(-800.0) == 0.0);
    CHECK(naive::softplus(0.0) == std::log(2.0));
    CHECK(naive::softplus(800.0) == 800.0);
    CHECK(naive::softplus(-800.0) == 0.0);
    CHECK(std::fabs(naive::softplus(-40.0) / std::exp(-40.0) - 1.0) <= 1e-15);
    CHECK(naive::softplus(40.0f) == 40.0f);
  }

  TEST_CASE("gates naive: closed form of the decays and of the L2 norm") {
    Options options;
    options.decay_activation = DecayActivation::softplus;  // -3 log(1 + e^0)
    CHECK(std::fabs(naive::activated_decay(1.5, std::log(3.0), -1.5, options) + 3.0 * std::log(2.0)) <= 1e-15);
    options.decay_activation = DecayActivation::bounded;
    options.decay_lower_bound = -4.0;
    CHECK(naive::activated_decay(1.5, std::log(3.0), -1.5, options) == -2.0);
    CHECK(std::fabs(naive::activated_decay(0.5, std::log(2.0), 0.5 * std::log(3.0) - 0.5, options) + 3.0) <= 1e-15);  // sigmoid(log 3)
    const naive::Vector<double> x{{3, 4}}, zero{{0, 0}};
    CHECK((naive::l2_normalised(x, 0.0) - naive::Vector<double>{{0.6, 0.8}}).isZero(0.0));
    CHECK((naive::l2_normalised(x, 11.0) - naive::Vector<double>{{0.5, 4.0 / 6.0}}).isZero(0.0));
    CHECK(naive::l2_normalised(zero, 0.0).isZero(0.0));
  }

  TEST_CASE("gates naive: activations inside the call match gates worked out in front of it") {
    for_each_form([](const Problem& p) {
      const Problem plain = worked_out(p);
      const Outputs<double> inside = naive::forward(p.in, p.options), outside = naive::forward(plain.in, plain.options);
      CHECK_CLOSE(inside.o, outside.o, Tolerance{1e-14, 1e-13});
      CHECK_CLOSE(inside.final_state, outside.final_state, Tolerance{1e-14, 1e-13});
    });
  }

  TEST_CASE("gates naive: gradient matches the complex step with every activation and every form of dt_bias") {
    for_each_form([](const Problem& p) {
      const Gradients<double> mine = naive::backward(p.in, p.up, p.options);
      FW_CHECK_EMPTY_REASON("gradients", why_gradients_differ(mine, complex_step(p.in, p.up, p.options, kForward), Tolerance{1e-11, 1e-11}));
      CHECK(mine.dA_log.defined() == p.in.A_log.defined());
      CHECK(mine.ddt_bias.defined() == p.in.dt_bias.defined());
    });
  }

  TEST_CASE("gates naive: raw values far out neither overflow nor leave NaN, forward and gradient") {
    for (const char* activations : {"-softplus-sigmoid", "-bounded-sigmoid-times2"})
      for (const double far : {800.0, -800.0}) {
        Problem p = problem_of(Variant::gdn2, std::string("B1-T6-H1-HV2-Dk4-Dv3") + activations);
        for (Tensor<double>* raw : {&p.in.g, &p.in.b, &p.in.w})
          for (index_t i = 0; i < raw->numel(); i += 2) (*raw)[i] = far;
        const Outputs<double> out = naive::forward(p.in, p.options);
        CHECK_ALL_FINITE(out.o);
        CHECK_ALL_FINITE(out.final_state);
        const Gradients<double> grad = naive::backward(p.in, p.up, p.options);
        for_each_gradient(grad, [](const char* name, const Tensor<double>& d) {
          CAPTURE(std::string(name));
          if (d.defined()) CHECK_ALL_FINITE(d);
        });
      }
  }

  TEST_CASE("gates naive: a zero key under the L2 norm without eps stays zero, and so does its gradient") {
    Problem p = problem_of(Variant::gdn2, "B1-T6-H1-HV2-Dk4-Dv3-l2norm");
    p.options.l2norm_eps = 0.0;
    for (index_t i = 0; i < 4; ++i) p.in.k(0, 2, 0, i) = 0.0;
    CHECK_ALL_FINITE(naive::forward(p.in, p.options).o);
    const Gradients<double> grad = naive::backward(p.in, p.up, p.options);
    CHECK_ALL_FINITE(grad.dk);
    for (index_t i = 0; i < 4; ++i) CHECK(grad.dk(0, 2, 0, i) == 0.0);
  }
}

}  // namespace fw::test
