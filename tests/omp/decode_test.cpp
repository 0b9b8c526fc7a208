// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decoding token by token against the reference over the whole sequence: the outputs of every step, and the states after any
// number of them.
#include <algorithm>
#include <cmath>

#include "omp/omp_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

omp::Decoder<double> decoder_for(const Problem& p, omp::Isa isa) {
  const Shape &q = p.in.q.shape(), &v = p.in.v.shape();
  return {q[0], v[2], q[-1], v[-1], p.options, isa};
}

/// What a call returns, for any T: o of all steps in [B,T,HV,Dv], and the states behind the last.
template <class T>
Outputs<double> decoded(const Problem& p, omp::Isa isa) {
  const Shape &q = p.in.q.shape(), &v = p.in.v.shape();
  omp::Decoder<T> decoder(q[0], v[2], q[-1], v[-1], p.options, isa);
  if (p.in.initial_state.defined()) decoder.load(p.in.initial_state.cast<T>());
  Outputs<double> out;
  out.o = Tensor<double>(v, kPoison<double>);
  const index_t row = v[2] * v[3];
  for (index_t t = 0; t < v[1]; ++t) {
    Problem token = tokens_of(p, t, t + 1);
    token.in.initial_state = {};
    Tensor<T> o({v[0], 1, v[2], v[3]}, kPoison<T>);
    decoder.step(cast_inputs<T>(token.in), o);
    for (index_t b = 0; b < v[0]; ++b)
      for (index_t j = 0; j < row; ++j) out.o[(b * v[1] + t) * row + j] = static_cast<double>(o[b * row + j]);
  }
  out.final_state = decoder.state().template cast<double>();
  return out;
}

void check_matches_naive(Variant variant, const std::string& shape, const std::string& family = "mixed") {
  CAPTURE(info(variant).name);
  CAPTURE(shape);
  CAPTURE(family);
  const Problem p = make_problem(variant, ProblemShape::parse(shape), family, 5);
  const Outputs<double> truth = naive::forward(p.in, p.options);
  for (const omp::Isa isa : tested_isas()) {
    CAPTURE(omp::isa_name(isa));
    const Outputs<double> got = decoded<double>(p, isa);
    CHECK_CLOSE(got.o, truth.o, kExact);
    CHECK_CLOSE(got.final_state, truth.final_state, kExact);
  }
}

double error_of(const Tensor<double>& candidate, const Tensor<double>& truth) { return compare(candidate, truth, {}).rel_l2; }

}  // namespace

TEST_SUITE_BEGIN("omp");

TEST_CASE("omp decode: matches naive over all steps, odd and wide heads") {
  for (Variant variant : delta_variants()) {
    for (const char* width : {"H1-HV2-Dk7-Dv5", "H2-HV2-Dk13-Dv40", "H1-HV3-Dk24-Dv17", "H1-HV1-Dk1-Dv1", "H1-HV2-Dk32-Dv32"})
      check_matches_naive(variant, "B2-T30-" + std::string(width));
    check_matches_naive(variant, "B1-T9-H1-HV1-Dk200-Dv130");
    check_matches_naive(variant, "B1-T130-H1-HV1-Dk13-Dv20");
  }
}

TEST_CASE("omp decode: matches naive with every option and grouped heads") {
  for (Variant variant : delta_variants()) {
    const bool decays = info(variant).decay != Decay::none, erases = info(variant).erase != Erase::none;
    for (const std::string heads : {"B2-T20-H2-HV2-Dk13-Dv6", "B1-T20-H1-HV2-Dk13-Dv6", "B3-T20-H2-HV6-Dk13-Dv6"}) {
      for (const char* options : {"-gH-bH", "-gHV-bHV", "-gH-bHV-l2norm", "-noh0"}) check_matches_naive(variant, heads + options);
      if (decays)
        for (const char* options : {"-softplus-gH", "-softplus-gHV", "-bounded-gH", "-bounded-gHV"}) check_matches_naive(variant, heads + options);
      if (erases)
        for (const char* options : {"-sigmoid", "-sigmoid-times2-bHV"}) check_matches_naive(variant, heads + options);
    }
  }
}

TEST_CASE("omp decode: matches naive on every input family") {
  for (Variant variant : delta_variants())
    for (const InputFamily& family : input_families())
      if (family_applies(variant, family.name)) check_matches_naive(variant, "B1-T60-H2-HV2-Dk24-Dv17", std::string(family.name));
}

TEST_CASE("omp decode: float matches the truth as closely as the reference in float") {
  const double unit = std::ldexp(1.0, -24);
  for (Variant variant : delta_variants())
    for (const InputFamily& family : input_families()) {
      if (!family_applies(variant, family.name)) continue;
      const FloatProblem p(make_problem(variant, ProblemShape::parse("B2-T100-H2-HV2-Dk24-Dv17"), family.name, 5));
      const Outputs<double> truth = naive::forward(p.wide.in, p.wide.options);
      const Outputs<float> narrow = naive::forward(p.in, p.wide.options);
      const double o = error_of(narrow.o.cast<double>(), truth.o), state = error_of(narrow.final_state.cast<double>(), truth.final_state);
      for (const omp::Isa isa : tested_isas()) {
        const Outputs<double> got = decoded<float>(p.wide, isa);
        CAPTURE(info(variant).name);
        CAPTURE(family.name);
        CAPTURE(omp::isa_name(isa));
        CAPTURE(o / unit);
        CAPTURE(state / unit);
        // two units of 2^-24, as in float_test.cpp
        CHECK(error_of(got.o, truth.o) <= std::fmax(2.0 * o, 2.0 * unit));
        CHECK(error_of(got.final_state, truth.final_state) <= std::fmax(2.0 * state, 2.0 * unit));
      }
    }
}

TEST_CASE("omp decode: float matches the truth over long sequences of slow decay") {
  // the decay of a row is one product over all its tokens: near 1 it must not lose a little to the same side every time
  for (const double rate : {1e-5, 3e-5, 1e-4})
    for (Variant variant : {Variant::mamba2, Variant::kda}) {
      Problem p = make_problem(variant, ProblemShape::parse("B1-T2048-H1-HV1-Dk16-Dv12"), "weak", 5);
      for (index_t i = 0; i < p.in.g.numel(); ++i) p.in.g[i] = rate * (100.0 * p.in.g[i] - 0.5);
      round_problem(p, DType::f32, DType::f32);
      const Outputs<double> truth = naive::forward(p.in, p.options);
      const double plain = error_of(naive::forward(cast_inputs<float>(p.in), p.options).o.cast<double>(), truth.o);
      CAPTURE(info(variant).name);
      CAPTURE(rate);
      for (const omp::Isa isa : tested_isas()) CHECK(error_of(decoded<float>(p, isa).o, truth.o) <= 2.0 * plain);
    }
}

TEST_CASE("omp decode: bitwise repeatable, whatever the number of threads and what was in o") {
  for (Variant variant : delta_variants())
    for (const std::string shape : {"B2-T6-H1-HV2-Dk13-Dv40-gH", "B3-T6-H2-HV2-Dk24-Dv17-l2norm"}) {
      Problem p = make_problem(variant, ProblemShape::parse(shape), "mixed", 5);
      for (const omp::Isa isa : tested_isas()) {
        p.options.threads = 1;
        const Outputs<double> once = decoded<float>(p, isa);
        for (const int threads : {1, 2, 3, 8}) {
          CAPTURE(threads);
          p.options.threads = threads;
          const Outputs<double> again = decoded<float>(p, isa);
          CHECK_BITWISE_EQUAL(again.o, once.o);
          CHECK_BITWISE_EQUAL(again.final_state, once.final_state);
        }
      }
    }
}

TEST_CASE("omp decode: state matches naive after any number of steps, loading it back changes nothing") {
  for (Variant variant : {Variant::linear, Variant::delta, Variant::gdn, Variant::gdn2}) {
    Problem p = make_problem(variant, ProblemShape::parse("B2-T12-H1-HV2-Dk13-Dv20"), "mixed", 5);
    CAPTURE(info(variant).name);
    for (const omp::Isa isa : tested_isas()) {
      omp::Decoder<double> decoder = decoder_for(p, isa), handed = decoder_for(p, isa);
      CHECK_BITWISE_EQUAL(decoder.state(), Tensor<double>({2, 2, 13, 20}));
      decoder.load(p.in.initial_state);
      CHECK_BITWISE_EQUAL(decoder.state(), p.in.initial_state);
      Tensor<double> o, other;
      for (index_t t = 0; t < 12; ++t) {
        Problem token = tokens_of(p, t, t + 1);
        token.in.initial_state = {};
        handed.load(decoder.state());
        CHECK_BITWISE_EQUAL(handed.state(), decoder.state());
        decoder.step(token.in, o);
        handed.step(token.in, other);
        CHECK_CLOSE(other, o, kExact);
        const Problem so_far = tokens_of(p, 0, t + 1);
        CHECK_CLOSE(decoder.state(), naive::forward(so_far.in, so_far.options).final_state, kExact);
      }
      decoder.load(p.in.initial_state);  // the pending write goes too
      CHECK_BITWISE_EQUAL(decoder.state(), p.in.initial_state);
    }
  }
}

TEST_CASE("omp decode: fills its outputs, into the tensor it is given") {
  const FloatProblem p(make_problem(Variant::gdn2, ProblemShape::parse("B2-T1-H1-HV2-Dk13-Dv20-noh0"), "mixed", 5));
  omp::Decoder<float> decoder(2, 2, 13, 20, p.wide.options);
  Tensor<float> o({2, 1, 2, 20}, kPoison<float>);
  const float* place = o.data();
  decoder.step(p.in, o);
  CHECK_ALL_FINITE(o);
  CHECK(o.data() == place);
  Tensor<float> wrong({1, 2, 3}, kPoison<float>);
  decoder.step(p.in, wrong);
  CHECK_ALL_FINITE(wrong);
  CHECK((wrong.shape() == Shape{2, 1, 2, 20}));
  CHECK(decoder.state_bytes() >= 2 * 2 * 13 * 20 * sizeof(float));
}

TEST_CASE("omp decode: fails when broken") {
  // what is fed wrongly must be seen
  Problem p = make_problem(Variant::gdn2, ProblemShape::parse("B1-T12-H1-HV2-Dk13-Dv20"), "mixed", 5);
  const Outputs<double> truth = naive::forward(p.in, p.options);
  const auto seen = [&](const Problem& wrong) {
    const Outputs<double> got = decoded<double>(wrong, omp::best_isa());
    return error_of(got.o, truth.o) > 1e-4 || error_of(got.final_state, truth.final_state) > 1e-4;
  };
  CHECK(!seen(p));
  Problem wrong = p;
  wrong.options.scale = 0.3;
  CHECK(seen(wrong));
  wrong = p;
  wrong.in.initial_state = {};
  CHECK(seen(wrong));
  wrong = p;
  std::rotate(wrong.in.g.data(), wrong.in.g.data() + 13, wrong.in.g.data() + wrong.in.g.numel());
  CHECK(seen(wrong));
  wrong = p;
  wrong.options.l2norm_qk = true, wrong.options.l2norm_eps = 0.1;
  CHECK(seen(wrong));
}

TEST_SUITE_END();
