// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The whole room against the token-by-token reference: outputs and every gradient within 1e-12.
#include "chunkwise/problems_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

/// Variant, shape and family as one run; the shape as ProblemShape::parse reads it.
void check_matches_naive(Variant variant, const std::string& shape, const std::string& family, chunkwise::Settings settings = {}) {
  CAPTURE(info(variant).name);
  CAPTURE(shape);
  CAPTURE(family);
  CAPTURE(settings.chunk);
  CAPTURE(settings.block);
  const Problem p = make_problem(variant, ProblemShape::parse(shape), family, 7);
  FW_CHECK_EMPTY_REASON("matches naive", why_results_differ(chunkwise_results(p, settings), naive_results(p)));
}

chunkwise::Settings sizes(index_t chunk, index_t block) { return {chunk, block, {}}; }

}  // namespace

TEST_SUITE_BEGIN("chunkwise");

TEST_CASE("chunkwise: matches naive at every length, chunk and block") {
  for (Variant variant : delta_variants())
    for (const char* T : {"0", "1", "15", "16", "17", "63", "64", "65", "100", "130"})
      for (index_t chunk : {16, 32, 64})
        check_matches_naive(variant, "B1-T" + std::string(T) + "-H1-HV2-Dk7-Dv5", "mixed", sizes(chunk, 16));
  for (auto [chunk, block] : {std::pair{1, 1}, {1, 16}, {20, 6}, {64, 1}, {64, 64}, {50, 16}, {128, 16}, {300, 16}})
    check_matches_naive(Variant::gdn2, "B1-T130-H1-HV1-Dk7-Dv5", "mixed", sizes(chunk, block));
}

TEST_CASE("chunkwise: matches naive on every input family") {
  for (Variant variant : delta_variants())
    for (const InputFamily& family : input_families()) {
      // orthonormal keys with full erasure wipe out the initial state: its gradient is rounding and nothing else
      const std::string state = family.name == "keys-orthonormal" ? "-noh0" : "";
      if (family_applies(variant, family.name)) check_matches_naive(variant, "B1-T130-H2-HV2-Dk24-Dv17" + state, std::string(family.name));
    }
}

TEST_CASE("chunkwise: matches naive with every option, grouped heads and packed sequences") {
  for (Variant variant : delta_variants()) {
    const bool decays = info(variant).decay != Decay::none, erases = info(variant).erase != Erase::none;
    for (const std::string heads : {"H2-HV2", "H1-HV2", "H2-HV6"}) {
      const std::string shape = "B2-T70-" + heads + "-Dk13-Dv6";
      check_matches_naive(variant, shape + "-gH-bH", "mixed");
      check_matches_naive(variant, shape + "-gHV-bHV", "mixed");
      check_matches_naive(variant, shape + "-l2norm", "mixed");
      check_matches_naive(variant, shape + "-noh0", "mixed");
      if (decays) {
        check_matches_naive(variant, shape + "-softplus-gH", "mixed");
        check_matches_naive(variant, shape + "-softplus-gHV", "typical");
        check_matches_naive(variant, shape + "-bounded-gH", "mixed");
        check_matches_naive(variant, shape + "-bounded-gHV", "typical");
      }
      if (erases) {
        check_matches_naive(variant, shape + "-sigmoid", "mixed");
        check_matches_naive(variant, shape + "-sigmoid-times2-bHV", "mixed");
      }
      const std::string all = decays && erases ? "-l2norm-softplus-sigmoid-times2" : "-l2norm";
      check_matches_naive(variant, "B1-T150-" + heads + "-Dk13-Dv6-cu0,0,15,15,80,81,145,150,150" + all, "mixed", sizes(32, 16));
    }
  }
}

TEST_CASE("chunkwise: matches naive without upstream gradients of one kind, with one bias per head, zero rows and a scale") {
  Problem p = make_problem(Variant::gdn2, ProblemShape::parse("B2-T70-H1-HV2-Dk9-Dv6-softplus-gHV-l2norm"), "keys-zero", 7);
  p.in.dt_bias = Tensor<double>({2}, 0.3);
  p.options.scale = 0.7;
  p.options.l2norm_eps = 0.0;
  for (int drop = 0; drop < 3; ++drop) {
    Problem part = p;
    if (drop != 1) part.up.d_o = {};
    if (drop != 2) part.up.dfinal_state = {};
    const auto got = chunkwise_results(part);
    FW_CHECK_EMPTY_REASON("matches naive", why_results_differ(got, naive_results(part)));
    for (const auto& one : got) CHECK_ALL_FINITE(one.value);
  }
}

TEST_CASE("chunkwise: matches naive with long sequences and wide heads") {
  check_matches_naive(Variant::gdn2, "B1-T1000-H1-HV1-Dk64-Dv96", "mixed");
  check_matches_naive(Variant::kda, "B1-T500-H1-HV2-Dk128-Dv64", "weak");
}

TEST_CASE("chunkwise: correlated keys, cosine 0.9, erase gates of 1 and up to 2") {
  for (Variant variant : {Variant::delta, Variant::kda, Variant::gdn2_write, Variant::gdn2_erase, Variant::gdn2})
    for (double gate : {1.0, 1.9, 2.0}) {
      Problem p = make_problem(variant, ProblemShape::parse("B1-T200-H2-HV2-Dk32-Dv20"), "keys-correlated", 4);
      if (p.in.b.defined()) p.in.b.fill(gate);
      if (p.in.beta.defined()) p.in.beta.fill(gate);
      CAPTURE(info(variant).name);
      CAPTURE(gate);
      FW_CHECK_EMPTY_REASON("matches naive", why_results_differ(chunkwise_results(p), naive_results(p)));
    }
}

TEST_CASE("chunkwise: orthonormal keys with full erasure leave nothing of the initial state") {
  const Problem p = make_problem(Variant::delta, ProblemShape::parse("B1-T130-H2-HV2-Dk24-Dv17"), "keys-orthonormal", 7);
  const auto got = chunkwise_results(p);
  double largest = 0;
  for (index_t i = 0; i < p.in.initial_state.numel(); ++i) largest = std::fmax(largest, std::fabs(result(got, "dinitial_state")[i]));
  CHECK(largest < 1e-14);
}

TEST_CASE("chunkwise: float stays within float rounding of the truth") {
  for (Variant variant : delta_variants()) {
    Problem p = make_problem(variant, ProblemShape::parse("B1-T200-H2-HV2-Dk24-Dv17"), "mixed", 7);
    round_problem(p, DType::f32, DType::f32);
    const auto truth = naive_results(p);
    const auto got = chunkwise_results(cast_inputs<float>(p.in), cast_upstream<float>(p.up), p.options);
    REQUIRE(got.size() == truth.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(truth[i].name);
      CHECK_CLOSE(got[i].value, truth[i].value, Tolerance{2e-6, 1e-5});
    }
  }
}

TEST_SUITE_END();
