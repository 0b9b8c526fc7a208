// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Sequences cut along time (cuda/launch/split.h): forward and backward against the recurrence in double, for every number of segments, also
// more than there are chunks; no later token seen; the same bits on every run; errors no larger than uncut.
#include "cuda/errors_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

void check_cut(Variant variant, const std::string& shape, const Cut& cut, const std::string& family = "typical") {
  CAPTURE(info(variant).name);
  CAPTURE(shape);
  CAPTURE(family);
  CAPTURE(cut.segments);
  CAPTURE(dtype_name(cut.tensors));
  const Problem p = problem_of(variant, shape, family, cut.tensors, DType::f32);
  const Errors errors = errors_of(p, cut);
  const double scale = (family.starts_with("keys-") ? 3.0 : 1.0) * (cut.tensors == DType::f16 ? 0.125 : 1.0);
  CHECK(errors.o <= 6e-3 * scale);
  CHECK(errors.state <= 6e-3 * scale);
  CHECK(errors.gradients <= 8e-3 * scale);
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("cuda segments: matches naive for every number of segments and length") {
  for (const index_t segments : {2, 3, 4, 7, 20})
    for (const char* T : {"1", "64", "130", "500", "640"})
      for (const Variant variant : {Variant::gdn2, Variant::gla}) check_cut(variant, std::string("B1-H2-Dk128-Dv128-T") + T, {segments});
  check_cut(Variant::gdn2, "B2-T0-H2-Dk64-Dv64", {3});
  check_cut(Variant::gdn2, "B1-T4000-H1-Dk128-Dv64", {16});
}

TEST_CASE("cuda segments: matches naive for every variant, width, layout, grouped heads, packed sequences") {
  for (const Variant variant : delta_variants())
    for (const char* shape : {"B2-T300-H2-HV4-Dk64-Dv36-gH-bH", "B1-T300-H1-HV2-Dk128-Dv128-gHV-bHV-noh0", "T600-H2-HV4-Dk64-Dv32-cu0,0,15,15,300,301,590,600,600-gH-bHV"})
      check_cut(variant, shape, {4});
  for (const char* shape : {"B1-T300-H1-Dk60-Dv100", "B1-T300-H1-Dk100-Dv60", "B1-T300-H1-Dk16-Dv16", "B1-T300-H1-Dk17-Dv33", "B1-T300-H1-Dk128-Dv256", "B1-T300-H1-Dk256-Dv48"})
    for (const cuda::StateLayout layout : kLayouts) check_cut(Variant::gdn2, shape, {3, DType::bf16, layout, layout == cuda::StateLayout::key_value});
  for (const DType tensors : {DType::f16, DType::f32}) check_cut(Variant::gdn2, "B1-T400-H2-Dk128-Dv128", {5, tensors});
}

TEST_CASE("cuda segments: errors are those of the uncut scan on every input family") {
  for (const Variant variant : {Variant::gdn2, Variant::kda, Variant::gdn})
    for (const InputFamily& family : input_families()) {
      if (!family_applies(variant, family.name)) continue;
      CAPTURE(info(variant).name);
      CAPTURE(std::string(family.name));
      const Problem p = problem_of(variant, family.name == "keys-orthonormal" ? "B1-T512-H2-Dk64-Dv64-noh0" : "B1-T400-H2-Dk64-Dv64", std::string(family.name), DType::bf16, DType::f32);
      const Errors whole = errors_of(p, {1}), cut = errors_of(p, {4});
      CHECK(cut.o <= 1.5 * whole.o + 1e-3);
      CHECK(cut.state <= 1.5 * whole.state + 1e-3);
      CHECK(cut.gradients <= 1.5 * whole.gradients + 1e-3);
    }
}

TEST_CASE("cuda segments: right for every decay") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kMixture[] = {0, -1e-4, -5, -20, -100, -1e4, -kInfinity, -0.1};
  for (const double decay : {0.0, -1e-4, -5.0, -20.0, -100.0, -1e4, -kInfinity, 1.0}) {
    CAPTURE(decay);
    Problem p = problem_of(Variant::gdn2, "B1-T400-H2-Dk128-Dv64", "typical", DType::bf16, DType::f32);
    for (index_t i = 0; i < p.in.g.numel(); ++i) p.in.g[i] = decay > 0 ? kMixture[(static_cast<std::uint64_t>(i) * 2654435761u >> 7) % 8] : decay;
    const Outputs<double> truth = naive::forward(p.in, p.options);
    ForwardRun run(p, DType::bf16, DType::f32, cuda::StateLayout::key_value, 3);
    run.run();
    CHECK(relative(run.o(), truth.o) <= 6e-3);
    CHECK(relative(run.final_state(), truth.final_state) <= 6e-3);
  }
}

TEST_CASE("cuda segments: bitwise repeatable, in every tile, and no output depends on a later token") {
  const Problem p = problem_of(Variant::gdn2, "B1-T400-H2-Dk128-Dv128", "mixed", DType::bf16, DType::f32);
  for (const int tile : {16, 32, 64, 128}) {
    CAPTURE(tile);
    ForwardRun a(p, DType::bf16, DType::f32, cuda::StateLayout::key_value, 4);
    a.run(tile);
    const Tensor<double> first = a.o(), state = a.final_state();
    CHECK(relative(first, naive::forward(p.in, p.options).o) <= 6e-3);
    for (int i = 0; i < 10; ++i) {
      a.run(tile);
      CHECK_BITWISE_EQUAL(a.o(), first);
      CHECK_BITWISE_EQUAL(a.final_state(), state);
    }
    for (const index_t t : {7, 128, 130, 300}) {
      Problem other = p;
      for (Tensor<double>* x : {&other.in.q, &other.in.k, &other.in.v, &other.in.b, &other.in.w, &other.in.g})
        for (index_t i = t * (x->numel() / 400); i < x->numel(); ++i) (*x)[i] *= 0.5;
      ForwardRun changed(other, DType::bf16, DType::f32, cuda::StateLayout::key_value, 4);
      changed.run(tile);
      const Tensor<double> o = changed.o();
      index_t wrong = 0;
      for (index_t i = 0; i < t * 256; ++i) wrong += o[i] != first[i];
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("cuda segments: chosen where sequences are few and long, refused out of range") {
  cuda::Call call;
  call.B = call.N = 1, call.T = 65536, call.H = call.HV = 1, call.Dk = call.Dv = 128;
  const std::size_t chosen = cuda::forward_workspace_bytes(call);
  call.segments = 1;
  CHECK(chosen > cuda::forward_workspace_bytes(call));
  call.B = call.N = 64, call.T = 1024, call.HV = call.H = 16, call.segments = 1;
  const std::size_t uncut = cuda::forward_workspace_bytes(call);
  call.segments = 0;
  CHECK(cuda::forward_workspace_bytes(call) == uncut);
  call.segments = 257;
  CHECK_THROWS_WITH_AS(cuda::forward_workspace_bytes(call), "cuda forward: segments must be in 0..256, got 257", Error);
}

TEST_SUITE_END();
