// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "golden_case.h"

#include <fmt/format.h>

#include "naive/reference.h"

namespace fw::cli {
namespace {

std::string delta_rule_in_words(const VariantInfo& row) {
  std::string text = "one step, in this order: ";
  if (row.decay != Decay::none) text += row.decay == Decay::scalar ? "decay S = exp(g) S; " : "decay S = Diag(exp g) S, one g per key channel (rows of S); ";
  switch (row.erase) {
    case Erase::none: break;
    case Erase::scalar: text += "read r = S^T (beta k), after the decay; "; break;
    case Erase::channel: text += "read r = S^T (b*k), after the decay; "; break;
    case Erase::mean: text += "read r = S^T (mean(b) k), after the decay; "; break;
  }
  const char* written = row.write == Write::one ? "v" : row.write == Write::scalar ? "beta v" : row.write == Write::channel ? "w*v" : "mean(w) v";
  text += row.erase == Erase::none ? fmt::format("write S = S + k ({})^T; ", written) : fmt::format("write S = S + k ({} - r)^T; ", written);
  return text + "output o = scale S^T q, after the write";
}

std::string mamba3_in_words(bool mimo) {
  return std::string("one step, in this order: angle += theta; rotate the first P channel pairs (2i, 2i+1) of k and q by it; decay S = exp(g) S; write S = S + "
                     "(1-lambda) dt exp(g) k_prev v_prev^T + lambda dt k v^T with the previous token's rotated key; output o = scale S^T q") +
         (mimo ? "; k, v and q have M rows per token, each write is the sum over the rows, o has one row per row of q" : "");
}

}  // namespace

std::string convention(const CaseFile& file) {
  const Options& options = file.options;
  const VariantInfo& row = info(options.variant);
  std::string text;
  switch (row.family) {
    case Family::delta_rule: text = delta_rule_in_words(row); break;
    case Family::mamba3: text = mamba3_in_words(options.variant == Variant::mamba3_mimo); break;
    case Family::attention:
      text = "o_t = sum over s <= t of softmax_s(scale q_t.k_s) v_s";
      if (options.variant == Variant::swa) text += fmt::format(", s > t - {} only", options.window);
      break;
  }
  text += file.layout == Layout::BTHK ? "; tensors [B,T,H,...]" : "; tensors [B,H,T,...]";
  if (row.family != Family::attention)
    text += file.state_layout == StateLayout::KV ? "; states [N,HV,Dk,Dv]" : "; states [N,HV,Dv,Dk]";
  text += "; value head j uses key head j / (HV/H)";
  if (row.decay != Decay::none && options.decay_activation == DecayActivation::none) text += "; g is the natural-log decay";
  if (options.decay_activation == DecayActivation::softplus) text += "; the natural-log decay is -exp(A_log) softplus(g + dt_bias)";
  if (options.decay_activation == DecayActivation::bounded)
    text += fmt::format("; the natural-log decay is {} sigmoid(exp(A_log) (g + dt_bias))", options.decay_lower_bound);
  if (options.sigmoid_gates) text += "; b, w and beta are raw: the rule takes sigmoid";
  if (options.sigmoid_gates && options.erase_times_two) text += ", times 2 for the erase gate (b, or beta)";
  text += options.l2norm_qk ? fmt::format("; the rule normalises q and k, x / sqrt(x.x + {}), before scale", options.l2norm_eps)
                            : "; q and k are used as they are";
  if (!file.in.cu_seqlens.empty()) text += "; cu_seqlens: sequence n is tokens cu_seqlens[n] to cu_seqlens[n+1]";
  if (file.up.d_o.defined()) text += "; gradients are those of sum(o*do) and the sums of every final tensor times its d tensor";
  return text;
}

CaseFile make_golden(const GoldenRequest& request, const std::function<void(double, const std::string&)>& progress) {
  progress(0.0, "inputs");
  const DType gate_dtype = request.gate_dtype.value_or(gate_dtype_of(request.dtype));
  Problem problem = make_problem(request.variant, request.shape, request.family, request.seed);
  if (request.scale) problem.options.scale = *request.scale;
  if (request.l2norm_eps) problem.options.l2norm_eps = *request.l2norm_eps;
  if (request.decay_lower_bound) problem.options.decay_lower_bound = *request.decay_lower_bound;
  round_problem(problem, request.dtype, gate_dtype);

  CaseFile file;
  const auto stored_as = [&](const char* name, const Tensor<double>& tensor) {
    const std::string_view word = name;
    const bool operand = word == "q" || word == "k" || word == "v" || word == "b" || word == "w" || word == "do";
    if (tensor.defined()) file.dtypes[name] = operand ? request.dtype : gate_dtype;
  };
  for_each_input(problem.in, stored_as);
  for_each_upstream(problem.up, stored_as);
  file.in = std::move(problem.in);
  file.options = problem.options;
  file.layout = request.layout;
  file.state_layout = request.state_layout;

  Options run = file.options;
  run.threads = request.threads;
  progress(0.1, "truth");
  file.out = naive::forward(file.in, run);
  if (request.gradients) {
    progress(0.3, "gradients");
    file.up = std::move(problem.up);
    file.grad = naive::backward(file.in, file.up, run);
  }
  const auto truth = [&](const char* name, const Tensor<double>& tensor) {
    if (tensor.defined()) file.dtypes[name] = request.truth_dtype;
  };
  for_each_output(file.out, truth);
  for_each_gradient(file.grad, truth);

  file.metadata = {{"kernel", "fastweight golden"},
                   {"version", FASTWEIGHT_VERSION},
                   {"dtype", std::string(dtype_name(request.dtype))},
                   {"gate_dtype", std::string(dtype_name(gate_dtype))},
                   {"truth_dtype", std::string(dtype_name(request.truth_dtype))},
                   {"family", request.family},
                   {"seed", fmt::format("{}", request.seed)},
                   {"shape", request.shape.str()},
                   {"convention", convention(file)}};
  return file;
}

}  // namespace fw::cli
