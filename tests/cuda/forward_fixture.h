// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Runs a problem through the chunkwise forward: tensors rounded to their types and uploaded, all that is written full of NaN before
// and with guard bytes behind.
#pragma once

#include "cuda/decode_fixture.h"
#include "cuda/launch/forward.h"

namespace fw::test {

struct ForwardRun {
  ForwardRun(const Problem& problem, DType tensors, DType g, cuda::StateLayout layout = cuda::StateLayout::key_value, index_t segments = 0) {
    const Shape &q = problem.in.q.shape(), &v = problem.in.v.shape();
    call.options = problem.options;
    call.B = q[0], call.T = q[1], call.H = q[2], call.HV = v[2], call.Dk = q[3], call.Dv = v[3];
    call.N = problem.in.cu_seqlens.empty() ? call.B : static_cast<index_t>(problem.in.cu_seqlens.size()) - 1;
    call.tensors = tensors, call.g = g, call.state_layout = layout, call.segments = segments;
    if (problem.in.g.defined()) call.g_heads = problem.in.g.shape()[2];
    if (problem.in.b.defined()) call.b_heads = problem.in.b.shape()[2];
    in.q = tensor(problem.in.q, tensors), in.k = tensor(problem.in.k, tensors), in.v = tensor(problem.in.v, tensors);
    in.g = tensor(problem.in.g, g), in.b = tensor(problem.in.b, tensors), in.w = tensor(problem.in.w, tensors), in.beta = tensor(problem.in.beta, tensors);
    in.A_log = static_cast<const float*>(tensor(problem.in.A_log, DType::f32));
    in.dt_bias = static_cast<const float*>(tensor(problem.in.dt_bias, DType::f32));
    in.dt_bias_numel = problem.in.dt_bias.numel();
    Tensor<double> start = problem.in.initial_state;
    if (start.defined() && layout == cuda::StateLayout::value_key) start = transposed(start.cast<float>()).cast<double>();
    in.initial_state = static_cast<const float*>(tensor(start, DType::f32));
    if (!problem.in.cu_seqlens.empty()) {
      cu = cuda::DeviceBuffer(problem.in.cu_seqlens);
      in.cu_seqlens = cu.as<index_t>();
    }
    o_ = Placed(static_cast<std::size_t>(call.B * call.T * call.HV * call.Dv) * dtype_size(tensors), 0);
    final_ = Placed(static_cast<std::size_t>(call.N * call.HV * call.Dk * call.Dv) * 4, 0);
    workspace_ = Placed(static_cast<std::size_t>(cuda::forward_workspace_bytes(call)), 0);
    saved_ = Placed(static_cast<std::size_t>(cuda::saved_bytes(call)), 0);
  }
  /// Enqueues it; tile: value columns of a block, in all passes, 0: chosen.
  void launch(cudaStream_t stream, int tile = 0) {
    const cuda::Outputs out{o_.data(), static_cast<float*>(final_.data())};
    if (tile == 0) cuda::forward(call, in, out, saved_.data(), workspace_.data(), stream);
    else cuda::forward_parts(call, in, out, saved_.data(), workspace_.data(), stream, {.columns = tile, .ends_columns = tile});
  }
  void run(int tile = 0) {
    launch(nullptr, tile);
    cuda::check(cudaDeviceSynchronize(), "ForwardRun");
    workspace_.download(), saved_.download();
  }
  Tensor<double> o() const {
    AnyTensor out(call.tensors, {call.B, call.T, call.HV, call.Dv});
    out.bytes() = o_.download();
    return out.to_double();
  }
  Tensor<double> final_state() const {
    const bool turned = call.state_layout == cuda::StateLayout::value_key;
    Tensor<float> out({call.N, call.HV, turned ? call.Dv : call.Dk, turned ? call.Dk : call.Dv});
    const auto bytes = final_.download();
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return (turned ? transposed(out) : out).cast<double>();
  }
  void* o_data() const { return o_.data(); }
  void* workspace() const { return workspace_.data(); }
  void* saved() const { return saved_.data(); }
  std::vector<std::byte> workspace_bytes() const { return workspace_.download(); }
  cuda::Call call;
  cuda::Inputs in;

 private:
  const void* tensor(const Tensor<double>& x, DType dtype) {
    if (!x.defined()) return nullptr;
    const AnyTensor narrow = AnyTensor::from(x, dtype);
    tensors_.emplace_back(narrow.bytes().size(), 0);
    tensors_.back().upload(narrow.bytes().data());
    return tensors_.back().data();
  }
  std::vector<Placed> tensors_;
  Placed o_, final_, workspace_, saved_;
  cuda::DeviceBuffer cu;
};

}  // namespace fw::test
