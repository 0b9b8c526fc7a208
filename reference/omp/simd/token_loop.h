// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The recurrence (R1)-(R4) as it stands, token by token over columns [from, from + width) of one head's state: the earlier
// rungs of the way to the chunk form (omp/rungs.h). Not fused, four sweeps:
//   S_i <- alpha_i S_i    r += e_i S_i    S_i += k_i (z - r)    o += q_i S_i
// fused, two: the first two together, and the last two. A panel of one or two vectors keeps r and o in registers.
#pragma once

#include "omp/simd/gates.h"

namespace fw::omp::FW_ISA {

template <class T>
void read_tokens(const TokenLoop<T>& l) {
  const TokenReader<T> read = token_reader<T>(l.decay, l.erase);
  const index Kp = l.prep.Kp;
  for (int t = 0; t < l.tokens; ++t) {
    T* row = l.rows + t * 4 * Kp;
    read(l.prep, l.token + t, {row, row + Kp, row + 2 * Kp, row + 3 * Kp});
  }
}

/// Sums over rows i of scale_i S_i into sum [width]; before that S_i <- factor_i S_i, or S_i += factor_i add. Null: not so.
template <class T>
FW_INLINE void sweep(T* S, index Kp, index width, const T* decay, const T* factor, const T* add, const T* scale, T* sum) {
  for (index j = 0; sum && j < width; j += kLanes<T>) store(sum + j, Vec<T>{});
  for (index i = 0; i < Kp; ++i)
    for (index j = 0; j < width; j += kLanes<T>) {
      T* at = S + i * width + j;
      Vec<T> s = load(at);
      if (decay) s = decay[i] * s;
      if (factor) s += factor[i] * load(add + j);
      if (decay || factor) store(at, s);
      if (scale) store(sum + j, load(sum + j) + scale[i] * s);
    }
}

/// The same for a panel of C vectors, sums in registers.
template <class T, int C>
FW_INLINE void sweep_panel(T* S, index Kp, const T* decay, const T* factor, const T* add, const T* scale, T* sum) {
  Vec<T> total[C] = {}, held[C];
  for (int c = 0; c < C; ++c) held[c] = factor ? load(add + c * kLanes<T>) : Vec<T>{};
  for (index i = 0; i < Kp; ++i)
    for (int c = 0; c < C; ++c) {
      T* at = S + (i * C + c) * kLanes<T>;
      Vec<T> s = load(at);
      if (decay) s = decay[i] * s;
      if (factor) s += factor[i] * held[c];
      if (decay || factor) store(at, s);
      if (scale) total[c] += scale[i] * s;
    }
  for (int c = 0; sum && c < C; ++c) store(sum + c * kLanes<T>, total[c]);
}

template <class T>
FW_INLINE void any_sweep(const TokenLoop<T>& l, const T* decay, const T* factor, const T* add, const T* scale, T* sum) {
  const index Kp = l.prep.Kp;
  if (l.fused && l.width == 2 * kLanes<T>) sweep_panel<T, 2>(l.S, Kp, decay, factor, add, scale, sum);
  else if (l.fused && l.width == kLanes<T>) sweep_panel<T, 1>(l.S, Kp, decay, factor, add, scale, sum);
  else sweep<T>(l.S, Kp, l.width, decay, factor, add, scale, sum);
}

template <class T>
void token_loop(const TokenLoop<T>& l) {
  const index Kp = l.prep.Kp, D = l.value.Dv;
  T *delta = l.scratch, *out = l.scratch + l.width;
  for (int t = 0; t < l.tokens; ++t) {
    const T *q = l.rows + t * 4 * Kp, *k = q + Kp, *e = l.erase != Erase::none ? q + 3 * Kp : nullptr;
    const T *alpha = l.decay != Decay::none ? q + 2 * Kp : nullptr, *none = nullptr;
    if (l.fused) {
      if (alpha || e) any_sweep(l, alpha, none, none, e, e ? delta : nullptr);
    } else {
      if (alpha) any_sweep(l, alpha, none, none, none, static_cast<T*>(nullptr));
      if (e) any_sweep(l, none, none, none, e, delta);
    }
    const T tied = l.value.write != Write::channel ? tied_write(l.value, l.token + t) : T(1);
    for (index j = 0; j < l.width; j += kLanes<T>) {
      const Vec<T> z = l.from + j < D ? write_value(l.value, l.token + t, l.from + j, tied) : Vec<T>{};
      store(delta + j, e ? z - load(delta + j) : z);
    }
    if (l.fused) {
      any_sweep(l, none, k, delta, q, out);
    } else {
      any_sweep(l, none, k, delta, none, static_cast<T*>(nullptr));
      any_sweep(l, none, none, none, q, out);
    }
    for (index j = 0; j < l.width && l.from + j < D; j += kLanes<T>) store_row(l.o + t * l.o_stride, l.from + j, D, l.prep.scale * load(out + j));
  }
}

}  // namespace fw::omp::FW_ISA
