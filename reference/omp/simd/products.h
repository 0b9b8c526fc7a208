// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The three small matrix products everything is made of, with the accumulators in registers:
//   multiply   acc[r] += sum_k a[r,k] b[k]        8 rows by 2 vectors; b streams from the first-level cache
//   update     out[i] = decay_i x[i] + sum_s a[s,i] y[s]      y in registers, x read and out written once (may be the same)
//   dots       out[r,j] = sum_k a[r,k] b[j,k]              both rows contiguous in k: lanes are summed at the end
// Register need of multiply and update: rows x columns + columns + a scalar; with 16 registers they work on 4 rows at a time.
// Every sum has one fixed order, whatever calls it.
#pragma once

#include "omp/simd/kernels.h"
#include "omp/simd/vec.h"

namespace fw::omp::FW_ISA {

/// Rows worked on at once.
constexpr int kBand = FW_REGISTERS >= 32 ? kRows : kRows / 2;

template <class T, int R, int C>
FW_INLINE void multiply(Vec<T> (&acc)[R][C], const T* a, index a_stride, const T* b, index b_stride, index depth) {
  const T* row[R];
  for (int r = 0; r < R; ++r) row[r] = a + r * a_stride;
  for (index k = 0; k < depth; ++k) {
    Vec<T> x[C];
    for (int c = 0; c < C; ++c) x[c] = load(b + k * b_stride + c * kLanes<T>);
    for (int r = 0; r < R; ++r) {
      const T s = row[r][k];
      for (int c = 0; c < C; ++c) acc[r][c] += s * x[c];
    }
  }
}

/// Decay of row i of `update`: one number per row (lanes are value columns), one per lane (lanes are key channels), or 1.
enum class DecayOf { row, lane, none };

template <class T, int C, int R, DecayOf decay>
FW_INLINE void update_band(T* out, const T* x, index x_stride, index rows, const T* gamma, const T* a, index a_stride, const T* y, index y_stride) {
  Vec<T> held[R][C], factor[C];
  const T* row[R];
  for (int s = 0; s < R; ++s) {
    row[s] = a + s * a_stride;
    for (int c = 0; c < C; ++c) held[s][c] = load(y + s * y_stride + c * kLanes<T>);
  }
  for (int c = 0; c < C; ++c) factor[c] = decay == DecayOf::lane ? load(gamma + c * kLanes<T>) : Vec<T>{};
  for (index i = 0; i < rows; ++i) {
    Vec<T> sum[C];
    for (int c = 0; c < C; ++c) {
      sum[c] = load(x + i * x_stride + c * kLanes<T>);
      if (decay == DecayOf::row) sum[c] = rounded<T>(gamma[i] * sum[c]);
      if (decay == DecayOf::lane) sum[c] = rounded<T>(factor[c] * sum[c]);
    }
    for (int s = 0; s < R; ++s) {
      const T scalar = row[s][i];
      for (int c = 0; c < C; ++c) sum[c] += scalar * held[s][c];
    }
    for (int c = 0; c < C; ++c) store(out + i * x_stride + c * kLanes<T>, sum[c]);
  }
}

/// x [rows, C vectors], a [kRows, rows], y [kRows, C vectors].
template <class T, int C, DecayOf decay>
FW_INLINE void update(T* out, const T* x, index x_stride, index rows, const T* gamma, const T* a, index a_stride, const T* y, index y_stride) {
  update_band<T, C, kBand, decay>(out, x, x_stride, rows, gamma, a, a_stride, y, y_stride);
  if constexpr (kBand < kRows)
    update_band<T, C, kBand, DecayOf::none>(out, out, x_stride, rows, nullptr, a + kBand * a_stride, a_stride, y + kBand * y_stride, y_stride);
}

/// acc[r J + j] += a[r] . b[j] over C vectors, lanes still apart; R rows of a, J = lanes / R rows of b.
template <class T, int R, int C>
FW_INLINE void add_dots(Vec<T>* acc, const T* a, index a_stride, const T* b, index b_stride) {
  constexpr int J = kLanes<T> / R;
  for (int c = 0; c < C; ++c) {
    Vec<T> x[R];
    for (int r = 0; r < R; ++r) x[r] = load(a + r * a_stride + c * kLanes<T>);
    for (int j = 0; j < J; ++j) {
      const Vec<T> y = load(b + j * b_stride + c * kLanes<T>);
      for (int r = 0; r < R; ++r) acc[r * J + j] += x[r] * y;
    }
  }
}
/// out[r * out_stride + j] = the sum of the lanes of acc[r J + j]. Overwrites acc.
template <class T, int R>
FW_INLINE void store_dots(T* out, index out_stride, Vec<T>* acc) {
  constexpr int J = kLanes<T> / R;
  const Vec<T> sums = sums_of<T>(acc);
  for (int r = 0; r < R; ++r)
    for (int j = 0; j < J; ++j) out[r * out_stride + j] = sums[r * J + j];
}

template <class T, int W, bool second, std::size_t... I>
FW_INLINE Vec<T> interleaved(Vec<T> a, Vec<T> b, std::index_sequence<I...>) {
  constexpr int L = kLanes<T>, from = second ? W : 0;
  return __builtin_shufflevector(a, b, (int(I) / W % 2 ? L + int(I) - W + from : int(I) + from)...);
}
template <class T, int W>
FW_INLINE void swap_blocks(Vec<T>* rows) {
  if constexpr (W < kLanes<T>) {
    constexpr auto lanes = std::make_index_sequence<kLanes<T>>();
    for (int i = 0; i < kLanes<T>; ++i)
      if (i / W % 2 == 0) {
        const Vec<T> a = rows[i], b = rows[i + W];
        rows[i] = interleaved<T, W, false>(a, b, lanes);
        rows[i + W] = interleaved<T, W, true>(a, b, lanes);
      }
    swap_blocks<T, 2 * W>(rows);
  }
}
/// out [columns,out_stride] = transpose of x [rows,x_stride]; rows and columns are whole vectors.
template <class T>
FW_INLINE void transpose(T* out, index out_stride, const T* x, index x_stride, index rows, index columns) {
  for (index i = 0; i < rows; i += kLanes<T>)
    for (index j = 0; j < columns; j += kLanes<T>) {
      Vec<T> block[kLanes<T>];
      for (int r = 0; r < kLanes<T>; ++r) block[r] = load(x + (i + r) * x_stride + j);
      swap_blocks<T, 1>(block);
      for (int c = 0; c < kLanes<T>; ++c) store(out + (j + c) * out_stride + i, block[c]);
    }
}

}  // namespace fw::omp::FW_ISA
