// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "cuda/run_problem.h"

#include <cuda_runtime.h>

#include <vector>

#include "core/dtype.h"
#include "cuda/support/device_buffer.h"

namespace fw::cuda {
namespace {

/// Tensors on the device, kept as long as this lives.
class Placed {
 public:
  const void* input(const Tensor<double>& x, DType dtype) {
    if (!x.defined()) return nullptr;
    const AnyTensor narrow = AnyTensor::from(x, dtype);
    buffers_.emplace_back(narrow.bytes().data(), narrow.bytes().size());
    return buffers_.back().data();
  }
  void* output(const Shape& shape, DType dtype) {
    buffers_.emplace_back(static_cast<std::size_t>(shape.numel()) * dtype_size(dtype));
    buffers_.back().fill(0xff);
    return buffers_.back().data();
  }
  void* memory(std::size_t bytes) {
    buffers_.emplace_back(bytes);
    buffers_.back().fill(0xff);
    return buffers_.back().data();
  }
  static Tensor<double> read(const void* data, const Shape& shape, DType dtype) {
    AnyTensor out(dtype, shape);
    if (!out.bytes().empty()) check(cudaMemcpy(out.bytes().data(), data, out.bytes().size(), cudaMemcpyDeviceToHost), "run_problem: copy from the device");
    return out.to_double();
  }

 private:
  std::vector<DeviceBuffer> buffers_;
};

}  // namespace

std::string why_no_device() {
  int devices = 0;
  return cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0 ? "" : "no CUDA device";
}

ProblemResults run_problem(const Problem& problem, DType tensors, DType g, Precision precision) {
  const fw::Inputs<double>& x = problem.in;
  const Geometry geo = check_inputs("cuda run_problem", x, problem.options);
  Call call;
  call.options = problem.options;
  call.B = geo.B, call.T = geo.T, call.H = geo.H, call.HV = geo.HV, call.Dk = geo.Dk, call.Dv = geo.Dv, call.N = geo.N;
  call.g_heads = geo.g_heads, call.b_heads = geo.b_heads, call.tensors = tensors, call.g = g, call.precision = precision;
  Placed placed;
  Inputs in;
  in.q = placed.input(x.q, tensors), in.k = placed.input(x.k, tensors), in.v = placed.input(x.v, tensors), in.g = placed.input(x.g, g);
  in.b = placed.input(x.b, tensors), in.w = placed.input(x.w, tensors), in.beta = placed.input(x.beta, tensors);
  const auto floats = [&](const Tensor<double>& t) { return static_cast<const float*>(placed.input(t, DType::f32)); };
  in.A_log = floats(x.A_log), in.dt_bias = floats(x.dt_bias), in.dt_bias_numel = x.dt_bias.numel(), in.initial_state = floats(x.initial_state);
  const DeviceBuffer offsets(x.cu_seqlens);
  if (!x.cu_seqlens.empty()) in.cu_seqlens = offsets.as<index_t>();

  const Shape o_shape({geo.B, geo.T, geo.HV, geo.Dv}), state_shape({geo.N, geo.HV, geo.Dk, geo.Dv});
  const Outputs out{placed.output(o_shape, tensors), static_cast<float*>(placed.output(state_shape, DType::f32))};
  Upstream up;
  up.d_o = placed.input(problem.up.d_o, tensors), up.dfinal_state = floats(problem.up.dfinal_state);
  Gradients grad;
  const auto wanted = [&](const Tensor<double>& like, DType dtype) { return like.defined() ? placed.output(like.shape(), dtype) : nullptr; };
  grad.dq = wanted(x.q, tensors), grad.dk = wanted(x.k, tensors), grad.dv = wanted(x.v, tensors), grad.dg = wanted(x.g, g);
  grad.db = wanted(x.b, tensors), grad.dw = wanted(x.w, tensors), grad.dbeta = wanted(x.beta, tensors);
  grad.dA_log = static_cast<float*>(wanted(x.A_log, DType::f32)), grad.ddt_bias = static_cast<float*>(wanted(x.dt_bias, DType::f32));
  grad.dinitial_state = static_cast<float*>(wanted(x.initial_state, DType::f32));

  void* saved = placed.memory(saved_bytes(call));
  void* workspace = placed.memory(backward_workspace_bytes(call, true));
  forward(call, in, out, saved, workspace);
  if (problem.up.d_o.defined()) backward(call, in, up, grad, {saved, true}, workspace);
  check(cudaDeviceSynchronize(), "run_problem");

  ProblemResults results;
  results.out.o = Placed::read(out.o, o_shape, tensors), results.out.final_state = Placed::read(out.final_state, state_shape, DType::f32);
  if (!problem.up.d_o.defined()) return results;
  const auto back = [&](Tensor<double>& to, const void* data, const Tensor<double>& like, DType dtype) {
    if (like.defined()) to = Placed::read(data, like.shape(), dtype);
  };
  fw::Gradients<double>& y = results.grad;
  back(y.dq, grad.dq, x.q, tensors), back(y.dk, grad.dk, x.k, tensors), back(y.dv, grad.dv, x.v, tensors), back(y.dg, grad.dg, x.g, g);
  back(y.db, grad.db, x.b, tensors), back(y.dw, grad.dw, x.w, tensors), back(y.dbeta, grad.dbeta, x.beta, tensors);
  back(y.dA_log, grad.dA_log, x.A_log, DType::f32), back(y.ddt_bias, grad.ddt_bias, x.dt_bias, DType::f32);
  back(y.dinitial_state, grad.dinitial_state, x.initial_state, DType::f32);
  return results;
}

}  // namespace fw::cuda
