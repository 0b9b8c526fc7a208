// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The forward is right, but the backward recomputes it from wrong inputs: wrong head's gates, wrong base, no initial state.
#include <algorithm>
#include <cmath>

#include "verify/mistake.h"

namespace fw::verify {
namespace {

bool backward(const Bench& b) { return b.gradients; }
bool delta(const Bench& b) { return b.gradients && b.delta_rule(); }
bool decays(const Bench& b) { return delta(b) && b.rule().decay != Decay::none; }
bool erases(const Bench& b) { return delta(b) && b.rule().erase != Erase::none; }

const Head& first_head(const Bench& b, const Head& h) { return b.heads[static_cast<std::size_t>(h.n * b.geo.HV)]; }

}  // namespace

void add_recompute_mistakes(std::vector<Mistake>& bank) {
  const auto add = [&](const char* id, const char* title, const char* advice, bool (*applies)(const Bench&), EditHead edit) {
    bank.push_back({id, Direction::backward, title, advice, false, applies, backward_of_heads(std::move(edit))});
  };
  add("backward-decay-of-head-0", "the backward uses the decay of head 0 for every head", "head 0 is right; seen as a missing head offset",
      [](const Bench& b) { return decays(b) && b.geo.HV > 1; }, [](Head& h, const Bench& b) { h.G = first_head(b, h).G; });
  add("backward-gates-of-head-0", "the backward uses decay and erase gate of head 0 for every head", "head 0 is right",
      [](const Bench& b) { return erases(b) && b.geo.HV > 1; }, [](Head& h, const Bench& b) {
        h.G = first_head(b, h).G;
        h.B = first_head(b, h).B;
        h.rebuild();
      });
  add("backward-decay-missing", "the backward recomputes without decay", "g = 0 makes the error vanish", decays, [](Head& h, const Bench&) { h.G.setZero(); });
  add("backward-decay-exp2", "the backward feeds natural-log decay to exp2", "g = 0 makes the error vanish", decays, [](Head& h, const Bench&) { h.G *= 0.6931471805599453; });
  add("backward-decay-late", "the backward uses the decay of token t-1 at token t", "constant g makes the error vanish", decays, [](Head& h, const Bench&) {
    if (h.T > 1) h.G.bottomRows(h.T - 1) = h.G.topRows(h.T - 1).eval();
    if (h.T > 0) h.G.row(0).setZero();
  });
  add("backward-initial-ignored", "the backward recomputes from a zero initial state", "S0 = 0 makes the error vanish",
      [](const Bench& b) { return delta(b) && b.problem.in.initial_state.defined(); }, [](Head& h, const Bench&) { h.S0.setZero(); });
  add("backward-erase-averaged", "the backward recomputes with the mean erase gate", "b equal over channels makes the error vanish",
      [](const Bench& b) { return delta(b) && b.rule().erase == Erase::channel; }, [](Head& h, const Bench&) {
        const Vec mean = h.B.rowwise().mean();
        h.B.colwise() = mean;
        h.rebuild();
      });
  add("backward-erase-missing", "the backward recomputes without erase (and returns no gradient through it)", "b = 0 makes the error vanish", erases,
      [](Head& h, const Bench&) { h.E.setZero(); });
  add("backward-write-ungated", "the backward recomputes with v instead of w (.) v", "w = 1 makes the error vanish",
      [](const Bench& b) { return delta(b) && b.rule().write != Write::one; }, [](Head& h, const Bench&) { h.Z = h.V; });
  add("upstream-late", "do of token t-1 is used at token t", "", [](const Bench& b) { return delta(b) && b.longest() > 1; }, [](Head& h, const Bench&) {
    if (h.T > 1) h.dO.bottomRows(h.T - 1) = h.dO.topRows(h.T - 1).eval();
    if (h.T > 0) h.dO.row(0).setZero();
  });
  add("upstream-dfinal-transposed", "dfinal_state is read as [Dv,Dk]", "Dk != Dv shows it",
      [](const Bench& b) { return delta(b) && b.geo.Dk == b.geo.Dv && b.problem.up.dfinal_state.defined(); },
      [](Head& h, const Bench&) { h.dST = h.dST.transpose().eval(); });
  bank.push_back({"backward-scale-missing", Direction::backward, "the backward uses scale 1", "scale = 1 makes the error vanish", false, backward,
                  backward_of_problem([](Problem& p, const Bench&) { p.options.scale = 1.0; })});
  bank.push_back({"upstream-head-major", Direction::backward, "do is read as if it lay in memory as [B,H,T,D] (strides ignored)", "H = 1 makes the error vanish", false,
                  [](const Bench& b) { return b.gradients && b.geo.HV > 1 && b.geo.T > 1 && b.problem.up.d_o.defined(); },
                  backward_of_problem([](Problem& p, const Bench& b) {
                    const Tensor<double> right = p.up.d_o;
                    const index_t D = right.numel() / std::max<index_t>(b.geo.B * b.geo.T * b.geo.HV, 1);
                    index_t to = 0;
                    for (index_t n = 0; n < b.geo.B; ++n)
                      for (index_t h = 0; h < b.geo.HV; ++h)
                        for (index_t t = 0; t < b.geo.T; ++t, to += D) std::copy_n(right.data() + ((n * b.geo.T + t) * b.geo.HV + h) * D, D, p.up.d_o.data() + to);
                  })});
}

}  // namespace fw::verify
