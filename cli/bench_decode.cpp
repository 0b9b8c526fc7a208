// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "bench_decode.h"

#include <algorithm>
#include <cmath>

#include "core/compare.h"
#include "naive/delta.h"
#include "naive/driver.h"
#include "naive/gdn.h"
#include "naive/gdn2.h"
#include "naive/gdn2_erase.h"
#include "naive/gdn2_write.h"
#include "naive/gla.h"
#include "naive/kda.h"
#include "naive/linear.h"
#include "naive/mamba2.h"
#include "naive/reference.h"
#include "omp/decode.h"

namespace fw::cli {
namespace {

class OmpDecode : public DecodeRunner {
 public:
  OmpDecode(const BenchProblem& token, const Contender& contender, int layers) : token_(token) {
    Options options = token.options;
    options.threads = contender.threads;
    for (int i = 0; i < layers; ++i) layers_.emplace_back(token.geo.N, token.geo.HV, token.geo.Dk, token.geo.Dv, options, contender.settings.isa);
  }
  void step() override {
    for (auto& layer : layers_) layer.step(token_.in, o_);
  }

 private:
  const BenchProblem& token_;
  std::vector<omp::Decoder<float>> layers_;
  Tensor<float> o_;
};

template <class Rule>
class NaiveDecode : public DecodeRunner {
 public:
  NaiveDecode(const BenchProblem& token, int layers)
      : token_(token), states_(static_cast<std::size_t>(layers * token.geo.N * token.geo.HV), naive::Matrix<float>::Zero(token.geo.Dk, token.geo.Dv)),
        o_(token.geo.Dv) {}
  void step() override {
    const Geometry& geo = token_.geo;
    const index_t heads = geo.N * geo.HV;
    for (std::size_t i = 0; i < states_.size(); ++i) {
      const index_t head = static_cast<index_t>(i) % heads;
      naive::read_token(token_.in, geo, token_.options, head / geo.HV, 0, head % geo.HV, x_);
      Rule::step(states_[i], x_, static_cast<float>(geo.scale), o_);
    }
  }

 private:
  const BenchProblem& token_;
  std::vector<naive::Matrix<float>> states_;
  naive::Token<float> x_;
  naive::Vector<float> o_;
};

std::unique_ptr<DecodeRunner> make_naive(const BenchProblem& token, int layers) {
  switch (token.options.variant) {
    case Variant::linear: return std::make_unique<NaiveDecode<naive::Linear>>(token, layers);
    case Variant::mamba2: return std::make_unique<NaiveDecode<naive::Mamba2>>(token, layers);
    case Variant::gla: return std::make_unique<NaiveDecode<naive::Gla>>(token, layers);
    case Variant::delta: return std::make_unique<NaiveDecode<naive::Delta>>(token, layers);
    case Variant::gdn: return std::make_unique<NaiveDecode<naive::Gdn>>(token, layers);
    case Variant::kda: return std::make_unique<NaiveDecode<naive::Kda>>(token, layers);
    case Variant::gdn2_write: return std::make_unique<NaiveDecode<naive::Gdn2Write>>(token, layers);
    case Variant::gdn2_erase: return std::make_unique<NaiveDecode<naive::Gdn2Erase>>(token, layers);
    case Variant::gdn2: return std::make_unique<NaiveDecode<naive::Gdn2>>(token, layers);
    default: throw Error("bench: decode is for the delta-rule family, got " + std::string(info(token.options.variant).name));
  }
}

/// Token t of every tensor [B,T,...].
Inputs<float> token_of(const Inputs<float>& in, index_t t) {
  Inputs<float> out;
  std::vector<Tensor<float>> cut;
  for_each_input(in, [&](const char* text, const Tensor<float>& x) {
    const std::string name = text;
    if (!x.defined() || name == "initial_state") return cut.push_back({});
    if (name == "A_log" || name == "dt_bias") return cut.push_back(x);
    std::vector<index_t> sizes = x.shape().sizes();
    const index_t T = std::exchange(sizes[1], 1);
    Tensor<float> one{Shape(sizes)};
    const index_t row = one.numel() / std::max<index_t>(sizes[0], 1);
    for (index_t n = 0; n < sizes[0]; ++n) std::copy_n(x.data() + (n * T + t) * row, row, one.data() + n * row);
    cut.push_back(std::move(one));
  });
  std::size_t i = 0;
  for_each_input(out, [&](const char*, Tensor<float>& x) { x = std::move(cut[i++]); });
  return out;
}

double distance(const Tensor<float>& x, const Tensor<double>& truth) { return compare(x.cast<double>(), truth, Tolerance{}, 0).rel_l2; }

}  // namespace

std::unique_ptr<DecodeRunner> make_decode_runner(const BenchProblem& token, const Contender& contender, int layers) {
  if (contender.backend == "naive") return make_naive(token, layers);
  return std::make_unique<OmpDecode>(token, contender, layers);
}

DecodeCheck check_decode(Variant variant, const ProblemShape& shape, const Contender& contender, std::uint64_t seed, bool broken) {
  ProblemShape reduced = shape;
  reduced.cu_seqlens.clear();
  reduced.B = 2;
  reduced.T = 100;
  Problem problem = make_problem(variant, reduced, "typical", seed);
  round_problem(problem, DType::f32, DType::f32);
  const Outputs<double> truth = naive::forward(problem.in, problem.options);
  Inputs<float> in;
  {
    std::vector<Tensor<float>> casts;
    for_each_input(problem.in, [&](const char*, const Tensor<double>& t) { casts.push_back(t.cast<float>()); });
    std::size_t i = 0;
    for_each_input(in, [&](const char*, Tensor<float>& t) { t = std::move(casts[i++]); });
  }
  const Outputs<float> plain = naive::forward(in, problem.options);
  Options options = problem.options;
  options.threads = contender.threads;
  omp::Decoder<float> decoder(reduced.B, reduced.HV, reduced.Dk, reduced.Dv, options, contender.settings.isa);
  if (in.initial_state.defined()) decoder.load(in.initial_state);
  Tensor<float> o(truth.o.shape()), step;
  const index_t row = reduced.HV * reduced.Dv;
  for (index_t t = 0; t < reduced.T; ++t) {
    decoder.step(token_of(in, t), step);
    for (index_t n = 0; n < reduced.B; ++n) std::copy_n(step.data() + n * row, row, o.data() + (n * reduced.T + t) * row);
  }
  if (broken) o[o.numel() / 2] += 1.0f;
  DecodeCheck check{std::max(distance(o, truth.o), distance(decoder.state(), truth.final_state)),
                    std::max(distance(plain.o, truth.o), distance(plain.final_state, truth.final_state)), 0.0, false};
  check.limit = std::max(4e-7, 2.0 * check.naive_error);
  check.right = check.error <= check.limit;
  return check;
}

}  // namespace fw::cli
