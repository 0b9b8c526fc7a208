// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The accurate path on the GPU: float32 tensors, errors near those of float32 itself, against the reference in double.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cuda/run_problem.h"
#include "support/results.h"

using namespace fw;
using namespace fw::test;

namespace {

constexpr double kLeastFloat = std::numeric_limits<float>::denorm_min();

/// o and states 1e-5, gradients 1e-4, of the tensor; sums of many terms against the norm of what they are made of is left to the judge.
void check_accurate(Variant variant, const std::string& shape, const std::string& family = "typical", double decay = 1.0) {
  CAPTURE(info(variant).name);
  CAPTURE(shape);
  CAPTURE(family);
  CAPTURE(decay);
  Problem p = make_problem(variant, ProblemShape::parse(shape), family, 5);
  round_problem(p, DType::f32, DType::f32);
  if (decay <= 0.0)
    for (index_t i = 0; i < p.in.g.numel(); ++i) p.in.g[i] = decay;
  const Outputs<double> truth = naive::forward(p.in, p.options);
  const Gradients<double> slopes = naive::backward(p.in, p.up, p.options);
  const cuda::ProblemResults got = cuda::run_problem(p, DType::f32, DType::f32, cuda::Precision::accurate);
  CHECK_CLOSE(got.out.o, truth.o, Tolerance{1e-5, 1e-3});
  CHECK_CLOSE(got.out.final_state, truth.final_state, Tolerance{1e-5, 1e-3});
  std::vector<const Tensor<double>*> expected;
  for_each_gradient(slopes, [&](const char*, const Tensor<double>& t) { expected.push_back(&t); });
  std::size_t i = 0;
  for_each_gradient(got.grad, [&](const char* name, const Tensor<double>& t) {
    const Tensor<double>& truth_of = *expected[i++];
    if (!t.defined() || !truth_of.defined()) return;
    if (decay <= -100.0 && std::string_view(name) == "dg") return;  // below the numbers of float32
    CAPTURE(std::string(name));
    double largest = 0;
    for (index_t j = 0; j < truth_of.numel(); ++j) largest = std::max(largest, std::abs(truth_of[j]));
    if (largest < 1e4 * kLeastFloat) {  // so few steps above 0 that float32 has no four digits there: each number within one step
      double furthest = 0;
      for (index_t j = 0; j < t.numel(); ++j) furthest = std::max(furthest, std::abs(t[j] - truth_of[j]));
      CHECK(furthest <= kLeastFloat);
      return;
    }
    CHECK_CLOSE(t, truth_of, Tolerance{1e-4, 1e300});
  });
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("cuda accurate: matches naive at every length and width") {
  for (const char* T : {"1", "2", "7", "8", "9", "63", "64", "65", "130", "200"})
    for (const Variant variant : {Variant::gdn2, Variant::gdn, Variant::linear, Variant::kda}) check_accurate(variant, std::string("B2-H2-Dk128-Dv64-T") + T);
  for (const char* shape : {"B2-T70-H2-Dk60-Dv100", "B1-T70-H1-Dk16-Dv16", "B1-T70-H1-Dk17-Dv33", "B1-T70-H1-Dk128-Dv256", "B1-T70-H1-Dk256-Dv48"})
    check_accurate(Variant::gdn2, shape);
  check_accurate(Variant::gdn2, "B2-T0-H2-Dk64-Dv64");
}

TEST_CASE("cuda accurate: matches naive for every variant and option, grouped heads, packed sequences") {
  for (const Variant variant : delta_variants()) {
    const VariantInfo& row = info(variant);
    for (const std::string shape : {"B2-T75-H2-HV6-Dk64-Dv36", "T150-H2-HV4-Dk64-Dv32-cu0,0,15,15,80,81,145,150,150"}) {
      for (const char* options : {"-gH-bH", "-gHV-bHV", "-gH-bHV-l2norm", "-noh0"}) check_accurate(variant, shape + options);
      if (row.decay != Decay::none)
        for (const char* options : {"-softplus-gH", "-bounded-gHV-l2norm"}) check_accurate(variant, shape + options);
      if (row.erase != Erase::none)
        for (const char* options : {"-sigmoid", "-sigmoid-times2-bHV"}) check_accurate(variant, shape + options);
    }
  }
}

TEST_CASE("cuda accurate: matches naive on every input family and decay") {
  for (const Variant variant : delta_variants())
    for (const InputFamily& family : input_families())
      if (family_applies(variant, family.name))
        check_accurate(variant, family.name == "keys-orthonormal" ? "B1-T130-H2-Dk64-Dv32-noh0" : "B1-T130-H2-Dk64-Dv32", std::string(family.name));
  for (const Variant variant : {Variant::gdn2, Variant::kda, Variant::gdn, Variant::gla})
    for (const double decay : {0.0, -1e-4, -5.0, -20.0, -100.0, -1e4, -std::numeric_limits<double>::infinity()}) check_accurate(variant, "B1-T150-H2-Dk128-Dv64", "typical", decay);
}

TEST_SUITE_END();
