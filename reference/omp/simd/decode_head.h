// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One token of one head in one sweep over its state (decode.h has the idea). The state is kept as rows with a factor each,
// S_i = c_i X_i + k_i delta, the last term being the write of the token before. A step is then, with c' = alpha_i c_i,
//   X_i += (k_i / c_i) delta        r += (c' e_i) X_i        p += (c' scale q_i) X_i
// three multiply-adds per number, one read, one write: the decay costs nothing. A row whose factor falls below 2^-20 is
// multiplied out, X_i <- c' X_i and c = 1; so is one that is forgotten, c' = 0.
#pragma once

#include "omp/simd/gates.h"

namespace fw::omp::FW_ISA {

/// Moves c on by alpha. held, factor, multiply [Kp]: c before, c from now on, and what to multiply rows out with (1: nothing).
template <class T>
inline void move_factors(index Kp, const T* alpha, double* c, T* held, T* factor, T* multiply) {
  constexpr double smallest = 1.0 / (1 << 20);
  const Vec<double> one = splat(1.0);
  for (index i = 0; i < Kp; i += kLanes<double>) {
    const Vec<double> before = load(c + i), moved = load_wide(alpha + i) * before;
    const auto keep = (moved >= smallest) & (moved <= 1.0 / smallest);
    const Vec<double> after = keep ? moved : one;
    store(c + i, after);
    store_narrow(held + i, before);
    store_narrow(factor + i, after);
    store_narrow(multiply + i, keep ? one : moved);
  }
}

/// Coefficients [4,Kp] of the rows of the sweep: k / c, c' e, c' scale q, and what to multiply out with. Moves c on.
template <class T>
inline void decode_coefficients(const PrepSource<T>& p, Decay decay, Erase erase, const TokenRows<T>& x, const T* pending, double* c, T* out) {
  T *ks = out, *es = out + p.Kp, *qs = out + 2 * p.Kp, *outs = out + 3 * p.Kp;
  const bool decays = decay != Decay::none;
  if (decays) move_factors(p.Kp, x.alpha, c, ks, es, outs);
  for (index i = 0; i < p.Kp; i += kLanes<T>) {
    const Vec<T> one = splat(T(1)), held = decays ? load(ks + i) : one, factor = decays ? load(es + i) : one;
    store(ks + i, load(pending + i) / held);
    store(es + i, erase == Erase::none ? Vec<T>{} : factor * load(x.e + i));
    store(qs + i, p.scale * (factor * load(x.q + i)));
    if (!decays) store(outs + i, one);
  }
}

/// One panel: its rows move on, `answers` and `reads` receive S^T e and scale S^T q. A single stream through memory, and no
/// requests ahead: the CPU sees the pattern by itself, and two panels side by side were a third slower.
template <class T, int C>
FW_INLINE void decode_panel(T* S, index Kp, const T* coefficients, const T* delta, T* answers, T* reads) {
  constexpr index L = kLanes<T>, W = C * L;
  const T *ks = coefficients, *es = ks + Kp, *qs = es + Kp, *outs = qs + Kp;
  Vec<T> write[C], r[C] = {}, p[C] = {};
  for (int c = 0; c < C; ++c) write[c] = load(delta + c * L);
  for (index i = 0; i < Kp; ++i) {
    const T k = ks[i], e = es[i], q = qs[i], out = outs[i];
    for (int c = 0; c < C; ++c) {
      T* at = S + i * W + c * L;
      Vec<T> x = load(at) + k * write[c];
      if (__builtin_expect(out != T(1), 0)) x = out * x;
      store(at, x);
      r[c] += e * x;
      p[c] += q * x;
    }
  }
  for (int c = 0; c < C; ++c) {
    store(answers + c * L, r[c]);
    store(reads + c * L, p[c]);
  }
}

template <class T, int C>
FW_INLINE void decode_tile(const DecodeHead<T>& h, const T* coefficients, T qk, T tied, index column, T* S) {
  alignas(64) T answers[C * kLanes<T>], reads[C * kLanes<T>];
  decode_panel<T, C>(S, h.prep.Kp, coefficients, h.delta + column, answers, reads);
  for (int c = 0; c < C; ++c) {
    const index at = column + c * kLanes<T>;
    const Vec<T> delta = write_value(h.value, 0, at, tied) - load(answers + c * kLanes<T>);
    store(h.delta + at, delta);
    store_row(h.o, at, h.value.Dv, load(reads + c * kLanes<T>) + qk * delta);
  }
}

template <class T>
void decode(const DecodeHead<T>& h, Decay decay, Erase erase) {
  constexpr index L = kLanes<T>;
  const index Kp = h.prep.Kp, Dv = h.value.Dv;
  const TokenRows<T> x{h.scratch, h.scratch + Kp, h.scratch + 2 * Kp, h.scratch + 3 * Kp};
  T* coefficients = h.scratch + 4 * Kp;
  token_reader<T>(decay, erase)(h.prep, 0, x);
  decode_coefficients(h.prep, decay, erase, x, h.k, h.c, coefficients);
  Vec<T> along{};
  for (index i = 0; i < Kp; i += L) along += load(x.q + i) * load(x.k + i);
  const T qk = h.prep.scale * sum_of<T>(along), tied = h.value.write != Write::channel ? tied_write(h.value, 0) : T(1);
  T* S = h.S;
  for (index column = 0; column < Dv; column += 2 * L, S += h.panel_step) {
    if (Dv - column > L) decode_tile<T, 2>(h, coefficients, qk, tied, column, S);
    else decode_tile<T, 1>(h, coefficients, qk, tied, column, S);
  }
  for (index i = 0; i < Kp; i += L) store(h.k + i, load(x.k + i));
}

}  // namespace fw::omp::FW_ISA
