// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The rule token by token, with the mistakes a per-token kernel can make. No fault set: (R1)-(R4).
#pragma once

#include "verify/head.h"

namespace fw::verify {

struct TokenFaults {
  bool erase_before_decay = false;  ///< r reads S_prev instead of S_decayed: S = D(S - k r^T) + k z^T
  bool decay_after_edit = false;    ///< S = D(S_prev + k (z - S_prev^T e)^T)
  bool read_before_edit = false;    ///< o_t reads S_decayed: the token does not see its own write
  bool gate_whole_edit = false;     ///< delta = w (.) (v - S_decayed^T e): the write gate also scales the erase
  bool edit_lost = false;           ///< o_t sees its own edit, the next token does not: S = S_decayed
  index_t round_state_every = 0;    ///< bfloat16 state after each so many tokens; 0: never
};

HeadOutput run_tokens(const Head& head, const TokenFaults& faults = {});

/// Faults of the reverse loop. No fault set: (B1)-(B7).
struct ReverseFaults {
  bool no_decay = false;         ///< (B7) dropped: dS_prev = dS_decayed
  bool no_erase = false;         ///< (B4) dropped from dS: dS_decayed = dS
  bool output_unscaled = false;  ///< (B1) dS += q do^T without scale
  bool output_next_only = false; ///< (B1) added after k and z of the token were served
  index_t cut_every = 0;         ///< dS set to zero at the end of each chunk of so many tokens (0: never)
  index_t round_every = 0;       ///< dS rounded to bfloat16 at the end of each chunk
};

/// Pieces of the true gradient from which many mistakes are made without another run. Rows are tokens.
struct ReverseParts {
  Mat dQ;                     ///< scale S do
  Mat dQ_inter;               ///< of it the part that comes from the state at the start of the chunk
  Mat dKW;                    ///< dS delta: through the write
  Mat dE, dE_inter;           ///< -S_decayed dz, and its part from the state at the start of the chunk
  Mat dZ, Delta;              ///< gradient of the value to be written; the edit z - r
  Mat dG;                     ///< rowsum(dS_decayed (.) S_decayed)
  Mat dG_chunk_end;           ///< rowsum(dS_end (.) S_end) of the token's chunk, on every token of that chunk
  Mat dQ_tile, dKW_tile, dE_tile, dG_tile;  ///< the same sums over the last tile of value channels only
  Mat dS0;
};

/// Width of the tile that the *_tile parts keep: the largest of 64, 32, 16, 8, 4 below Dv (Dv itself when it is 4 or less).
index_t value_tile(index_t Dv);

/// `with_parts` false: only dQ, dKW, dE, dZ, Delta, dG, dS0 are filled.
ReverseParts run_reverse(const Head& head, index_t chunk, const ReverseFaults& faults = {}, bool with_parts = false);

/// From the pieces to the gradient of the expanded factors: dK = dKW + dE (.) B, dB = dE (.) K, dV = dZ (.) W, dW = dZ (.) V.
HeadGradient chain(const Head& head, const ReverseParts& parts);

}  // namespace fw::verify
