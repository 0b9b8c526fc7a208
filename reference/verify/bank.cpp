// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/parallel.h"
#include "naive/reference.h"
#include "verify/mistake.h"

namespace fw::verify {

index_t Bench::longest() const {
  index_t longest = 0;
  for (const auto& seq : geo.sequences) longest = std::max(longest, seq.length);
  return longest;
}

Bench make_bench(Problem problem, bool gradients, index_t chunk, Results truth, int threads) {
  Bench bench;
  bench.problem = std::move(problem);
  bench.problem.options.threads = 1;
  bench.chunk = chunk;
  bench.gradients = gradients;
  bench.geo = check_inputs("bank of mistakes", bench.problem.in, bench.problem.options);
  bench.problem.options.scale = bench.geo.scale;
  bench.truth = std::move(truth);
  Options options = bench.problem.options;
  options.threads = threads;
  if (!bench.truth.out.o.defined()) bench.truth.out = naive::forward(bench.problem.in, options);
  if (gradients && !bench.truth.grad.dq.defined()) bench.truth.grad = naive::backward(bench.problem.in, bench.problem.up, options);
  if (!bench.delta_rule()) return bench;

  bench.heads = gather_heads(bench.problem, bench.geo);
  bench.scores.resize(bench.heads.size());
  bench.reverse.resize(gradients ? bench.heads.size() : 0);
  parallel_for(static_cast<index_t>(bench.heads.size()), threads, [&](index_t i) {
    const auto at = static_cast<std::size_t>(i);
    bench.scores[at] = chunk_scores(bench.heads[at], chunk);
    if (gradients) bench.reverse[at] = run_reverse(bench.heads[at], chunk, {}, true);
  });
  return bench;
}

std::function<Results(const Bench&)> forward_of_heads(EditHead edit, TokenFaults faults) {
  return [edit = std::move(edit), faults](const Bench& bench) {
    std::vector<HeadOutput> out;
    for (const Head& right : bench.heads) {
      if (!edit) {
        out.push_back(run_tokens(right, faults));
        continue;
      }
      Head head = right;
      edit(head, bench);
      out.push_back(run_tokens(head, faults));
    }
    return scatter_outputs(bench.geo, out);
  };
}

std::function<Results(const Bench&)> forward_of_chunks(ChunkFaults faults, std::function<Vec(const Head&, const Bench&)> leak) {
  return [faults, leak = std::move(leak)](const Bench& bench) {
    std::vector<HeadOutput> out;
    for (std::size_t i = 0; i < bench.heads.size(); ++i)
      out.push_back(run_chunks(bench.heads[i], bench.chunk, bench.scores[i], faults, leak ? leak(bench.heads[i], bench) : Vec()));
    return scatter_outputs(bench.geo, out);
  };
}

namespace {

Problem edited(const Bench& bench, const EditProblem& edit) {
  Problem problem = bench.problem;
  problem.options.check_ranges = false;
  problem.options.check_finite = false;
  edit(problem, bench);
  return problem;
}

}  // namespace

std::function<Results(const Bench&)> forward_of_problem(EditProblem edit) {
  return [edit = std::move(edit)](const Bench& bench) {
    const Problem problem = edited(bench, edit);
    Results results;
    results.out = naive::forward(problem.in, problem.options);
    return results;
  };
}

std::function<Results(const Bench&)> backward_of_problem(EditProblem edit) {
  return [edit = std::move(edit)](const Bench& bench) {
    const Problem problem = edited(bench, edit);
    Results results;
    results.grad = naive::backward(problem.in, problem.up, problem.options);
    // an input that the mistaken kernel ignored gets no gradient from it
    std::vector<Tensor<double>> zeros;
    for_each_gradient(bench.truth.grad, [&](const char*, const Tensor<double>& t) { zeros.push_back(t.defined() ? Tensor<double>(t.shape()) : Tensor<double>()); });
    std::size_t i = 0;
    for_each_gradient(results.grad, [&](const char*, Tensor<double>& t) {
      if (!t.defined()) t = std::move(zeros[i]);
      ++i;
    });
    return results;
  };
}

std::function<Results(const Bench&)> outputs_of_truth(std::function<void(Outputs<double>&, const Bench&)> edit) {
  return [edit = std::move(edit)](const Bench& bench) {
    Results results;
    results.out = bench.truth.out;
    edit(results.out, bench);
    return results;
  };
}

std::function<Results(const Bench&)> gradients_of_truth(std::function<void(Gradients<double>&, const Bench&)> edit) {
  return [edit = std::move(edit)](const Bench& bench) {
    Results results;
    results.grad = bench.truth.grad;
    edit(results.grad, bench);
    return results;
  };
}

std::function<Results(const Bench&)> backward_of_heads(EditHead edit, ReverseFaults faults) {
  return [edit = std::move(edit), faults](const Bench& bench) {
    std::vector<HeadGradient> gradients;
    for (const Head& right : bench.heads) {
      Head head = right;
      if (edit) edit(head, bench);
      gradients.push_back(chain(head, run_reverse(head, bench.chunk, faults)));
    }
    return scatter_gradients(bench.problem, bench.geo, gradients);
  };
}

std::function<Results(const Bench&)> gradients_of_parts(EditGradient edit) {
  return [edit = std::move(edit)](const Bench& bench) {
    std::vector<HeadGradient> gradients;
    for (std::size_t i = 0; i < bench.heads.size(); ++i) {
      gradients.push_back(chain(bench.heads[i], bench.reverse[i]));
      edit(gradients.back(), bench.reverse[i], bench.heads[i], bench);
    }
    return scatter_gradients(bench.problem, bench.geo, gradients);
  };
}

const std::vector<Mistake>& bank() {
  static const std::vector<Mistake> all = [] {
    std::vector<Mistake> list;
    add_input_mistakes(list);
    add_rule_mistakes(list);
    add_chunk_mistakes(list);
    add_output_mistakes(list);
    add_activation_mistakes(list);
    add_reverse_mistakes(list);
    add_gradient_mistakes(list);
    add_recompute_mistakes(list);
    add_other_family_mistakes(list);
    return list;
  }();
  return all;
}

const Mistake& mistake(std::string_view id) {
  std::string near;
  for (const Mistake& m : bank()) {
    if (m.id == id) return m;
    if (m.id.find(id.substr(0, 4)) != std::string::npos) near += (near.empty() ? "" : ", ") + m.id;
  }
  throw Error("mistake: expected an id of the bank" + (near.empty() ? std::string() : " such as " + near) + ", got \"" + std::string(id) +
              "\"; all of them: fastweight list --mistakes");
}

}  // namespace fw::verify
