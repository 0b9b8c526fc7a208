// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "backend.h"

#include "naive/reference.h"
#include "omp/engine.h"
#ifdef FASTWEIGHT_WITH_CUDA
#include "cuda/run_problem.h"
#endif

namespace fw::cli {
namespace {

verify::Results in_float(const Problem& problem, bool fast) {
  Inputs<float> in;
  std::vector<Tensor<float>> casts;
  for_each_input(problem.in, [&](const char*, const Tensor<double>& t) { casts.push_back(t.cast<float>()); });
  std::size_t i = 0;
  for_each_input(in, [&](const char*, Tensor<float>& t) { t = std::move(casts[i++]); });
  in.cu_seqlens = problem.in.cu_seqlens;
  Upstream<float> up;
  up.d_o = problem.up.d_o.cast<float>(), up.dfinal_state = problem.up.dfinal_state.cast<float>();
  Options options = problem.options;
  options.threads = 0;
  Outputs<float> out;
  Gradients<float> grad;
  if (fast) omp::forward<float>(in, options, out), grad = omp::backward<float>(in, up, options);
  else out = naive::forward(in, options), grad = naive::backward(in, up, options);
  verify::Results results;
  std::vector<Tensor<double>> wide;
  for_each_output(out, [&](const char*, const Tensor<float>& t) { wide.push_back(t.cast<double>()); });
  for_each_gradient(grad, [&](const char*, const Tensor<float>& t) { wide.push_back(t.cast<double>()); });
  i = 0;
  for_each_output(results.out, [&](const char*, Tensor<double>& t) { t = std::move(wide[i++]); });
  for_each_gradient(results.grad, [&](const char*, Tensor<double>& t) { t = std::move(wide[i++]); });
  return results;
}

#ifdef FASTWEIGHT_WITH_CUDA
verify::Results on_device(const Problem& problem, DType tensors, DType g, bool accurate) {
  const std::string why = cuda::why_no_device();
  if (!why.empty()) throw Skipped{why};
  cuda::ProblemResults results = cuda::run_problem(problem, tensors, g, accurate ? cuda::Precision::accurate : cuda::Precision::fast);
  return {std::move(results.out), std::move(results.grad)};
}
#else
verify::Results on_device(const Problem&, DType, DType, bool) {
  throw Error("--backend cuda: this build has no CUDA; expected nvcc at configure time, got none (scripts/run.sh builds with it where it works)");
}
#endif

}  // namespace

verify::Call call_backend(const BackendOptions& options, Variant variant, const std::string& family) {
  const bool device = options.backend == "cuda";
  if (!device && options.backend != "omp" && options.backend != "naive") throw Error("--backend: expected one of cuda, omp, naive, got \"" + options.backend + "\"");
  if (!device && options.tensors != DType::f32) throw Error("--dtype: expected f32 for backend " + options.backend + ", got " + std::string(dtype_name(options.tensors)));
  if (options.accurate && options.tensors != DType::f32) throw Error("--accurate: expected --dtype f32, got " + std::string(dtype_name(options.tensors)));
  ProblemShape shape = options.shape;
  // orthonormal keys with full erasure wipe out the initial state: its gradient is rounding and nothing else
  if (family == "keys-orthonormal") shape.initial_state = false;
  verify::Call call;
  call.problem = make_problem(variant, shape, family, options.seed);
  const DType gates = gate_dtype_of(options.tensors);
  round_problem(call.problem, options.tensors, gates);
  Tensor<double>& beta = call.problem.in.beta;
  for (index_t i = 0; i < beta.numel(); ++i) beta[i] = round_to(options.tensors, beta[i]);
  call.problem.options.threads = 0;
  call.results = device ? on_device(call.problem, options.tensors, gates, options.accurate) : in_float(call.problem, options.backend == "omp");
  const auto stored = [&](std::string_view name) {
    const bool tensor = name == "q" || name == "k" || name == "v" || name == "b" || name == "w" || name == "beta" || name == "o" || name == "do";
    return tensor ? options.tensors : name == "g" ? gates : DType::f32;
  };
  for_each_input(call.problem.in, [&](std::string_view name, const Tensor<double>& t) {
    if (t.defined()) call.stored[std::string(name)] = stored(name), call.stored["d" + std::string(name)] = stored(name);
  });
  for (const char* name : {"o", "do", "final_state", "dfinal_state"}) call.stored[name] = stored(name);
  return call;
}

}  // namespace fw::cli
