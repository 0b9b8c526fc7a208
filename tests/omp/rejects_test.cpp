// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Every refusal says function, argument, expected, got.
#include <limits>

#include "omp/omp_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Problem drawn(Variant variant = Variant::gdn2, const std::string& shape = "B1-T20-H1-HV2-Dk4-Dv3") {
  return make_problem(variant, ProblemShape::parse(shape), "mixed", 1);
}
std::string forward_says(const Problem& p, const omp::Settings& settings = {}) {
  return refusal([&] { omp::forward(p.in, p.options, settings); });
}
std::string backward_says(const Problem& p, const omp::Settings& settings = {}) {
  return refusal([&] { omp::backward(p.in, p.up, p.options, settings); });
}
template <class Change>
std::string changed_says(Change&& change) {
  Problem p = drawn();
  change(p);
  const FloatProblem narrow(p);
  // in float the same text
  CHECK(refusal([&] { omp::forward(narrow.in, p.options); }) == forward_says(p));
  return forward_says(p);
}

/// backward with what forward left for another call.
template <class T>
std::string says_with_saved_of(const std::string& shape, const std::string& other, const omp::Settings& settings = {}, const omp::Settings& other_settings = {}) {
  const Problem p = drawn(Variant::gdn2, shape), q = drawn(Variant::gdn2, other);
  omp::Saved<T> saved;
  Outputs<T> out;
  omp::forward(cast_inputs<T>(q.in), q.options, out, &saved, other_settings);
  Gradients<T> grad;
  return refusal([&] { omp::backward(cast_inputs<T>(p.in), cast_upstream<T>(p.up), p.options, grad, &saved, settings); });
}

}  // namespace

TEST_SUITE_BEGIN("omp");

TEST_CASE("omp: rejects variants outside the delta-rule family") {
  for (const VariantInfo& row : variants()) {
    if (row.family == Family::delta_rule) continue;
    const Problem p = drawn(row.id);
    const std::string name(row.name), expected = ": variant must be of the delta-rule family, got " + name;
    CHECK(forward_says(p) == name + " omp forward" + expected);
    CHECK(backward_says(p) == name + " omp backward" + expected);
    CHECK(refusal([&] { omp::Decoder<float>(1, 2, 4, 3, p.options); }) == "omp Decoder" + expected);
  }
}

TEST_CASE("omp: rejects settings that make no sense") {
  Problem p = drawn();
  CHECK(forward_says(p, {omp::Isa::automatic, 0}) == "gdn2 omp forward: settings.segments must be at least 1, got 0");
  CHECK(backward_says(p, {omp::Isa::automatic, -3}) == "gdn2 omp backward: settings.segments must be at least 1, got -3");
  p.options.threads = -1;
  CHECK(forward_says(p) == "gdn2 omp forward: options.threads must be at least 0, got -1");
  CHECK(backward_says(p) == "gdn2 omp backward: options.threads must be at least 0, got -1");
  p.options.threads = 0;
  CHECK(forward_says(p).empty());
}

TEST_CASE("omp: rejects instruction sets it does not know or have") {
  CHECK(refusal([] { omp::isa_from_name("sse9"); }) == "isa: expected one of auto, baseline, avx2, avx512, got \"sse9\"");
  const std::vector<omp::Isa> here = omp::available_isas();
  REQUIRE(!here.empty());
  CHECK(here.front() == omp::Isa::baseline);
  CHECK(omp::best_isa() == here.back());
  CHECK(omp::resolve_isa(omp::Isa::automatic) == here.back());
  for (const omp::Isa isa : {omp::Isa::baseline, omp::Isa::avx2, omp::Isa::avx512}) {
    CHECK(omp::isa_from_name(omp::isa_name(isa)) == isa);
    if (std::find(here.begin(), here.end(), isa) != here.end()) CHECK(omp::resolve_isa(isa) == isa);
    else CHECK(forward_says(drawn(), on(isa)).starts_with("isa: " + std::string(omp::isa_name(isa)) + " is not available here"));
  }
}

TEST_CASE("omp: rejects wrong shapes by its own name") {
  CHECK(changed_says([](Problem& p) { p.in.w = Tensor<double>({1, 20, 2, 4}); }) == "gdn2 omp forward: w must be [B,T,HV,Dv] = [1,20,2,3], got [1,20,2,4]");
  CHECK(changed_says([](Problem& p) { p.in.k = Tensor<double>({1, 19, 1, 4}); }) == "gdn2 omp forward: k must be [B,T,H,Dk] = [1,20,1,4], got [1,19,1,4]");
  CHECK(changed_says([](Problem& p) { p.in.g = Tensor<double>({1, 20, 3, 4}); }).starts_with("gdn2 omp forward: g must be"));
  CHECK(changed_says([](Problem& p) { p.in.b = {}; }) == "gdn2 omp forward: b is required by this variant, got none");
  CHECK(changed_says([](Problem& p) { p.in.beta = Tensor<double>({1, 20, 2}); }) == "gdn2 omp forward: beta is not used by this variant, got [1,20,2]");
  CHECK(changed_says([](Problem& p) { p.in.initial_state = Tensor<double>({2, 2, 4, 3}); }).starts_with("gdn2 omp forward: initial_state must be [N,HV,Dk,Dv] = [1,2,4,3]"));
  CHECK(changed_says([](Problem& p) { p.in.cu_seqlens = {0, 5, 19}; }).starts_with("gdn2 omp forward: cu_seqlens must start at 0 and end at T = 20"));
  CHECK(changed_says([](Problem& p) { p.options.decay_activation = DecayActivation::softplus; }) == "gdn2 omp forward: A_log is required by this variant, got none");
  Problem p = drawn();
  p.up.dfinal_state = Tensor<double>({1, 2, 3, 4});
  CHECK(backward_says(p) == "gdn2 omp backward: dfinal_state must be [N,HV,Dk,Dv] = [1,2,4,3], got [1,2,3,4]");
  p = drawn();
  p.up.d_o = Tensor<double>({1, 20, 1, 3});
  CHECK(backward_says(p) == "gdn2 omp backward: do must be [B,T,HV,Dv] = [1,20,2,3], got [1,20,1,3]");
}

TEST_CASE("omp: rejects values out of range and NaN, wherever they stand") {
  CHECK(changed_says([](Problem& p) { p.in.g[3] = 0.5; }) == "gdn2 omp forward: g must lie in [-inf, 0], got 0.5 at flat index 3");
  CHECK(changed_says([](Problem& p) { p.in.b[79] = 2.5; }) == "gdn2 omp forward: b must lie in [0, 2], got 2.5 at flat index 79");
  CHECK(changed_says([](Problem& p) { p.in.w[0] = -0.5; }) == "gdn2 omp forward: w must lie in [0, 2], got -0.5 at flat index 0");
  CHECK(changed_says([](Problem& p) { p.in.g[3] = kNaN; }).starts_with("gdn2 omp forward: g must be finite, got "));
  const Problem p = drawn();
  for (Tensor<double> Inputs<double>::*x : {&Inputs<double>::q, &Inputs<double>::k, &Inputs<double>::v, &Inputs<double>::b, &Inputs<double>::w, &Inputs<double>::initial_state})
    for (const double bad : {kNaN, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()})
      for (const bool last : {false, true}) {
        Problem wrong = p;
        (wrong.in.*x)[last ? (wrong.in.*x).numel() - 1 : 0] = bad;
        const std::string text = forward_says(wrong);
        CAPTURE(text);
        CHECK(text.find(" must be finite, got ") != std::string::npos);
        CHECK(text.ends_with("at flat index " + std::to_string(last ? (wrong.in.*x).numel() - 1 : 0)));
        CHECK(backward_says(wrong).find(" must be finite, got ") != std::string::npos);
      }
  Problem wrong = p;
  wrong.up.d_o[5] = kNaN;
  CHECK(backward_says(wrong).starts_with("gdn2 omp backward: do must be finite"));
  wrong = p;
  wrong.in.g[3] = 0.5;
  wrong.options.check_ranges = false;
  CHECK(forward_says(wrong).empty());
  wrong.in.g[3] = -std::numeric_limits<double>::infinity();
  wrong.options.check_ranges = true;
  CHECK(forward_says(wrong).empty());
}

TEST_CASE("omp: rejects what forward saved for another call") {
  const std::string text = says_with_saved_of<float>("B1-T70-H1-HV2-Dk4-Dv3", "B1-T30-H1-HV2-Dk4-Dv3");
  CAPTURE(text);
  CHECK(text.starts_with("omp backward: saved must come from forward on the same inputs, options and settings, expected "));
  CHECK(text.find(", got ") != std::string::npos);
  CHECK(!says_with_saved_of<float>("B1-T70-H1-HV2-Dk4-Dv3", "B1-T70-H1-HV4-Dk4-Dv3").empty());
  CHECK(!says_with_saved_of<double>("B1-T70-H1-HV2-Dk4-Dv3", "B1-T70-H1-HV2-Dk40-Dv3").empty());
  CHECK(says_with_saved_of<double>("B1-T70-H1-HV2-Dk4-Dv3", "B1-T70-H1-HV2-Dk4-Dv3").empty());
}

TEST_CASE("omp decode: rejects sizes, states and tokens that do not fit; the states stay as they were") {
  Problem p = drawn(Variant::gdn2, "B2-T1-H1-HV2-Dk4-Dv3");
  const Tensor<double> state = p.in.initial_state;
  p.in.initial_state = {};
  CHECK(refusal([&] { omp::Decoder<double>(2, 0, 4, 3, p.options); }) == "omp Decoder: sizes must be N >= 0 and HV, Dk, Dv >= 1, got [2,0,4,3]");
  CHECK(!refusal([&] { omp::Decoder<double>(-1, 2, 4, 3, p.options); }).empty());
  omp::Decoder<double> decoder(2, 2, 4, 3, p.options);
  decoder.load(state);
  Tensor<double> o;
  decoder.step(p.in, o);
  const Tensor<double> before = decoder.state(), o_before = o;

  CHECK(refusal([&] { decoder.load({}); }) == "omp Decoder::load: state must be [N,HV,Dk,Dv] = [2,2,4,3], got none");
  CHECK(refusal([&] { decoder.load(Tensor<double>({2, 2, 3, 4})); }) == "omp Decoder::load: state must be [N,HV,Dk,Dv] = [2,2,4,3], got [2,2,3,4]");
  const auto says = [&](auto&& change) {
    Problem wrong = p;
    change(wrong);
    return refusal([&] { decoder.step(wrong.in, o); });
  };
  const std::string expected =
      "omp Decoder::step: token must be one token of each of 2 sequences, HV = 2, Dk = 4, Dv = 3, without initial_state and cu_seqlens; got q ";
  CHECK(says([](Problem& w) { w = drawn(Variant::gdn2, "B2-T2-H1-HV2-Dk4-Dv3-noh0"); }) == expected + "[2,2,1,4] and v [2,2,2,3]");
  CHECK(says([](Problem& w) { w = drawn(Variant::gdn2, "B1-T1-H1-HV2-Dk4-Dv3-noh0"); }) == expected + "[1,1,1,4] and v [1,1,2,3]");
  CHECK(says([](Problem& w) { w = drawn(Variant::gdn2, "B2-T1-H1-HV1-Dk4-Dv3-noh0"); }) == expected + "[2,1,1,4] and v [2,1,1,3]");
  CHECK(says([](Problem& w) { w = drawn(Variant::gdn2, "B2-T1-H1-HV2-Dk5-Dv3-noh0"); }) == expected + "[2,1,1,5] and v [2,1,2,3]");
  CHECK(says([](Problem& w) { w = drawn(Variant::gdn2, "B2-T1-H1-HV2-Dk4-Dv9-noh0"); }) == expected + "[2,1,1,4] and v [2,1,2,9]");
  CHECK(says([&](Problem& w) { w.in.initial_state = state; }).starts_with(expected));
  CHECK(says([](Problem& w) { w = drawn(Variant::kda, "B2-T1-H1-HV2-Dk4-Dv3-noh0"); }).starts_with("gdn2 omp decode: b is required by this variant"));
  CHECK(says([](Problem& w) { w.in.g[1] = 0.25; }) == "gdn2 omp decode: g must lie in [-inf, 0], got 0.25 at flat index 1");
  CHECK(says([](Problem& w) { w.in.v[2] = kNaN; }).starts_with("gdn2 omp decode: v must be finite, got "));
  CHECK_BITWISE_EQUAL(decoder.state(), before);
  CHECK_BITWISE_EQUAL(o, o_before);
}

TEST_SUITE_END();
