// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Writes the seeds of safetensors_fuzz to a folder: a small call of every rule, plain, packed, and with the gates raw.
#include <cstdio>
#include <string>

#include "core/case_file.h"
#include "core/families.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: safetensors_seeds FOLDER\n");
    return 64;
  }
  int written = 0;
  const auto save = [&](const fw::TensorFile& file) {
    fw::write_safetensors(std::string(argv[1]) + "/seed-" + std::to_string(written++) + ".safetensors", file);
  };
  save({});
  fw::TensorFile types;
  types.metadata["k"] = "v";
  for (fw::DType dtype : {fw::DType::f64, fw::DType::f32, fw::DType::bf16, fw::DType::f16, fw::DType::i64, fw::DType::i32})
    types.tensors[std::string(fw::dtype_name(dtype))] = fw::AnyTensor(dtype, fw::Shape{1});
  types.tensors["nothing"] = fw::AnyTensor(fw::DType::f16, fw::Shape{2, 0});
  save(types);
  for (const fw::VariantInfo& row : fw::variants())
    for (const char* shape : {"B1-T1-H1-Dk2-Dv1-P1", "B1-T2-H1-HV2-Dk2-Dv1-M2-P1-cu0,0,2", "B1-T1-H1-Dk2-Dv1-P0-noh0-l2norm-softplus-sigmoid"}) {
      const fw::Problem problem = fw::make_problem(row.id, fw::ProblemShape::parse(shape), "typical", 1);
      fw::CaseFile file;
      file.in = problem.in;
      file.up = problem.up;
      file.options = problem.options;
      file.out.o = problem.up.d_o;
      file.grad.dq = problem.in.q;
      file.layout = written % 2 == 0 ? fw::Layout::BTHK : fw::Layout::BHTK;
      file.state_layout = written % 3 == 0 ? fw::StateLayout::VK : fw::StateLayout::KV;
      for (const char* name : {"q", "k", "v", "o", "do", "dq"}) file.dtypes[name] = fw::DType::bf16;
      for (const char* name : {"g", "beta", "initial_state"}) file.dtypes[name] = fw::DType::f32;
      save(fw::to_tensor_file(file));
    }
}
