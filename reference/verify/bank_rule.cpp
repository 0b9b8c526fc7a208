// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mistakes in the rule itself: what is decayed, read, erased and written, and in which order.
#include "verify/mistake.h"

namespace fw::verify {
namespace {

bool delta(const Bench& b) { return b.delta_rule(); }
bool erases(const Bench& b) { return b.delta_rule() && b.rule().erase != Erase::none; }
bool erases_and_decays_by_channel(const Bench& b) { return erases(b) && b.rule().decay == Decay::channel; }
bool channel_erase(const Bench& b) { return b.delta_rule() && b.rule().erase == Erase::channel; }
bool channel_write(const Bench& b) { return b.delta_rule() && b.rule().write == Write::channel; }
bool writes_gated(const Bench& b) { return b.delta_rule() && b.rule().write != Write::one; }
bool decays(const Bench& b) { return b.delta_rule() && b.rule().decay != Decay::none; }
bool square(const Bench& b) { return b.delta_rule() && b.geo.Dk == b.geo.Dv; }

}  // namespace

void add_rule_mistakes(std::vector<Mistake>& bank) {
  const auto add = [&](const char* id, const char* title, const char* advice, bool (*applies)(const Bench&), EditHead edit, TokenFaults faults = {}) {
    bank.push_back({id, Direction::forward, title, advice, false, applies, forward_of_heads(std::move(edit), faults)});
  };
  TokenFaults f;
  f.erase_before_decay = true;
  add("erase-before-decay", "erases from the undecayed state: S = D(S - k r^T) + k z^T with r = S_prev^T e",
      "with g = 0, or g equal over channels, the error must vanish; seen in per-channel gate paths of decode kernels", erases_and_decays_by_channel, {}, f);
  f = {};
  f.decay_after_edit = true;
  add("decay-after-edit", "decays after the edit instead of before: S = D(S_prev + k (z - S_prev^T e)^T)",
      "the newest write must not be decayed: one token with S0 = 0 shows it", decays, {}, f);
  f = {};
  f.read_before_edit = true;
  add("read-before-edit", "o_t reads the state before the token's own write (strict instead of inclusive causal mask)",
      "T = 1 with S0 = 0 gives o = 0", delta, {}, f);
  f = {};
  f.gate_whole_edit = true;
  add("write-gate-on-edit", "the write gate scales the whole edit: w (.) (v - S^T e) instead of w (.) v - S^T e",
      "with w = 1 the error must vanish", [](const Bench& b) { return erases(b) && writes_gated(b); }, {}, f);
  f = {};
  f.edit_lost = true;
  add("edit-not-stored", "the edit reaches o but not the state: decays, then forgets what it wrote", "final_state is S0 decayed", delta, {}, f);
  f = {};
  f.round_state_every = 1;
  add("state-bf16-token", "state kept in bfloat16, rounded at every token", "error grows with T and vanishes for short sequences", delta, {}, f);
  add("erase-missing", "nothing is erased: plain (gated) linear attention, e = 0", "identical keys show it at once; seen where g = None skips the branch",
      erases, [](Head& h, const Bench&) { h.E.setZero(); });
  add("erase-twice", "the erase is applied twice: delta = z - 2 r", "w = 0 shows it: the state must shrink by 1 - b.k^2, not 1 - 2 b.k^2", erases,
      [](Head& h, const Bench&) { h.E *= 2.0; });
  add("erase-sign", "the erase is added instead of subtracted: delta = z + r", "w = 0 shows it", erases,
      [](Head& h, const Bench&) { h.E *= -1.0; });
  add("erase-gate-ignored", "erases along k instead of the gated e (erase gate, or beta, missing there)", "b = 1 makes the error vanish", erases,
      [](Head& h, const Bench&) { h.E = h.K; });
  add("erase-gate-averaged", "channel-wise erase gate collapsed to its mean", "b equal over channels makes the error vanish", channel_erase,
      [](Head& h, const Bench&) { h.E = (h.B.rowwise().mean()).asDiagonal() * h.K; });
  add("erase-gate-on-write-key", "the erase gate is applied to the write key too: S += (b k) delta^T", "b = 0 must still write", erases,
      [](Head& h, const Bench&) { h.KW = h.E; });
  add("write-gate-ignored", "writes v instead of w (.) v (write gate, or beta, missing there)", "w = 1 makes the error vanish", writes_gated,
      [](Head& h, const Bench&) { h.Z = h.V; });
  add("write-gate-averaged", "channel-wise write gate collapsed to its mean", "w equal over channels makes the error vanish", channel_write,
      [](Head& h, const Bench&) { h.Z = (h.W.rowwise().mean()).asDiagonal() * h.V; });
  add("write-gate-on-key", "the write gate is applied on the key side: S += (w k) v^T", "needs Dk = Dv to run at all",
      [](const Bench& b) { return square(b) && channel_write(b); }, [](Head& h, const Bench&) {
        h.Z = h.V;
        h.KW = h.W.cwiseProduct(h.K);
      });
  add("write-gate-twice", "the write gate is applied twice: z = w w v", "w in {0,1} makes the error vanish", writes_gated,
      [](Head& h, const Bench&) { h.Z = h.W.cwiseProduct(h.Z); });
  add("gates-exchanged", "erase and write gate exchanged", "b = w makes the error vanish", [](const Bench& b) { return square(b) && channel_erase(b) && channel_write(b); },
      [](Head& h, const Bench&) {
        h.B.swap(h.W);
        h.rebuild();
      });
  add("decay-missing", "the decay is never applied", "g = 0 makes the error vanish", decays, [](Head& h, const Bench&) { h.G.setZero(); });
  add("decay-averaged", "channel-wise decay collapsed to its mean", "g equal over channels makes the error vanish",
      [](const Bench& b) { return b.delta_rule() && b.rule().decay == Decay::channel; },
      [](Head& h, const Bench&) {
        const Vec mean = h.G.cwiseMax(-1e4).rowwise().mean();
        h.G.colwise() = mean;
      });
  add("decay-exp2", "natural-log decay fed to exp2 everywhere: alpha = 2^g", "alpha is weaker by the power ln 2; multiply g by log2(e) first", decays,
      [](Head& h, const Bench&) { h.G *= 0.6931471805599453; });
  add("decay-log2", "decay multiplied by log2(e) twice (or by log2(e) and fed to exp): alpha = exp(g log2 e)", "alpha is stronger by the power log2 e", decays,
      [](Head& h, const Bench&) { h.G *= 1.4426950408889634; });
  add("decay-floor-5", "decay clamped from below at -5 per token", "weak decay makes the error vanish", decays,
      [](Head& h, const Bench&) { h.G = h.G.cwiseMax(-5.0); });
  add("decay-ceiling-0", "positive log-decay clamped at 0", "only expansive gates show it", decays,
      [](Head& h, const Bench&) { h.G = h.G.cwiseMin(0.0); });
  add("reset-ignored", "g = -inf (a reset) treated as no decay", "finite g makes the error vanish", decays,
      [](Head& h, const Bench&) { h.G = (h.G.array() < -500.0).select(Mat::Zero(h.T, h.Dk), h.G); });
  add("decay-late", "the decay of token t-1 is used at token t", "constant g makes the error vanish", decays, [](Head& h, const Bench&) {
    if (h.T > 1) h.G.bottomRows(h.T - 1) = h.G.topRows(h.T - 1).eval();
    if (h.T > 0) h.G.row(0).setZero();
  });
  add("decay-early", "the decay of token t+1 is used at token t", "constant g makes the error vanish", decays, [](Head& h, const Bench&) {
    if (h.T > 1) h.G.topRows(h.T - 1) = h.G.bottomRows(h.T - 1).eval();
    if (h.T > 0) h.G.row(h.T - 1).setZero();
  });
  add("erase-gate-late", "the erase gate (beta) of token t-1 is used at token t", "constant gates make the error vanish", erases, [](Head& h, const Bench&) {
    if (h.T > 1) h.B.bottomRows(h.T - 1) = h.B.topRows(h.T - 1).eval();
    if (h.T > 0) h.B.row(0).setZero();
    h.E = h.B.cwiseProduct(h.K);
  });
}

}  // namespace fw::verify
