// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Steps and reverses with one fault, which the checks of this room must catch: steps by the numbers worked by hand, reverses
// by the complex step. The reverse of GDN-2 itself has its faults in delta_gradient_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "naive/delta_hand.h"
#include "naive/reference.h"
#include "naive/vjp/delta.h"
#include "naive/vjp/driver.h"
#include "naive/vjp/gdn.h"
#include "naive/vjp/gdn2_erase.h"
#include "naive/vjp/gdn2_write.h"
#include "naive/vjp/gla.h"
#include "naive/vjp/kda.h"
#include "naive/vjp/linear.h"
#include "naive/vjp/mamba2.h"
#include "support/check.h"
#include "support/derivatives.h"

namespace fw::test {
namespace {

using naive::Matrix;
using naive::Vector;
constexpr Tolerance kComplexStep{1e-11, 1e-11};

enum class StepFault {
  none,
  decay_in_base_two,
  decay_after_edit,
  decay_missing,
  read_before_decay,
  erase_ungated,
  write_along_erase,
  write_ungated,
  gates_exchanged,
  read_added,
  memory_not_read,
  output_before_edit,
  output_transposed,
  output_unscaled
};

template <StepFault fault>
struct FaultyStep {
  template <class T>
  static void step(Matrix<T>& S, const naive::Token<T>& x, T scale, Vector<T>& o) {
    Vector<T> alpha = naive::elementwise_exp(x.g);
    if (fault == StepFault::decay_in_base_two) alpha = naive::elementwise_exp(Vector<T>(std::log(2.0) * x.g));
    if (fault == StepFault::decay_missing) alpha.setOnes();
    Vector<T> e = x.b.cwiseProduct(x.k), z = x.w.cwiseProduct(x.v);
    if (fault == StepFault::erase_ungated) e = x.k;
    if (fault == StepFault::write_ungated) z = x.v;
    if (fault == StepFault::gates_exchanged) {
      e = x.w.cwiseProduct(x.k);
      z = x.b.cwiseProduct(x.v);
    }
    const Matrix<T> S_decayed = fault == StepFault::decay_after_edit ? S : Matrix<T>(alpha.asDiagonal() * S);
    const Matrix<T>& asked = fault == StepFault::read_before_decay ? S : S_decayed;
    Vector<T> r = asked.transpose() * e;
    if (fault == StepFault::memory_not_read) r.setZero();
    if (fault == StepFault::read_added) r = -r;
    const Vector<T>& direction = fault == StepFault::write_along_erase ? e : x.k;
    S = S_decayed + direction * (z - r).transpose();
    if (fault == StepFault::decay_after_edit) S = alpha.asDiagonal() * S;
    const Matrix<T>& seen = fault == StepFault::output_before_edit ? S_decayed : S;
    o = (fault == StepFault::output_unscaled ? T(1) : scale) * (fault == StepFault::output_transposed ? Vector<T>(seen * x.q) : Vector<T>(seen.transpose() * x.q));
  }
};

/// The check of delta_step_test.cpp, on GDN-2.
template <StepFault fault>
bool agrees_with_hand() {
  Options options;
  options.scale = 0.5;
  const Worked& worked = *std::find_if(std::begin(kWorked), std::end(kWorked), [](const Worked& w) { return w.variant == Variant::gdn2; });
  const Outputs<double> out = naive::run_forward<FaultyStep<fault>>("faulty gdn2 forward", worked_inputs(info(Variant::gdn2)), options);
  return std::equal(worked.S, worked.S + 4, out.final_state.data()) && std::equal(worked.o, worked.o + 2, out.o.data());
}

enum class Fault { none, gate_without_write, gate_without_erase, decay_averaged, decay_through_alpha, erase_mean_not_shared, write_mean_not_shared, dv_ungated, dk_without_erase, state_not_decayed };

template <class Rule, Fault fault>
struct Faulty : Rule {};

template <class Rule, Fault fault, class T>
void step_vjp(Faulty<Rule, fault>, const Matrix<T>& S_prev, const naive::Token<T>& x, T scale, const Vector<T>& d_o, Matrix<T>& dS, naive::Token<T>& dx) {
  const Matrix<T> dS_after = dS + (scale * x.q) * d_o.transpose();
  const Vector<T> dz = dS_after.transpose() * x.k;
  const T written = dz.cwiseProduct(x.v).sum();
  naive::step_vjp(Rule{}, S_prev, x, scale, d_o, dS, dx);
  if constexpr (fault == Fault::gate_without_write) dx.beta -= written;
  if constexpr (fault == Fault::gate_without_erase) dx.beta = written;
  if constexpr (fault == Fault::decay_averaged) dx.g /= T(static_cast<double>(x.k.size()));
  if constexpr (fault == Fault::decay_through_alpha) dx.g = dx.g.cwiseQuotient(naive::elementwise_exp(x.g));
  if constexpr (fault == Fault::erase_mean_not_shared) dx.b *= T(static_cast<double>(x.b.size()));
  if constexpr (fault == Fault::write_mean_not_shared) dx.w *= T(static_cast<double>(x.w.size()));
  if constexpr (fault == Fault::dv_ungated) dx.v = dz;
  if constexpr (fault == Fault::dk_without_erase) {
    Matrix<T> S = S_prev;
    Vector<T> o(x.v.size());
    Rule::step(S, x, scale, o, [&](const auto&, const auto&, const auto&, const auto& delta, const auto&) { dx.k = dS_after * delta; });
  }
  if constexpr (fault == Fault::state_not_decayed) {
    const Vector<T> alpha = naive::elementwise_exp(x.g);
    dS = alpha.size() == 1 ? Matrix<T>(dS / alpha[0]) : Matrix<T>(alpha.cwiseInverse().asDiagonal() * dS);
  }
}

/// Whether the comparison with the complex step lets this reverse pass.
template <class Rule, Fault fault>
bool agrees_with_complex_step() {
  const Problem p = make_problem(Rule::id, ProblemShape::parse("B2-T6-H1-HV2-Dk5-Dv3"), "typical", 7);
  const auto forward = [](const auto& in, const Options& options) { return naive::forward(in, options); };
  const Gradients<double> mine = naive::run_backward<Faulty<Rule, fault>>("faulty backward", p.in, p.up, p.options);
  return why_gradients_differ(mine, complex_step(p.in, p.up, p.options, forward), kComplexStep).empty();
}

template <class Rule, Fault fault>
void check_rule(bool agrees) {
  CAPTURE(std::string(info(Rule::id).name));
  CAPTURE(static_cast<int>(fault));
  CHECK(agrees_with_complex_step<Rule, fault>() == agrees);
}

template <class... Rules>
void without_fault() {
  (check_rule<Rules, Fault::none>(true), ...);
}

/// Every one of the rules with this fault is caught.
template <Fault fault, class... Rules>
void caught() {
  (check_rule<Rules, fault>(false), ...);
}

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("delta family naive: step fails when broken") {
    CHECK(agrees_with_hand<StepFault::none>());
    CHECK(!agrees_with_hand<StepFault::decay_in_base_two>());
    CHECK(!agrees_with_hand<StepFault::decay_after_edit>());
    CHECK(!agrees_with_hand<StepFault::decay_missing>());
    CHECK(!agrees_with_hand<StepFault::read_before_decay>());
    CHECK(!agrees_with_hand<StepFault::erase_ungated>());
    CHECK(!agrees_with_hand<StepFault::write_along_erase>());
    CHECK(!agrees_with_hand<StepFault::write_ungated>());
    CHECK(!agrees_with_hand<StepFault::gates_exchanged>());
    CHECK(!agrees_with_hand<StepFault::read_added>());
    CHECK(!agrees_with_hand<StepFault::memory_not_read>());
    CHECK(!agrees_with_hand<StepFault::output_before_edit>());
    CHECK(!agrees_with_hand<StepFault::output_transposed>());
    CHECK(!agrees_with_hand<StepFault::output_unscaled>());
  }

  TEST_CASE("delta family naive: no rule passes for another by the numbers worked by hand") {
    for (const Worked& a : kWorked)
      for (const Worked& b : kWorked) {
        if (a.variant == b.variant) continue;
        CAPTURE(std::string(info(a.variant).name));
        CAPTURE(std::string(info(b.variant).name));
        CHECK(!std::equal(a.S, a.S + 4, b.S));
        CHECK(!std::equal(a.o, a.o + 2, b.o));
      }
  }

  TEST_CASE("delta family naive: reverse fails when broken") {
    using namespace naive;
    without_fault<Linear, Mamba2, Gla, Delta, Gdn, Kda, Gdn2Write, Gdn2Erase>();
    caught<Fault::gate_without_write, Delta, Gdn, Kda>();
    caught<Fault::gate_without_erase, Delta, Gdn, Kda>();
    caught<Fault::dk_without_erase, Delta, Gdn, Kda, Gdn2Write, Gdn2Erase>();
    caught<Fault::dv_ungated, Delta, Gdn, Kda, Gdn2Write, Gdn2Erase>();
    caught<Fault::decay_averaged, Mamba2, Gdn>();
    caught<Fault::decay_through_alpha, Mamba2, Gla, Gdn, Kda, Gdn2Write, Gdn2Erase>();
    caught<Fault::state_not_decayed, Mamba2, Gla, Gdn, Kda, Gdn2Write, Gdn2Erase>();
    caught<Fault::erase_mean_not_shared, Gdn2Write>();
    caught<Fault::write_mean_not_shared, Gdn2Erase>();
  }
}

}  // namespace fw::test
