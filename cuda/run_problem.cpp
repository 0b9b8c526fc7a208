// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "cuda/run_problem.h"

#include <cuda_runtime.h>

#include <vector>

#include "core/dtype.h"
#include "cuda/decode.h"
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

/// The call of a problem and its tensors on the device.
struct Uploaded {
  Placed placed;
  DeviceBuffer offsets;
  Geometry geo;
  Call call;
  Inputs in;
  Uploaded(const char* who, const Problem& problem, DType tensors, DType g, bool with_state) : offsets(problem.in.cu_seqlens) {
    const fw::Inputs<double>& x = problem.in;
    geo = check_inputs(who, x, problem.options);
    call.options = problem.options;
    call.B = geo.B, call.T = geo.T, call.H = geo.H, call.HV = geo.HV, call.Dk = geo.Dk, call.Dv = geo.Dv, call.N = geo.N;
    call.g_heads = geo.g_heads, call.b_heads = geo.b_heads, call.tensors = tensors, call.g = g;
    in.q = placed.input(x.q, tensors), in.k = placed.input(x.k, tensors), in.v = placed.input(x.v, tensors), in.g = placed.input(x.g, g);
    in.b = placed.input(x.b, tensors), in.w = placed.input(x.w, tensors), in.beta = placed.input(x.beta, tensors);
    in.A_log = floats(x.A_log), in.dt_bias = floats(x.dt_bias), in.dt_bias_numel = x.dt_bias.numel();
    if (with_state) in.initial_state = floats(x.initial_state);
    if (!x.cu_seqlens.empty()) in.cu_seqlens = offsets.as<index_t>();
  }
  const float* floats(const Tensor<double>& t) { return static_cast<const float*>(placed.input(t, DType::f32)); }
};

}  // namespace

std::string why_no_device() {
  int devices = 0;
  return cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0 ? "" : "no CUDA device";
}

ProblemResults run_problem(const Problem& problem, DType tensors, DType g, Precision precision) {
  Uploaded up_there("cuda run_problem", problem, tensors, g, true);
  const fw::Inputs<double>& x = problem.in;
  const Geometry& geo = up_there.geo;
  Placed& placed = up_there.placed;
  Call& call = up_there.call;
  const Inputs& in = up_there.in;
  call.precision = precision;

  const Shape o_shape({geo.B, geo.T, geo.HV, geo.Dv}), state_shape({geo.N, geo.HV, geo.Dk, geo.Dv});
  const Outputs out{placed.output(o_shape, tensors), static_cast<float*>(placed.output(state_shape, DType::f32))};
  Upstream up;
  up.d_o = placed.input(problem.up.d_o, tensors), up.dfinal_state = up_there.floats(problem.up.dfinal_state);
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

fw::Outputs<double> run_decode(const Problem& problem, DType tensors, DType g) {
  Uploaded up_there("cuda run_decode", problem, tensors, g, false);
  const Geometry& geo = up_there.geo;
  const Shape o_shape({geo.B, geo.T, geo.HV, geo.Dv}), state_shape({geo.N, geo.HV, geo.Dk, geo.Dv});
  Tensor<double> state(state_shape);
  if (problem.in.initial_state.defined()) state = problem.in.initial_state;
  StatePool pool;
  pool.states = const_cast<float*>(up_there.floats(state)), pool.slots = geo.N;
  void* o = up_there.placed.output(o_shape, tensors);
  decode(up_there.call, up_there.in, pool, o);
  check(cudaDeviceSynchronize(), "run_decode");
  fw::Outputs<double> out;
  out.o = Placed::read(o, o_shape, tensors), out.final_state = Placed::read(pool.states, state_shape, DType::f32);
  return out;
}

}  // namespace fw::cuda
