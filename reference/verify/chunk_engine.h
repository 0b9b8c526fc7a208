// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The rule chunk by chunk in the plainest form (every decay a direct difference of sums), with the mistakes a chunkwise
// kernel can make, one switch each. No switch set: (C1)-(C7). Written for the bank of mistakes; the chunk algebra that
// the project stands on is reference/chunkwise.
#pragma once

#include "verify/head.h"

namespace fw::verify {

struct ChunkFaults {
  // between chunks
  bool carry_dropped = false;        ///< every chunk starts from a zero state (the first from S0)
  bool carry_stale = false;          ///< (C6) of chunk c reads the state that chunk c-1 started from
  bool inter_output_missing = false; ///< (C6) without the Q S0 term
  bool inter_output_unscaled = false;///< scale missing on the Q S0 term
  bool inter_output_undecayed = false;///< Q instead of gamma (.) Q in (C6)
  bool state_read_transposed = false;///< (C6) reads S0 as [Dv,Dk] (Dk = Dv)
  bool block_end_early = false;      ///< (C7) decay of the block end read at row C-7+2(c%4) for value column c
  bool tail_state_not_decayed = false;///< (C7) in a partial chunk: S0 carried without Diag(gamma_C)
  bool tail_last_not_erased = false; ///< last token of the sequence writes z without erasing
  bool tail_edit_lost = false;       ///< (C7) a partial chunk does not update the state
  bool keys_not_decayed = false;     ///< (C7) K instead of K_tail
  bool state_not_decayed = false;    ///< (C7) S0 carried without Diag(gamma_C), every chunk
  bool round_state = false;          ///< carried state rounded to bfloat16 at each chunk edge
  bool decay_offset_leaks = false;   ///< cumulative decay not reset: first chunk of a sequence also carries `leak`
  // inside a chunk
  bool intra_exp2 = false;           ///< (C1) and (C5) take 2^x, the rest e^x
  bool wy_exp2 = false;              ///< (C1) and (C3) take 2^x
  bool state_exp2 = false;           ///< gamma and K_tail take 2^x
  bool wy_gated_twice = false;       ///< (C3) gamma^2 instead of gamma
  bool wy_not_gated = false;         ///< (C3) E instead of gamma (.) E
  bool scores_undecayed = false;     ///< (C5) q.k without decay
  bool erase_scores_undecayed = false;///< (C1) e.k without decay
  bool erase_scores_inclusive = false;///< (C1) s <= r instead of s < r
  bool scores_acausal = false;       ///< (C5) sees every row of its chunk
  bool zero_gap_dropped = false;     ///< pairs with no decay between them count as future and are zeroed
  bool positive_clamped = false;     ///< exp(min(G_r - G_s, 0))
  bool clamp_factored = false;       ///< exp2(clamp(G_r)) exp2(clamp(-G_s)), clamps at +-126, anchor at the chunk start
  bool anchor_middle = false;        ///< float32 exp(G_r - G*) exp(G* - G_s) with G* in the middle of the chunk
  bool anchor_start = false;         ///< float32 exp(G_r) exp(-G_s)
  bool tail_nan = false;             ///< rows past the end read uninitialised memory: NaN in the tail chunk
  // the inverse
  bool inverse_missing = false;      ///< A_inv = I
  bool inverse_first_order = false;  ///< A_inv = I - A_ek
  bool inverse_truncated = false;    ///< 16x16 diagonal blocks: 8 terms of the Neumann series
  bool inverse_transposed = false;   ///< solves with the transpose
  bool inverse_blocks_shifted = false;///< off-diagonal 16x16 blocks of A_inv taken from the block row above
  bool inverse_block_diagonal = false;///< off-diagonal 16x16 blocks of A_inv missing
};

/// Correct (C1), (C5) of every chunk of a head, shared by all mistakes that leave the scores alone.
struct ChunkScores {
  Mat erase, causal;  ///< A_ek strictly lower, A_qk lower with scale
};
std::vector<ChunkScores> chunk_scores(const Head& head, index_t chunk);

/// `leak` [Dk]: with decay_offset_leaks, the cumulative decay of everything before this sequence.
HeadOutput run_chunks(const Head& head, index_t chunk, const std::vector<ChunkScores>& scores, const ChunkFaults& faults,
                      const Vec& leak = Vec());

}  // namespace fw::verify
