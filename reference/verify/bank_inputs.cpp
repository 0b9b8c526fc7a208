// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mistakes in what the rule is fed: scale, initial state, head map, batch rows, packing.
#include <algorithm>
#include <cmath>

#include "naive/reference.h"
#include "verify/mistake.h"

namespace fw::verify {
namespace {

bool always(const Bench&) { return true; }
bool has_initial(const Bench& b) { return b.problem.in.initial_state.defined(); }
bool square_initial(const Bench& b) { return has_initial(b) && b.geo.Dk == b.geo.Dv; }
bool gated(const Bench& b) { return b.problem.in.g.defined() || b.problem.in.b.defined() || b.problem.in.beta.defined(); }

/// Every row along axis 0 (batch or sequence) replaced by row 0.
void repeat_first_row(Tensor<double>& t) {
  if (!t.defined() || t.shape()[0] < 2) return;
  const index_t row = t.numel() / t.shape()[0];
  for (index_t n = 1; n < t.shape()[0]; ++n) std::copy_n(t.data(), row, t.data() + n * row);
}

/// Every head (axis 2) replaced by head 0.
void repeat_first_head(Tensor<double>& t) {
  if (!t.defined()) return;
  const index_t heads = t.shape()[2], rows = t.shape()[0] * t.shape()[1], width = t.numel() / std::max<index_t>(rows * heads, 1);
  for (index_t r = 0; r < rows; ++r)
    for (index_t h = 1; h < heads; ++h) std::copy_n(t.data() + r * heads * width, width, t.data() + (r * heads + h) * width);
}

/// Axis `axis` of H heads expanded to HV heads by value head j taking head j % H.
void tile_heads(Tensor<double>& t, index_t axis, index_t H, index_t HV) {
  if (!t.defined() || t.shape()[axis] != H) return;
  std::vector<index_t> sizes = t.shape().sizes();
  index_t rows = 1, width = 1;
  for (index_t i = 0; i < t.shape().rank(); ++i) (i < axis ? rows : width) *= i == axis ? 1 : t.shape()[i];
  sizes[static_cast<std::size_t>(axis)] = HV;
  Tensor<double> out{Shape(sizes)};
  for (index_t r = 0; r < rows; ++r)
    for (index_t j = 0; j < HV; ++j) std::copy_n(t.data() + (r * H + j % H) * width, width, out.data() + (r * HV + j) * width);
  t = std::move(out);
}

void transpose_states(Tensor<double>& t, index_t D) {
  for (index_t s = 0; s < t.numel(); s += D * D)
    for (index_t i = 0; i < D; ++i)
      for (index_t j = 0; j < i; ++j) std::swap(t[s + i * D + j], t[s + j * D + i]);
}

/// Each packed sequence starts from the final state of the one before it.
Results states_leak(const Bench& bench) {
  std::vector<HeadOutput> out(bench.heads.size());
  for (std::size_t i = 0; i < bench.heads.size(); ++i) {
    Head head = bench.heads[i];
    if (head.n > 0) head.S0 = out[i - static_cast<std::size_t>(bench.geo.HV)].ST;
    out[i] = run_tokens(head);
  }
  return scatter_outputs(bench.geo, out);
}

}  // namespace

void add_input_mistakes(std::vector<Mistake>& bank) {
  const auto add = [&](const char* id, const char* title, const char* advice, bool (*applies)(const Bench&), EditProblem edit) {
    bank.push_back({id, Direction::forward, title, advice, false, applies, forward_of_problem(std::move(edit))});
  };
  add("scale-missing", "the output is not scaled (scale 1)", "call with scale = 1: the error must vanish", always,
      [](Problem& p, const Bench&) { p.options.scale = 1.0; });
  add("scale-twice", "the output is scaled twice", "call with scale = 1: the error must vanish", always,
      [](Problem& p, const Bench& b) { p.options.scale = b.geo.scale * b.geo.scale; });
  add("scale-of-value-width", "scale is 1/sqrt(Dv) instead of 1/sqrt(Dk)", "call with Dk = Dv", [](const Bench& b) { return b.geo.Dk != b.geo.Dv; },
      [](Problem& p, const Bench& b) { p.options.scale = 1.0 / std::sqrt(static_cast<double>(b.geo.Dv)); });
  add("initial-state-ignored", "the initial state is ignored", "S0 = 0 makes the error vanish", has_initial,
      [](Problem& p, const Bench&) { p.in.initial_state = {}; });
  add("initial-state-transposed", "the initial state is loaded as [Dv,Dk]", "a symmetric S0 makes the error vanish; a one-hot S0 maps the layout", square_initial,
      [](Problem& p, const Bench& b) { transpose_states(p.in.initial_state, b.geo.Dk); });
  add("initial-state-of-first", "every sequence starts from the initial state of sequence 0", "sequence 0 is right",
      [](const Bench& b) { return has_initial(b) && b.geo.N > 1; }, [](Problem& p, const Bench&) { repeat_first_row(p.in.initial_state); });
  add("key-head-tiled", "value head j uses key head j % H instead of j / (HV/H)", "HV = H makes the error vanish",
      [](const Bench& b) { return b.geo.H > 1 && b.geo.HV > b.geo.H; }, [](Problem& p, const Bench& b) {
        for (Tensor<double>* t : {&p.in.q, &p.in.k, &p.in.g, &p.in.b}) tile_heads(*t, 2, b.geo.H, b.geo.HV);
        for (Tensor<double>* t : {&p.in.A_log, &p.in.dt_bias}) tile_heads(*t, 0, b.geo.H, b.geo.HV);
      });
  add("gates-of-head-0", "every head uses the gates of head 0", "head 0 is right", [](const Bench& b) { return gated(b) && b.geo.HV > 1; },
      [](Problem& p, const Bench&) {
        for (Tensor<double>* t : {&p.in.g, &p.in.b, &p.in.beta}) repeat_first_head(*t);
      });
  add("decay-of-head-0", "every head uses the decay of head 0", "head 0 is right", [](const Bench& b) { return b.problem.in.g.defined() && b.geo.g_heads > 1 && (b.problem.in.b.defined() || b.problem.in.beta.defined()); },
      [](Problem& p, const Bench&) { repeat_first_head(p.in.g); });
  add("gates-of-batch-0", "every batch row uses the gates of row 0", "batch row 0 is right", [](const Bench& b) { return gated(b) && b.geo.B > 1; },
      [](Problem& p, const Bench&) {
        for (Tensor<double>* t : {&p.in.g, &p.in.b, &p.in.beta}) repeat_first_row(*t);
      });
  add("gates-bf16", "gates and decay rounded to bfloat16 before use", "gates that bfloat16 holds exactly make the error vanish", gated, [](Problem& p, const Bench&) {
    for (Tensor<double>* t : {&p.in.g, &p.in.b, &p.in.w, &p.in.beta})
      for (index_t i = 0; i < t->numel(); ++i) (*t)[i] = round_to(DType::bf16, (*t)[i]);
  });
  add("query-key-exchanged", "q and k exchanged", "", always, [](Problem& p, const Bench&) { std::swap(p.in.q, p.in.k); });
  add("key-value-exchanged", "k and v exchanged", "", [](const Bench& b) { return b.geo.Dk == b.geo.Dv && b.geo.H == b.geo.HV; },
      [](Problem& p, const Bench&) { std::swap(p.in.k, p.in.v); });
  bank.push_back({"packed-state-leaks", Direction::forward, "a packed sequence starts from the final state of the sequence before it", "sequences run one by one are right", false,
                  [](const Bench& b) { return b.delta_rule() && b.geo.N > 1 && !b.problem.in.cu_seqlens.empty(); }, states_leak});
}

}  // namespace fw::verify
