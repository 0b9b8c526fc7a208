// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/case_file.h"
#include "core/families.h"
#include "naive/reference.h"
#include "program.h"
#include "support/check.h"

using namespace fw;
using test::fastweight;
using test::has;

namespace {

CaseFile golden(const test::Scratch& here, const std::string& arguments) {
  const test::Run run = fastweight(here, "golden -o g.safetensors " + arguments);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return read_case(read_safetensors(here.file("g.safetensors")));
}

}  // namespace

TEST_SUITE("cli") {
  TEST_CASE("golden cli: bitwise repeatable, whatever the number of threads; another seed gives another file") {
    const test::Scratch here;
    const std::string call = "golden --variant gdn2 --shape B2-T70-H2-HV4-Dk8-Dv12 --dtype bf16 --seed 5 -o ";
    CHECK(fastweight(here, call + "a --threads 1").status == 0);
    CHECK(fastweight(here, call + "b --threads 3").status == 0);
    CHECK(fastweight(here, call + "c --seed 6").status == 1);
    CHECK(fastweight(here, "golden --variant gdn2 --shape B2-T70-H2-HV4-Dk8-Dv12 --dtype bf16 --seed 6 -o c").status == 0);
    const std::string a = test::slurp(here.file("a"));
    CHECK(a.size() > 10000);
    CHECK(a == test::slurp(here.file("b")));
    CHECK(a != test::slurp(here.file("c")));
  }

  TEST_CASE("golden cli: the truth is the naive result of the rounded inputs, bit for bit, for every rule and type") {
    const test::Scratch here;
    for (const VariantInfo& row : variants())
      for (const char* dtype : {"f64", "bf16"}) {
        CAPTURE(row.name);
        CAPTURE(dtype);
        const CaseFile file = golden(here, "--variant " + std::string(row.name) + " --shape B2-T9-H1-HV2-Dk4-Dv3-M2-P1-W4 --dtype " + dtype);
        CHECK(file.warnings.empty());
        const Outputs<double> out = naive::forward(file.in, file.options);
        const Gradients<double> grad = naive::backward(file.in, file.up, file.options);
        std::map<std::string, Tensor<double>> truth;
        const auto keep = [&](const char* name, const Tensor<double>& t) { truth[name] = t; };
        for_each_output(out, keep);
        for_each_gradient(grad, keep);
        const auto check = [&](const char* name, const Tensor<double>& t) {
          CAPTURE(name);
          CHECK_BITWISE_EQUAL(t, truth.at(name));
        };
        for_each_output(file.out, check);
        for_each_gradient(file.grad, check);
        CHECK(file.dtypes.at("q") == (std::string(dtype) == "bf16" ? DType::bf16 : DType::f64));
      }
  }

  TEST_CASE("golden cli: types and metadata are as asked for") {
    const test::Scratch here;
    const CaseFile file = golden(here, "--variant kda --shape B1-T5-H2-Dk4-Dv3 --dtype f16 --truth-dtype f32 --scale 0.1 --family weak --seed 18446744073709551615");
    for (const char* name : {"q", "k", "v", "do"}) CHECK(file.dtypes.at(name) == DType::f16);
    for (const char* name : {"g", "beta", "initial_state", "dfinal_state", "o", "final_state", "dq", "dbeta"}) CHECK(file.dtypes.at(name) == DType::f32);
    CHECK(file.options.scale == 0.1);
    for (const auto& [key, value] : std::map<std::string, std::string>{{"variant", "kda"}, {"scale", "0.1"}, {"layout", "BTHK"}, {"state_layout", "KV"},
             {"dtype", "f16"}, {"gate_dtype", "f32"}, {"truth_dtype", "f32"}, {"family", "weak"}, {"seed", "18446744073709551615"},
             {"kernel", "fastweight golden"}, {"version", FASTWEIGHT_VERSION}, {"l2norm_qk", "false"}, {"decay_activation", "none"}})
      CHECK(file.metadata.at(key) == value);
    CHECK(has(file.metadata.at("convention"), "decay S = Diag(exp g) S"));
    CHECK(has(file.metadata.at("convention"), "g is the natural-log decay"));
    CHECK(golden(here, "--variant kda --T 4 --dtype bf16 --gate-dtype bf16").dtypes.at("g") == DType::bf16);
    const CaseFile exact = golden(here, "--variant gdn2 --shape T4-Dk5 --l2norm-qk --l2norm-eps 1e-5 --decay-activation bounded --decay-lower-bound -3.5 --sigmoid-gates --erase-times-two");
    CHECK(exact.options.l2norm_qk);
    CHECK(exact.options.l2norm_eps == 1e-5);
    CHECK(exact.options.decay_activation == DecayActivation::bounded);
    CHECK(exact.options.decay_lower_bound == -3.5);
    CHECK(exact.options.sigmoid_gates);
    CHECK(exact.options.erase_times_two);
    CHECK(exact.in.A_log.defined());
  }

  TEST_CASE("golden cli: sizes by --shape, by single options, and packed") {
    const test::Scratch here;
    CHECK(golden(here, "--variant gdn2 --shape B3-T7-H2-HV4-Dk5-Dv6").in.v.shape() == Shape{3, 7, 4, 6});
    CHECK(golden(here, "--variant gdn2 --B 3 --T 7 --H 2 --HV 4 --Dk 5 --Dv 6").in.v.shape() == Shape{3, 7, 4, 6});
    CHECK(golden(here, "--variant gdn2 --shape B3-T7-H2-HV4-Dk5-Dv6 --T 2").in.v.shape() == Shape{3, 2, 4, 6});
    CHECK(golden(here, "--variant gdn2 --H 3 --T 1").in.v.shape() == Shape{2, 1, 3, 48});
    CHECK(golden(here, "--variant gdn2 --T 0 --Dk 3").out.final_state.shape() == Shape{2, 2, 3, 48});
    const CaseFile packed = golden(here, "--variant gdn2 --cu-seqlens 0,5,5,40 --H 1");
    CHECK(packed.in.cu_seqlens == std::vector<index_t>{0, 5, 5, 40});
    CHECK(packed.in.q.shape() == Shape{1, 40, 1, 32});
    CHECK(packed.out.final_state.shape()[0] == 3);
    CHECK(golden(here, "--variant gdn2 --H 2 --HV 4 --T 2 --g-heads value --b-heads value").in.b.shape()[2] == 4);
    CHECK(golden(here, "--variant kda --H 2 --HV 4 --T 2 --g-heads key").in.g.shape()[2] == 2);
  }

  TEST_CASE("golden cli: layouts change where numbers stand and nothing else") {
    const test::Scratch here;
    const CaseFile plain = golden(here, "--variant gdn2 --shape B2-T5-H2-HV4-Dk3-Dv6");
    const CaseFile other = golden(here, "--variant gdn2 --shape B2-T5-H2-HV4-Dk3-Dv6 --layout BHTK --state-layout VK");
    CHECK(read_safetensors(here.file("g.safetensors")).tensors.at("v").shape() == Shape{2, 4, 5, 6});
    CHECK(read_safetensors(here.file("g.safetensors")).tensors.at("final_state").shape() == Shape{2, 4, 6, 3});
    CHECK_BITWISE_EQUAL(other.out.o, plain.out.o);
    CHECK_BITWISE_EQUAL(other.grad.dinitial_state, plain.grad.dinitial_state);
    CHECK(has(other.metadata.at("convention"), "tensors [B,H,T,...]; states [N,HV,Dv,Dk]"));
  }

  TEST_CASE("golden cli: without initial state, without gradients") {
    const test::Scratch here;
    const CaseFile file = golden(here, "--variant gdn2 --T 3 --no-initial-state --no-gradients");
    CHECK_FALSE(file.in.initial_state.defined());
    CHECK_FALSE(file.up.d_o.defined());
    CHECK_FALSE(file.grad.dq.defined());
    CHECK(file.out.final_state.defined());
  }

  TEST_CASE("golden cli: every family that needs leave to leave the usual ranges says so in the file") {
    const test::Scratch here;
    for (const InputFamily& family : input_families()) {
      CAPTURE(family.name);
      const CaseFile file = golden(here, "--variant gdn2 --shape B1-T20-H1-Dk4-Dv3 --dtype bf16 --family " + std::string(family.name));
      CHECK(file.options.check_ranges == (family.name != "positive"));
      CHECK_ALL_FINITE(naive::forward(file.in, file.options).o);
    }
  }

  TEST_CASE("golden cli: what was written is printed, as text and as JSON; stderr stays silent when it is no terminal") {
    const test::Scratch here;
    const test::Run text = fastweight(here, "golden --variant gdn2 --T 3 -o g.safetensors");
    CHECK(text.err.empty());
    CHECK(has(text.out, "g.safetensors: gdn2 B2-T3-H2-Dk32-Dv48, f32, family mixed, seed 1"));
    CHECK(has(text.out, "initial_state    f32   [2,2,32,48]"));
    const auto json = nlohmann::json::parse(fastweight(here, "golden --variant gdn2 --T 3 --json -o g.safetensors").out);
    CHECK(json.at("file") == "g.safetensors");
    CHECK(json.at("tensors").at("q").at("shape") == nlohmann::json::array({2, 3, 2, 32}));
    CHECK(json.at("tensors").at("o").at("dtype") == "f64");
    CHECK(json.at("metadata").at("variant") == "gdn2");
    const test::Run note = fastweight(here, "golden --variant delta --family weak --T 3 -o g.safetensors");
    CHECK(note.status == 0);
    CHECK(test::one_line(note.err));
    CHECK(has(note.err, "note: delta has nothing that the family weak is about"));
  }
}
