// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The factors of one micro-chunk, (C1), (C3), (C5), (C7), from the rows of its tokens (gates.h). Tokens are taken in order;
// with every token r
//   Kt[s] <- alpha_r Kt[s]  for s < r,    then A_ek[r,s] = e_r . Kt[s],  A_qk[r,s] = scale q_r . Kt[s]
//   gamma <- alpha_r gamma,               E[r] = gamma e_r,  Q[r] = scale gamma q_r,  Kt[r] = k_r
// so decay enters as products of exp(g), all at most 1: right for any g <= 0, -inf included, without a quotient or an anchor.
// Cost: kRows/2 x 3 Kp multiply-adds per token, i.e. kRows/(2 Dv) of what the state takes.
#pragma once

#include "omp/simd/gates.h"

namespace fw::omp::FW_ISA {

/// Token R of the chunk: everything above in one sweep over the channels.
template <class T, bool decays, bool erases, int R>
inline void prepare_row(index Kp, T scale, const TokenRows<T>& x, const Factors<T>& f) {
  constexpr int L = kLanes<T>, sums = 1 + (erases ? 2 : 1) * R, groups = (sums + L - 1) / L;
  Vec<T> acc[groups * L] = {};  // q.k, then q.Kt[s], then e.Kt[s]
  for (index i = 0; i < Kp; i += L) {
    const Vec<T> q = load(x.q + i), k = load(x.k + i), alpha = decays ? load(x.alpha + i) : Vec<T>{}, e = erases ? load(x.e + i) : Vec<T>{};
    acc[0] += q * k;
    for (int s = 0; s < R; ++s) {
      Vec<T> older = load(f.Kt + s * Kp + i);
      if (decays) {
        older = alpha * older;
        store(f.Kt + s * Kp + i, older);
      }
      acc[1 + s] += q * older;
      if (erases) acc[1 + R + s] += e * older;
    }
    store(f.Kt + R * Kp + i, k);
    Vec<T> gamma{};
    if (decays) gamma = R > 0 ? alpha * load(f.gamma + i) : alpha;
    if (decays) store(f.gamma + i, gamma);
    store(f.Q + R * Kp + i, decays ? scale * (gamma * q) : scale * q);
    if (erases) store(f.E + R * Kp + i, decays ? gamma * e : e);
  }
  alignas(64) T totals[groups * L];
  for (int g = 0; g < groups; ++g) store(totals + g * L, sums_of<T>(acc + g * L));
  f.A_qk[R * kRows + R] = scale * totals[0];
  for (int s = 0; s < R; ++s) {
    f.A_qk[R * kRows + s] = scale * totals[1 + s];
    f.A_ek[R * kRows + s] = erases ? totals[1 + R + s] : T(0);
  }
  for (int s = R; s < kRows; ++s) f.A_ek[R * kRows + s] = T(0);
  for (int s = R + 1; s < kRows; ++s) f.A_qk[R * kRows + s] = T(0);
}

/// A token past the end of the sequence: no decay, nothing read, nothing written.
template <class T>
inline void prepare_nothing(index Kp, int row, const TokenRows<T>& x, const Factors<T>& f) {
  for (index i = 0; i < Kp; i += kLanes<T>) {
    store(x.q + i, Vec<T>{});
    store(x.k + i, Vec<T>{});
    store(x.e + i, Vec<T>{});
    store(x.alpha + i, splat(T(1)));
    store(f.Kt + row * Kp + i, Vec<T>{});
    store(f.Q + row * Kp + i, Vec<T>{});
    store(f.E + row * Kp + i, Vec<T>{});
  }
  for (int s = 0; s < kRows; ++s) f.A_ek[row * kRows + s] = f.A_qk[row * kRows + s] = T(0);
}

/// gamma of the whole chunk once more, rounded once. The running product rounds every time, and where alpha is a little below 1
/// it loses alpha's second order every time, always to the same side: over many chunks the state would decay too fast.
inline void settle_gamma(index Kp, const float* alpha, float* gamma) {
  for (index i = 0; i < Kp; i += kLanes<double>) {
    Vec<double> product = load_wide(alpha + i);
    for (int r = 1; r < kRows; ++r) product *= load_wide(alpha + r * Kp + i);
    store_narrow(gamma + i, product);
  }
}
inline void settle_gamma(index, const double*, double*) {}

template <class T, bool decays, bool erases, int R = 0>
inline void prepare_rows(const PrepSource<T>& p, TokenReader<T> read, index token, int rows, T* scratch, const Factors<T>& f) {
  if constexpr (R < kRows) {
    const TokenRows<T> x = token_rows(scratch, p.Kp, R);
    if (R < rows) {
      read(p, token + R, x);
      prepare_row<T, decays, erases, R>(p.Kp, p.scale, x, f);
    } else {
      prepare_nothing<T>(p.Kp, R, x, f);
    }
    prepare_rows<T, decays, erases, R + 1>(p, read, token, rows, scratch, f);
  } else if constexpr (decays) {
    settle_gamma(p.Kp, scratch + 2 * kRows * p.Kp, f.gamma);
  }
}

template <class T>
void prepare(const PrepSource<T>& p, Decay decay, Erase erase, std::ptrdiff_t token, int rows, const Factors<T>& f, T* scratch) {
  const TokenReader<T> read = token_reader<T>(decay, erase);
  const bool decays = decay != Decay::none, erases = erase != Erase::none;
  if (decays && erases) prepare_rows<T, true, true>(p, read, token, rows, scratch, f);
  else if (decays) prepare_rows<T, true, false>(p, read, token, rows, scratch, f);
  else if (erases) prepare_rows<T, false, true>(p, read, token, rows, scratch, f);
  else prepare_rows<T, false, false>(p, read, token, rows, scratch, f);
}

/// Edit values z = w (.) v of one chunk, tile by tile (see Kernels::values).
template <class T>
void values(const ValueSource<T>& p, std::ptrdiff_t token, int rows, T* out, std::ptrdiff_t tile_step, std::ptrdiff_t from, std::ptrdiff_t to) {
  constexpr index L = kLanes<T>, tile = 2 * L;
  const index end = to * tile < p.Dv ? to * tile : p.Dv;
  for (int r = 0; r < kRows; ++r) {
    const T tied = r < rows && p.write != Write::channel ? tied_write(p, token + r) : T(1);
    for (index i = from * tile; i < end; i += L) {
      const index column = i % tile, width = p.Dv - (i - column) > L ? tile : L;
      store(out + i / tile * tile_step + r * width + column, r < rows ? write_value(p, token + r, i, tied) : Vec<T>{});
    }
  }
}

}  // namespace fw::omp::FW_ISA
