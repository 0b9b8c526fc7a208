// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One token as the rule sees it: rows of q and k (normalised on request), alpha = exp(g) and e, from the caller's raw tensors.
// The gate structure (Decay, Erase, Write) is a template trait here and nowhere else; a number that is the same in all
// channels becomes a row of equal numbers, so a collapsed gate gives the narrower rule bit for bit.
// Activations: g = -exp(A_log) softplus(raw + bias), or lower sigmoid(exp(A_log) (raw + bias)); gates = sigmoid(raw), the erase
// gate times erase_gain.
#pragma once

#include "omp/simd/kernels.h"
#include "omp/simd/vec.h"

namespace fw::omp::FW_ISA {

/// Log-decay of channels [i, i + lanes) from their raw values.
template <class T>
FW_INLINE Vec<T> activated(const PrepSource<T>& p, Vec<T> raw, index i) {
  if (p.form == DecayForm::log) return raw;
  if (p.bias) raw += p.bias_channels ? load_row(p.bias, i, p.Dk) : splat(p.bias[0]);
  return p.form == DecayForm::softplus ? -p.A * softplus<T>(raw) : p.lower * sigmoid<T>(p.A * raw);
}

template <class T>
FW_INLINE Vec<T> erase_gate(const PrepSource<T>& p, Vec<T> raw) { return p.sigmoid ? p.erase_gain * sigmoid<T>(raw) : raw; }

/// Mean over [0,D) of f(vector at i), summed in double: the gates of a token are often alike, and so would be their roundings.
template <class T, class F>
FW_INLINE T mean_of(index D, F&& f) {
  constexpr index L = kLanes<T>, H = kLanes<double>;
  Vec<double> total{};
  for (index i = 0; i < D; i += L) {
    alignas(64) T x[L];
    store(x, f(i));
    for (index j = D - i; j < L; ++j) x[j] = T(0);
    for (index j = 0; j < L; j += H) total += load_wide(x + j);
  }
  return T(sum_of<double>(total) / double(D));
}

template <class T>
FW_INLINE T square_root(T x) {
  if constexpr (sizeof(T) == sizeof(float)) return __builtin_sqrtf(x);
  else return __builtin_sqrt(x);
}

/// 1 / sqrt(x.x + eps); 0 for a zero row without eps.
template <class T>
FW_INLINE T inverse_norm(const T* row, index D, T eps) {
  Vec<T> squares{};
  for (index i = 0; i < D; i += kLanes<T>) {
    const Vec<T> x = load_row(row, i, D);
    squares += x * x;
  }
  const T total = sum_of<T>(squares) + eps;
  return total == T(0) ? T(0) : T(1) / square_root(total);
}

/// The number all erase gates of a token share (Erase::scalar, Erase::mean).
template <class T, Erase erase>
FW_INLINE T tied_erase(const PrepSource<T>& p, index token) {
  const T* b = p.b + token * p.b_stride;
  if (erase == Erase::scalar) return erase_gate(p, splat(b[0]))[0];
  return mean_of<T>(p.Dk, [&](index i) FW_LAMBDA { return erase_gate(p, load_row(b, i, p.Dk)); });
}

/// Rows [Kp] of one token, zero past Dk (alpha: 1 or what exp(0) gives). e and alpha are written only where the rule has them.
template <class T>
struct TokenRows {
  T *q, *k, *alpha, *e;
};

/// Row r of the four blocks [kRows,Kp] of a chunk.
template <class T>
FW_INLINE TokenRows<T> token_rows(T* rows, index Kp, int r) {
  return {rows + r * Kp, rows + (kRows + r) * Kp, rows + (2 * kRows + r) * Kp, rows + (3 * kRows + r) * Kp};
}

template <class T>
FW_INLINE void copy_row(T* out, const T* row, const PrepSource<T>& p) {
  const T factor = p.l2norm ? inverse_norm(row, p.Dk, p.l2norm_eps) : T(1);
  for (index i = 0; i < p.Kp; i += kLanes<T>) store(out + i, load_row(row, i, p.Dk) * factor);
}

template <class T, Decay decay, Erase erase>
void read_token(const PrepSource<T>& p, index token, const TokenRows<T>& rows) {
  copy_row(rows.q, p.q + token * p.k_stride, p);
  copy_row(rows.k, p.k + token * p.k_stride, p);
  if (decay != Decay::none) {
    const T* g = p.g + token * p.g_stride;
    const Vec<T> one = decay == Decay::scalar ? exp<T>(activated(p, splat(g[0]), 0)) : Vec<T>{};
    for (index i = 0; i < p.Kp; i += kLanes<T>)
      store(rows.alpha + i, decay == Decay::scalar ? one : exp<T>(activated(p, load_row(g, i, p.Dk), i)));
  }
  if (erase != Erase::none) {
    const T* b = p.b + token * p.b_stride;
    const Vec<T> one = erase == Erase::channel ? Vec<T>{} : splat(tied_erase<T, erase>(p, token));
    for (index i = 0; i < p.Kp; i += kLanes<T>) {
      const Vec<T> key = load(rows.k + i);
      store(rows.e + i, (erase == Erase::channel ? erase_gate(p, load_row(b, i, p.Dk)) : one) * key);
    }
  }
}

template <class T>
using TokenReader = void (*)(const PrepSource<T>&, index, const TokenRows<T>&);

template <class T, Decay decay>
FW_INLINE TokenReader<T> token_reader_of(Erase erase) {
  switch (erase) {
    case Erase::none: return read_token<T, decay, Erase::none>;
    case Erase::scalar: return read_token<T, decay, Erase::scalar>;
    case Erase::channel: return read_token<T, decay, Erase::channel>;
    case Erase::mean: break;
  }
  return read_token<T, decay, Erase::mean>;
}

/// The instance for a rule's gate structure.
template <class T>
inline TokenReader<T> token_reader(Decay decay, Erase erase) {
  switch (decay) {
    case Decay::none: return token_reader_of<T, Decay::none>(erase);
    case Decay::scalar: return token_reader_of<T, Decay::scalar>(erase);
    case Decay::channel: break;
  }
  return token_reader_of<T, Decay::channel>(erase);
}

/// Write gate of value columns [i, i + lanes) of a token, or the number they share.
template <class T>
FW_INLINE Vec<T> write_gate(const ValueSource<T>& p, Vec<T> raw) { return p.sigmoid ? p.gain * sigmoid<T>(raw) : raw; }

template <class T>
FW_INLINE T tied_write(const ValueSource<T>& p, index token) {
  if (p.write == Write::one) return T(1);
  const T* w = p.w + token * p.w_stride;
  if (p.write == Write::scalar) return write_gate(p, splat(w[0]))[0];
  return mean_of<T>(p.Dv, [&](index i) FW_LAMBDA { return write_gate(p, load_row(w, i, p.Dv)); });
}

/// z = w (.) v of columns [i, i + lanes); `tied` is tied_write of the token where the write gate is one number.
template <class T>
FW_INLINE Vec<T> write_value(const ValueSource<T>& p, index token, index i, T tied) {
  const Vec<T> v = load_row(p.v + token * p.v_stride, i, p.Dv);
  if (p.write == Write::one) return v;
  if (p.write != Write::channel) return tied * v;
  return write_gate(p, load_row(p.w + token * p.w_stride, i, p.Dv)) * v;
}

}  // namespace fw::omp::FW_ISA
