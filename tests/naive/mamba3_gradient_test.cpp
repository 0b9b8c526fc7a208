// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mamba-3 backward: every gradient against the complex step and central differences; reverses with one fault are caught.
#include <doctest/doctest.h>

#include <limits>

#include "core/families.h"
#include "naive/reference.h"
#include "naive/vjp/mamba3.h"
#include "naive/vjp/mamba3_driver.h"
#include "support/check.h"
#include "support/derivatives.h"

namespace fw::test {
namespace {

constexpr Tolerance kComplexStep{1e-11, 1e-11};
constexpr Tolerance kDifferences{1e-7, 1e-6};
const auto kForward = [](const auto& in, const Options& options) { return naive::forward(in, options); };

std::string why_not_complex_step(const Problem& p) {
  return why_gradients_differ(naive::backward(p.in, p.up, p.options), complex_step(p.in, p.up, p.options, kForward), kComplexStep);
}

constexpr const char* kShapes[] = {
    "B2-T7-H2-HV4-Dk6-Dv5-M3-P2",
    "B1-T9-H1-HV2-Dk5-Dv3-M2-P2-cu0,0,4,5,9,9",
    "B1-T6-H2-HV4-Dk4-Dv3-M2-l2norm-softplus-gH",
    "B1-T6-H1-HV3-Dk4-Dv6-M2-bounded",
    "B1-T5-H2-HV2-Dk4-Dv3-M2-P0",
    "B1-T5-H1-HV2-Dk3-Dv2-M2-noh0",
    "B1-T0-H1-HV2-Dk4-Dv3-M2-P1",
    "B2-T1-H1-HV1-Dk2-Dv1-M1-P1",
};

/// What a reverse can forget: each must be seen.
enum class Fault {
  none,
  key_not_carried,
  angle_not_carried,
  decay_of_eta_missing,
  angle_of_queries_missing,
  step_of_eta_missing,
  derotation_missing
};

template <Fault fault>
struct Faulty : naive::Mamba3 {};

template <Fault fault, class T>
void step_vjp(Faulty<fault>, const naive::Mamba3State<T, naive::Vector<T>>& prev, const naive::Mamba3Token<T, naive::Vector<T>>& x, T scale,
              const naive::Vector<T>& d_o, naive::Mamba3State<T, naive::Vector<T>>& d, naive::Mamba3Token<T, naive::Vector<T>>& dx) {
  using naive::Vector;
  const auto entering = d;
  naive::step_vjp(naive::Mamba3{}, prev, x, scale, d_o, d, dx);
  const T alpha = std::exp(x.g), eta = (T(1) - x.lambda) * x.dt * alpha;
  const naive::Matrix<T> dS = d.S / alpha;
  const T deta = prev.key.cwiseProduct(Vector<T>(dS * prev.value)).sum();
  if (fault == Fault::key_not_carried) d.key.setZero();
  if (fault == Fault::angle_not_carried) d.angle = entering.angle;
  if (fault == Fault::decay_of_eta_missing) dx.g -= eta * deta;
  if (fault == Fault::step_of_eta_missing) dx.dt -= (T(1) - x.lambda) * alpha * deta;
  if (fault == Fault::angle_of_queries_missing) {
    Vector<T> of_queries = Vector<T>::Zero(d.angle.size());
    const Vector<T> angle = prev.angle + x.theta;
    naive::add_angle_gradient(naive::rotated(x.q, angle), naive::rotated(dx.q, angle), of_queries);
    d.angle -= of_queries;
    dx.theta = d.angle;
  }
  if (fault == Fault::derotation_missing) dx.k = naive::rotated(dx.k, Vector<T>(prev.angle + x.theta));
}

template <Fault fault>
double error_of(const Problem& p, const Gradients<double>& truth) {
  return worst_gradient_error(naive::run_mamba3_backward<Faulty<fault>>("faulty mamba3 backward", p.in, p.up, p.options), truth);
}

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("mamba3 naive: gradient matches the complex step and central differences") {
    for (const Variant rule : {Variant::mamba3, Variant::mamba3_mimo})
      for (const char* text : kShapes) {
        CAPTURE(info(rule).name);
        CAPTURE(text);
        const Problem p = make_problem(rule, ProblemShape::parse(text), "mixed", 5);
        const Gradients<double> grad = naive::backward(p.in, p.up, p.options);
        FW_CHECK_EMPTY_REASON("complex step", why_not_complex_step(p));
        FW_CHECK_EMPTY_REASON("differences", why_gradients_differ(grad, central_difference(p.in, p.up, p.options, kForward), kDifferences));
      }
  }

  TEST_CASE("mamba3 naive: gradient matches the complex step across saved states and on hard families") {
    for (const Variant rule : {Variant::mamba3, Variant::mamba3_mimo}) {
      for (const char* text : {"B1-T64-H1-HV1-Dk2-Dv2-M2", "B1-T130-H1-HV1-Dk2-Dv2-M2", "B1-T65-H1-HV1-Dk2-Dv1-M2"}) {
        const Problem p = make_problem(rule, ProblemShape::parse(text), "weak", 6);
        FW_CHECK_EMPTY_REASON(text, why_not_complex_step(p));
      }
      for (const char* family : {"hard-mask", "strong", "zero", "keys-zero", "magnitude-large"}) {
        const Problem p = make_problem(rule, ProblemShape::parse("B1-T12-H1-HV2-Dk4-Dv3-M2"), family, 7);
        FW_CHECK_EMPTY_REASON(family, why_not_complex_step(p));
      }
    }
  }

  TEST_CASE("mamba3 naive: gradient of one final state alone matches the complex step") {
    const Problem full = make_problem(Variant::mamba3, ProblemShape::parse("B1-T5-H1-HV2-Dk4-Dv3-P1"), "mixed", 8);
    for (int only = 0; only < 5; ++only) {
      CAPTURE(only);
      Problem p = full;
      int next = 0;
      for_each_upstream(p.up, [&](const char*, Tensor<double>& d) {
        if (next++ != only) d = {};
      });
      FW_CHECK_EMPTY_REASON("complex step", why_not_complex_step(p));
    }
  }

  TEST_CASE("mamba3 naive: gradient of what follows g = -inf is zero, exactly, before it") {
    constexpr index_t kReset = 3;
    for (const Variant rule : {Variant::mamba3, Variant::mamba3_mimo}) {
      Problem p = make_problem(rule, ProblemShape::parse("B1-T6-H1-HV1-Dk4-Dv3-M2"), "mixed", 9);
      p.in.g[kReset] = -std::numeric_limits<double>::infinity();
      const index_t row = p.up.d_o.numel() / 6, key_row = p.in.k.numel() / 6;
      for (index_t i = 0; i < kReset * row; ++i) p.up.d_o[i] = 0.0;
      const Gradients<double> grad = naive::backward(p.in, p.up, p.options);
      for_each_gradient(grad, [&](const char* name, const Tensor<double>& d) {
        CAPTURE(name);
        if (d.defined()) CHECK_ALL_FINITE(d);
      });
      for (index_t t = 0; t <= kReset; ++t) CHECK(grad.dg[t] == 0.0);
      for (index_t i = 0; i < kReset * row; ++i) CHECK(grad.dv[i] == 0.0);
      for (index_t i = 0; i < kReset * key_row; ++i) CHECK(grad.dk[i] == 0.0);
      for (index_t i = 0; i < grad.dinitial_state.numel(); ++i) CHECK(grad.dinitial_state[i] == 0.0);
      for (index_t i = 0; i < grad.dinitial_key.numel(); ++i) CHECK(grad.dinitial_key[i] == 0.0);
    }
  }

  TEST_CASE("mamba3 naive: gradient fails when broken") {
    const Problem p = make_problem(Variant::mamba3, ProblemShape::parse("B1-T6-H1-HV2-Dk4-Dv3-P1"), "mixed", 10);
    const Gradients<double> truth = complex_step(p.in, p.up, p.options, kForward);
    CHECK(error_of<Fault::none>(p, truth) <= 1e-11);
    CHECK(error_of<Fault::key_not_carried>(p, truth) > 1e-4);
    CHECK(error_of<Fault::angle_not_carried>(p, truth) > 1e-4);
    CHECK(error_of<Fault::decay_of_eta_missing>(p, truth) > 1e-4);
    CHECK(error_of<Fault::step_of_eta_missing>(p, truth) > 1e-4);
    CHECK(error_of<Fault::angle_of_queries_missing>(p, truth) > 1e-4);
    CHECK(error_of<Fault::derotation_missing>(p, truth) > 1e-4);
  }
}

}  // namespace fw::test
