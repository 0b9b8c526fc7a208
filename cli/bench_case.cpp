// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "bench_case.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/compare.h"
#include "naive/reference.h"
#include "omp/rungs.h"

namespace fw::cli {
namespace {

template <class To, class From>
Inputs<To> cast_inputs(const Inputs<From>& in) {
  std::vector<Tensor<To>> casts;
  for_each_input(in, [&](const char*, const Tensor<From>& t) { casts.push_back(t.template cast<To>()); });
  Inputs<To> out;
  std::size_t i = 0;
  for_each_input(out, [&](const char*, Tensor<To>& t) { t = std::move(casts[i++]); });
  out.cu_seqlens = in.cu_seqlens;
  return out;
}

struct NamedTensor {
  const char* name;
  const Tensor<float>* value;
};
std::vector<NamedTensor> tensors_of(const BenchResults& results, bool backward) {
  std::vector<NamedTensor> all;
  const auto add = [&](const char* name, const Tensor<float>& t) {
    if (t.defined()) all.push_back({name, &t});
  };
  for_each_output(results.out, add);
  if (backward) for_each_gradient(results.grad, add);
  return all;
}

BenchProblem to_float(const Problem& problem) {
  BenchProblem p;
  p.in = cast_inputs<float>(problem.in);
  p.up.d_o = problem.up.d_o.cast<float>();
  p.up.dfinal_state = problem.up.dfinal_state.cast<float>();
  p.options = problem.options;
  p.options.check_finite = p.options.check_ranges = false;
  p.geo = check_inputs("bench", p.in, p.options);
  return p;
}

template <class Tensors>
double bytes_of(const Tensors& tensors) {
  double total = 0;
  for (const auto* t : tensors) total += static_cast<double>(t->numel()) * sizeof(float);
  return total;
}

}  // namespace

const char* pass_name(Pass pass) { return pass == Pass::forward ? "forward" : pass == Pass::training ? "training" : "decode"; }

std::string Contender::label() const {
  std::string text = backend == "naive" ? "naive" : rung > 0 ? "rung " + std::to_string(rung) : "omp";
  if (settings.isa != omp::Isa::automatic) text += " " + std::string(omp::isa_name(settings.isa));
  if (threads > 1) text += " on " + std::to_string(threads);
  if (settings.segments > 1) text += " in " + std::to_string(settings.segments) + " segments";
  return text;
}

double BenchProblem::useful_flop(Pass pass) const {
  const double forward = 8.0 * static_cast<double>(geo.B * geo.T * geo.HV) * static_cast<double>(geo.Dk * geo.Dv);
  return pass == Pass::training ? 3.0 * forward : forward;
}

double BenchProblem::bytes(Pass pass) const {
  std::vector<const Tensor<float>*> inputs;
  for_each_input(in, [&](const char*, const Tensor<float>& t) { inputs.push_back(&t); });
  const double read = bytes_of(inputs), state = static_cast<double>(geo.N * geo.HV * geo.Dk * geo.Dv) * sizeof(float);
  const double written = static_cast<double>(geo.B * geo.T * geo.HV * geo.Dv) * sizeof(float) + state;
  if (pass == Pass::forward) return read + written;
  return read + written + read + bytes_of(std::vector{&up.d_o, &up.dfinal_state}) + read;  // inputs again, upstream, one gradient per input
}

BenchProblem make_bench_problem(Variant variant, const ProblemShape& shape, std::uint64_t seed) {
  return to_float(make_problem(variant, shape, "typical", seed));
}

void run_contender(const BenchProblem& problem, const Contender& contender, Pass pass, BenchResults& results) {
  Options options = problem.options;
  options.threads = contender.threads;
  if (contender.backend == "naive") {
    results.out = naive::forward(problem.in, options);
    if (pass == Pass::training) results.grad = naive::backward(problem.in, problem.up, options);
  } else if (contender.rung > 0) {
    omp::forward_rung(contender.rung, problem.in, options, results.out, contender.settings);
  } else if (pass == Pass::training) {
    omp::forward(problem.in, options, results.out, &results.saved, contender.settings);
    omp::backward(problem.in, problem.up, options, results.grad, &results.saved, contender.settings);
  } else {
    omp::forward<float>(problem.in, options, results.out, nullptr, contender.settings);
  }
}

std::vector<CheckedTensor> check_contender(Variant variant, const ProblemShape& shape, const std::string& family, const Contender& contender,
                                           bool backward, std::uint64_t seed, bool broken) {
  ProblemShape reduced = shape;
  reduced.cu_seqlens.clear();
  reduced.B = 1;
  reduced.T = std::min<index_t>(shape.T, 200);
  reduced.H = std::min<index_t>(shape.H, 2);
  reduced.HV = reduced.H * (shape.HV / std::max<index_t>(shape.H, 1));
  // orthonormal keys with full erasure wipe out the initial state: its gradient is rounding and nothing else
  if (family == "keys-orthonormal") reduced.initial_state = false;
  Problem problem = make_problem(variant, reduced, family, seed);
  round_problem(problem, DType::f32, DType::f32);
  const Outputs<double> truth = naive::forward(problem.in, problem.options);
  const Gradients<double> truth_gradients = backward ? naive::backward(problem.in, problem.up, problem.options) : Gradients<double>{};
  const BenchProblem small = to_float(problem);
  const Pass pass = backward ? Pass::training : Pass::forward;
  BenchResults plain, got;
  run_contender(small, {"naive", 1, 0, {}}, pass, plain);
  run_contender(small, contender, pass, got);
  if (broken && got.out.o.numel() > 0) got.out.o[got.out.o.numel() / 2] += 1.0f;

  std::vector<const Tensor<double>*> truths;
  const auto add = [&](const char*, const Tensor<double>& t) {
    if (t.defined()) truths.push_back(&t);
  };
  for_each_output(truth, add);
  for_each_gradient(truth_gradients, add);
  const auto plain_tensors = tensors_of(plain, backward), got_tensors = tensors_of(got, backward);
  std::vector<CheckedTensor> checked;
  for (std::size_t i = 0; i < truths.size(); ++i) {
    const auto error = [&](const NamedTensor& t) { return compare(t.value->cast<double>(), *truths[i], Tolerance{}, 0).rel_l2; };
    CheckedTensor one{contender.label(), family, got_tensors[i].name, error(got_tensors[i]), error(plain_tensors[i]), 0.0, false};
    one.limit = std::max(4e-7, 2.0 * one.naive_error);
    one.right = one.error <= one.limit;
    checked.push_back(one);
  }
  return checked;
}

std::string why_results_wrong(const BenchResults& results, const BenchResults& first, Pass pass, bool same_bits) {
  const auto got = tensors_of(results, pass == Pass::training), other = tensors_of(first, pass == Pass::training);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const Tensor<float>& x = *got[i].value;
    for (index_t j = 0; j < x.numel(); ++j)
      if (!std::isfinite(x[j])) return std::string(got[i].name) + " is not finite at flat index " + std::to_string(j);
    if (same_bits && std::memcmp(x.data(), other[i].value->data(), static_cast<std::size_t>(x.numel()) * sizeof(float)) != 0)
      return std::string(got[i].name) + " has other bits than at another number of threads";
  }
  return {};
}

}  // namespace fw::cli
