// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One token of one head in one sweep over its state (see decode.h for the idea). Per row i of a panel, with the write of the
// token before, k delta^T, still pending:
//   s <- alpha_i s + (alpha_i k_i) delta      r += e_i s      p += q_i s
// Four multiply-adds per number of the state, one read, one write. The four coefficients of a row lie together.
#pragma once

#include "omp/simd/gates.h"

namespace fw::omp::FW_ISA {

/// Coefficients of a row of the sweep: alpha, alpha k_pending, e, scale q.
template <class T>
inline void decode_coefficients(const PrepSource<T>& p, Decay decay, Erase erase, const TokenRows<T>& x, const T* pending, T* out) {
  for (index i = 0; i < p.Kp; ++i) {
    const T alpha = decay == Decay::none ? T(1) : x.alpha[i];
    out[4 * i] = alpha;
    out[4 * i + 1] = alpha * pending[i];
    out[4 * i + 2] = erase == Erase::none ? T(0) : x.e[i];
    out[4 * i + 3] = p.scale * x.q[i];
  }
}

/// One panel: its stored state moves on, `answers` and `reads` receive S^T e and scale S^T q.
template <class T, int C, bool decays>
FW_INLINE void decode_panel(T* S, index Kp, const T* coefficients, const T* delta, Vec<T> (&answers)[C], Vec<T> (&reads)[C]) {
  constexpr index W = C * kLanes<T>;
  Vec<T> write[C], r[2][C] = {}, p[2][C] = {};
  for (int c = 0; c < C; ++c) write[c] = load(delta + c * kLanes<T>);
  for (index i = 0; i < Kp; i += 2)
    for (int half = 0; half < 2; ++half) {
      const T* x = coefficients + 4 * (i + half);
      T* row = S + (i + half) * W;
      __builtin_prefetch(row + 16 * W, 1, 3);
      for (int c = 0; c < C; ++c) {
        Vec<T> s = load(row + c * kLanes<T>);
        if (decays) s = x[0] * s;
        s += x[1] * write[c];
        store(row + c * kLanes<T>, s);
        r[half][c] += x[2] * s;
        p[half][c] += x[3] * s;
      }
    }
  for (int c = 0; c < C; ++c) {
    answers[c] = r[0][c] + r[1][c];
    reads[c] = p[0][c] + p[1][c];
  }
}

template <class T, int C>
FW_INLINE void decode_tile(const DecodeHead<T>& h, bool decays, const T* coefficients, T qk, T tied, index column, T* S) {
  Vec<T> answers[C], reads[C];
  if (decays) decode_panel<T, C, true>(S, h.prep.Kp, coefficients, h.delta + column, answers, reads);
  else decode_panel<T, C, false>(S, h.prep.Kp, coefficients, h.delta + column, answers, reads);
  for (int c = 0; c < C; ++c) {
    const index at = column + c * kLanes<T>;
    const Vec<T> delta = write_value(h.value, 0, at, tied) - answers[c];
    store(h.delta + at, delta);
    store_row(h.o, at, h.value.Dv, reads[c] + qk * delta);
  }
}

template <class T>
void decode(const DecodeHead<T>& h, Decay decay, Erase erase) {
  constexpr index L = kLanes<T>;
  const index Kp = h.prep.Kp, Dv = h.value.Dv;
  const TokenRows<T> x{h.scratch, h.scratch + Kp, h.scratch + 2 * Kp, h.scratch + 3 * Kp};
  T* coefficients = h.scratch + 4 * Kp;
  token_reader<T>(decay, erase)(h.prep, 0, x);
  decode_coefficients(h.prep, decay, erase, x, h.k, coefficients);
  Vec<T> along{};
  for (index i = 0; i < Kp; i += L) along += load(x.q + i) * load(x.k + i);
  const T qk = h.prep.scale * sum_of<T>(along), tied = h.value.write != Write::channel ? tied_write(h.value, 0) : T(1);
  T* S = h.S;
  for (index column = 0; column < Dv; column += 2 * L, S += h.panel_step) {
    if (Dv - column > L) decode_tile<T, 2>(h, decay != Decay::none, coefficients, qk, tied, column, S);
    else decode_tile<T, 1>(h, decay != Decay::none, coefficients, qk, tied, column, S);
  }
  for (index i = 0; i < Kp; i += L) store(h.k + i, load(x.k + i));
}

}  // namespace fw::omp::FW_ISA
