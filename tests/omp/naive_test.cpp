// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The fast path in double against the token-by-token reference: outputs and every gradient within 1e-12, for every rule,
// instruction set and number of threads.
#include <array>

#include "omp/omp_fixture.h"
#include "support/derivatives.h"

using namespace fw;
using namespace fw::test;

namespace {

/// Every instruction set at each of these numbers of threads.
void check_matches_naive(const Problem& drawn, std::initializer_list<int> threads = {1}) {
  const auto truth = naive_results(drawn);
  Problem p = drawn;
  for (const omp::Isa isa : tested_isas())
    for (const int team : threads) {
      p.options.threads = team;
      CAPTURE(omp::isa_name(isa));
      CAPTURE(team);
      FW_CHECK_EMPTY_REASON("matches naive", why_results_differ(omp_results(p, on(isa)), truth));
    }
}
void check_matches_naive(Variant variant, const std::string& shape, const std::string& family, std::initializer_list<int> threads = {1}) {
  CAPTURE(info(variant).name);
  CAPTURE(shape);
  CAPTURE(family);
  check_matches_naive(make_problem(variant, ProblemShape::parse(shape), family, 7), threads);
}

}  // namespace

TEST_SUITE_BEGIN("omp");

TEST_CASE("omp: matches naive at every length and odd widths") {
  const std::array widths = {"-H1-HV2-Dk7-Dv5", "-H2-HV2-Dk13-Dv40", "-H1-HV3-Dk24-Dv17", "-H1-HV1-Dk1-Dv1"};
  int turn = 0;
  for (Variant variant : delta_variants())
    for (const char* T : {"0", "1", "7", "8", "9", "31", "32", "33", "63", "64", "65", "100", "130"})
      for (const char* width : widths) check_matches_naive(variant, "B1-T" + std::string(T) + width, "mixed", {std::array{1, 2, 3, 5}[turn++ % 4]});
}

TEST_CASE("omp: matches naive with widths of whole vectors, and wide ones") {
  for (Variant variant : delta_variants()) {
    check_matches_naive(variant, "B1-T40-H1-HV2-Dk32-Dv32", "mixed");
    check_matches_naive(variant, "B1-T65-H2-HV2-Dk16-Dv48", "mixed", {2});
  }
  for (Variant variant : {Variant::linear, Variant::gdn, Variant::gdn2_write, Variant::gdn2_erase, Variant::gdn2})
    check_matches_naive(variant, "B1-T41-H1-HV1-Dk200-Dv130", "mixed", {1, 5});
}

TEST_CASE("omp: matches naive however the work is shared out") {
  // key heads of all sequences are the units of backward, and what shares its gates those of forward: few units or many for
  // the threads decides whether a thread works alone or all of them together
  for (Variant variant : delta_variants())
    for (const char* shape : {"B1-T70-H1-HV2-Dk13-Dv40-gH-bH", "B1-T70-H1-HV2-Dk13-Dv40-gHV-bHV", "B3-T37-H2-HV4-Dk9-Dv21-gH-bH",
                              "B3-T37-H2-HV4-Dk9-Dv21-gHV-bHV", "T75-H2-HV2-Dk9-Dv21-cu0,40,40,41,75"})
      check_matches_naive(variant, shape, "mixed", {1, 2, 3, 5});
}

TEST_CASE("omp: matches naive on every input family") {
  for (Variant variant : delta_variants())
    for (const InputFamily& family : input_families()) {
      // orthonormal keys with full erasure wipe out the initial state: its gradient is rounding and nothing else
      const std::string state = family.name == "keys-orthonormal" ? "-noh0" : "";
      if (family_applies(variant, family.name)) check_matches_naive(variant, "B1-T130-H2-HV2-Dk24-Dv17" + state, std::string(family.name));
    }
}

TEST_CASE("omp: matches naive with every option, grouped heads and packed sequences") {
  for (Variant variant : delta_variants()) {
    const bool decays = info(variant).decay != Decay::none, erases = info(variant).erase != Erase::none;
    for (const std::string heads : {"H2-HV2", "H1-HV2", "H2-HV6"}) {
      const std::string shape = "B2-T45-" + heads + "-Dk13-Dv6";
      check_matches_naive(variant, shape + "-gH-bH", "mixed");
      check_matches_naive(variant, shape + "-gHV-bHV", "mixed", {2});
      check_matches_naive(variant, shape + "-l2norm-gH-bHV", "mixed");
      check_matches_naive(variant, shape + "-noh0-gHV-bH", "mixed");
      if (decays) {
        check_matches_naive(variant, shape + "-softplus-gH", "mixed", {3});
        check_matches_naive(variant, shape + "-softplus-gHV", "typical");
        check_matches_naive(variant, shape + "-bounded-gH", "mixed");
        check_matches_naive(variant, shape + "-bounded-gHV", "typical", {2});
      }
      if (erases) {
        check_matches_naive(variant, shape + "-sigmoid", "mixed");
        check_matches_naive(variant, shape + "-sigmoid-times2-bHV", "mixed");
      }
      const std::string all = decays && erases ? "-l2norm-softplus-sigmoid-times2" : "-l2norm";
      check_matches_naive(variant, "B1-T150-" + heads + "-Dk13-Dv6-cu0,0,15,15,80,81,145,150,150" + all, "mixed", {1, 3});
    }
  }
}

TEST_CASE("omp: matches naive without upstream gradients of one kind, with one bias per head, zero rows and a scale") {
  Problem p = make_problem(Variant::gdn2, ProblemShape::parse("B2-T40-H1-HV2-Dk9-Dv6-softplus-gHV-l2norm"), "keys-zero", 7);
  p.in.dt_bias = Tensor<double>({2}, 0.3);
  p.options.scale = 0.7;
  p.options.l2norm_eps = 0.0;
  for (int drop = 0; drop < 4; ++drop) {
    Problem part = p;
    if (drop % 2 == 1) part.up.d_o = {};
    if (drop / 2 == 1) part.up.dfinal_state = {};
    CAPTURE(drop);
    check_matches_naive(part, {1, 3});
  }
  p.in.dt_bias = {};
  check_matches_naive(p);
  p.options.decay_activation = DecayActivation::bounded;
  p.options.decay_lower_bound = -1.5;
  check_matches_naive(p);
}

TEST_CASE("omp: matches naive without a sequence, every gradient written") {
  for (Variant variant : {Variant::linear, Variant::gdn, Variant::gdn2}) {
    const bool decays = info(variant).decay != Decay::none;
    CAPTURE(info(variant).name);
    const Problem p = make_problem(variant, ProblemShape::parse(std::string("B0-T5-H1-HV2-Dk4-Dv3") + (decays ? "-softplus" : "")), "typical", 7);
    check_matches_naive(p, {1, 2});
  }
}

TEST_CASE("omp: matches naive with long sequences") {
  check_matches_naive(Variant::gdn2, "B1-T1000-H1-HV1-Dk48-Dv40", "mixed");
  check_matches_naive(Variant::kda, "B1-T700-H1-HV2-Dk32-Dv24", "weak", {2});
}

TEST_CASE("omp: matches naive with correlated keys, cosine 0.9, erase gates of 1 and up to 2") {
  for (Variant variant : {Variant::delta, Variant::kda, Variant::gdn2_write, Variant::gdn2_erase, Variant::gdn2})
    for (const double gate : {1.0, 1.9, 2.0}) {
      Problem p = make_problem(variant, ProblemShape::parse("B1-T200-H2-HV2-Dk32-Dv20"), "keys-correlated", 4);
      if (p.in.b.defined()) p.in.b.fill(gate);
      if (p.in.beta.defined()) p.in.beta.fill(gate);
      CAPTURE(info(variant).name);
      CAPTURE(gate);
      check_matches_naive(p);
    }
}

TEST_CASE("omp: matches naive where a sigmoid is nearly flat, in the digits of its slope too") {
  for (const double raw : {-20.0, 9.0, 20.0})
    for (Variant variant : {Variant::kda, Variant::gdn2_write, Variant::gdn2_erase, Variant::gdn2}) {
      Problem p = make_problem(variant, ProblemShape::parse("B1-T20-H1-HV1-Dk6-Dv5-bounded-sigmoid-times2"), "typical", 7);
      for (Tensor<double>* gate : {&p.in.b, &p.in.w, &p.in.beta})
        if (gate->defined()) gate->fill(raw);
      for (index_t i = 0; i < p.in.g.numel(); ++i) p.in.g[i] = raw < 0 ? raw : 3.0;
      CAPTURE(info(variant).name);
      CAPTURE(raw);
      check_matches_naive(p);
    }
}

TEST_CASE("omp: gradient matches central differences of its own forward") {
  const auto forward = [](const Inputs<double>& in, const Options& options) { return omp::forward(in, options); };
  for (Variant variant : delta_variants()) {
    std::string shape = "B1-T11-H1-HV2-Dk3-Dv2-l2norm";
    if (info(variant).decay != Decay::none) shape += "-softplus";
    if (info(variant).erase != Erase::none) shape += "-sigmoid-times2";
    const Problem p = make_problem(variant, ProblemShape::parse(shape), "typical", 3);
    CAPTURE(info(variant).name);
    const Gradients<double> expected = central_difference(p.in, p.up, p.options, forward);
    FW_CHECK_EMPTY_REASON("gradient", why_gradients_differ(omp::backward(p.in, p.up, p.options), expected, Tolerance{1e-7, 1e-6}));
  }
}

TEST_SUITE_END();
