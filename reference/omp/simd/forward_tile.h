// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One block of one column tile, micro-chunk by micro-chunk; the panel S [Kp,width] stays in the first-level cache.
//   R = Z - E S - A_ek R      forward substitution over 8 rows (C2)-(C4): U and Y are never formed
//   O = Q S + A_qk R          (C6); gamma and scale sit in Q
//   S <- gamma_C S + K_tail^T R   (C7)
// Cost per token and column: 3 Kp multiply-adds, plus 8 for the triangles and Kp / 8 for the decay.
#pragma once

#include "omp/simd/meanwhile.h"
#include "omp/simd/products.h"

namespace fw::omp::FW_ISA {

/// rows [kRows, C vectors] of a times the panel S.
template <class T, int C>
FW_INLINE void read_state(T* out, const T* a, index Kp, const T* S) {
  constexpr index W = C * kLanes<T>;
  for (int band = 0; band < kRows; band += kBand) {
    Vec<T> acc[kBand][C] = {};
    multiply<T, kBand, C>(acc, a + band * Kp, Kp, S, W, Kp);
    for (int r = 0; r < kBand; ++r)
      for (int c = 0; c < C; ++c) store(out + (band + r) * W + c * kLanes<T>, acc[r][c]);
  }
}

/// R = (I + A_ek)^-1 (Z - answers), row by row.
template <class T, int C>
FW_INLINE void substitute_forward(T* R, const T* Z, const T* answers, const T* A_ek) {
  constexpr index W = C * kLanes<T>;
  Vec<T> row[kRows][C];
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < C; ++c) row[r][c] = load(Z + r * W + c * kLanes<T>) - load(answers + r * W + c * kLanes<T>);
    for (int s = 0; s < r; ++s) {
      const T a = A_ek[r * kRows + s];
      for (int c = 0; c < C; ++c) row[r][c] -= a * row[s][c];
    }
    for (int c = 0; c < C; ++c) store(R + r * W + c * kLanes<T>, row[r][c]);
  }
}

/// o = read + A_qk R for the first `rows` rows, written to the caller's tensor.
template <class T, int C>
FW_INLINE void write_output(T* o, index o_stride, index columns, int rows, const T* read, const T* A_qk, const T* R, bool past_caches) {
  constexpr index W = C * kLanes<T>;
  past_caches = past_caches && streamable(o, o_stride, columns);
  for (int r = 0; r < rows; ++r) {
    Vec<T> sum[C];
    for (int c = 0; c < C; ++c) sum[c] = load(read + r * W + c * kLanes<T>);
    for (int s = 0; s <= r; ++s) {
      const T a = A_qk[r * kRows + s];
      for (int c = 0; c < C; ++c) sum[c] += a * load(R + s * W + c * kLanes<T>);
    }
    for (int c = 0; c < C; ++c) {
      if (past_caches && c * kLanes<T> < columns) stream(o + r * o_stride + c * kLanes<T>, sum[c]);
      else store_row(o + r * o_stride, c * kLanes<T>, columns, sum[c]);
    }
  }
}

/// Copies whole vectors that nobody reads soon. out on a vector boundary.
template <class T>
FW_INLINE void copy_past(T* out, const T* x, index count) {
  for (index i = 0; i < count; i += kLanes<T>) stream(out + i, load(x + i));
}

template <class T, int C>
void forward_tile_of(const ForwardTile<T>& t) {
  constexpr index W = C * kLanes<T>;
  alignas(64) T answers[kRows * W], R[kRows * W];
  if (t.S_saved) copy_past(t.S_saved, t.S, t.Kp * W);
  Meanwhile meanwhile(t.errands, 3 * t.chunks);
  for (int chunk = 0; chunk < t.chunks; ++chunk) {
    const index factors = chunk * kRows * t.Kp, square = chunk * kRows * kRows, rows_at = chunk * kRows * 2 * kLanes<T>;
    const T* Z = t.Z + rows_at;
    meanwhile.some();
    if (t.E) {
      read_state<T, C>(answers, t.E + factors, t.Kp, t.S);
      substitute_forward<T, C>(R, Z, answers, t.A_ek + square);
    } else {
      for (index i = 0; i < kRows * W; i += kLanes<T>) store(R + i, load(Z + i));
    }
    if (t.R) copy_past(t.R + rows_at, R, kRows * W);
    meanwhile.some();
    if (t.Q) {
      read_state<T, C>(answers, t.Q + factors, t.Kp, t.S);
      const int rows = t.rows - chunk * kRows < kRows ? t.rows - chunk * kRows : kRows;
      write_output<T, C>(t.o + chunk * kRows * t.o_stride, t.o_stride, t.columns, rows, answers, t.A_qk + square, R, t.stream);
    }
    meanwhile.some();
    if (t.gamma) update<T, C, DecayOf::row>(t.S, t.S, W, t.Kp, t.gamma + chunk * t.Kp, t.Kt + factors, t.Kp, R, W);
    else update<T, C, DecayOf::none>(t.S, t.S, W, t.Kp, nullptr, t.Kt + factors, t.Kp, R, W);
  }
}

template <class T>
void forward_tile(const ForwardTile<T>& t) {
  t.vectors == 2 ? forward_tile_of<T, 2>(t) : forward_tile_of<T, 1>(t);
}

}  // namespace fw::omp::FW_ISA
