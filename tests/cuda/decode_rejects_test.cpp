// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Every refusal of the decode door says argument, expected, got, and nothing is launched.
#include "cuda/decode_fixture.h"

using namespace fw;
using namespace fw::test;

namespace {

/// What the door says after the change.
template <class Change>
std::string says(Change&& change, Variant variant = Variant::gdn2) {
  DecodeRun run(make_problem(variant, ProblemShape::parse("B2-T2-H1-HV2-Dk32-Dv16"), "mixed", 1), {});
  change(run);
  return refusal([&] { run.enqueue(); });
}

}  // namespace

TEST_SUITE_BEGIN("cuda");

TEST_CASE("cuda decode: rejects variants and sizes it does not have") {
  CHECK(says([](DecodeRun&) {}).empty());
  for (const VariantInfo& row : variants())
    if (row.family != Family::delta_rule)
      CHECK(says([&](DecodeRun& r) { r.call.options.variant = row.id; }) ==
            "decode: variant must be of the delta-rule family, got " + std::string(row.name));
  CHECK(says([](DecodeRun& r) { r.call.T = 9; }) == "decode: T must be in 1..8, got 9");
  CHECK(says([](DecodeRun& r) { r.call.T = 0; }) == "decode: T must be in 1..8, got 0");
  CHECK(says([](DecodeRun& r) { r.call.B = -1; }) == "decode: B must be in 0..65535, got -1");
  CHECK(says([](DecodeRun& r) { r.call.Dk = 15; }) == "decode: Dk must be in 16..256, got 15");
  CHECK(says([](DecodeRun& r) { r.call.Dv = 257; }) == "decode: Dv must be in 16..256, got 257");
  CHECK(says([](DecodeRun& r) { r.call.HV = 3, r.call.H = 2; }) == "decode: HV must be a multiple of H, got HV = 3, H = 2");
  CHECK(says([](DecodeRun& r) { r.call.N = 7; }) == "decode: N must be B = 2, got 7");
  CHECK(says([](DecodeRun& r) { r.call.g_heads = 0; }) == "decode: g_heads must be H = 1 or HV = 2, got 0");
  CHECK(says([](DecodeRun& r) { r.call.b_heads = 5; }) == "decode: b_heads must be H = 1 or HV = 2, got 5");
  CHECK(says([](DecodeRun& r) { r.call.B = 0; }).empty());
}

TEST_CASE("cuda decode: rejects types and options it does not have") {
  CHECK(says([](DecodeRun& r) { r.call.tensors = DType::f64; }) == "decode: tensors must be bf16, f16 or f32, got f64");
  CHECK(says([](DecodeRun& r) { r.call.g = DType::f16; }) == "decode: g must be f32 or of the tensor type f32, got f16");
  CHECK(says([](DecodeRun& r) { r.call.options.scale = std::numeric_limits<double>::infinity(); }) == "decode: scale must be finite, got inf");
  CHECK(says([](DecodeRun& r) { r.call.options.l2norm_eps = -1; }) == "decode: l2norm_eps must be finite and >= 0, got -1.000000");
  CHECK(says([](DecodeRun& r) { r.call.options.decay_activation = DecayActivation::bounded, r.call.options.decay_lower_bound = -6; }) ==
        "decode: decay_lower_bound must lie in [-5, 0), got -6.000000");
  CHECK(says([](DecodeRun& r) { r.call.options.decay_activation = DecayActivation::softplus; }, Variant::delta) ==
        "decode: decay_activation must be none for a variant without decay, got another");
}

TEST_CASE("cuda decode: rejects missing, surplus and misplaced tensors") {
  CHECK(says([](DecodeRun& r) { r.in.q = nullptr; }) == "decode: q must be given for this variant and these options, got null");
  CHECK(says([](DecodeRun& r) { r.in.g = nullptr; }) == "decode: g must be given for this variant and these options, got null");
  CHECK(says([](DecodeRun& r) { r.in.w = nullptr; }) == "decode: w must be given for this variant and these options, got null");
  CHECK(says([](DecodeRun& r) { r.in.beta = r.in.q; }) == "decode: beta must be null for this variant and these options, got a pointer");
  CHECK(says([](DecodeRun& r) { r.in.b = r.in.q; }, Variant::kda) == "decode: b must be null for this variant and these options, got a pointer");
  CHECK(says([](DecodeRun& r) { r.call.options.decay_activation = DecayActivation::softplus; }) ==
        "decode: A_log must be given for this variant and these options, got null");
  CHECK(says([](DecodeRun& r) {
          r.call.options.decay_activation = DecayActivation::softplus;
          r.in.A_log = r.in.dt_bias = r.pool.states;
          r.in.dt_bias_numel = 3;
        }).starts_with("decode: dt_bias_numel must be Hg = "));
  CHECK(says([](DecodeRun& r) { r.in.initial_state = r.pool.states; }) == "decode: initial_state must be null, as states are in the pool, got a pointer");
  CHECK(says([](DecodeRun& r) { r.pool.states = nullptr; }) == "decode: states must be given, got null");
  CHECK(says([](DecodeRun& r) { r.pool.slots = 0; }) == "decode: slots must be at least 1, got 0");
  CHECK(says([](DecodeRun& r) { r.pool.slots = 1; }) == "decode: slots must be at least B = 2 without slot numbers, got 1");
  CHECK(says([](DecodeRun& r) { r.in.q = static_cast<const char*>(r.in.q) + 1; }) == "decode: q must be aligned to its elements of 4 bytes, got another address");
}

TEST_SUITE_END();
