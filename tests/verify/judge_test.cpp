// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The judge as a whole: right kernels of every precision pass on every family, wrong ones do not, and what cannot be
// decided is said to be so.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "chunkwise/chunkwise.h"
#include "naive/reference.h"
#include "support/check.h"
#include "verify/judge.h"
#include "verify/report.h"

using namespace fw;
using namespace fw::verify;

namespace {

DType type_of(Precision p) { return p == Precision::bf16 ? DType::bf16 : p == Precision::fp16 ? DType::f16 : p == Precision::fp64 ? DType::f64 : DType::f32; }

StoredTypes stored_as(const Results& results, DType tensor) {
  StoredTypes types{{"q", tensor}};
  for_each_result(results, [&](const char* name, const Tensor<double>& t, Direction) {
    const bool state = std::string_view(name).find("state") != std::string_view::npos;
    if (t.defined()) types[name] = state && tensor != DType::f64 ? DType::f32 : tensor;
  });
  return types;
}

/// An emulated right kernel of that precision that is not the judge's yardstick: chunks of 48.
Call right_kernel(Variant variant, const char* shape, std::string_view family, Precision precision, std::uint64_t seed) {
  Call call;
  call.problem = make_problem(variant, ProblemShape::parse(shape), family, seed);
  const DType tensor = type_of(precision);
  round_problem(call.problem, tensor, gate_dtype_of(tensor));
  call.results = yardstick(call.problem, precision, true, {}, 48, 1);
  call.stored = stored_as(call.results, tensor);
  round_results(call.results, call.stored);
  return call;
}

/// A token-by-token kernel: float32 state and arithmetic, inputs and outputs in the tensor type.
Call recurrent_kernel(std::string_view family, DType tensor, std::uint64_t seed) {
  Call call;
  call.problem = make_problem(Variant::gdn2, ProblemShape::parse("B1-T130-H2-HV2-Dk16-Dv24"), family, seed);
  round_problem(call.problem, tensor, gate_dtype_of(tensor));
  call.results = yardstick(call.problem, Precision::fp32, true, {}, 16, 1);
  call.stored = stored_as(call.results, tensor);
  round_results(call.results, call.stored);
  return call;
}

JudgeSettings quick(bool bank = false) {
  JudgeSettings settings;
  settings.threads = 1;
  settings.bank = bank;
  return settings;
}

std::string failing(const Judgement& j) {
  std::string text;
  for (const TensorReport& r : j.tensors)
    if (r.verdict != Verdict::right)
      text += r.name + " " + std::string(verdict_name(r.verdict)) + " " + std::to_string(r.error.rel_l2) + "/" + std::to_string(r.limit.global) + " worst " +
              std::to_string(r.error.worst_row) + "/" + std::to_string(r.limit.worst_row) + "; ";
  return text;
}

}  // namespace

TEST_SUITE("verify") {
  TEST_CASE("judge: no right kernel is rejected, on any family at any precision") {
    for (const InputFamily& family : input_families()) {
      if (!family_applies(Variant::gdn2, family.name)) continue;
      for (Precision precision : {Precision::bf16, Precision::fp16, Precision::tf32, Precision::fp32, Precision::fp64})
        for (std::uint64_t seed : {1, 2}) {
          CAPTURE(std::string(family.name));
          CAPTURE(std::string(precision_name(precision)));
          CAPTURE(seed);
          Call call = right_kernel(Variant::gdn2, "B1-T140-H2-HV4-Dk16-Dv24", family.name, precision, seed);
          JudgeSettings settings = quick();
          settings.precision = precision;
          const Judgement j = judge(call, settings);
          CHECK_MESSAGE(j.verdict != Verdict::wrong, failing(j));
        }
      for (DType tensor : {DType::bf16, DType::f16, DType::f32}) {
        const Judgement j = judge(recurrent_kernel(family.name, tensor, 3), quick());
        CHECK_MESSAGE(j.verdict != Verdict::wrong, std::string(family.name), " recurrent ", dtype_name(tensor), ": ", failing(j));
      }
    }
  }

  TEST_CASE("judge: every variant's right kernel passes with a clear verdict on the default family") {
    for (const auto& row : variants())
      for (Precision precision : {Precision::bf16, Precision::fp32}) {
        const bool mimo = row.id == Variant::mamba3_mimo;
        const Judgement j = judge(right_kernel(row.id, mimo ? "B2-T70-H2-HV2-Dk8-Dv12-M2" : "B2-T70-H2-HV2-Dk8-Dv12", "mixed", precision, 4), quick());
        CHECK_MESSAGE(j.verdict == Verdict::right, row.name, " ", precision_name(precision), ": ", failing(j));
      }
  }

  TEST_CASE("judge: gates that enter through their mean are judged as one number a row") {
    for (Variant variant : {Variant::gdn2_write, Variant::gdn2_erase})
      for (const char* family : {"typical", "mixed", "strong", "gates-wide", "keys-correlated"})
        for (std::uint64_t seed : {1, 2, 3}) {
          const Judgement j = judge(right_kernel(variant, "B1-T140-H2-HV2-Dk32-Dv32", family, Precision::bf16, seed), quick());
          CHECK_MESSAGE(j.verdict != Verdict::wrong, family, ": ", failing(j));
        }
  }

  TEST_CASE("judge: float32 tensors from tf32 products are seen as such, and refused when float32 is demanded") {
    Call call = right_kernel(Variant::gdn2, "B1-T100-H2-HV2-Dk16-Dv24", "mixed", Precision::tf32, 1);
    Judgement j = judge(call, quick());
    CHECK(j.verdict == Verdict::right);
    CHECK(j.seen_as_tf32);
    CHECK(j.precision == Precision::tf32);
    JudgeSettings strict = quick();
    strict.precision = Precision::fp32;
    CHECK(judge(call, strict).verdict == Verdict::wrong);
    Call exact = right_kernel(Variant::gdn2, "B1-T100-H2-HV2-Dk16-Dv24", "mixed", Precision::fp32, 1);
    j = judge(exact, quick());
    CHECK(j.verdict == Verdict::right);
    CHECK(!j.seen_as_tf32);
  }

  TEST_CASE("judge: names a mistake, says where, and lists what the inputs could not show") {
    Call call = right_kernel(Variant::gdn2, "B1-T200-H2-HV2-Dk16-Dv24", "weak", Precision::bf16, 1);
    const Bench bench = make_bench(call.problem, true, 64, {}, 1);
    const Results wrong = mistake("carry-dropped").run(bench);
    for (index_t i = 0; i < call.results.out.o.numel(); ++i) call.results.out.o[i] += wrong.out.o[i] - bench.truth.out.o[i];
    for (index_t i = 0; i < call.results.out.final_state.numel(); ++i) call.results.out.final_state[i] += wrong.out.final_state[i] - bench.truth.out.final_state[i];
    const Judgement j = judge(call, quick(true));
    CHECK(j.verdict == Verdict::wrong);
    REQUIRE(j.forward);
    REQUIRE(j.forward->named);
    CHECK(j.forward->group.front().mistake->id == "carry-dropped");
    CHECK(!j.backward);
    CHECK(j.applicable > 45);
    CHECK(j.caught + static_cast<index_t>(j.blind.size()) == j.applicable);
    REQUIRE(j.tensors.front().where);
    CHECK(j.tensors.front().where->first.token >= 64);
    const std::string text = text_report(j, {"x.safetensors", "", true});
    CHECK(text.find("WRONG") == 0);
    CHECK(text.find("carry-dropped") != std::string::npos);
    CHECK(json_report(j, {"x.safetensors", "", true}).find("\"verdict\": \"wrong\"") != std::string::npos);
  }

  TEST_CASE("judge: a mistake nobody knows gets no name") {
    Call call = right_kernel(Variant::gdn2, "B1-T130-H2-HV2-Dk16-Dv24", "mixed", Precision::bf16, 1);
    for (index_t i = 0; i < call.results.out.o.numel(); ++i) call.results.out.o[i] += 0.2 * std::sin(static_cast<double>(i * i % 1013)) * std::fabs(call.results.out.o[i]);
    const Judgement j = judge(call, quick(true));
    CHECK(j.verdict == Verdict::wrong);
    REQUIRE(j.forward);
    CHECK(!j.forward->named);
    CHECK(text_report(j, {"x", "", false}).find("no known signature") != std::string::npos);
  }

  TEST_CASE("judge: NaN in the kernel is wrong, wherever it is") {
    Call call = right_kernel(Variant::gdn2, "B1-T100-H2-HV2-Dk16-Dv24", "mixed", Precision::bf16, 1);
    call.results.grad.dw[7] = std::numeric_limits<double>::quiet_NaN();
    const Judgement j = judge(call, quick());
    CHECK(j.verdict == Verdict::wrong);
    for (const TensorReport& r : j.tensors) CHECK((r.verdict == Verdict::wrong) == (r.name == "dw"));
  }

  TEST_CASE("judge: rejects what it cannot judge, by name") {
    const auto message = [](Call call) -> std::string {
      try {
        judge(call, quick());
      } catch (const Error& error) {
        return error.what();
      }
      return "";
    };
    const Call right = right_kernel(Variant::gdn2, "B1-T20-H2-HV2-Dk8-Dv8", "mixed", Precision::bf16, 1);
    Call call = right;
    call.results.out.o = Tensor<double>({1, 20, 2, 7});
    CHECK(message(call).find("o must be [1,20,2,8], got [1,20,2,7]") != std::string::npos);
    call = right;
    call.problem.up = {};
    CHECK(message(call).find("expected do") != std::string::npos);
    call = right;
    call.results = {};
    CHECK(message(call).find("expected o or gradients") != std::string::npos);
    call = right;
    call.problem.in.w = {};
    CHECK(message(call).find("w is required") != std::string::npos);
  }

  TEST_CASE("judge: T = 0 is decided exactly") {
    Call call = right_kernel(Variant::gdn2, "B2-T0-H2-HV2-Dk8-Dv8", "mixed", Precision::bf16, 1);
    CHECK(judge(call, quick()).verdict == Verdict::right);
    call.results.out.final_state[3] += 1.0;
    CHECK(judge(call, quick()).verdict == Verdict::wrong);
  }

  TEST_CASE("tolerances: floors stand under caps, for every precision and tensor") {
    for (Precision p : {Precision::fp64, Precision::fp32, Precision::tf32, Precision::fp16, Precision::bf16})
      for (const char* name : {"o", "final_state", "dq", "dk", "dv", "dg", "db", "dw", "dbeta", "dA_log", "dinitial_state"}) {
        const ToleranceRule rule = tolerance_rule(p, name);
        CHECK(rule.floor.global <= rule.cap);
        CHECK(rule.floor.worst_row <= 3 * rule.cap);
        CHECK(rule.cap < 0.1);
        CHECK(precision_from_name(precision_name(p)) == p);
      }
    CHECK_THROWS_AS(precision_from_name("fp8"), Error);
  }
}
