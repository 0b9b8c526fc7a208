// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mistakes of the reverse pass with the forward right: the recursion of dS, and what enters and leaves it.
#include <cmath>

#include "verify/mistake.h"

namespace fw::verify {
namespace {

bool backward(const Bench& b) { return b.gradients; }
bool delta_backward(const Bench& b) { return b.gradients && b.delta_rule(); }
bool erases(const Bench& b) { return delta_backward(b) && b.rule().erase != Erase::none; }
bool decays(const Bench& b) { return delta_backward(b) && b.rule().decay != Decay::none; }
bool has_dfinal(const Bench& b) { return b.gradients && b.problem.up.dfinal_state.defined(); }
bool has_dinitial(const Bench& b) { return b.gradients && b.truth.grad.dinitial_state.defined(); }
bool several_chunks(const Bench& b) { return delta_backward(b) && b.longest() > b.chunk; }

}  // namespace

void add_reverse_mistakes(std::vector<Mistake>& bank) {
  const auto add_loop = [&](const char* id, const char* title, const char* advice, bool (*applies)(const Bench&), ReverseFaults faults) {
    bank.push_back({id, Direction::backward, title, advice, false, applies, backward_of_heads({}, faults)});
  };
  const auto add_truth = [&](const char* id, const char* title, const char* advice, bool (*applies)(const Bench&),
                             std::function<void(Gradients<double>&, const Bench&)> edit) {
    bank.push_back({id, Direction::backward, title, advice, false, applies, gradients_of_truth(std::move(edit))});
  };
  ReverseFaults f;
  f.no_decay = true;
  add_loop("ds-not-decayed", "dS is not decayed on its way back (B7)", "g = 0 makes the error vanish", decays, f);
  f = {};
  f.no_erase = true;
  add_loop("ds-without-erase", "dS lacks the erase path e dr^T (B4)", "b = 0 makes the error vanish", erases, f);
  f = {};
  f.output_unscaled = true;
  add_loop("ds-output-unscaled", "dS += q do^T lacks the scale (B1)", "scale = 1 makes the error vanish", delta_backward, f);
  f = {};
  f.output_next_only = true;
  add_loop("ds-misses-own-output", "k and v of a token do not see the gradient of the token's own output", "only tokens after t reach dk_t, dv_t", delta_backward, f);
  bank.push_back({"ds-cut-at-chunk", Direction::backward, "dS is not carried over chunk edges", "T = one chunk makes the error vanish", true, several_chunks,
                  [](const Bench& b) {
                    ReverseFaults cut;
                    cut.cut_every = b.chunk;
                    return backward_of_heads({}, cut)(b);
                  }});
  bank.push_back({"ds-bf16-chunk", Direction::backward, "dS rounded to bfloat16 at each chunk edge", "one chunk hides it", true, several_chunks,
                  [](const Bench& b) {
                    ReverseFaults rounded;
                    rounded.round_every = b.chunk;
                    return backward_of_heads({}, rounded)(b);
                  }});
  const auto with_dfinal = [&](const char* id, const char* title, double factor) {
    bank.push_back({id, Direction::backward, title, "dfinal_state = 0 makes the error vanish", false, has_dfinal, backward_of_problem([factor](Problem& p, const Bench&) {
                      for (index_t i = 0; i < p.up.dfinal_state.numel(); ++i) p.up.dfinal_state[i] *= factor;
                    })});
  };
  with_dfinal("dfinal-ignored", "the gradient of the final state is ignored", 0.0);
  with_dfinal("dfinal-twice", "the gradient of the final state is added twice", 2.0);
  add_truth("dinitial-zero", "dinitial_state is not written (zeros)", "seen where it is written only if dfinal_state is given", has_dinitial,
            [](Gradients<double>& g, const Bench&) { g.dinitial_state.fill(0.0); });
  add_truth("dinitial-is-dfinal", "dinitial_state is dfinal_state passed through", "", [](const Bench& b) { return has_dinitial(b) && has_dfinal(b); },
            [](Gradients<double>& g, const Bench& b) { g.dinitial_state = b.problem.up.dfinal_state; });
  add_truth("dinitial-transposed", "dinitial_state is stored as [Dv,Dk]", "Dk != Dv shows it", [](const Bench& b) { return has_dinitial(b) && b.geo.Dk == b.geo.Dv; },
            [](Gradients<double>& g, const Bench& b) {
              const index_t D = b.geo.Dk;
              for (index_t s = 0; s < g.dinitial_state.numel(); s += D * D)
                for (index_t i = 0; i < D; ++i)
                  for (index_t j = 0; j < i; ++j) std::swap(g.dinitial_state[s + i * D + j], g.dinitial_state[s + j * D + i]);
            });
  bank.push_back({"dinitial-not-decayed", Direction::backward, "dinitial_state lacks the decay of the first token", "g = 0 makes the error vanish", false,
                  [](const Bench& b) { return has_dinitial(b) && decays(b); }, gradients_of_parts([](HeadGradient& d, const ReverseParts&, const Head& h, const Bench&) {
                    if (h.T == 0) return;
                    for (index_t i = 0; i < h.Dk; ++i) {
                      const double alpha = std::exp(h.G(0, i));
                      if (alpha > 0) d.dS0.row(i) /= alpha;
                    }
                  })});
  add_truth("gradients-zero", "all gradients are zero", "was the backward kernel launched?", backward,
            [](Gradients<double>& g, const Bench&) { for_each_gradient(g, [](const char*, Tensor<double>& t) { t.fill(0.0); }); });
}

}  // namespace fw::verify
