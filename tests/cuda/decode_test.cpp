// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decoding on the GPU against the reference token by token in double on the same rounded numbers: only arithmetic differs.
#include "cuda/decode_fixture.h"

using namespace fw;
using namespace fw::test;

TEST_SUITE_BEGIN("cuda");

TEST_CASE("cuda decode: matches naive at every width, layout and tiling") {
  for (const cuda::StateLayout layout : kLayouts)
    for (const cuda::DecodeTiling tiling : kTilings)
      for (const char* shape : {"B2-T1-H2-Dk128-Dv128", "B3-T3-H1-HV2-Dk64-Dv64", "B2-T2-H2-Dk60-Dv100", "B2-T2-H1-Dk100-Dv60", "B1-T2-H3-Dk16-Dv16",
                                "B2-T2-H1-Dk17-Dv33", "B1-T8-H2-Dk256-Dv256", "B1-T3-H1-Dk130-Dv66", "B1-T3-H2-Dk196-Dv20", "B1-T2-H1-Dk64-Dv256",
                                "B1-T2-H1-Dk255-Dv63", "B5-T1-H1-Dk32-Dv48"})
        for (const Variant variant : {Variant::gdn2, Variant::gdn})
          check_decode(variant, shape, {.layout = layout, .tiling = tiling});
}

TEST_CASE("cuda decode: matches naive for every variant and option, grouped heads") {
  for (const Variant variant : delta_variants()) {
    const VariantInfo& row = info(variant);
    for (const cuda::StateLayout layout : kLayouts)
      for (const std::string shape : {"B2-T3-H2-HV6-Dk64-Dv36", "B2-T2-H1-HV2-Dk144-Dv32", "B2-T2-H2-HV2-Dk50-Dv22"}) {
        for (const char* options : {"-gH-bH", "-gHV-bHV", "-gH-bHV-l2norm", "-noh0"}) check_decode(variant, shape + options, {.layout = layout});
        if (row.decay != Decay::none)
          for (const char* options : {"-softplus-gH", "-softplus-gHV-l2norm", "-bounded-gH", "-bounded-gHV"}) check_decode(variant, shape + options, {.layout = layout});
        if (row.erase != Erase::none)
          for (const char* options : {"-sigmoid", "-sigmoid-times2-bHV"}) check_decode(variant, shape + options, {.layout = layout});
      }
  }
}

TEST_CASE("cuda decode: matches naive in every tensor type, g in its own or in theirs") {
  for (const Variant variant : delta_variants())
    for (const cuda::StateLayout layout : kLayouts)
      for (const DType tensors : {DType::bf16, DType::f16, DType::f32})
        for (const DType g : {DType::f32, tensors})
          for (const char* shape : {"B2-T3-H2-HV4-Dk128-Dv64-l2norm", "B1-T2-H2-Dk60-Dv52", "B1-T2-H1-Dk33-Dv35"})
            check_decode(variant, shape, {.tensors = tensors, .g = g, .layout = layout});
}

TEST_CASE("cuda decode: matches naive on every input family") {
  for (const Variant variant : delta_variants())
    for (const InputFamily& family : input_families())
      if (family_applies(variant, family.name))
        for (const cuda::StateLayout layout : kLayouts)
          check_decode(variant, family.name == "keys-orthonormal" ? "B2-T8-H2-Dk64-Dv32-noh0" : "B2-T8-H2-Dk64-Dv32", {.layout = layout}, std::string(family.name));
}

TEST_CASE("cuda decode: g = -inf forgets, with nothing left over") {
  for (const Variant variant : {Variant::mamba2, Variant::gla, Variant::gdn, Variant::kda, Variant::gdn2})
    for (const cuda::StateLayout layout : kLayouts) {
      Problem p = rounded(make_problem(variant, ProblemShape::parse("B2-T1-H2-Dk64-Dv32"), "mixed", 3), DType::f32, DType::f32);
      p.in.g.fill(-std::numeric_limits<double>::infinity());
      Problem fresh = p;
      fresh.in.initial_state = {};
      DecodeRun run(p, {.layout = layout}), from_zero(fresh, {.layout = layout});
      run.step();
      from_zero.step();
      CHECK_ALL_FINITE(run.o());
      CHECK_CLOSE(run.o(), from_zero.o(), kExact);
      CHECK_CLOSE(run.states().cast<double>(), from_zero.states().cast<double>(), kExact);
    }
}

TEST_CASE("cuda decode: a scale of one's own, an eps of one's own") {
  for (const cuda::StateLayout layout : kLayouts) {
    Problem p = rounded(make_problem(Variant::gdn2, ProblemShape::parse("B2-T3-H2-Dk64-Dv32-l2norm"), "mixed", 5), DType::f32, DType::f32);
    p.options.scale = -0.7;
    p.options.l2norm_eps = 0.5;
    const Outputs<double> truth = naive::forward(p.in, p.options);
    DecodeRun run(p, {.layout = layout});
    run.step();
    CHECK_CLOSE(run.o(), truth.o, Tolerance{2e-6, 2e-5});
    CHECK_CLOSE(run.states().cast<double>(), truth.final_state, Tolerance{2e-6, 2e-5});
  }
}

TEST_CASE("cuda decode: both layouts agree") {
  for (const Variant variant : delta_variants()) {
    const Problem p = rounded(make_problem(variant, ProblemShape::parse("B2-T4-H2-HV4-Dk128-Dv96"), "mixed", 5), DType::f32, DType::f32);
    DecodeRun a(p, {}), b(p, {.layout = cuda::StateLayout::value_key});
    a.step();
    b.step();
    CHECK_CLOSE(a.o(), b.o(), Tolerance{2e-6, 2e-5});
    CHECK_CLOSE(a.states().cast<double>(), b.states().cast<double>(), Tolerance{2e-6, 2e-5});
  }
}

TEST_CASE("cuda decode: collapsed gates give the narrower rule, bit for bit") {
  for (const cuda::StateLayout layout : kLayouts) {
    Problem wide = rounded(make_problem(Variant::gdn2, ProblemShape::parse("B2-T3-H2-Dk64-Dv32-gHV-bHV"), "mixed", 5), DType::f32, DType::f32);
    Problem narrow = rounded(make_problem(Variant::kda, ProblemShape::parse("B2-T3-H2-Dk64-Dv32-gHV"), "mixed", 5), DType::f32, DType::f32);
    narrow.in.g = wide.in.g;
    for (index_t i = 0; i < narrow.in.beta.numel(); ++i) {
      for (index_t c = 0; c < 64; ++c) wide.in.b[i * 64 + c] = narrow.in.beta[i];
      for (index_t c = 0; c < 32; ++c) wide.in.w[i * 32 + c] = narrow.in.beta[i];
    }
    wide.in.q = narrow.in.q, wide.in.k = narrow.in.k, wide.in.v = narrow.in.v, wide.in.initial_state = narrow.in.initial_state;
    DecodeRun a(wide, {.layout = layout}), b(narrow, {.layout = layout});
    a.step();
    b.step();
    CHECK_BITWISE_EQUAL(a.o(), b.o());
    CHECK_BITWISE_EQUAL(a.states(), b.states());
  }
}

TEST_CASE("cuda decode: fails when broken") {
  const Problem p = rounded(make_problem(Variant::gdn2, ProblemShape::parse("B1-T3-H1-HV2-Dk64-Dv32"), "mixed", 5), DType::f32, DType::f32);
  const Outputs<double> truth = naive::forward(p.in, p.options);
  const Tolerance loose{1e-4, 1e-3};
  const auto o_of = [&](const Problem& problem) {
    DecodeRun run(problem, {});
    run.step();
    return run.o();
  };
  CHECK_CLOSE(o_of(p), truth.o, loose);
  Problem wrong = p;
  wrong.options.scale = 0.3;
  CHECK_NOT_CLOSE(o_of(wrong), truth.o, loose);
  wrong = p;
  wrong.in.initial_state = {};
  CHECK_NOT_CLOSE(o_of(wrong), truth.o, loose);
  wrong = p;
  std::rotate(wrong.in.g.data(), wrong.in.g.data() + 7, wrong.in.g.data() + wrong.in.g.numel());
  CHECK_NOT_CLOSE(o_of(wrong), truth.o, loose);
  wrong = p;
  std::rotate(wrong.in.b.data(), wrong.in.b.data() + 7, wrong.in.b.data() + wrong.in.b.numel());
  CHECK_NOT_CLOSE(o_of(wrong), truth.o, loose);
}

TEST_SUITE_END();
