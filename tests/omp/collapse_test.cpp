// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A rule whose gates collapse is the narrower rule, bit for bit.
#include <cmath>

#include "omp/omp_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

struct Collapse {
  Variant wide, narrow;
};
constexpr Collapse kGates[] = {{Variant::gdn2, Variant::kda}, {Variant::gdn2_write, Variant::kda}, {Variant::gdn2_erase, Variant::kda},
                               {Variant::gdn2, Variant::gla}, {Variant::kda, Variant::gdn},        {Variant::gdn2, Variant::gdn},
                               {Variant::gla, Variant::mamba2}};
/// Those with g = 0: a rule without decay has no factor of one to multiply with.
constexpr Collapse kNoDecay[] = {{Variant::gdn, Variant::delta},     {Variant::kda, Variant::delta},  {Variant::gdn2, Variant::delta},
                                 {Variant::mamba2, Variant::linear}, {Variant::gla, Variant::linear}, {Variant::gdn2, Variant::linear}};

/// One number per token and head, spread over the channels of `wide`.
void spread(const Tensor<double>& narrow, Tensor<double>& wide) {
  const index_t channels = wide.numel() / narrow.numel();
  for (index_t i = 0; i < wide.numel(); ++i) wide[i] = narrow[i / channels];
}

/// The wide rule with its gates set so that it is the narrow one.
std::pair<Problem, Problem> collapse(const Collapse& c, const std::string& heads) {
  const ProblemShape shape = ProblemShape::parse("B2-T75-Dk16-Dv8-gHV-bHV-" + heads);
  Problem narrow = make_problem(c.narrow, shape, "mixed", 13), wide = make_problem(c.wide, shape, "mixed", 13);
  wide.in.q = narrow.in.q, wide.in.k = narrow.in.k, wide.in.v = narrow.in.v, wide.in.initial_state = narrow.in.initial_state;
  wide.up = narrow.up;
  // gates with a few bits, so that the mean of equal gates is that gate, exactly
  for (index_t i = 0; i < narrow.in.beta.numel(); ++i) narrow.in.beta[i] = std::round(narrow.in.beta[i] * 256) / 256;
  const bool tied = narrow.in.beta.defined();
  for (auto [gate, otherwise] : {std::pair{&wide.in.b, 0.0}, {&wide.in.w, 1.0}}) {
    if (!gate->defined()) continue;
    if (tied) spread(narrow.in.beta, *gate);
    else gate->fill(otherwise);
  }
  if (wide.in.beta.defined()) wide.in.beta = narrow.in.beta;
  if (wide.in.g.defined()) {
    if (narrow.in.g.defined()) spread(narrow.in.g, wide.in.g);
    else wide.in.g.fill(0.0);
  }
  return {wide, narrow};
}

/// Sums of the channels of a wide gradient, in the shape of the narrow one.
Tensor<double> summed(const Tensor<double>& wide, const Shape& shape) {
  Tensor<double> out(shape);
  const index_t channels = wide.numel() / out.numel();
  for (index_t i = 0; i < wide.numel(); ++i) out[i / channels] += wide[i];
  return out;
}

template <class T>
void check_collapse(const Collapse& c, const std::string& heads, const omp::Settings& settings) {
  const auto [wide, narrow] = collapse(c, heads);
  const auto a = results_in<T>(wide, settings), b = results_in<T>(narrow, settings);
  const Tolerance close = sizeof(T) == 4 ? Tolerance{2e-6, 1e-4} : kExact;
  // value heads without gates of their own are summed in one go: another order of the sums in dq and dk
  const bool same_order = heads == "H2-HV2" || narrow.in.beta.defined() || narrow.in.g.defined();
  for (const std::string name : {"o", "final_state", "dv", "dinitial_state", "dq", "dk"}) {
    CAPTURE(name);
    if (same_order || (name != "dq" && name != "dk")) CHECK_BITWISE_EQUAL(result(a, name), result(b, name));
    else CHECK_CLOSE(result(a, name), result(b, name), close);
  }
  if (narrow.in.g.defined() && narrow.in.g.shape() == wide.in.g.shape()) CHECK_BITWISE_EQUAL(result(a, "dg"), result(b, "dg"));
  else if (narrow.in.g.defined()) CHECK_CLOSE(summed(result(a, "dg"), narrow.in.g.shape()), result(b, "dg"), close);
  if (!narrow.in.beta.defined() || wide.in.beta.defined()) return;
  // tied gates get the sum of what the untied ones get
  Tensor<double> total = summed(result(a, "db"), narrow.in.beta.shape());
  const Tensor<double> write = summed(result(a, "dw"), narrow.in.beta.shape());
  for (index_t i = 0; i < total.numel(); ++i) total[i] += write[i];
  CHECK_CLOSE(total, result(b, "dbeta"), close);
}

void check_collapse(const Collapse& c) {
  for (const std::string heads : {"H2-HV2", "H2-HV4"})
    for (const omp::Isa isa : tested_isas()) {
      CAPTURE(info(c.wide).name);
      CAPTURE(info(c.narrow).name);
      CAPTURE(heads);
      CAPTURE(omp::isa_name(isa));
      check_collapse<double>(c, heads, on(isa));
      check_collapse<float>(c, heads, on(isa));
    }
}

}  // namespace

TEST_SUITE_BEGIN("omp");

TEST_CASE("omp: reduces to the narrower rule bit for bit when gates collapse") {
  for (const Collapse& c : kGates) check_collapse(c);
}

TEST_CASE("omp: reduces to the rule without decay bit for bit when g = 0") {
  for (const Collapse& c : kNoDecay) check_collapse(c);
}

TEST_CASE("omp: reduces to the finished gates when activations are left to the rule") {
  // sigmoid(0) = 1/2 exactly; times two it is 1
  Problem raw = make_problem(Variant::gdn2, ProblemShape::parse("B1-T40-H2-HV2-Dk13-Dv20-sigmoid-times2"), "mixed", 13), done = raw;
  raw.in.b.fill(0.0), raw.in.w.fill(0.0);
  done.in.b.fill(1.0), done.in.w.fill(0.5);
  done.options.sigmoid_gates = done.options.erase_times_two = false;
  for (const omp::Isa isa : tested_isas()) {
    const auto a = results_in<float>(raw, on(isa)), b = results_in<float>(done, on(isa));
    for (const char* name : {"o", "final_state", "dq", "dk", "dv", "dg", "dinitial_state"}) {
      CAPTURE(name);
      CHECK_BITWISE_EQUAL(result(a, name), result(b, name));
    }
  }
}

TEST_CASE("omp: reduces to a rule with gates per key head when those of its value heads are equal") {
  const ProblemShape shape = ProblemShape::parse("B1-T40-H2-HV4-Dk13-Dv20-gH-bH");
  for (Variant variant : {Variant::gla, Variant::gdn2_write, Variant::gdn2_erase, Variant::gdn2}) {
    const Problem shared = make_problem(variant, shape, "mixed", 13);
    Problem own = shared;
    for (auto [from, to] : {std::pair{&shared.in.g, &own.in.g}, {&shared.in.b, &own.in.b}}) {
      if (!from->defined()) continue;
      *to = Tensor<double>({1, 40, 4, 13});
      for (index_t t = 0; t < 40; ++t)
        for (index_t h = 0; h < 4; ++h)
          for (index_t i = 0; i < 13; ++i) (*to)(0, t, h, i) = (*from)(0, t, h / 2, i);
    }
    CAPTURE(info(variant).name);
    for (const omp::Isa isa : tested_isas()) {
      const auto a = results_in<float>(shared, on(isa)), b = results_in<float>(own, on(isa));
      for (const char* name : {"o", "final_state", "dv", "dinitial_state"}) {
        CAPTURE(name);
        CHECK_BITWISE_EQUAL(result(a, name), result(b, name));
      }
    }
  }
}

TEST_SUITE_END();
