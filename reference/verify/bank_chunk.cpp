// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mistakes of chunkwise kernels: what passes between chunks, masks, the base of exponentials, the triangular inverse.
#include "verify/mistake.h"

namespace fw::verify {
namespace {

bool delta(const Bench& b) { return b.delta_rule(); }
bool erases(const Bench& b) { return b.delta_rule() && b.rule().erase != Erase::none; }
bool decays(const Bench& b) { return b.delta_rule() && b.rule().decay != Decay::none; }
bool several_chunks(const Bench& b) { return b.delta_rule() && b.longest() > b.chunk; }
bool reads_a_state(const Bench& b) { return several_chunks(b) || (b.delta_rule() && b.problem.in.initial_state.defined()); }
bool has_tail(const Bench& b) {
  if (!b.delta_rule()) return false;
  for (const auto& seq : b.geo.sequences)
    if (seq.length % b.chunk != 0) return true;
  return false;
}
bool over_16_rows(const Bench& b) { return erases(b) && b.longest() > 16; }

}  // namespace

void add_chunk_mistakes(std::vector<Mistake>& bank) {
  const auto add = [&](const char* id, bool ChunkFaults::*fault, const char* title, const char* advice, bool (*applies)(const Bench&)) {
    ChunkFaults f;
    f.*fault = true;
    bank.push_back({id, Direction::forward, title, advice, true, applies, forward_of_chunks(f)});
  };
  using F = ChunkFaults;
  add("carry-dropped", &F::carry_dropped, "the state is not carried over chunk edges", "T = one chunk makes the error vanish", several_chunks);
  add("carry-stale", &F::carry_stale, "the output of chunk c reads the state one chunk too old", "o of chunk 0 is right, final_state too", several_chunks);
  add("inter-output-missing", &F::inter_output_missing, "o lacks the part read from the carried state (gamma Q S0)", "S0 = 0 and one chunk makes the error vanish",
      reads_a_state);
  add("inter-output-unscaled", &F::inter_output_unscaled, "scale is missing on the part of o read from the carried state", "scale = 1 makes the error vanish",
      reads_a_state);
  add("inter-output-undecayed", &F::inter_output_undecayed, "the carried state is read with q instead of the decayed q (gamma Q)", "g = 0 makes the error vanish",
      [](const Bench& b) { return reads_a_state(b) && decays(b); });
  add("state-read-transposed", &F::state_read_transposed, "o reads the carried state as [Dv,Dk]", "Dk != Dv crashes or shows it; T within one chunk and S0 = 0 hides it",
      [](const Bench& b) { return reads_a_state(b) && b.geo.Dk == b.geo.Dv; });
  add("block-end-decay-early", &F::block_end_early, "the decay of the block end is read 6, 4 or 2 rows early for three of four value columns",
      "g constant zero makes the error vanish; a fragment coordinate depends on the thread", [](const Bench& b) { return decays(b) && b.longest() >= b.chunk; });
  add("tail-state-not-decayed", &F::tail_state_not_decayed, "the last, partial chunk does not decay the carried state", "T a multiple of the chunk makes the error vanish",
      [](const Bench& b) { return has_tail(b) && decays(b); });
  add("tail-last-not-erased", &F::tail_last_not_erased, "the last token of a sequence writes without erasing", "only the last o and final_state are wrong", erases);
  add("tail-edit-lost", &F::tail_edit_lost, "the last, partial chunk does not update the state", "o is right, final_state is not; T a multiple of the chunk hides it", has_tail);
  add("keys-not-decayed-to-end", &F::keys_not_decayed, "keys are not decayed to the chunk end when the state is updated", "g = 0 makes the error vanish", decays);
  add("state-not-decayed-at-edge", &F::state_not_decayed, "the carried state is not decayed over the chunk", "g = 0 makes the error vanish",
      [](const Bench& b) { return reads_a_state(b) && decays(b); });
  add("state-bf16-chunk", &F::round_state, "carried state rounded to bfloat16 at each chunk edge", "one chunk hides it in o", several_chunks);
  add("intra-exp2", &F::intra_exp2, "natural-log gates fed to exp2 inside the chunk, exp elsewhere", "g = 0 makes the error vanish", decays);
  add("wy-exp2", &F::wy_exp2, "natural-log gates fed to exp2 in the WY factors only", "b = 0 makes the error vanish", [](const Bench& b) { return erases(b) && decays(b); });
  add("state-exp2", &F::state_exp2, "natural-log gates fed to exp2 for the carried state and its update, exp inside the chunk", "g = 0 makes the error vanish", decays);
  add("wy-gated-twice", &F::wy_gated_twice, "the erase rows of the WY factor carry the cumulative decay twice", "S0 = 0 and one chunk hides it",
      [](const Bench& b) { return reads_a_state(b) && erases(b) && decays(b); });
  add("wy-not-gated", &F::wy_not_gated, "the erase rows of the WY factor lack the cumulative decay", "S0 = 0 and one chunk hides it",
      [](const Bench& b) { return reads_a_state(b) && erases(b) && decays(b); });
  add("scores-undecayed", &F::scores_undecayed, "plain causal q.k scores inside the chunk, without the decay between the tokens", "g = 0 makes the error vanish", decays);
  add("erase-scores-undecayed", &F::erase_scores_undecayed, "plain e.k products in the triangular matrix, without the decay between the tokens", "g = 0 makes the error vanish",
      [](const Bench& b) { return erases(b) && decays(b); });
  add("erase-scores-inclusive", &F::erase_scores_inclusive, "the triangular matrix includes its diagonal: a token erases its own write", "T = 1 shows it", erases);
  add("scores-acausal", &F::scores_acausal, "q sees later tokens of its chunk", "changing a later token must not change o", [](const Bench& b) { return delta(b) && b.longest() > 1; });
  add("zero-gap-dropped", &F::zero_gap_dropped, "a 'safe' exponential zeroes pairs with no decay between them (g exactly 0)", "all g < 0 makes the error vanish", decays);
  add("positive-gap-clamped", &F::positive_clamped, "exp(min(G_r - G_s, 0)): growth between tokens clamped", "only positive g shows it", decays);
  add("clamp-126", &F::clamp_factored, "decay factored as 2^a 2^-b with a, b clamped at +-126", "shows once the log2 decay of a chunk passes 126", decays);
  add("anchor-middle", &F::anchor_middle, "decay factored around the middle row in float32: overflows when the decay from there passes 88.7", "halve g: the error must vanish", decays);
  add("anchor-start", &F::anchor_start, "decay factored around the chunk start in float32: overflows when the cumulative decay passes 88.7", "halve g: the error must vanish", decays);
  add("tail-nan", &F::tail_nan, "rows past the end of the sequence poison the last, partial chunk with NaN", "T a multiple of the chunk makes it vanish", has_tail);
  add("inverse-missing", &F::inverse_missing, "the triangular inverse is not applied: tokens of a chunk do not see each other's edits", "orthogonal keys make the error vanish", erases);
  add("inverse-first-order", &F::inverse_first_order, "the triangular inverse is cut after its first term: I - A", "orthogonal keys make the error vanish", erases);
  add("inverse-truncated", &F::inverse_truncated, "the inverse of the 16x16 blocks is cut after 8 terms (one doubling round short)", "repeated keys show it, random keys hardly",
      over_16_rows);
  add("inverse-transposed", &F::inverse_transposed, "the triangular solve uses the transposed matrix", "orthogonal keys make the error vanish", erases);
  add("inverse-blocks-shifted", &F::inverse_blocks_shifted, "off-diagonal 16x16 blocks of the inverse are read one block row too high", "16 tokens hide it", over_16_rows);
  add("inverse-block-diagonal", &F::inverse_block_diagonal, "off-diagonal 16x16 blocks of the inverse are missing", "16 tokens hide it", over_16_rows);

  ChunkFaults leak;
  leak.decay_offset_leaks = true;
  bank.push_back({"decay-sum-not-reset", Direction::forward, "the cumulative decay is not reset at the start of a packed sequence", "sequences run one by one are right", true,
                  [](const Bench& b) { return decays(b) && b.problem.in.initial_state.defined() && b.geo.N > 1 && !b.problem.in.cu_seqlens.empty(); },
                  forward_of_chunks(leak, [](const Head& head, const Bench& b) -> Vec {
                    if (head.n == 0) return Vec::Zero(head.Dk);
                    const Head& before = b.heads[static_cast<std::size_t>((head.n - 1) * b.geo.HV + head.hv)];
                    return before.G.cwiseMax(-1e4).colwise().sum().transpose();
                  })});
}

}  // namespace fw::verify
