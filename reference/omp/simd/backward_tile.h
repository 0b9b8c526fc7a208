// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One block of one column tile in reverse. The states before its micro-chunks are computed again from the saved one and the
// saved residual rows, then, from the last chunk to the first, with dS the gradient of the state behind the chunk:
//   dR  = K_tail dS + A_qk^T dO          dZ = (I + A_ek)^-T dR            (back substitution)
//   dA_qk += dO R^T   dA_ek -= dZ R^T    dK_tail += R dS^T
//   dQ += dO S^T      dE -= dZ S^T       dgamma += rowsum(S (.) dS)
//   dS <- gamma (.) dS + Q^T dO - E^T dZ
// All panels are [width,Kp] here (lanes are key channels): then every product but the first streams its panel, and the first
// sums lanes at the end. Cost per token and column: 7 Kp multiply-adds, one of them for the states computed again.
#pragma once

#include "omp/simd/products.h"

namespace fw::omp::FW_ISA {

/// f(first channel, vectors) over Kp channels, two vectors at a time and one at the end where Kp has an odd one.
template <class T, class F>
FW_INLINE void by_vectors(index Kp, F&& f) {
  index i = 0;
  for (; i + 2 * kLanes<T> <= Kp; i += 2 * kLanes<T>) f(i, std::integral_constant<int, 2>());
  if (i < Kp) f(i, std::integral_constant<int, 1>());
}

/// out[r] += sum_j a[r,j] panel[j] for the kRows rows of a chunk. out [kRows,Kp], a [kRows,W], panel [W,Kp]
template <class T>
FW_INLINE void add_product(T* out, const T* a, const T* panel, index W, index Kp) {
  by_vectors<T>(Kp, [&](index i, auto width) FW_LAMBDA {
    constexpr int C = decltype(width)::value;
    for (int band = 0; band < kRows; band += kBand) {
      Vec<T> acc[kBand][C] = {};
      multiply<T, kBand, C>(acc, a + band * W, W, panel + i, Kp, W);
      for (int r = 0; r < kBand; ++r)
        for (int c = 0; c < C; ++c) {
          T* at = out + (band + r) * Kp + i + c * kLanes<T>;
          store(at, load(at) + acc[r][c]);
        }
    }
  });
}

/// out[j] = gamma (.) x[j] + sum_s a[s,j] y[s] over the W rows of a panel; gamma null: 1. a [kRows,W], y [kRows,Kp]
template <class T>
FW_INLINE void update_panel(T* out, const T* x, const T* gamma, const T* a, const T* y, index W, index Kp) {
  by_vectors<T>(Kp, [&](index i, auto width) FW_LAMBDA {
    constexpr int C = decltype(width)::value;
    if (gamma) update<T, C, DecayOf::lane>(out + i, x + i, Kp, W, gamma + i, a, W, y + i, Kp);
    else update<T, C, DecayOf::none>(out + i, x + i, Kp, W, nullptr, a, W, y + i, Kp);
  });
}

/// out[a row, b row] = a . b for kRows rows of a and `count` rows of b, `depth` deep (whole vectors).
template <class T>
FW_INLINE void all_dots(T* out, index out_stride, const T* a, index a_stride, const T* b, index b_stride, index count, index depth) {
  constexpr int R = kLanes<T> >= 16 ? 4 : 2, J = kLanes<T> / R;
  for (index j = 0; j < count; j += J)
    for (int r = 0; r < kRows; r += R) dots<T, R>(out + r * out_stride + j, out_stride, a + r * a_stride, a_stride, b + j * b_stride, b_stride, depth);
}

/// dZ = (I + A_ek)^-T (dR + A_qk^T dO), in place of dR; `minus` receives -dZ.
template <class T, int C>
FW_INLINE void substitute_back(T* dZ, T* minus, const T* dR, const T* dO, const T* A_ek, const T* A_qk) {
  constexpr index W = C * kLanes<T>;
  for (int s = kRows - 1; s >= 0; --s) {
    Vec<T> row[C];
    for (int c = 0; c < C; ++c) row[c] = load(dR + s * W + c * kLanes<T>);
    for (int r = s; r < kRows; ++r) {
      const T a = A_qk[r * kRows + s];
      for (int c = 0; c < C; ++c) row[c] += a * load(dO + r * W + c * kLanes<T>);
    }
    for (int r = s + 1; r < kRows; ++r) {
      const T a = A_ek[r * kRows + s];
      for (int c = 0; c < C; ++c) row[c] += a * load(minus + r * W + c * kLanes<T>);
    }
    for (int c = 0; c < C; ++c) {
      store(dZ + s * W + c * kLanes<T>, row[c]);
      store(minus + s * W + c * kLanes<T>, -row[c]);
    }
  }
}

/// out += rowsum over the W value columns of a (.) b. [Kp] and [W,Kp]
template <class T>
FW_INLINE void add_rowsum(T* out, const T* a, const T* b, index W, index Kp) {
  by_vectors<T>(Kp, [&](index i, auto width) FW_LAMBDA {
    constexpr int C = decltype(width)::value;
    Vec<T> sum[2][C] = {};
    for (index j = 0; j < W; j += 2)
      for (int half = 0; half < 2; ++half)
        for (int c = 0; c < C; ++c) sum[half][c] += load(a + (j + half) * Kp + i + c * kLanes<T>) * load(b + (j + half) * Kp + i + c * kLanes<T>);
    for (int c = 0; c < C; ++c) {
      T* at = out + i + c * kLanes<T>;
      store(at, load(at) + (sum[0][c] + sum[1][c]));
    }
  });
}

/// The states before every chunk of the block, transposed. states [chunks,W,Kp]
template <class T>
FW_INLINE void recompute_states(const BackwardTile<T>& t, index W) {
  const index panel = W * t.Kp, rows_step = kRows * 2 * kLanes<T>;
  transpose(t.states, t.Kp, t.S, W, t.Kp, W);
  for (int chunk = 0; chunk + 1 < t.chunks; ++chunk)
    update_panel<T>(t.states + (chunk + 1) * panel, t.states + chunk * panel, t.gamma ? t.gamma + chunk * t.Kp : nullptr, t.R + chunk * rows_step,
                    t.Kt + chunk * kRows * t.Kp, W, t.Kp);
}

template <class T, int C>
void backward_tile_of(const BackwardTile<T>& t) {
  constexpr index W = C * kLanes<T>, square = kRows * kRows;
  const index Kp = t.Kp;
  alignas(64) T dR[kRows * W], minus[kRows * W], products[square];
  if (t.dE) recompute_states(t, W);
  for (int chunk = t.chunks - 1; chunk >= 0; --chunk) {
    const index factors = chunk * kRows * Kp, rows_at = chunk * kRows * 2 * kLanes<T>;
    const T *R = t.R + rows_at, *dO = t.dO + rows_at, *Kt = t.Kt + factors, *gamma = t.gamma ? t.gamma + chunk * Kp : nullptr;
    T* dZ = t.dZ + rows_at;
    const auto meanwhile = [&](int slice) FW_LAMBDA { look_ahead(t.ahead, chunk, slice, 6); };
    meanwhile(0);
    all_dots<T>(dR, W, Kt, Kp, t.dS, Kp, W, Kp);
    meanwhile(1);
    substitute_back<T, C>(dZ, minus, dR, dO, t.A_ek + chunk * square, t.A_qk + chunk * square);
    if (t.dE) {
      const T* S = t.states + chunk * W * Kp;
      all_dots<T>(products, kRows, dO, W, R, W, kRows, W);
      for (index i = 0; i < square; ++i) t.dA_qk[chunk * square + i] += products[i];
      add_product<T>(t.dKt + factors, R, t.dS, W, Kp);
      meanwhile(2);
      add_product<T>(t.dQ + factors, dO, S, W, Kp);
      meanwhile(3);
      if (t.E) {
        all_dots<T>(products, kRows, minus, W, R, W, kRows, W);
        for (index i = 0; i < square; ++i) t.dA_ek[chunk * square + i] += products[i];
        add_product<T>(t.dE + factors, minus, S, W, Kp);
      }
      if (gamma) add_rowsum<T>(t.dgamma + chunk * Kp, S, t.dS, W, Kp);
    }
    meanwhile(4);
    update_panel<T>(t.dS, t.dS, gamma, dO, t.Q + factors, W, Kp);
    meanwhile(5);
    if (t.E) update_panel<T>(t.dS, t.dS, nullptr, minus, t.E + factors, W, Kp);
  }
}

template <class T>
void backward_tile(const BackwardTile<T>& t) {
  t.vectors == 2 ? backward_tile_of<T, 2>(t) : backward_tile_of<T, 1>(t);
}

}  // namespace fw::omp::FW_ISA
