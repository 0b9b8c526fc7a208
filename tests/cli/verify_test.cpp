// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/case_file.h"
#include "program.h"

using namespace fw;
using test::fastweight;
using test::has;

namespace {

constexpr const char* kDumps[] = {"fla_delta_bf16", "fla_gdn2_bf16", "fla_gdn2_fp32", "fla_gdn_bf16", "fla_kda_bf16"};

std::string dump(const std::string& name) {
  return std::filesystem::absolute("notebooks_data/kernel_dumps/" + name + ".safetensors").string();
}

void make_golden(const test::Scratch& here, const std::string& name, const std::string& options) {
  const test::Run made = fastweight(here, "golden -o " + name + " " + options);
  CAPTURE(made.err);
  REQUIRE(made.status == 0);
}

/// A golden file after a change.
void changed(const test::Scratch& here, const std::function<void(TensorFile&)>& change) {
  TensorFile file = read_safetensors(here.file("good"));
  change(file);
  write_safetensors(here.file("bad"), file);
}

void spill(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

}  // namespace

TEST_SUITE("cli") {
  TEST_CASE("verify cli: the real kernel dumps are right, as text and as JSON") {
    const test::Scratch here;
    std::string files;
    for (const char* name : kDumps) files += " '" + dump(name) + "'";
    const test::Run text = fastweight(here, "verify" + files), json = fastweight(here, "verify --json" + files);
    CHECK(text.status == 0);
    CHECK(text.err.empty());
    CHECK(json.status == 0);
    CHECK(nlohmann::json::parse(json.out).size() == std::size(kDumps));
  }

  TEST_CASE("verify cli: fails when broken, and names the mistake that break put in") {
    const test::Scratch here;
    const test::Run made = fastweight(here, "break '" + dump("fla_gdn2_bf16") + "' --mistake carry-dropped -o broken");
    CAPTURE(made.err);
    REQUIRE(made.status == 0);
    const test::Run run = fastweight(here, "verify broken");
    CHECK(run.status == 2);
    CHECK(has(run.out, "carry-dropped"));
    const test::Run unknown = fastweight(here, "break '" + dump("fla_gdn2_bf16") + "' --mistake nonsense -o other");
    CHECK(unknown.status == 1);
    CHECK(test::one_line(unknown.err));
    CHECK_FALSE(std::filesystem::exists(here.file("other")));
  }

  TEST_CASE("verify cli: golden files are right in every type, layout and shape") {
    const test::Scratch here;
    for (const char* options : {"--variant gdn2 --dtype f64", "--variant gdn2 --dtype f32", "--variant gdn2 --dtype f16 --truth-dtype f16",
                                "--variant gdn2 --dtype bf16 --truth-dtype bf16 --H 2 --HV 4", "--variant kda --layout BHTK --state-layout VK",
                                "--variant gdn --cu-seqlens 0,0,30,77,77,130", "--variant gdn2 --l2norm-qk --decay-activation softplus --sigmoid-gates --HV 4",
                                "--variant gdn2 --family positive", "--variant mamba3", "--variant mamba3-mimo --M 2", "--variant softmax", "--variant swa"}) {
      CAPTURE(options);
      make_golden(here, "g", std::string("--T 130 --Dk 16 --Dv 24 ") + options);
      const test::Run run = fastweight(here, "verify g");
      CAPTURE(run.out);
      CAPTURE(run.err);
      CHECK(run.status == 0);
    }
  }

  TEST_CASE("verify cli: layouts and scale of a file that does not say them") {
    const test::Scratch here;
    make_golden(here, "good", "--variant gdn2 --shape B2-T70-H2-Dk16-Dv24 --layout BHTK --state-layout VK --scale 0.3");
    changed(here, [](TensorFile& file) { file.metadata.clear(); });
    const test::Run told = fastweight(here, "verify bad --variant gdn2 --layout BHTK --state-layout VK --scale 0.3");
    CAPTURE(told.err);
    CHECK(told.status == 0);
    const test::Run untold = fastweight(here, "verify bad --variant gdn2");
    CHECK(untold.status == 1);
    CHECK(has(untold.err, "the shapes fit layout BHTK with state_layout VK"));
    CHECK(fastweight(here, "verify bad --variant gdn2 --layout BHTK --state-layout VK").status == 2);
  }

  TEST_CASE("verify cli: rejects unusable files with one line and status 1") {
    const test::Scratch here;
    make_golden(here, "good", "--variant gdn2 --shape B1-T9-H1-Dk4-Dv6");
    const std::string whole = test::slurp(here.file("good"));
    const auto refused = [&](const char* expected) {
      const test::Run run = fastweight(here, "verify bad");
      CAPTURE(expected);
      CAPTURE(run.err);
      CHECK(run.status == 1);
      CHECK(run.out.empty());
      CHECK(test::one_line(run.err));
      CHECK(has(run.err, "bad"));
      CHECK(has(run.err, expected));
    };
    refused("cannot be opened: No such file");
    spill(here.file("bad"), "");
    refused("the file is empty");
    spill(here.file("bad"), whole.substr(0, whole.size() - 1));
    refused("reaches past the end");
    spill(here.file("bad"), whole.substr(0, 100));
    refused("cut off?");
    std::string huge = whole;
    const std::uint64_t length = std::uint64_t{10} << 30;
    std::memcpy(huge.data(), &length, 8);
    spill(here.file("bad"), huge);
    refused("expected a header of at most 100000000 bytes, got a length of 10737418240");
    const auto replaced = [&](const std::string& from, const std::string& to) {
      std::string bytes = whole;
      REQUIRE(from.size() == to.size());
      REQUIRE(has(bytes, from));
      spill(here.file("bad"), bytes.replace(bytes.find(from), from.size(), to));
    };
    replaced("\"dk\":", "\"dq\":");
    refused("tensor \"dq\": the name is given twice");
    replaced("\"data_offsets\":[0,", "\"data_offsets\":[8,");
    refused("data_offsets: expected");
    changed(here, [](TensorFile& file) { file.metadata["scale"] = "nan"; });
    refused("scale must be a finite decimal number, got \"nan\"");
    changed(here, [](TensorFile& file) { file.metadata["variant"] = "gdn3"; });
    refused("variant: expected one of linear, mamba2");
    changed(here, [](TensorFile& file) { file.metadata.erase("variant"); });
    refused("the file does not say which rule it is");
    changed(here, [](TensorFile& file) { file.tensors.erase("w"); });
    refused("w is required by this variant, got none");
    changed(here, [](TensorFile& file) { file.tensors["o"] = AnyTensor(DType::f32, Shape{1, 9, 1, 5}); });
    refused("o must be [1,9,1,6], got [1,9,1,5]");
    changed(here, [](TensorFile& file) { file.tensors["k"] = AnyTensor(DType::f32, Shape{1, 9, 2, 4}); });
    refused("k must be [B,T,H,Dk] = [1,9,1,4], got [1,9,2,4]");
    changed(here, [](TensorFile& file) { file.tensors["q"].bytes()[3] = std::byte{0x7f}, file.tensors["q"].bytes()[2] = std::byte{0xc0}; });
    refused("q must be finite, got nan at flat index 0");
    changed(here, [](TensorFile& file) {
      for (const char* name : {"o", "final_state", "dq", "dk", "dv", "dg", "db", "dw", "dinitial_state"}) file.tensors.erase(name);
    });
    refused("");
  }

  TEST_CASE("verify cli: one unusable file does not keep the others from being judged") {
    const test::Scratch here;
    make_golden(here, "good", "--variant gdn2 --shape B1-T70-H1-Dk16-Dv24");
    REQUIRE(fastweight(here, "break '" + dump("fla_gdn2_bf16") + "' --mistake carry-dropped -o broken").status == 0);
    CHECK(fastweight(here, "verify missing good").status == 1);
    CHECK(has(fastweight(here, "verify missing good").out, "RIGHT"));
    CHECK(fastweight(here, "verify missing broken good").status == 2);
    const test::Run json = fastweight(here, "verify --json missing good");
    CHECK(json.status == 1);
    CHECK_FALSE(nlohmann::json::parse(json.out).empty());
    CHECK(fastweight(here, "verify").status == 1);
  }
}
