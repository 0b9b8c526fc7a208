// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The chunk form on the GPU against the reference token by token in double, on the same rounded numbers.
#include "cuda/forward_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

/// What an ideal kernel with operands in bf16 errs, and a half more (docs/numerics.md, noise of ideal kernels): keys that repeat make
/// the system of a chunk ill-conditioned for any kernel.
double limit_of(const std::string& family, DType tensors) {
  const bool repeats = family == "keys-correlated" || family == "keys-duplicate" || family == "keys-identical" || family == "keys-positive";
  return (repeats ? 1.5e-2 : 6e-3) * (tensors == DType::bf16 ? 1.0 : 0.125);
}

void check_forward(Variant variant, const std::string& shape, const std::string& family = "typical", DType tensors = DType::bf16, DType g = DType::f32,
                   int tile = 0, cuda::StateLayout layout = cuda::StateLayout::key_value) {
  CAPTURE(info(variant).name);
  CAPTURE(shape);
  CAPTURE(family);
  CAPTURE(dtype_name(tensors));
  CAPTURE(dtype_name(g));
  const Problem p = rounded(make_problem(variant, ProblemShape::parse(shape), family, 5), tensors, g);
  const Outputs<double> truth = naive::forward(p.in, p.options);
  ForwardRun run(p, tensors, g, layout);
  run.run(tile);
  const double limit = limit_of(family, tensors);
  CHECK_CLOSE(run.o(), truth.o, Tolerance{limit, 8 * limit});
  CHECK_CLOSE(run.final_state(), truth.final_state, Tolerance{limit, 8 * limit});
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("cuda forward: matches naive at every length") {
  for (const char* T : {"1", "2", "15", "16", "17", "31", "63", "64", "65", "100", "128", "130", "200"})
    for (const Variant variant : {Variant::gdn2, Variant::gdn, Variant::linear, Variant::kda}) check_forward(variant, std::string("B2-H2-Dk128-Dv128-T") + T, "typical");
  check_forward(Variant::gdn2, "B2-T0-H2-Dk64-Dv64");
}

TEST_CASE("cuda forward: matches naive at every width and tile, both layouts") {
  for (const char* shape : {"B2-T100-H2-Dk128-Dv64", "B1-T130-H1-HV2-Dk64-Dv128", "B2-T70-H2-Dk60-Dv100", "B1-T70-H1-Dk100-Dv60", "B1-T70-H1-Dk16-Dv16",
                            "B1-T70-H1-Dk17-Dv33", "B1-T70-H1-Dk128-Dv256", "B1-T70-H1-Dk256-Dv48"})
    for (const int tile : {16, 32, 64, 128})
      for (const cuda::StateLayout layout : kLayouts) check_forward(Variant::gdn2, shape, "typical", DType::bf16, DType::f32, tile, layout);
}

TEST_CASE("cuda forward: matches naive for every variant and option, grouped heads, packed sequences") {
  for (const Variant variant : delta_variants()) {
    const VariantInfo& row = info(variant);
    for (const std::string shape : {"B2-T75-H2-HV6-Dk64-Dv36", "B1-T150-H1-HV2-Dk128-Dv32", "T150-H2-HV4-Dk64-Dv32-cu0,0,15,15,80,81,145,150,150"}) {
      for (const char* options : {"-gH-bH", "-gHV-bHV", "-gH-bHV-l2norm", "-noh0"}) check_forward(variant, shape + options, "typical");
      if (row.decay != Decay::none)
        for (const char* options : {"-softplus-gH", "-softplus-gHV-l2norm", "-bounded-gH", "-bounded-gHV"}) check_forward(variant, shape + options, "typical");
      if (row.erase != Erase::none)
        for (const char* options : {"-sigmoid", "-sigmoid-times2-bHV"}) check_forward(variant, shape + options, "typical");
    }
  }
}

TEST_CASE("cuda forward: matches naive on every input family and tensor type") {
  for (const Variant variant : delta_variants())
    for (const InputFamily& family : input_families())
      if (family_applies(variant, family.name))
        for (const DType tensors : {DType::bf16, DType::f16}) {
          if (tensors == DType::f16 && family.name == "magnitude-tiny") continue;  // below the smallest numbers of f16
          check_forward(variant, family.name == "keys-orthonormal" ? "B1-T130-H2-Dk64-Dv32-noh0" : "B1-T130-H2-Dk64-Dv32", std::string(family.name), tensors);
        }
}

TEST_CASE("cuda forward: bitwise repeatable, and no output depends on a later token") {
  const Problem p = rounded(make_problem(Variant::gdn2, ProblemShape::parse("B2-T200-H2-Dk128-Dv128"), "mixed", 5), DType::bf16, DType::f32);
  ForwardRun a(p, DType::bf16, DType::f32);
  a.run();
  const Tensor<double> first = a.o(), state = a.final_state();
  for (int i = 0; i < 20; ++i) {
    a.run();
    CHECK_BITWISE_EQUAL(a.o(), first);
    CHECK_BITWISE_EQUAL(a.final_state(), state);
  }
  for (const index_t t : {0, 7, 63, 64, 130}) {
    Problem other = p;
    for (Tensor<double>* x : {&other.in.q, &other.in.k, &other.in.v, &other.in.b, &other.in.w, &other.in.g})
      for (index_t b = 0; b < 2; ++b)
        for (index_t i = t * (x->numel() / 400); i < x->numel() / 2; ++i) (*x)[b * (x->numel() / 2) + i] *= 0.5;
    ForwardRun changed(other, DType::bf16, DType::f32);
    changed.run();
    const Tensor<double> o = changed.o();
    index_t wrong = 0;
    for (index_t b = 0; b < 2; ++b)
      for (index_t i = 0; i < t * 256; ++i) wrong += o[b * 200 * 256 + i] != first[b * 200 * 256 + i];
    CAPTURE(t);
    CHECK(wrong == 0);
  }
}

TEST_SUITE_END();
