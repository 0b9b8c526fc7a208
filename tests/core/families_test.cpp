// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/families.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "core/portable_math.h"
#include "support/check.h"
#include "support/hash.h"

TEST_SUITE_BEGIN("core");

using fw::DecayActivation;
using fw::index_t;
using fw::make_problem;
using fw::Problem;
using fw::ProblemShape;
using fw::Tensor;
using fw::Variant;

namespace {

/// Norm of the last-axis row number `row`.
double norm(const Tensor<double>& x, index_t row) {
  const index_t width = x.shape()[-1];
  double sum = 0.0;
  for (index_t i = 0; i < width; ++i) sum += x[row * width + i] * x[row * width + i];
  return std::sqrt(sum);
}

double cosine(const Tensor<double>& x, index_t row, index_t other) {
  const index_t width = x.shape()[-1];
  double sum = 0.0;
  for (index_t i = 0; i < width; ++i) sum += x[row * width + i] * x[other * width + i];
  return sum / norm(x, row) / norm(x, other);
}

template <class F>
bool all(const Tensor<double>& x, F holds) {
  for (index_t i = 0; i < x.numel(); ++i)
    if (!holds(x[i])) return false;
  return true;
}

template <class F>
index_t count(const Tensor<double>& x, F holds) {
  index_t n = 0;
  for (index_t i = 0; i < x.numel(); ++i) n += holds(x[i]);
  return n;
}

void add_all(fw::test::Fingerprint& bits, const Problem& problem) {
  fw::for_each_input(problem.in, [&](const char*, const Tensor<double>& t) { bits.add(t); });
  fw::for_each_upstream(problem.up, [&](const char*, const Tensor<double>& t) { bits.add(t); });
}

ProblemShape one_head(index_t T, index_t Dk = 32) {
  ProblemShape shape;
  shape.B = shape.H = shape.HV = 1;
  shape.T = T;
  shape.Dk = Dk;
  return shape;
}

constexpr double kInf = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("families: names are unique, described, and unknown ones are rejected with the list") {
  std::set<std::string_view> names;
  for (const auto& family : fw::input_families()) {
    CHECK(names.insert(family.name).second);
    CHECK_FALSE(family.description.empty());
    CHECK_FALSE(family.purpose.empty());
    CHECK(fw::input_family(family.name).name == family.name);
  }
  CHECK(names.size() == 20);
  CHECK(fw::input_families().front().name == "typical");
  CHECK_THROWS_WITH_AS(make_problem(Variant::gdn2, {}, "odd", 1), doctest::Contains("keys-duplicate"), fw::Error);
}

TEST_CASE("families: every variant x family x form gives a problem that its rule accepts") {
  for (const auto& row : fw::variants())
    for (const auto& family : fw::input_families())
      for (const char* text : {"B2-T9-H2-HV4-Dk6-Dv5", "B1-T9-H1-HV1-Dk4-Dv7-noh0-gHV-bHV", "B1-H2-HV6-Dk6-Dv3-l2norm-softplus-sigmoid-cu0,0,4,9",
                               "B1-T5-H2-HV4-Dk4-Dv3-gH-bounded-sigmoid-times2-M3-P1", "B1-T0-H1-HV2-Dk1-Dv1-M2"}) {
        CAPTURE(std::string(row.name));
        CAPTURE(std::string(family.name));
        CAPTURE(std::string(text));
        const ProblemShape shape = ProblemShape::parse(text);
        Problem p;
        REQUIRE_NOTHROW(p = make_problem(row.id, shape, family.name, 3));
        fw::Geometry geo;
        REQUIRE_NOTHROW(geo = fw::check_inputs("test", p.in, p.options));
        REQUIRE_NOTHROW(fw::check_upstream("test", geo, p.up, p.options));
        CHECK(geo.T == shape.T);
        CHECK(geo.HV == shape.HV);
        CHECK(p.in.initial_state.defined() == (shape.initial_state && row.family != fw::Family::attention));
        fw::for_each_upstream(p.up, [&](const char* name, const Tensor<double>& t) {
          CAPTURE(std::string(name));
          CHECK(all(t, [](double x) { return x != 0.0 && std::isfinite(x); }));
        });
        CHECK(p.up.d_o.defined());
        CHECK(p.up.dfinal_state.defined() == (row.family != fw::Family::attention));
        CHECK(p.up.dfinal_key.defined() == (row.family == fw::Family::mamba3));
        for (fw::DType tensor : {fw::DType::bf16, fw::DType::f16, fw::DType::f32}) {
          Problem rounded = p;
          fw::round_problem(rounded, tensor, fw::gate_dtype_of(tensor));
          REQUIRE_NOTHROW(fw::check_inputs("test", rounded.in, rounded.options));
        }
      }
}

TEST_CASE("families: bitwise repeatable on every platform") {
  struct Golden {
    std::string form;
    std::uint64_t bits;
  };
  for (const Golden& golden : {Golden{"B2-T70-H2-HV4-Dk6-Dv5", 0x72df2d0aebda7553u}, Golden{"B1-T20-H1-HV2-Dk4-Dv3-l2norm-softplus-sigmoid-times2", 0x7ccfaa6ff3812afdu},
                               Golden{"B1-T20-H1-HV2-Dk4-Dv3-bounded-sigmoid-M2", 0xa70e7063b58d3c35u}}) {
    CAPTURE(golden.form);
    fw::test::Fingerprint bits;
    for (Variant variant : {Variant::gdn2, Variant::gdn, Variant::mamba3_mimo, Variant::softmax})
      for (const auto& family : fw::input_families()) add_all(bits, make_problem(variant, ProblemShape::parse(golden.form), family.name, 17));
    CHECK(bits.value() == golden.bits);
  }
}

TEST_CASE("families: a longer or wider problem begins with the values of the smaller one") {
  ProblemShape small = ProblemShape::parse("B1-T20-H2-HV4-Dk8-Dv5"), large = small;
  large.B = 2;
  large.T = 33;
  large.Dv = 9;
  for (const auto& family : fw::input_families()) {
    CAPTURE(std::string(family.name));
    const Problem a = make_problem(Variant::gdn2, small, family.name, 4), b = make_problem(Variant::gdn2, large, family.name, 4);
    bool same = true;
    for (index_t t = 0; t < small.T; ++t)
      for (index_t h = 0; h < small.HV; ++h) {
        for (index_t j = 0; j < small.Dv; ++j) same &= a.in.v(0, t, h, j) == b.in.v(0, t, h, j) && a.in.w(0, t, h, j) == b.in.w(0, t, h, j);
        if (h >= small.H) continue;
        for (index_t i = 0; i < small.Dk; ++i)
          same &= a.in.q(0, t, h, i) == b.in.q(0, t, h, i) && a.in.k(0, t, h, i) == b.in.k(0, t, h, i) &&
                  a.in.g(0, t, h, i) == b.in.g(0, t, h, i) && a.in.b(0, t, h, i) == b.in.b(0, t, h, i);
      }
    CHECK(same);
  }
}

TEST_CASE("families: seeds, heads and batch rows differ") {
  const ProblemShape shape = ProblemShape::parse("B2-T8-H2-Dk8-Dv8");
  const Problem a = make_problem(Variant::gdn2, shape, "mixed", 1), b = make_problem(Variant::gdn2, shape, "mixed", 2);
  CHECK(a.in.v[0] != b.in.v[0]);
  CHECK(a.in.v(0, 0, 0, 0) != a.in.v(1, 0, 0, 0));
  CHECK(a.in.v(0, 0, 0, 0) != a.in.v(0, 0, 1, 0));
  CHECK(a.in.v(0, 0, 0, 0) != a.in.w(0, 0, 0, 0));
  CHECK(a.in.q(0, 0, 0, 0) != a.in.k(0, 0, 0, 0));
}

TEST_CASE("families: unit keys and queries unless the family or the rule says otherwise") {
  for (const auto& family : fw::input_families()) {
    CAPTURE(std::string(family.name));
    const Problem p = make_problem(Variant::kda, one_head(60), family.name, 1);
    const double expected = family.name == "keys-long" ? 3.0 : 1.0;
    for (index_t t = 0; t < 60; ++t)
      for (const Tensor<double>* x : {&p.in.q, &p.in.k}) {
        const double length = norm(*x, t);
        REQUIRE((std::fabs(length - expected) <= 1e-14 || (family.name == "keys-zero" && length == 0.0)));
      }
  }
  ProblemShape raw = one_head(200);
  raw.l2norm_qk = true;
  const Problem p = make_problem(Variant::kda, raw, "mixed", 1);
  double shortest = 1e9, longest = 0;
  for (index_t t = 0; t < 200; ++t) shortest = std::min(shortest, norm(p.in.k, t)), longest = std::max(longest, norm(p.in.k, t));
  CHECK(shortest < 3.5);
  CHECK(longest > 8.0);
  CHECK(p.options.l2norm_qk);
}

TEST_CASE("families: decays are what they say") {
  const auto g = [](std::string_view family, Variant variant = Variant::gdn2) {
    ProblemShape shape = ProblemShape::parse("B2-T640-H4-Dk16-Dv2");
    return make_problem(variant, shape, family, 9).in.g;
  };
  for (Variant variant : {Variant::gdn2, Variant::gdn}) {
    CAPTURE(std::string(fw::info(variant).name));
    CHECK(all(g("weak", variant), [](double x) { return x < 0 && x > -0.01; }));
    CHECK(all(g("zero", variant), [](double x) { return x == 0 && !std::signbit(x); }));
    const Tensor<double> half = g("zero-half", variant);
    const double share = static_cast<double>(count(half, [](double x) { return x == 0; })) / static_cast<double>(half.numel());
    CHECK(share > 0.45);
    CHECK(share < 0.55);
    const Tensor<double> mask = g("hard-mask", variant);
    CHECK(count(mask, [](double x) { return x == -kInf; }) > 0);
    CHECK(count(mask, [](double x) { return x == -1000; }) > 0);
    CHECK(count(mask, [](double x) { return x > -10; }) > mask.numel() * 9 / 10);
    const Tensor<double> positive = g("positive", variant);
    CHECK(count(positive, [](double x) { return x > 0; }) > positive.numel() / 3);
    CHECK(all(positive, [](double x) { return x < 0.05 && x > -0.06; }));
    const Tensor<double> mixed = g("mixed", variant);
    CHECK(count(mixed, [](double x) { return x > -1e-3; }) > mixed.numel() / 8);
    CHECK(count(mixed, [](double x) { return x < -0.05; }) > mixed.numel() / 8);
    CHECK(all(mixed, [](double x) { return x < 0 && x > -6; }));
  }
  const Tensor<double> mask = g("hard-mask");
  index_t whole = 0;
  for (index_t t = 0; t < 640; ++t) whole += std::all_of(mask.row(0, t, 1), mask.row(0, t, 1) + 16, [](double x) { return x == -kInf; });
  CHECK(whole > 3);
  CHECK_FALSE(make_problem(Variant::gdn2, {}, "positive", 1).options.check_ranges);
  CHECK(make_problem(Variant::gdn2, {}, "mixed", 1).options.check_ranges);
  const Tensor<double> strong = g("strong");
  double least = kInf, most = 0;
  for (index_t i = 0; i < 16; ++i)
    for (index_t chunk = 0; chunk < 10; ++chunk) {
      double span = 0;
      for (index_t t = 0; t < 64; ++t) span -= strong(0, chunk * 64 + t, 0, i);
      least = std::min(least, span);
      most = std::max(most, span);
    }
  CHECK(least > 65);
  CHECK(least < 90);
  CHECK(most > 540);
  CHECK(most < 660);
}

TEST_CASE("families: gates are what they say") {
  const ProblemShape shape = ProblemShape::parse("B1-T100-H2-HV4-Dk8-Dv8");
  const Problem extreme = make_problem(Variant::gdn2, shape, "gates-extreme", 1), wide = make_problem(Variant::gdn2, shape, "gates-wide", 1),
                constant = make_problem(Variant::gdn2, shape, "gates-constant", 1);
  for (double value : {0.0, 1.0, 2.0}) {
    CHECK(count(extreme.in.b, [&](double x) { return x == value; }) > extreme.in.b.numel() / 6);
    CHECK(count(extreme.in.w, [&](double x) { return x == value; }) > extreme.in.w.numel() / 6);
  }
  CHECK(all(extreme.in.b, [](double x) { return x == 0 || x == 1 || x == 2; }));
  CHECK(count(wide.in.b, [](double x) { return x > 1; }) > wide.in.b.numel() / 3);
  CHECK(all(wide.in.b, [](double x) { return x > 0 && x < 2; }));
  const Tensor<double>&b = constant.in.b, &w = constant.in.w;
  bool tied = true;
  for (index_t t = 0; t < 100; ++t)
    for (index_t h = 0; h < 4; ++h)
      for (index_t i = 0; i < 8; ++i) tied &= b(0, t, h / 2, i) == b(0, t, h / 2, 0) && w(0, t, h, i) == b(0, t, h / 2, 0);
  CHECK(tied);
  CHECK(b(0, 0, 0, 0) != b(0, 1, 0, 0));
  const Problem kda = make_problem(Variant::kda, shape, "gates-constant", 1);
  CHECK(kda.in.beta(0, 5, 3) == b(0, 5, 1, 0));
}

TEST_CASE("families: keys are what they say") {
  const auto keys = [](std::string_view family, index_t T = 200, index_t Dk = 32) {
    return make_problem(Variant::gdn2, one_head(T, Dk), family, 6).in;
  };
  for (index_t width : {8, 32, 128}) {
    const auto in = keys("keys-correlated", 200, width);
    double mean = 0;
    for (index_t t = 1; t < 200; ++t) mean += cosine(in.k, t, t - 1) / 199;
    CHECK(mean > 0.87);
    CHECK(mean < 0.93);
  }
  const auto duplicate = keys("keys-duplicate");
  index_t equal = 0, near = 0;
  for (index_t t = 0; t < 200; ++t)
    for (index_t s = 0; s < t; ++s) {
      const double c = cosine(duplicate.k, t, s);
      equal += std::equal(duplicate.k.row(0, t, 0), duplicate.k.row(0, t, 0) + 32, duplicate.k.row(0, s, 0));
      near += c > 1 - 1e-5 && c < 1 - 1e-9;
    }
  CHECK(equal > 200);
  CHECK(near > 200);
  const auto identical = keys("keys-identical");
  for (index_t t = 1; t < 200; ++t) REQUIRE(std::equal(identical.k.row(0, t, 0), identical.k.row(0, t, 0) + 32, identical.k.row(0, 0, 0)));
  const auto orthonormal = keys("keys-orthonormal", 70, 32);
  for (index_t t = 0; t < 70; ++t)
    for (index_t s = 0; s < t; ++s) REQUIRE(std::fabs(cosine(orthonormal.k, t, s) - ((t - s) % 32 == 0)) <= 1e-14);
  for (index_t t = 0; t < 70; ++t) {
    index_t asked = 0;
    for (index_t s = std::max<index_t>(0, t - 31); s <= t; ++s)
      asked += std::equal(orthonormal.q.row(0, t, 0), orthonormal.q.row(0, t, 0) + 32, orthonormal.k.row(0, s, 0));
    REQUIRE(asked == 1);
  }
  CHECK(all(keys("keys-positive").k, [](double x) { return x > 0; }));
  CHECK(all(keys("keys-positive").q, [](double x) { return x > 0; }));
  const auto zero = keys("keys-zero");
  index_t zero_keys = 0, zero_queries = 0;
  for (index_t t = 0; t < 200; ++t) zero_keys += norm(zero.k, t) == 0, zero_queries += norm(zero.q, t) == 0;
  CHECK(zero_keys > 10);
  CHECK(zero_queries > 10);
  CHECK(zero_keys < 50);
}

TEST_CASE("families: magnitudes scale v and the initial state and nothing else") {
  const ProblemShape shape = ProblemShape::parse("B1-T10-H2-Dk8-Dv8");
  const Problem base = make_problem(Variant::gdn2, shape, "mixed", 1);
  for (auto [family, gain] : {std::pair{"magnitude-large", 1e4}, std::pair{"magnitude-tiny", 1e-20}}) {
    const Problem p = make_problem(Variant::gdn2, shape, family, 1);
    CHECK(std::fabs(p.in.v[3] / base.in.v[3] / gain - 1) <= 1e-14);
    CHECK(std::fabs(p.in.initial_state[3] / base.in.initial_state[3] / gain - 1) <= 1e-14);
    CHECK_BITWISE_EQUAL(p.in.k, base.in.k);
    CHECK_BITWISE_EQUAL(p.in.g, base.in.g);
    CHECK_BITWISE_EQUAL(p.in.w, base.in.w);
  }
}

TEST_CASE("families: raw values are those whose activation has the family's values") {
  ProblemShape plain = ProblemShape::parse("B1-T100-H2-HV4-Dk8-Dv8"), raw = plain;
  raw.sigmoid_gates = raw.erase_times_two = true;
  for (DecayActivation activation : {DecayActivation::softplus, DecayActivation::bounded})
    for (std::string_view family : {"mixed", "weak", "gates-wide", "gates-constant", "typical"}) {
      CAPTURE(std::string(family));
      raw.decay_activation = activation;
      const Problem a = make_problem(Variant::gdn2, plain, family, 5), b = make_problem(Variant::gdn2, raw, family, 5);
      if (family == "typical" && activation == DecayActivation::bounded) continue;  // its plain form is softplus'
      double g_error = 0, b_error = 0, w_error = 0;
      const double typical_gain = family == "gates-wide" || family == "gates-constant" ? 1.0 : 2.0, w_gain = family == "gates-wide" ? 2.0 : 1.0;
      for (index_t t = 0; t < 100; ++t)
        for (index_t h = 0; h < 2; ++h)
          for (index_t i = 0; i < 8; ++i) {
            const double x = b.in.g(0, t, h, i) + b.in.dt_bias(h, i), A = std::exp(b.in.A_log(h));
            const double g = activation == DecayActivation::softplus ? -A * fw::portable::softplus(x) : -5.0 / (1 + std::exp(-A * x));
            const double wanted = std::min(a.in.g(0, t, h, i), -1e-6);
            if (wanted > -4.9) g_error = std::max(g_error, std::fabs(g / wanted - 1));
            b_error = std::max(b_error, std::fabs(2 / (1 + std::exp(-b.in.b(0, t, h, i))) - typical_gain * a.in.b(0, t, h, i)));
            w_error = std::max(w_error, std::fabs(w_gain / (1 + std::exp(-b.in.w(0, t, h, i))) - a.in.w(0, t, h, i)));
          }
      CHECK(g_error <= 1e-12);
      CHECK(b_error <= 7e-4);  // gates within 3.4e-4 of their ends are moved to there
      CHECK(w_error <= 7e-4);
    }
}

TEST_CASE("families: rounding sends operands and gates to their types") {
  Problem p = make_problem(Variant::gdn2, ProblemShape::parse("B1-T10-H2-Dk8-Dv8"), "hard-mask", 1);
  const Problem before = p;
  fw::round_problem(p, fw::DType::bf16, fw::DType::f32);
  for (index_t i = 0; i < p.in.q.numel(); ++i) {
    REQUIRE(p.in.q[i] == fw::bf16_value(fw::bf16_bits(before.in.q[i])));
    REQUIRE(p.in.b[i] == fw::bf16_value(fw::bf16_bits(before.in.b[i])));
    REQUIRE(p.in.g[i] == static_cast<double>(static_cast<float>(before.in.g[i])));
    REQUIRE(p.up.d_o[i] == fw::bf16_value(fw::bf16_bits(before.up.d_o[i])));
  }
  for (index_t i = 0; i < p.up.dfinal_state.numel(); ++i)
    REQUIRE(p.up.dfinal_state[i] == static_cast<double>(static_cast<float>(before.up.dfinal_state[i])));
  const Problem once = p;
  fw::round_problem(p, fw::DType::bf16, fw::DType::f32);
  CHECK_BITWISE_EQUAL(p.in.v, once.in.v);
  CHECK_THROWS_AS(fw::round_problem(p, fw::DType::i32, fw::DType::f32), fw::Error);
  CHECK(fw::gate_dtype_of(fw::DType::bf16) == fw::DType::f32);
  CHECK(fw::gate_dtype_of(fw::DType::f16) == fw::DType::f32);
  CHECK(fw::gate_dtype_of(fw::DType::f64) == fw::DType::f64);
}

TEST_CASE("families: applies to the variants that have what the family is about") {
  CHECK(fw::family_applies(Variant::gdn2, "weak"));
  CHECK_FALSE(fw::family_applies(Variant::delta, "weak"));
  CHECK_FALSE(fw::family_applies(Variant::gla, "gates-wide"));
  CHECK(fw::family_applies(Variant::mamba3, "gates-extreme"));
  CHECK(fw::family_applies(Variant::softmax, "keys-long"));
  CHECK_THROWS_AS(fw::family_applies(Variant::gdn2, "odd"), fw::Error);
}

TEST_CASE("problem shape: text and back") {
  for (const char* text : {"B2-T100-H2-Dk32-Dv48", "B1-T7-H3-HV6-Dk32-Dv48", "B1-T15-H1-Dk4-Dv4-M3-P1-W5-gHV-bHV-noh0-l2norm-softplus-sigmoid-times2-cu0,0,15",
                           "B0-T0-H1-Dk1-Dv1-P0-gH-bH-bounded"}) {
    CHECK(ProblemShape::parse(text).str() == text);
    CHECK(ProblemShape::parse(ProblemShape::parse(text).str()) == ProblemShape::parse(text));
  }
  CHECK(ProblemShape().str() == "B2-T100-H2-Dk32-Dv48");
  CHECK(ProblemShape::parse("H3").HV == 3);
  CHECK(ProblemShape::parse("HV6-H3").HV == 6);
  CHECK(ProblemShape::parse("cu0,4,9").T == 9);
  CHECK(ProblemShape::parse("cu0,4,9").B == 1);
}

TEST_CASE("problem shape: rejects what it cannot read or draw") {
  for (const char* text : {"", "B", "Bx", "B-1", "B2-", "-B2", "B2--T3", "Q3", "B2.5", "B99999999999999999999", "cu", "cu0,", "cu0,x", "dk32", "b2"})
    CHECK_THROWS_AS(ProblemShape::parse(text), fw::Error);
  for (const char* text : {"H0", "H2-HV3", "H2-HV0", "Dk0", "Dv0", "M0", "Dk4-P3", "B2-T9-cu0,9", "B1-T9-cu0,8", "B1-T9-cu0,7,5,9", "B1-T9-cu9", "B1-T9-cu1,9"})
    CHECK_THROWS_AS(make_problem(Variant::mamba3, ProblemShape::parse(text), "mixed", 1), fw::Error);
}

TEST_SUITE_END();
