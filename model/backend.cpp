// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/backend.h"

#include <string>
#include <type_traits>

#include "core/error.h"
#include "naive/reference.h"
#ifdef FASTWEIGHT_WITH_CUDA
#include "cuda/run_problem.h"
#endif

namespace fw::model {
namespace {

template <class T>
void naive_forward(const Inputs<T>& in, const Options& options, Outputs<T>& out, Kept<T>*) {
  out = naive::forward(in, options);
}
template <class T>
void naive_backward(const Inputs<T>& in, const Upstream<T>& up, const Options& options, Gradients<T>& grad, const Kept<T>&) {
  grad = naive::backward(in, up, options);
}

bool omp_has(const Options& options) { return info(options.variant).family == Family::delta_rule; }

template <class T>
void omp_forward(const Inputs<T>& in, const Options& options, Outputs<T>& out, Kept<T>* kept) {
  if (!omp_has(options)) return naive_forward(in, options, out, kept);
  omp::forward(in, options, out, kept ? &kept->omp : nullptr);
}
template <class T>
void omp_backward(const Inputs<T>& in, const Upstream<T>& up, const Options& options, Gradients<T>& grad, const Kept<T>& kept) {
  if (!omp_has(options)) return naive_backward(in, up, options, grad, kept);
  omp::backward(in, up, options, grad, &kept.omp);
}

#ifdef FASTWEIGHT_WITH_CUDA
Problem as_problem(const Inputs<float>& in, const Options& options) {
  Problem problem;
  problem.options = options;
  std::vector<Tensor<double>> wide;
  for_each_input(in, [&](const char*, const Tensor<float>& t) { wide.push_back(t.cast<double>()); });
  std::size_t i = 0;
  for_each_input(problem.in, [&](const char*, Tensor<double>& t) { t = std::move(wide[i++]); });
  problem.in.cu_seqlens = in.cu_seqlens;
  return problem;
}
/// Mamba-3 and widths the kernels do not have stay on the CPU.
bool cuda_has(const Inputs<float>& in, const Options& options) {
  const auto width = [](const Tensor<float>& t) { return t.shape()[-1] >= 16 && t.shape()[-1] <= 256; };
  return omp_has(options) && width(in.k) && width(in.v) && in.q.shape()[1] > 0;
}
cuda::ProblemResults on_device(const Problem& problem) {
  const std::string why = cuda::why_no_device();
  if (!why.empty()) throw Error("backend cuda: " + why);
  return cuda::run_problem(problem, DType::f32, DType::f32, cuda::Precision::accurate);
}
void cuda_forward(const Inputs<float>& in, const Options& options, Outputs<float>& out, Kept<float>* kept) {
  if (!cuda_has(in, options)) return omp_forward(in, options, out, kept);
  Problem problem = as_problem(in, options);
  const cuda::ProblemResults results = on_device(problem);
  out.o = results.out.o.cast<float>();
  out.final_state = results.out.final_state.cast<float>();
}
void cuda_backward(const Inputs<float>& in, const Upstream<float>& up, const Options& options, Gradients<float>& grad,
                   const Kept<float>& kept) {
  if (!cuda_has(in, options)) return omp_backward(in, up, options, grad, kept);
  Problem problem = as_problem(in, options);
  problem.up.d_o = up.d_o.cast<double>();
  const cuda::ProblemResults results = on_device(problem);
  std::vector<Tensor<float>> narrow;
  for_each_gradient(results.grad, [&](const char*, const Tensor<double>& t) { narrow.push_back(t.cast<float>()); });
  std::size_t i = 0;
  for_each_gradient(grad, [&](const char*, Tensor<float>& t) { t = std::move(narrow[i++]); });
}
#endif

}  // namespace

template <class T>
const Backend<T>& backend(std::string_view name) {
  static const Backend<T> naive{"naive", naive_forward<T>, naive_backward<T>};
  static const Backend<T> fast{"omp", omp_forward<T>, omp_backward<T>};
  if (name == naive.name) return naive;
  if (name == fast.name) return fast;
  if (name == "cuda") {
#ifdef FASTWEIGHT_WITH_CUDA
    static const Backend<float> device{"cuda", cuda_forward, cuda_backward};
    if constexpr (std::is_same_v<T, float>) return device;
    throw Error("backend: cuda computes in float, expected naive or omp for double");
#else
    throw Error("backend: expected one of naive, omp, got \"cuda\", which this build does not have (no nvcc at configure time)");
#endif
  }
  throw Error("backend: expected one of naive, omp, cuda, got \"" + std::string(name) + "\"");
}
template const Backend<float>& backend(std::string_view);
template const Backend<double>& backend(std::string_view);

std::vector<std::string_view> backend_names() {
#ifdef FASTWEIGHT_WITH_CUDA
  return {"naive", "omp", "cuda"};
#else
  return {"naive", "omp"};
#endif
}

}  // namespace fw::model
