// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The yardstick: the error of an ideal chunk kernel of a precision. Both ends are held: an emulation that rounds less than a
// kernel must would make the judge too strict, one that rounds more too lax.
#include "chunkwise/problems_fixture.h"

using namespace fw;
using namespace fw::test;
using chunkwise::Rounding;
using chunkwise::Settings;
using Products = Rounding::Products;

namespace {

/// Limits of the relative error of a family, as multiples of half a unit in the last place of the operands.
struct Noise {
  const char* family;
  double o_low, o_high, gradient_high;
};
const Noise kNoise[] = {{"typical", 0.7, 1.6, 2.2},         {"mixed", 0.8, 1.9, 2.6},     {"weak", 0.8, 1.9, 2.6},
                        {"strong", 0.4, 1.5, 2.2},          {"zero", 0.7, 1.9, 2.6},      {"gates-wide", 1.0, 2.4, 3.2},
                        {"keys-correlated", 1.5, 4.5, 6.5}, {"hard-mask", 0.6, 1.7, 2.4}, {"positive", 0.8, 1.9, 2.6},
                        {"keys-positive", 1.2, 4.0, 4.5}};

Problem noisy_problem(const char* family, DType type, const char* shape = "B1-T256-H2-HV2-Dk64-Dv48") {
  Problem p = make_problem(Variant::gdn2, ProblemShape::parse(shape), family, 3);
  round_problem(p, type, DType::f32);
  return p;
}

void check_noise(const std::vector<Named<double>>& got, const std::vector<Named<double>>& truth, const Noise& limit, double unit) {
  REQUIRE(got.size() == truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double error = compare(got[i].value, truth[i].value, kExact).rel_l2 / unit;
    CAPTURE(truth[i].name);
    if (truth[i].name == "o") CHECK(error > limit.o_low);
    const double high = truth[i].name == "o" ? limit.o_high : limit.gradient_high;
    CHECK(!(error > high));
  }
}

}  // namespace

TEST_SUITE_BEGIN("chunkwise");

TEST_CASE("rounding noise: bf16, f16, tf32 and float each make the error their precision must") {
  for (const Noise& limit : kNoise) {
    CAPTURE(limit.family);
    for (auto [products, type, unit] :
         {std::tuple{Products::bf16, DType::bf16, 0x1p-8}, {Products::f16, DType::f16, 0x1p-11}, {Products::tf32, DType::f32, 0x1p-11}}) {
      CAPTURE(static_cast<int>(products));
      const Problem p = noisy_problem(limit.family, type);
      check_noise(chunkwise_results(p, {64, 16, {products, false}}), naive_results(p), limit, unit);
    }
    const Problem p = noisy_problem(limit.family, DType::f32);
    const auto narrow = chunkwise_results(cast_inputs<float>(p.in), cast_upstream<float>(p.up), p.options);
    std::vector<Named<double>> wide;
    for (const auto& one : narrow) wide.push_back({one.name, one.value.cast<double>()});
    check_noise(wide, naive_results(p), {limit.family, limit.o_low, 4 * limit.o_high, 4 * limit.gradient_high}, 0x1p-24);
  }
}

TEST_CASE("rounding noise: flat in T while the state is carried in full, larger once it is carried in bf16") {
  for (bool bf16_state : {false, true}) {
    double error[2];
    for (int i = 0; i < 2; ++i) {
      const Problem p = noisy_problem("weak", DType::bf16, i == 0 ? "B1-T128-H1-HV1-Dk64-Dv64" : "B1-T1024-H1-HV1-Dk64-Dv64");
      const Outputs<double> out = chunkwise::forward(p.in, p.options, {64, 16, {Products::bf16, bf16_state}});
      error[i] = compare(out.final_state, naive::forward(p.in, p.options).final_state, kExact).rel_l2;
    }
    CAPTURE(bf16_state);
    CHECK(error[1] < 1.3 * error[0]);
    if (bf16_state) CHECK(error[1] > 4.2e-3);
  }
}

TEST_CASE("rounding noise: bf16 state alone, products exact") {
  const Problem p = noisy_problem("weak", DType::bf16);
  const Outputs<double> out = chunkwise::forward(p.in, p.options, {64, 16, {Products::exact, true}});
  const double error = compare(out.final_state, naive::forward(p.in, p.options).final_state, kExact).rel_l2;
  CHECK(error > 1e-3);
  CHECK(error < 5e-3);
}

TEST_CASE("rounding noise: works for every variant and with normalisation inside the rule") {
  for (Variant variant : delta_variants()) {
    Problem p = make_problem(variant, ProblemShape::parse("B1-T150-H1-HV2-Dk32-Dv24-l2norm"), "mixed", 3);
    round_problem(p, DType::bf16, DType::f32);
    CAPTURE(info(variant).name);
    const auto got = chunkwise_results(p, {64, 16, {Products::bf16, false}}), truth = naive_results(p);
    for (std::size_t i = 0; i < truth.size(); ++i) {
      // a mean gate has one and the same gradient in all channels: a row of it is one number, measured against the tensor
      const bool mean =
          (truth[i].name == "db" && info(variant).erase == Erase::mean) || (truth[i].name == "dw" && info(variant).write == Write::mean);
      CAPTURE(truth[i].name);
      CHECK_CLOSE(got[i].value, truth[i].value, Tolerance{1.2e-2, 4e-2}, mean ? 1 : 0);
    }
  }
}

TEST_SUITE_END();
