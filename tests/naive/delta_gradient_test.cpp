// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Backward of the delta family: every gradient of every variant against the complex step and central differences, with
// grouped heads, packed sequences, every activation and nonzero gradients of the final state; reverses with one fault are
// caught by the same comparison.
#include <doctest/doctest.h>

#include "core/families.h"
#include "naive/reference.h"
#include "naive/vjp/driver.h"
#include "naive/vjp/gdn2.h"
#include "support/check.h"
#include "support/derivatives.h"
#include "support/sequences.h"

namespace fw::test {
namespace {

constexpr Tolerance kComplexStep{1e-11, 1e-11};
constexpr Tolerance kDifferences{1e-6, 1e-5};
const auto kForward = [](const auto& in, const Options& options) { return naive::forward(in, options); };

constexpr const char* kShapes[] = {
    "B2-T6-H2-HV4-Dk5-Dv3",
    "B1-T10-H1-HV2-Dk3-Dv5-cu0,0,4,5,10,10",
    "B1-T5-H2-HV4-Dk4-Dv3-gH-bH",
    "B1-T5-H2-HV4-Dk4-Dv3-gHV-bHV",
    "B2-T5-H1-HV3-Dk4-Dv6-l2norm-softplus-sigmoid-times2",
    "B1-T5-H2-HV2-Dk4-Dv3-bounded-sigmoid",
    "B1-T4-H1-HV2-Dk3-Dv4-noh0",
    "B2-T0-H1-HV2-Dk3-Dv4",
    "B2-T1-H1-HV1-Dk2-Dv1",
};

Problem problem_of(Variant variant, const char* shape, const char* family = "mixed", std::uint64_t seed = 7) {
  return make_problem(variant, ProblemShape::parse(shape), family, seed);
}

/// Shapes whose activations a variant does not have are skipped.
bool has_place_for(const VariantInfo& row, std::string_view shape) {
  const bool decays = row.decay != Decay::none;
  return decays || (shape.find("softplus") == std::string_view::npos && shape.find("bounded") == std::string_view::npos);
}

std::string why_not_complex_step(const Problem& p) {
  return why_gradients_differ(naive::backward(p.in, p.up, p.options), complex_step(p.in, p.up, p.options, kForward), kComplexStep);
}

/// What a reverse can forget or get wrong, one at a time.
enum class Fault { none, dq_unscaled, dk_without_erase, dk_without_write, dv_ungated, dw_from_edit, db_averaged, dg_through_alpha, state_not_decayed, state_without_erase };

template <Fault fault>
struct Faulty : naive::Gdn2 {};

template <Fault fault, class T>
void step_vjp(Faulty<fault>, const naive::Matrix<T>& S_prev, const naive::Token<T>& x, T scale, const naive::Vector<T>& d_o, naive::Matrix<T>& dS, naive::Token<T>& dx) {
  using naive::Matrix;
  using naive::Vector;
  const Matrix<T> dS_after = dS + (scale * x.q) * d_o.transpose();
  naive::step_vjp(naive::Gdn2{}, S_prev, x, scale, d_o, dS, dx);
  const Vector<T> alpha = x.g.array().exp(), e = x.b.cwiseProduct(x.k);
  const Vector<T> dz = dS_after.transpose() * x.k;
  const Matrix<T> S_decayed = alpha.asDiagonal() * S_prev;
  const Vector<T> de = -(S_decayed * dz), delta = x.w.cwiseProduct(x.v) - S_decayed.transpose() * e;
  if (fault == Fault::dq_unscaled) dx.q /= scale;
  if (fault == Fault::dk_without_erase) dx.k -= de.cwiseProduct(x.b);
  if (fault == Fault::dk_without_write) dx.k = de.cwiseProduct(x.b);
  if (fault == Fault::dv_ungated) dx.v = dz;
  if (fault == Fault::dw_from_edit) dx.w = dz.cwiseProduct(delta);
  if (fault == Fault::db_averaged) dx.b.setConstant(dx.b.mean());
  if (fault == Fault::dg_through_alpha) dx.g = dx.g.cwiseQuotient(alpha);
  if (fault == Fault::state_not_decayed) dS = alpha.cwiseInverse().asDiagonal() * dS;
  if (fault == Fault::state_without_erase) dS = alpha.asDiagonal() * dS_after;
}

template <Fault fault>
std::string faulty_differs(const Problem& p, const Gradients<double>& truth) {
  return why_gradients_differ(naive::run_backward<Faulty<fault>>("faulty gdn2 backward", p.in, p.up, p.options), truth, kComplexStep);
}

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("delta family naive: gradient matches the complex step, every input, every variant") {
    double worst = 0;
    for (const VariantInfo& row : variants())
      if (row.family == Family::delta_rule)
        for (const char* shape : kShapes) {
          if (!has_place_for(row, shape)) continue;
          CAPTURE(std::string(row.name));
          CAPTURE(std::string(shape));
          const Problem p = problem_of(row.id, shape);
          const Gradients<double> mine = naive::backward(p.in, p.up, p.options), exact = complex_step(p.in, p.up, p.options, kForward);
          FW_CHECK_EMPTY_REASON("gradients", why_gradients_differ(mine, exact, kComplexStep));
          worst = std::max(worst, worst_gradient_error(mine, exact));
        }
    MESSAGE("worst error against the complex step: ", worst);
  }

  TEST_CASE("delta family naive: gradient matches central differences, every input, every variant") {
    for (const VariantInfo& row : variants())
      if (row.family == Family::delta_rule)
        for (const char* shape : {kShapes[0], kShapes[1], kShapes[4]}) {
          if (!has_place_for(row, shape)) continue;
          CAPTURE(std::string(row.name));
          CAPTURE(std::string(shape));
          const Problem p = problem_of(row.id, shape, "typical");
          FW_CHECK_EMPTY_REASON("gradients", why_gradients_differ(naive::backward(p.in, p.up, p.options), central_difference(p.in, p.up, p.options, kForward), kDifferences));
        }
  }

  TEST_CASE("delta family naive: gradient holds over segment edges and on hard inputs") {
    for (const char* shape : {"B1-T64-H1-HV1-Dk3-Dv2", "B1-T65-H1-HV1-Dk3-Dv2", "B1-T130-H1-HV2-Dk2-Dv3"})
      FW_CHECK_EMPTY_REASON(shape, why_not_complex_step(problem_of(Variant::gdn2, shape)));
    for (const InputFamily& family : input_families())
      for (Variant variant : {Variant::gdn2, Variant::kda, Variant::gdn}) {
        if (!family_applies(variant, family.name)) continue;
        // as many orthonormal keys as channels erase S0 completely: its gradient is 0 and has no relative error; take fewer
        const bool erases_all = family.name == "keys-orthonormal";
        const Problem p = problem_of(variant, erases_all ? "B1-T3-H1-HV2-Dk4-Dv3" : "B1-T8-H1-HV2-Dk4-Dv3", family.name.data());
        FW_CHECK_EMPTY_REASON(family.name, why_not_complex_step(p));
      }
  }

  TEST_CASE("gdn2 naive: gradient of a forgotten channel is exactly zero, not NaN") {
    Problem p = problem_of(Variant::gdn2, "B1-T5-H1-HV1-Dk3-Dv2");
    p.in.g(0, 0, 0, 1) = -std::numeric_limits<double>::infinity();
    const Gradients<double> grad = naive::backward(p.in, p.up, p.options);
    CHECK(grad.dg(0, 0, 0, 1) == 0.0);
    CHECK_ALL_FINITE(grad.dg);
    CHECK_ALL_FINITE(grad.dinitial_state);
    for (index_t j = 0; j < 2; ++j) CHECK(grad.dinitial_state(0, 0, 1, j) == 0.0);
  }

  TEST_CASE("delta family naive: dg of the first token is rowsum(dinitial_state * S0)") {
    for (const VariantInfo& row : variants()) {
      if (row.family != Family::delta_rule || row.decay == Decay::none) continue;
      const Problem p = problem_of(row.id, "B1-T9-H1-HV1-Dk4-Dv3");
      const Gradients<double> grad = naive::backward(p.in, p.up, p.options);
      Tensor<double> expected(row.decay == Decay::channel ? Shape{4} : Shape{1}), got(expected.shape());
      for (index_t i = 0; i < 4; ++i)
        for (index_t j = 0; j < 3; ++j) expected[row.decay == Decay::channel ? i : 0] += grad.dinitial_state(0, 0, i, j) * p.in.initial_state(0, 0, i, j);
      for (index_t i = 0; i < got.numel(); ++i) got[i] = grad.dg[i];
      CHECK_CLOSE(got, expected, Tolerance{1e-14, 1e-14});
    }
  }

  TEST_CASE("delta family naive: closed form, dq = scale S do and dg = rowsum(dS_before * S_before), token by token") {
    for (const VariantInfo& row : variants()) {
      if (row.family != Family::delta_rule || row.decay != Decay::channel) continue;
      CAPTURE(std::string(row.name));
      const Problem p = problem_of(row.id, "B1-T7-H1-HV1-Dk4-Dv3");
      const Gradients<double> grad = naive::backward(p.in, p.up, p.options);
      const double scale = check_inputs("test", p.in, p.options).scale;
      for (index_t t = 0; t < 7; ++t) {
        Problem rest = tokens_of(p, t, 7);  // from the state before token t on: its dinitial_state is dS before t
        if (t > 0) rest.in.initial_state = naive::forward(tokens_of(p, 0, t).in, p.options).final_state;
        const Tensor<double> before = rest.in.initial_state, after = naive::forward(tokens_of(p, 0, t + 1).in, p.options).final_state;
        const Tensor<double> d_before = naive::backward(rest.in, rest.up, rest.options).dinitial_state;
        Tensor<double> dq(Shape{4}), dg(Shape{4}), got_dq(Shape{4}), got_dg(Shape{4});
        for (index_t i = 0; i < 4; ++i) {
          got_dq[i] = grad.dq(0, t, 0, i);
          got_dg[i] = grad.dg(0, t, 0, i);
          for (index_t j = 0; j < 3; ++j) {
            dq[i] += scale * after(0, 0, i, j) * p.up.d_o(0, t, 0, j);
            dg[i] += d_before(0, 0, i, j) * before(0, 0, i, j);
          }
        }
        CHECK_CLOSE(got_dq, dq, Tolerance{1e-14, 1e-13});
        CHECK_CLOSE(got_dg, dg, Tolerance{1e-13, 1e-12});
      }
    }
  }

  TEST_CASE("delta family naive: an absent upstream gradient counts as zero") {
    Problem p = problem_of(Variant::gdn2, kShapes[0]);
    Problem zero = p;
    p.up.dfinal_state = {};
    zero.up.dfinal_state.fill(0.0);
    CHECK_BITWISE_EQUAL(naive::backward(p.in, p.up, p.options).dk, naive::backward(zero.in, zero.up, zero.options).dk);
    p.up.d_o = {};
    const Gradients<double> none = naive::backward(p.in, p.up, p.options);
    for (index_t i = 0; i < none.dv.numel(); ++i) CHECK(none.dv[i] == 0.0);
  }

  TEST_CASE("gdn2 naive: reverse fails when broken") {
    const Problem p = problem_of(Variant::gdn2, "B2-T6-H1-HV2-Dk5-Dv3");
    const Gradients<double> truth = complex_step(p.in, p.up, p.options, kForward);
    CHECK(faulty_differs<Fault::none>(p, truth).empty());
    CHECK(!faulty_differs<Fault::dq_unscaled>(p, truth).empty());
    CHECK(!faulty_differs<Fault::dk_without_erase>(p, truth).empty());
    CHECK(!faulty_differs<Fault::dk_without_write>(p, truth).empty());
    CHECK(!faulty_differs<Fault::dv_ungated>(p, truth).empty());
    CHECK(!faulty_differs<Fault::dw_from_edit>(p, truth).empty());
    CHECK(!faulty_differs<Fault::db_averaged>(p, truth).empty());
    CHECK(!faulty_differs<Fault::dg_through_alpha>(p, truth).empty());
    CHECK(!faulty_differs<Fault::state_not_decayed>(p, truth).empty());
    CHECK(!faulty_differs<Fault::state_without_erase>(p, truth).empty());
  }
}

}  // namespace fw::test
