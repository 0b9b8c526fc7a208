// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/case_file.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/families.h"
#include "support/check.h"

using namespace fw;

namespace {

/// A whole call with made-up results: every element of every tensor its own number.
CaseFile sample(Variant variant, const std::string& shape) {
  const Problem problem = make_problem(variant, ProblemShape::parse(shape), "mixed", 7);
  CaseFile file;
  file.in = problem.in;
  file.up = problem.up;
  file.options = problem.options;
  double next = 1.0;
  const auto numbered = [&](const Tensor<double>& like) {
    Tensor<double> out;
    if (like.defined()) out = Tensor<double>(like.shape());
    for (index_t i = 0; i < out.numel(); ++i) out[i] = next++;
    return out;
  };
  file.out = {numbered(file.up.d_o), numbered(file.up.dfinal_state), numbered(file.up.dfinal_angle), numbered(file.up.dfinal_key), numbered(file.up.dfinal_value)};
  std::map<std::string, Tensor<double>> inputs;
  for_each_input(file.in, [&](const char* name, const Tensor<double>& t) { inputs[name] = t; });
  for_each_gradient(file.grad, [&](const char* name, Tensor<double>& t) { t = numbered(inputs.at(name + 1)); });
  return file;
}

template <class F>
void for_each(CaseFile& file, F&& f) {
  for_each_input(file.in, f);
  for_each_upstream(file.up, f);
  for_each_output(file.out, f);
  for_each_gradient(file.grad, f);
}

void check_same(CaseFile a, CaseFile b) {
  std::map<std::string, Tensor<double>> tensors;
  for_each(a, [&](const char* name, const Tensor<double>& t) { tensors[name] = t; });
  for_each(b, [&](const char* name, const Tensor<double>& t) {
    CAPTURE(name);
    REQUIRE(t.defined() == tensors.at(name).defined());
    if (t.defined()) CHECK_BITWISE_EQUAL(t, tensors.at(name));
  });
  CHECK(a.in.cu_seqlens == b.in.cu_seqlens);
  CHECK(a.options.variant == b.options.variant);
  CHECK(a.options.l2norm_qk == b.options.l2norm_qk);
  CHECK(a.options.l2norm_eps == b.options.l2norm_eps);
  CHECK(a.options.decay_activation == b.options.decay_activation);
  CHECK(a.options.decay_lower_bound == b.options.decay_lower_bound);
  CHECK(a.options.sigmoid_gates == b.options.sigmoid_gates);
  CHECK(a.options.erase_times_two == b.options.erase_times_two);
  CHECK(a.options.window == b.options.window);
  CHECK(a.options.check_ranges == b.options.check_ranges);
}

std::string refusal(const TensorFile& file, const CaseOptions& overrides = {}) {
  try {
    read_case(file, overrides);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TensorFile good(const std::string& shape = "B2-T5-H2-HV4-Dk3-Dv6") { return to_tensor_file(sample(Variant::gdn2, shape)); }

/// A good file with one tensor replaced.
TensorFile with(const char* name, const AnyTensor& tensor) {
  TensorFile file = good();
  file.tensors[name] = tensor;
  return file;
}
TensorFile with(const char* name, Shape shape) { return with(name, AnyTensor(DType::f32, std::move(shape))); }
TensorFile without(const char* name) {
  TensorFile file = good();
  file.tensors.erase(name);
  return file;
}
TensorFile saying(const char* key, const std::string& value) {
  TensorFile file = good();
  file.metadata[key] = value;
  return file;
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_SUITE("core") {
  TEST_CASE("case file core: every variant comes back from every layout") {
    for (const VariantInfo& row : variants())
      for (const char* shape : {"B2-T5-H2-HV4-Dk6-Dv3-M2-P2", "B1-T0-H1-HV1-Dk4-Dv4", "H2-HV2-Dk4-Dv3-P1-cu0,0,3,7,7", "B3-T2-H1-HV2-Dk4-Dv2-noh0"})
        for (Layout layout : {Layout::BTHK, Layout::BHTK})
          for (StateLayout state_layout : {StateLayout::KV, StateLayout::VK}) {
            CAPTURE(row.name);
            CAPTURE(shape);
            CaseFile file = sample(row.id, shape);
            file.layout = layout;
            file.state_layout = state_layout;
            const CaseFile back = read_case(to_tensor_file(file));
            check_same(file, back);
            CHECK(back.layout == layout);
            CHECK(back.state_layout == state_layout);
            CHECK(back.warnings.empty());
          }
  }

  TEST_CASE("case file core: options come back from the metadata") {
    for (const char* flags : {"l2norm", "softplus", "bounded", "sigmoid", "sigmoid-times2", "l2norm-softplus-sigmoid-gHV-bHV"}) {
      CAPTURE(flags);
      CaseFile file = sample(Variant::gdn2, std::string("B1-T4-H1-HV2-Dk3-Dv2-") + flags);
      file.options.l2norm_eps = file.options.l2norm_qk ? 1.0 / 3.0 : file.options.l2norm_eps;
      file.options.scale = 0.1;
      file.options.check_ranges = false;
      const CaseFile back = read_case(to_tensor_file(file));
      check_same(file, back);
      CHECK(back.options.scale == 0.1);
    }
    CHECK(read_case(to_tensor_file(sample(Variant::swa, "B1-T4-H1-Dk3-Dv2-W3"))).options.window == 3);
    CHECK(read_case(good()).options.scale == 1.0 / std::sqrt(3.0));
  }

  TEST_CASE("case file core: layouts put each element where they say") {
    CaseFile file = sample(Variant::gdn2, "B2-T5-H2-HV4-Dk3-Dv6");
    file.layout = Layout::BHTK;
    file.state_layout = StateLayout::VK;
    const TensorFile out = to_tensor_file(file);
    const Tensor<double> v = out.tensors.at("v").to_double(), final_state = out.tensors.at("final_state").to_double();
    const Tensor<double> db = out.tensors.at("db").to_double(), d_o = out.tensors.at("do").to_double();
    CHECK(v.shape() == Shape{2, 4, 5, 6});
    CHECK(v(1, 3, 2, 5) == file.in.v(1, 2, 3, 5));
    CHECK(final_state.shape() == Shape{2, 4, 6, 3});
    CHECK(final_state(1, 2, 5, 0) == file.out.final_state(1, 2, 0, 5));
    CHECK(db.shape() == Shape{2, 2, 5, 3});
    CHECK(db(0, 1, 4, 2) == file.grad.db(0, 4, 1, 2));
    CHECK(d_o(1, 0, 4, 1) == file.up.d_o(1, 4, 0, 1));
    CHECK(out.metadata.at("layout") == "BHTK");
    CHECK(out.metadata.at("state_layout") == "VK");
  }

  TEST_CASE("case file core: types are kept and rounding is once") {
    CaseFile file = sample(Variant::gdn2, "H2-HV2-Dk4-Dv3-cu0,3,7");
    file.dtypes = {{"q", DType::bf16}, {"o", DType::f16}, {"g", DType::f32}, {"cu_seqlens", DType::i32}};
    const TensorFile out = to_tensor_file(file);
    CHECK(out.tensors.at("q").dtype() == DType::bf16);
    CHECK(out.tensors.at("k").dtype() == DType::f64);
    CHECK(out.tensors.at("cu_seqlens").dtype() == DType::i32);
    CHECK(out.tensors.at("q").at(5) == round_to(DType::bf16, file.in.q[5]));
    const CaseFile back = read_case(out);
    CHECK(back.dtypes.at("q") == DType::bf16);
    CHECK(back.dtypes.at("k") == DType::f64);
    CHECK(back.dtypes.at("o") == DType::f16);
    CHECK(back.in.cu_seqlens == std::vector<index_t>{0, 3, 7});
    CHECK(safetensors_bytes(to_tensor_file(back)) == safetensors_bytes(out));
  }

  TEST_CASE("case file core: real kernel dumps are read and come back byte for byte") {
    for (const char* name : {"fla_gdn2_bf16", "fla_gdn2_fp32", "fla_kda_bf16", "fla_gdn_bf16", "fla_delta_bf16"}) {
      CAPTURE(name);
      const TensorFile file = read_safetensors("notebooks_data/kernel_dumps/" + std::string(name) + ".safetensors");
      const CaseFile read = read_case(file);
      CHECK(read.warnings.empty());
      CHECK(read.in.q.defined());
      CHECK(read.grad.dq.defined());
      CHECK(read.metadata.count("kernel") == 1);
      const TensorFile again = to_tensor_file(read);
      REQUIRE(again.tensors.size() == file.tensors.size());
      for (const auto& [tensor, value] : file.tensors) CHECK(again.tensors.at(tensor).bytes() == value.bytes());
    }
  }

  TEST_CASE("case file core: the caller's word replaces that of the file") {
    TensorFile file = to_tensor_file(sample(Variant::kda, "B2-T5-H2-HV2-Dk3-Dv6"));
    file.metadata = {{"variant", "nonsense"}, {"layout", "nonsense"}, {"scale", "nonsense"}};
    CaseOptions overrides;
    overrides.variant = "kda";
    overrides.layout = "bthd";
    overrides.state_layout = "kv";
    overrides.scale = 0.25;
    overrides.metadata["l2norm_qk"] = "True";
    const CaseFile read = read_case(file, overrides);
    CHECK(read.options.variant == Variant::kda);
    CHECK(read.options.scale == 0.25);
    CHECK(read.options.l2norm_qk);
    CHECK(read.metadata.at("variant") == "kda");
  }

  TEST_CASE("case file core: rejects metadata that mean nothing") {
    TensorFile silent = good();
    silent.metadata.clear();
    CHECK(has(refusal(silent), "read_case: the file does not say which rule it is: expected metadata \"variant\""));
    CHECK(has(refusal(saying("variant", "gdn3")), "expected one of linear, mamba2"));
    for (const char* scale : {"nan", "NaN", "inf", "-inf", "", "1,5", "0.5 ", "half", "1e999", "0x1p3"}) {
      CAPTURE(scale);
      CHECK(has(refusal(saying("scale", scale)), "scale must be a finite decimal number, got \"" + std::string(scale) + "\""));
    }
    CaseOptions not_a_number;
    not_a_number.scale = std::nan("");
    CHECK(has(refusal(good(), not_a_number), "scale must be a finite decimal number"));
    CHECK(has(refusal(saying("layout", "HTBK")), "layout: expected BTHK or BHTK, got \"HTBK\""));
    CHECK(has(refusal(saying("state_layout", "V")), "state_layout: expected KV or VK, got \"V\""));
    CHECK(has(refusal(saying("l2norm_qk", "yes")), "l2norm_qk must be true or false, got \"yes\""));
    CHECK(has(refusal(saying("decay_activation", "relu")), "decay_activation: expected none, softplus or bounded, got \"relu\""));
    CHECK(has(refusal(saying("window", "3.5")), "window must be a whole number of tokens"));
    CHECK(has(refusal(saying("l2norm_eps", "-1")), "l2norm_eps must be finite and >= 0, got -1"));
    CHECK(has(refusal(saying("decay_activation", "softplus")), "A_log is required"));
  }

  TEST_CASE("case file core: rejects missing, surplus and ill-shaped tensors") {
    for (const char* name : {"q", "k", "v", "g", "b", "w"}) {
      CAPTURE(name);
      CHECK(has(refusal(without(name)), std::string("read_case: ") + name + " is required by this variant, got none"));
    }
    CHECK(has(refusal(with("beta", Shape{2, 5, 4})), "beta is not used by this variant, got [2,5,4]"));
    CHECK(has(refusal(with("q", Shape{2, 5, 2})), "q must be [B,T,H,Dk], got [2,5,2]"));
    CHECK(has(refusal(with("k", Shape{2, 5, 2, 4})), "k must be [B,T,H,Dk] = [2,5,2,3], got [2,5,2,4]"));
    CHECK(has(refusal(with("initial_state", Shape{2, 4, 3, 7})), "initial_state must be [N,HV,Dk,Dv] = [2,4,3,6]"));
    CHECK(has(refusal(with("o", Shape{2, 5, 4, 3})), "o must be [2,5,4,6], got [2,5,4,3]"));
    CHECK(has(refusal(with("o", Shape{})), "o must be [2,5,4,6], got []"));
    CHECK(has(refusal(with("final_state", Shape{2, 4, 6, 4})), "final_state must be [2,4,3,6], got [2,4,6,4]"));
    CHECK(has(refusal(with("do", Shape{1})), "do must be [2,5,4,6], got [1]"));
    CHECK(has(refusal(with("dg", Shape{2, 5, 2})), "dg must be as g, [2,5,2,3], got [2,5,2]"));
    CHECK(has(refusal(with("q", AnyTensor(DType::i32, Shape{2, 5, 2, 3}))), "q must be of a floating type (f64 f32 bf16 f16), got i32"));
    TensorFile no_upstream = good();
    no_upstream.tensors.erase("do");
    no_upstream.tensors.erase("dfinal_state");
    CHECK(has(refusal(no_upstream), "gradients need the gradient of the output, do (or dfinal_state), got neither"));
  }

  TEST_CASE("case file core: rejects bad cu_seqlens") {
    CHECK(has(refusal(with("cu_seqlens", AnyTensor::from_indices({0, 5}))), "needs B = 1, got B = 2"));
    CHECK(has(refusal(with("cu_seqlens", AnyTensor::from_indices({}))), "cu_seqlens must be N+1 >= 2 integers, got i64 [0]"));
    CHECK(has(refusal(with("cu_seqlens", Shape{3})), "got f32 [3]"));
    CHECK(has(refusal(with("cu_seqlens", AnyTensor(DType::i32, Shape{1, 3}))), "got i32 [1,3]"));
    TensorFile packed = good("B1-T5-H2-HV4-Dk3-Dv6");
    packed.tensors["cu_seqlens"] = AnyTensor::from_indices({0, 4});
    CHECK(has(refusal(packed), "cu_seqlens must start at 0 and end at T = 5"));
    packed.tensors["cu_seqlens"] = AnyTensor::from_indices({0, 9223372036854775807, 5});
    CHECK(has(refusal(packed), "cu_seqlens must not decrease"));
  }

  TEST_CASE("case file core: shapes that fit another layout are said to") {
    CaseFile file = sample(Variant::gdn2, "B2-T5-H2-HV4-Dk3-Dv6");
    file.layout = Layout::BHTK;
    file.state_layout = StateLayout::VK;
    TensorFile mislabelled = to_tensor_file(file);
    mislabelled.metadata.erase("layout");
    mislabelled.metadata.erase("state_layout");
    CHECK(has(refusal(mislabelled), "; the shapes fit layout BHTK with state_layout VK"));
    CHECK(has(refusal(saying("state_layout", "VK")), "(read with layout BTHK and state_layout VK); the shapes fit layout BTHK with state_layout KV"));
    CHECK_FALSE(has(refusal(with("k", Shape{2, 5, 2, 4})), "fit layout"));
  }

  TEST_CASE("case file core: rejects shapes that would cost all memory for a few bytes") {
    const auto tiny = [](Shape q, Shape v) {
      TensorFile file;
      file.metadata = {{"variant", "linear"}};
      file.tensors["q"] = file.tensors["k"] = AnyTensor(DType::f32, std::move(q));
      file.tensors["v"] = AnyTensor(DType::f32, std::move(v));
      return file;
    };
    CHECK(has(refusal(tiny({index_t{1} << 40, 0, 1, 1}, {index_t{1} << 40, 0, 1, 1})), "must have axes of at most 1048576, got [1099511627776,0,1,1]"));
    CHECK(has(refusal(tiny({1, 0, 1, 1 << 20}, {1, 0, 1, 1 << 20})), "the states [N,HV,Dk,Dv] = [1,1,1048576,1048576] must have at most"));
    CHECK(has(refusal(tiny({1 << 20, 0, 1 << 20, 1 << 20}, {1 << 20, 0, 1 << 20, 1 << 20})), "must have at most"));
    CHECK(refusal(tiny({0, 5, 1, 2}, {0, 5, 1, 2})) == "accepted");
  }

  TEST_CASE("case file core: what is ignored or assumed is said") {
    TensorFile file = good();
    file.tensors["attention_mask"] = AnyTensor(DType::f32, Shape{3});
    file.tensors["final_key"] = AnyTensor(DType::f32, Shape{3});
    file.tensors["dbeta"] = AnyTensor(DType::f32, Shape{3});
    file.metadata.erase("scale");
    const CaseFile read = read_case(file);
    REQUIRE(read.warnings.size() == 4);
    CHECK(read.warnings[0] == "the metadata do not give the scale: 1/sqrt(Dk) is assumed");
    CHECK(read.warnings[1] == "tensor \"attention_mask\" is unknown and ignored");
    CHECK(read.warnings[2] == "tensor \"final_key\" is ignored: gdn2 has no such output");
    CHECK(read.warnings[3] == "tensor \"dbeta\" is ignored: there is no beta");
    CHECK_FALSE(read.out.final_key.defined());
    CHECK_FALSE(read.grad.dbeta.defined());
    CHECK(read.dtypes.count("dbeta") == 0);
  }
}
