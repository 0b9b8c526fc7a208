// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The kernels that are chosen where blocks have 163 KB of shared memory and there is no wide matrix instruction (sm_80), on the device at hand:
// fewer images on their way, half the key channels a block in the backward, keys wider than 128 token by token.
#include "cuda/errors_fixture.h"
#include "cuda/launch/plan.h"
#include "cuda/run_problem.h"

using namespace fw;
using namespace fw::test;

namespace {

struct SmallBlocks {
  SmallBlocks() { cuda::pretend_shared_block(163 * 1024); }
  ~SmallBlocks() { cuda::pretend_shared_block(0); }
};

void check_small(Variant variant, const std::string& shape, const Cut& cut = {}) {
  CAPTURE(info(variant).name);
  CAPTURE(shape);
  CAPTURE(dtype_name(cut.tensors));
  const Errors errors = errors_of(problem_of(variant, shape, "typical", cut.tensors, DType::f32), cut);
  CHECK(errors.o <= 6e-3);
  CHECK(errors.state <= 6e-3);
  CHECK(errors.gradients <= 8e-3);
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("cuda small blocks: matches naive for every variant and width") {
  const SmallBlocks small;
  for (const Variant variant : delta_variants())
    for (const char* shape : {"B1-T130-H2-Dk128-Dv128", "B1-T100-H1-HV2-Dk256-Dv64-gHV-bH", "B2-T70-H2-Dk64-Dv100", "T200-H1-HV2-Dk130-Dv32-cu0,0,15,15,200-gH-bHV-noh0"})
      check_small(variant, shape);
}

TEST_CASE("cuda small blocks: wide keys of every type, layout and option; segments") {
  const SmallBlocks small;
  for (const DType tensors : {DType::bf16, DType::f16, DType::f32})
    for (const cuda::StateLayout layout : kLayouts) check_small(Variant::gdn2, "B1-T100-H2-Dk200-Dv64", {0, tensors, layout, layout == cuda::StateLayout::key_value});
  for (const char* options : {"-l2norm-softplus", "-l2norm-sigmoid-times2", "-bounded"}) check_small(Variant::gdn2, std::string("B1-T100-H2-Dk256-Dv64") + options);
  check_small(Variant::gdn2, "B1-T500-H2-Dk128-Dv128", {4});
  check_small(Variant::kda, "B1-T500-H2-Dk128-Dv64", {3});
}

TEST_CASE("cuda small blocks: the accurate mode is as accurate") {
  const SmallBlocks small;
  for (const char* shape : {"B1-T130-H2-Dk128-Dv64", "B1-T70-H1-Dk256-Dv48", "B1-T70-H1-Dk60-Dv100"}) {
    CAPTURE(std::string(shape));
    const Problem p = problem_of(Variant::gdn2, shape, "typical", DType::f32, DType::f32);
    const cuda::ProblemResults got = cuda::run_problem(p, DType::f32, DType::f32, cuda::Precision::accurate);
    CHECK(relative(got.out.o, naive::forward(p.in, p.options).o) <= 1e-5);
    const Gradients<double> truth = naive::backward(p.in, p.up, p.options);
    CHECK(relative(got.grad.dk, truth.dk) <= 1e-4);
    CHECK(relative(got.grad.dg, truth.dg) <= 1e-4);
    CHECK(relative(got.grad.dw, truth.dw) <= 1e-4);
  }
}

TEST_SUITE_END();
