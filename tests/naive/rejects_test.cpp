// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Every refusal says function, argument, expected, got.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/families.h"
#include "naive/reference.h"

namespace fw::test {
namespace {

std::string refusal(Variant variant, const char* shape, const std::function<void(Problem&)>& spoil, bool backward = false) {
  Problem p = make_problem(variant, ProblemShape::parse(shape), "typical", 1);
  spoil(p);
  try {
    if (backward) naive::backward(p.in, p.up, p.options);
    else naive::forward(p.in, p.options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

constexpr const char* kShape = "B2-T6-H2-HV4-Dk4-Dv3";

#define CHECK_SAYS(message, ...)                                       \
  do {                                                                 \
    const std::string said = (message);                                \
    for (const char* word : {__VA_ARGS__}) {                           \
      CAPTURE(said);                                                   \
      CHECK(said.find(word) != std::string::npos);                     \
    }                                                                  \
  } while (false)

}  // namespace

TEST_SUITE("naive") {
  TEST_CASE("delta family naive: rejects wrong shapes, naming function, argument, expected and got") {
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.w = Tensor<double>({2, 6, 4, 5}); }), "gdn2 forward", "w must be [B,T,HV,Dv] = [2,6,4,3]", "got [2,6,4,5]");
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.k = Tensor<double>({2, 5, 2, 4}); }), "k must be [B,T,H,Dk] = [2,6,2,4]", "got [2,5,2,4]");
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.g = Tensor<double>({2, 6, 3, 4}); }), "g must be", "[2,6,2,4]", "[2,6,4,4]", "got [2,6,3,4]");
    CHECK_SAYS(refusal(Variant::gdn, kShape, [](Problem& p) { p.in.g = Tensor<double>({2, 6, 4, 4}); }), "gdn forward", "g must be", "got [2,6,4,4]");
    CHECK_SAYS(refusal(Variant::kda, kShape, [](Problem& p) { p.in.beta = Tensor<double>({2, 6, 2}); }), "beta must be [B,T,HV] = [2,6,4]");
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.v = Tensor<double>({2, 6, 3, 3}); }), "HV must be a multiple of H", "HV = 3, H = 2");
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.initial_state = Tensor<double>({2, 4, 3, 4}); }), "initial_state must be [N,HV,Dk,Dv] = [2,4,4,3]");
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.up.d_o = Tensor<double>({2, 6, 4, 4}); }, true), "gdn2 backward", "do must be");
  }

  TEST_CASE("delta family naive: rejects under the name of the rule that was asked") {
    for (const VariantInfo& row : variants()) {
      if (row.family != Family::delta_rule) continue;
      const std::string name(row.name), forward = name + " forward: v is required", backward = name + " backward: dfinal_state must be [N,HV,Dk,Dv] = [2,4,4,3]";
      CHECK_SAYS(refusal(row.id, kShape, [](Problem& p) { p.in.v = {}; }), forward.c_str(), "got none");
      CHECK_SAYS(refusal(row.id, kShape, [](Problem& p) { p.up.dfinal_state = Tensor<double>({2, 4, 3, 4}); }, true), backward.c_str(), "got [2,4,3,4]");
    }
  }

  TEST_CASE("delta family naive: rejects missing and superfluous tensors") {
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.b = {}; }), "b is required by this variant", "got none");
    CHECK_SAYS(refusal(Variant::delta, kShape, [](Problem& p) { p.in.g = Tensor<double>({2, 6, 4}); }), "delta forward", "g is not used by this variant");
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.q = {}; }), "q is required");
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.options.decay_activation = DecayActivation::softplus; }), "A_log is required");
  }

  TEST_CASE("delta family naive: rejects values out of range, and lets ablations switch that off") {
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.g[3] = 0.5; }), "g must lie in [-inf, 0]", "got 0.5 at flat index 3");
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.b[1] = 2.5; }), "b must lie in [0, 2]", "got 2.5");
    CHECK_SAYS(refusal(Variant::kda, kShape, [](Problem& p) { p.in.beta[0] = -0.1; }), "beta must lie in");
    CHECK(refusal(Variant::gdn2, kShape, [](Problem& p) {
            p.in.g[3] = 0.01;
            p.options.check_ranges = false;
          }).empty());
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.options.scale = HUGE_VAL; }), "scale must be finite");
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.options.l2norm_eps = -1; }), "l2norm_eps must be");
  }

  TEST_CASE("delta family naive: rejects NaN and Inf, but not g = -inf") {
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.v[9] = std::nan(""); }), "v must be finite", "got nan at flat index 9");
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.k[0] = HUGE_VAL; }), "k must be finite");
    CHECK(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.g[0] = -HUGE_VAL; }).empty());
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.up.d_o[0] = std::nan(""); }, true), "do must be finite");
  }

  TEST_CASE("delta family naive: rejects bad packing") {
    constexpr const char* kPacked = "H1-HV2-Dk4-Dv3-cu0,2,6";
    CHECK_SAYS(refusal(Variant::gdn2, kPacked, [](Problem& p) { p.in.cu_seqlens = {0, 5, 2, 6}; }), "cu_seqlens must not decrease", "got 5 then 2");
    CHECK_SAYS(refusal(Variant::gdn2, kPacked, [](Problem& p) { p.in.cu_seqlens = {0, 2, 7}; }), "cu_seqlens must start at 0 and end at T = 6");
    CHECK_SAYS(refusal(Variant::gdn2, kPacked, [](Problem& p) { p.in.cu_seqlens = {1, 6}; }), "cu_seqlens must start at 0");
    CHECK_SAYS(refusal(Variant::gdn2, kPacked, [](Problem& p) { p.in.cu_seqlens = {0}; }), "cu_seqlens");
    CHECK_SAYS(refusal(Variant::gdn2, kShape, [](Problem& p) { p.in.cu_seqlens = {0, 6}; }), "needs B = 1, got B = 2");
    CHECK_SAYS(refusal(Variant::gdn2, kPacked, [](Problem& p) { p.in.cu_seqlens = {0, 1, 2, 6}; }), "initial_state must be");
  }
}

}  // namespace fw::test
