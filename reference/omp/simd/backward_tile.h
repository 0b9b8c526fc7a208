// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One block of one column tile in reverse. The states before its micro-chunks are computed again from the saved one and the
// saved residual rows, then, from the last chunk to the first, with dS the gradient of the state behind the chunk:
//   dR  = K_tail dS + A_qk^T dO          dZ = (I + A_ek)^-T dR            (back substitution)
//   dA_qk += dO R^T   dA_ek -= dZ R^T    dK_tail += R dS^T
//   dQ += dO S^T      dE -= dZ S^T       dgamma += rowsum(S (.) dS)
//   dS <- gamma (.) dS + Q^T dO - E^T dZ
// Panels are transposed here (lanes are key channels) and cut into strips of two vectors, [strip][width][channels of a strip]:
// after dR, which needs all channels, everything else is done strip by strip, and the two strips it works on (of S and of dS)
// stay in the first-level cache. Cost per token and column: 7 Kp multiply-adds, one of them for the states computed again.
#pragma once

#include "omp/simd/meanwhile.h"
#include "omp/simd/products.h"

namespace fw::omp::FW_ISA {

/// f(first channel, vectors) for every strip: two vectors, one in the last where Kp has an odd number. The strip of a panel
/// [W,Kp] starts at W * first channel and its rows are as far apart as it is wide.
template <class T, class F>
FW_INLINE void by_strips(index Kp, F&& f) {
  index i = 0;
  for (; i + 2 * kLanes<T> <= Kp; i += 2 * kLanes<T>) f(i, std::integral_constant<int, 2>());
  if (i < Kp) f(i, std::integral_constant<int, 1>());
}

/// Gradients of factors: the first tile of a block writes them, the others add.
template <class T>
FW_INLINE void put_sum(T* at, Vec<T> v, bool add) { store(at, add ? load(at) + v : v); }

/// out[r] (+)= sum_j a[r,j] strip[j] for the kRows rows of a chunk. out [kRows,Kp] at the strip's channels, a [kRows,W]
template <class T, int C>
FW_INLINE void put_product(T* out, index Kp, const T* a, const T* strip, index W, bool add) {
  for (int band = 0; band < kRows; band += kBand) {
    Vec<T> acc[kBand][C] = {};
    multiply<T, kBand, C>(acc, a + band * W, W, strip, C * kLanes<T>, W);
    for (int r = 0; r < kBand; ++r)
      for (int c = 0; c < C; ++c) put_sum<T>(out + (band + r) * Kp + c * kLanes<T>, acc[r][c], add);
  }
}

/// out[j] = gamma (.) x[j] + sum_s a[s,j] y[s] over the W rows of a strip; gamma null: 1. a [kRows,W], y [kRows,Kp] at the strip
template <class T, int C>
FW_INLINE void update_strip(T* out, const T* x, const T* gamma, const T* a, const T* y, index W, index Kp) {
  if (gamma) update<T, C, DecayOf::lane>(out, x, C * kLanes<T>, W, gamma, a, W, y, Kp);
  else update<T, C, DecayOf::none>(out, x, C * kLanes<T>, W, nullptr, a, W, y, Kp);
}

/// out[s,j] = sum_k a[s,k] panel[j,k]. a [kRows,Kp], panel in strips, out [kRows,W]
template <class T>
FW_INLINE void dots_with_panel(T* out, const T* a, const T* panel, index W, index Kp) {
  constexpr int L = kLanes<T>, R = L >= 16 ? 4 : 2, J = L / R;
  for (index j = 0; j < W; j += J)
    for (int s = 0; s < kRows; s += R) {
      Vec<T> acc[L] = {};
      by_strips<T>(Kp, [&](index i, auto width) FW_LAMBDA {
        constexpr int C = decltype(width)::value;
        add_dots<T, R, C>(acc, a + s * Kp + i, Kp, panel + i * W + j * C * L, C * L);
      });
      store_dots<T, R>(out + s * W + j, W, acc);
    }
}

/// out[r,s] (+)= a[r] . b[s] for two sets of kRows rows of C vectors; only blocks that reach the lower triangle.
template <class T, int C>
FW_INLINE void put_square(T* out, const T* a, const T* b, bool add) {
  constexpr int L = kLanes<T>, R = L >= 16 ? 4 : 2, J = L / R, W = C * L;
  for (int s = 0; s < kRows; s += J)
    for (int r = s / R * R; r < kRows; r += R) {
      Vec<T> acc[L] = {};
      T block[L];
      add_dots<T, R, C>(acc, a + r * W, W, b + s * W, W);
      store_dots<T, R>(block, J, acc);
      for (int i = 0; i < L; ++i) {
        T& at = out[(r + i / J) * kRows + s + i % J];
        at = add ? at + block[i] : block[i];
      }
    }
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

/// out (+)= rowsum over the W value columns of two strips. out [C vectors]
template <class T, int C>
FW_INLINE void put_rowsum(T* out, const T* a, const T* b, index W, bool add) {
  constexpr index step = C * kLanes<T>;
  Vec<T> sum[2][C] = {};
  for (index j = 0; j < W; j += 2)
    for (int half = 0; half < 2; ++half)
      for (int c = 0; c < C; ++c) sum[half][c] += load(a + (j + half) * step + c * kLanes<T>) * load(b + (j + half) * step + c * kLanes<T>);
  for (int c = 0; c < C; ++c) put_sum<T>(out + c * kLanes<T>, sum[0][c] + sum[1][c], add);
}

/// The states before every chunk of the block, transposed. states [chunks] panels
template <class T>
FW_INLINE void recompute_states(const BackwardTile<T>& t, index W) {
  by_strips<T>(t.Kp, [&](index i, auto width) FW_LAMBDA {
    constexpr int C = decltype(width)::value;
    T* strip = t.states + i * W;
    transpose(strip, C * kLanes<T>, t.S + i * W, W, C * kLanes<T>, W);
    for (int chunk = 0; chunk + 1 < t.chunks; ++chunk, strip += W * t.Kp)
      update_strip<T, C>(strip + W * t.Kp, strip, t.gamma ? t.gamma + chunk * t.Kp + i : nullptr, t.R + chunk * kRows * 2 * kLanes<T>,
                         t.Kt + chunk * kRows * t.Kp + i, W, t.Kp);
  });
}

template <class T, int C>
void backward_tile_of(const BackwardTile<T>& t) {
  constexpr index W = C * kLanes<T>, square = kRows * kRows;
  const index Kp = t.Kp;
  alignas(64) T dR[kRows * W], minus[kRows * W];
  if (t.dE) recompute_states(t, W);
  const index strips = (Kp + 2 * kLanes<T> - 1) / (2 * kLanes<T>);
  Meanwhile meanwhile(t.errands, t.chunks * int(1 + 4 * strips));
  for (int chunk = t.chunks - 1; chunk >= 0; --chunk) {
    const index factors = chunk * kRows * Kp, rows_at = chunk * kRows * 2 * kLanes<T>;
    const T *R = t.R + rows_at, *dO = t.dO + rows_at, *gamma = t.gamma ? t.gamma + chunk * Kp : nullptr, *S = t.states + chunk * W * Kp;
    T* dZ = t.dZ + rows_at;
    meanwhile.some();
    dots_with_panel<T>(dR, t.Kt + factors, t.dS, W, Kp);
    substitute_back<T, C>(dZ, minus, dR, dO, t.A_ek + chunk * square, t.A_qk + chunk * square);
    if (t.dE) {
      put_square<T, C>(t.dA_qk + chunk * square, dO, R, t.add);
      if (t.E) put_square<T, C>(t.dA_ek + chunk * square, minus, R, t.add);
    }
    by_strips<T>(Kp, [&](index i, auto width) FW_LAMBDA {
      constexpr int V = decltype(width)::value;
      T* dS = t.dS + i * W;
      meanwhile.some();
      if (t.dE) {
        put_product<T, V>(t.dKt + factors + i, Kp, R, dS, W, t.add);
        if (gamma) put_rowsum<T, V>(t.dgamma + chunk * Kp + i, S + i * W, dS, W, t.add);
        meanwhile.some();
        put_product<T, V>(t.dQ + factors + i, Kp, dO, S + i * W, W, t.add);
        meanwhile.some();
        if (t.E) put_product<T, V>(t.dE + factors + i, Kp, minus, S + i * W, W, t.add);
      }
      meanwhile.some();
      update_strip<T, V>(dS, dS, gamma ? gamma + i : nullptr, dO, t.Q + factors + i, W, Kp);
      if (t.E) update_strip<T, V>(dS, dS, nullptr, minus, t.E + factors + i, W, Kp);
    });
  }
}

template <class T>
void backward_tile(const BackwardTile<T>& t) {
  t.vectors == 2 ? backward_tile_of<T, 2>(t) : backward_tile_of<T, 1>(t);
}

}  // namespace fw::omp::FW_ISA
