// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Runs a problem through the chunkwise forward and backward; everything that is written is full of NaN before.
#pragma once

#include "cuda/forward_fixture.h"

namespace fw::test {

struct Kept {
  bool states = true, factors = false;
};

struct BackwardRun {
  BackwardRun(const Problem& problem, DType tensors, DType g, cuda::StateLayout layout = cuda::StateLayout::key_value, Kept kept = {}, index_t segments = 0)
      : forward(problem, tensors, g, layout, segments), kept_(kept) {
    const cuda::Call& call = forward.call;
    const auto input = [&](Placed& placed, const Tensor<double>& x, DType dtype) {
      if (!x.defined()) return static_cast<const void*>(nullptr);
      const AnyTensor narrow = AnyTensor::from(x, dtype);
      placed = Placed(narrow.bytes().size(), 0);
      placed.upload(narrow.bytes().data());
      return static_cast<const void*>(placed.data());
    };
    up.d_o = input(d_o_, problem.up.d_o, tensors);
    Tensor<double> last = problem.up.dfinal_state;
    if (last.defined() && layout == cuda::StateLayout::value_key) last = transposed(last.cast<float>()).cast<double>();
    up.dfinal_state = static_cast<const float*>(input(dfinal_, last, DType::f32));
    const auto out = [&](const char* name, const Tensor<double>& like, DType dtype) -> void* {
      if (!like.defined()) return nullptr;
      results_.push_back({name, like.shape(), dtype, Placed(static_cast<std::size_t>(like.numel()) * dtype_size(dtype), 0)});
      return results_.back().placed.data();
    };
    results_.reserve(12);
    const Inputs<double>& in = problem.in;
    gradients.dq = out("dq", in.q, tensors), gradients.dk = out("dk", in.k, tensors), gradients.dv = out("dv", in.v, tensors), gradients.dg = out("dg", in.g, g);
    gradients.db = out("db", in.b, tensors), gradients.dw = out("dw", in.w, tensors), gradients.dbeta = out("dbeta", in.beta, tensors);
    gradients.dA_log = static_cast<float*>(out("dA_log", in.A_log, DType::f32));
    gradients.ddt_bias = static_cast<float*>(out("ddt_bias", in.dt_bias, DType::f32));
    gradients.dinitial_state = static_cast<float*>(out("dinitial_state", in.initial_state, DType::f32));
    workspace_ = Placed(cuda::backward_workspace_bytes(call, kept.states), 0);
  }
  void run() {
    launch(nullptr);
    cuda::check(cudaDeviceSynchronize(), "BackwardRun");
    workspace_.download();
  }
  /// Enqueues both.
  void launch(cudaStream_t stream) {
    forward.launch(stream);
    if (kept_.factors) cuda::check(cudaMemcpyAsync(workspace_.data(), forward.workspace(), cuda::forward_workspace_bytes(forward.call), cudaMemcpyDeviceToDevice, stream), "BackwardRun");
    cuda::backward(forward.call, forward.in, up, gradients, {kept_.states ? forward.saved() : nullptr, kept_.factors}, workspace_.data(), stream);
  }
  Tensor<double> result(const std::string& name) const {
    for (const Result& r : results_)
      if (r.name == name) {
        AnyTensor out(r.dtype, r.shape);
        out.bytes() = r.placed.download();
        if (name == "dinitial_state" && forward.call.state_layout == cuda::StateLayout::value_key) {
          Tensor<float> turned({r.shape[0], r.shape[1], r.shape[3], r.shape[2]});
          std::memcpy(turned.data(), out.bytes().data(), out.bytes().size());
          return transposed(turned).cast<double>();
        }
        return out.to_double();
      }
    return {};
  }
  std::vector<std::vector<std::byte>> bytes() const {
    std::vector<std::vector<std::byte>> all;
    for (const Result& r : results_) all.push_back(r.placed.download());
    return all;
  }
  ForwardRun forward;
  cuda::Upstream up;
  cuda::Gradients gradients;

 private:
  struct Result {
    std::string name;
    Shape shape;
    DType dtype;
    Placed placed;
  };
  Kept kept_;
  std::vector<Result> results_;
  Placed d_o_, dfinal_, workspace_;
};

inline Problem problem_of(Variant variant, const std::string& shape, const std::string& family, DType tensors, DType g) {
  Problem p = rounded(make_problem(variant, ProblemShape::parse(shape), family, 5), tensors, g);
  for (index_t i = 0; i < p.up.d_o.numel(); ++i) p.up.d_o[i] = round_to(tensors, p.up.d_o[i]);
  for (index_t i = 0; i < p.up.dfinal_state.numel(); ++i) p.up.dfinal_state[i] = round_to(DType::f32, p.up.dfinal_state[i]);
  return p;
}

}  // namespace fw::test
