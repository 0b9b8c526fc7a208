// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The reverse of prepare.h and gates.h for one micro-chunk. Everything but the squares is elementwise in the channel, so a
// vector of channels goes through all tokens of the chunk with its intermediate keys Kt_r[s] (key s decayed to token r) at
// hand. From the last token to the first, with dKt[s] and dgamma the gradients so far:
//   de_r = gamma_r dE_r + sum_s dA_ek[r,s] Kt_r[s]     dq_r = scale gamma_r dQ_r + scale sum_s dA_qk[r,s] Kt_r[s]
//   dgamma += e_r dE_r + scale q_r dQ_r                dKt[s] += dA_ek[r,s] e_r + scale dA_qk[r,s] q_r
//   dg_r = gamma_r dgamma + sum_{s<r} Kt_r[s] dKt[s]   then dgamma and dKt[s<r] times alpha_r
//   dk_r = dKt[r] + scale dA_qk[r,r] q_r
// dg is a sum of products: no division by alpha, no difference of large numbers, 0 at g = -inf.
#pragma once

#include "omp/simd/gates.h"

namespace fw::omp::FW_ISA {

/// Rows of results, `stride` apart; past: written past the caches.
template <class T>
struct RowsOut {
  T* at;
  index stride;
  bool past;
  FW_INLINE void put(int r, index i, Vec<T> v) const {
    if (past) stream(at + r * stride + i, v);
    else store(at + r * stride + i, v);
  }
};

/// Rows [kRows,Kp] of a chunk: q k alpha e in; dq dk dlog de out, dq and dlog perhaps straight to where they belong.
template <class T>
struct ChunkRows {
  const T *q, *k, *alpha, *e;
  RowsOut<T> dq, dlog;
  T *dk, *de;
};

template <class T, bool decays, bool erases>
inline void factors_backward(index Kp, T scale, const ChunkRows<T>& x, const PrepGradient<T>& d) {
  alignas(64) T A_qk[kRows * kRows];
  for (int i = 0; i < kRows * kRows; ++i) A_qk[i] = scale * d.dA_qk[i];
  for (index i = 0; i < Kp; i += kLanes<T>) {
    const auto at = [&](const T* rows, int r) FW_LAMBDA { return load(rows + r * Kp + i); };
    Vec<T> key[kRows][kRows], gamma[kRows], dkey[kRows], dgamma = decays ? load(d.dgamma + i) : Vec<T>{};
    for (int r = 0; r < kRows; ++r) {
      key[r][r] = at(x.k, r);
      dkey[r] = at(d.dKt, r);
      if (!decays) {
        for (int s = 0; s < r; ++s) key[r][s] = key[s][s];
        continue;
      }
      const Vec<T> alpha = at(x.alpha, r);
      gamma[r] = r > 0 ? alpha * gamma[r > 0 ? r - 1 : 0] : alpha;
      for (int s = 0; s < r; ++s) key[r][s] = alpha * key[r - 1][s];
    }
    for (int r = kRows - 1; r >= 0; --r) {
      const Vec<T> q = at(x.q, r), dQ = scale * at(d.dQ, r);
      const Vec<T> e = erases ? at(x.e, r) : Vec<T>{}, dE = erases ? at(d.dE, r) : Vec<T>{}, alpha = decays ? at(x.alpha, r) : Vec<T>{};
      Vec<T> dq = decays ? gamma[r] * dQ : dQ, de = decays ? gamma[r] * dE : dE, dlog{};
      if (decays) {
        dgamma += q * dQ;
        if (erases) dgamma += e * dE;
        dlog = gamma[r] * dgamma;
        dgamma = alpha * dgamma;
      }
      for (int s = 0; s < r; ++s) {
        dkey[s] += A_qk[r * kRows + s] * q;
        dq += A_qk[r * kRows + s] * key[r][s];
        if (erases) {
          dkey[s] += d.dA_ek[r * kRows + s] * e;
          de += d.dA_ek[r * kRows + s] * key[r][s];
        }
        if (decays) {
          dlog += key[r][s] * dkey[s];
          dkey[s] = alpha * dkey[s];
        }
      }
      store(x.dk + r * Kp + i, dkey[r] + A_qk[r * kRows + r] * q);
      x.dq.put(r, i, dq + A_qk[r * kRows + r] * key[r][r]);
      if (decays) x.dlog.put(r, i, dlog);
      if (erases) store(x.de + r * Kp + i, de);
    }
  }
}

/// How a row of results is written: over what is there, added to it, or past the caches.
enum class Put { write, add, stream };
template <class T>
FW_INLINE Put put_of(const T* rows, index stride, index D, bool add, bool past_caches) {
  return add ? Put::add : past_caches && streamable(rows, stride, D) ? Put::stream : Put::write;
}
/// row = f(first channel of a vector) for all channels.
template <class T, class F>
FW_INLINE void put_row(T* row, index D, Put how, F&& f) {
  constexpr index L = kLanes<T>;
  if (D % L == 0 && how != Put::add) {
    if (how == Put::stream)
      for (index i = 0; i < D; i += L) stream(row + i, f(i));
    else
      for (index i = 0; i < D; i += L) store(row + i, f(i));
    return;
  }
  for (index i = 0; i < D; i += L) store_row(row, i, D, how == Put::add ? load_row(row, i, D) + f(i) : f(i));
}

/// dx of y = x / sqrt(x.x + eps), or dy where nothing is normalised.
template <class T>
FW_INLINE void key_backward(const PrepSource<T>& p, const T* raw, const T* y, const T* dy, T* dx, Put how) {
  Vec<T> along{};
  if (p.l2norm)
    for (index i = 0; i < p.Kp; i += kLanes<T>) along += load(y + i) * load(dy + i);
  const T projection = p.l2norm ? sum_of<T>(along) : T(0), factor = p.l2norm ? inverse_norm(raw, p.Dk, p.l2norm_eps) : T(1);
  put_row<T>(dx, p.Dk, how, [&](index i) FW_LAMBDA { return p.l2norm ? factor * (load(dy + i) - projection * load(y + i)) : load(dy + i); });
}

/// db of one token, and what the erase gate adds to dk.
template <class T>
FW_INLINE void erase_backward(const PrepSource<T>& p, Erase erase, const T* b, const T* k, const T* de, T* dk, T* db, Put how) {
  const auto slope = [&](Vec<T> raw) FW_LAMBDA { return p.sigmoid ? p.erase_gain * sigmoid_slope<T>(raw) : splat(T(1)); };
  if (erase == Erase::channel) {
    put_row<T>(db, p.Dk, how, [&](index i) FW_LAMBDA {
      const Vec<T> raw = load_row(b, i, p.Dk), g = load(de + i);
      store(dk + i, load(dk + i) + g * erase_gate(p, raw));
      return g * load(k + i) * slope(raw);
    });
    return;
  }
  const T tied = erase == Erase::scalar ? erase_gate(p, splat(b[0]))[0]
                                        : mean_of<T>(p.Dk, [&](index i) FW_LAMBDA { return erase_gate(p, load_row(b, i, p.Dk)); });
  Vec<T> sum{};
  for (index i = 0; i < p.Kp; i += kLanes<T>) {
    const Vec<T> g = load(de + i);
    sum += g * load(k + i);
    store(dk + i, load(dk + i) + tied * g);
  }
  const T total = sum_of<T>(sum);
  if (erase == Erase::scalar) {
    const T one = total * slope(splat(b[0]))[0];
    db[0] = how == Put::add ? db[0] + one : one;
    return;
  }
  put_row<T>(db, p.Dk, how, [&](index i) FW_LAMBDA { return total / T(p.Dk) * slope(load_row(b, i, p.Dk)); });
}

/// d raw decay of channels at i from the gradient of its log; adds to the sums of the activation's parameters.
template <class T>
FW_INLINE Vec<T> decay_slope(const PrepSource<T>& p, Vec<T> raw, index i, Vec<T> dlog, Vec<T>& dA_log) {
  if (p.form == DecayForm::log) return dlog;
  if (p.bias) raw += p.bias_channels ? load_row(p.bias, i, p.Dk) : splat(p.bias[0]);
  if (p.form == DecayForm::softplus) {
    dA_log = dlog * (-p.A * softplus<T>(raw));
    return dlog * (-p.A * sigmoid<T>(raw));
  }
  const Vec<T> slope = p.lower * p.A * sigmoid_slope<T>(p.A * raw);
  dA_log = dlog * slope * raw;
  return dlog * slope;
}

template <class T>
FW_INLINE void decay_backward(const PrepSource<T>& p, Decay decay, const T* g, const T* dlog, T* dg, const PrepGradient<T>& d, Put how) {
  if (decay == Decay::scalar) {
    Vec<T> sum{}, dA_log{};
    for (index i = 0; i < p.Kp; i += kLanes<T>) sum += load(dlog + i);
    const T one = decay_slope(p, splat(g[0]), 0, splat(sum_of<T>(sum)), dA_log)[0];
    dg[0] = how == Put::add ? dg[0] + one : one;
    if (d.dA_log) d.dA_log[0] += double(dA_log[0]);
    if (d.dbias) d.dbias[0] += double(one);
    return;
  }
  put_row<T>(dg, p.Dk, how, [&](index i) FW_LAMBDA {
    Vec<T> dA_log{};
    const Vec<T> draw = decay_slope(p, load_row(g, i, p.Dk), i, load(dlog + i), dA_log);
    for (index j = 0; d.dA_log && j < kLanes<T> && i + j < p.Dk; ++j) {
      d.dA_log[0] += double(dA_log[j]);
      if (d.dbias) d.dbias[p.bias_channels ? i + j : 0] += double(draw[j]);
    }
    return draw;
  });
}

template <class T>
void prepare_backward(const PrepSource<T>& p, Decay decay, Erase erase, std::ptrdiff_t token, int rows, const T* token_rows, const PrepGradient<T>& d,
                      T* scratch) {
  const index Kp = p.Kp, size = kRows * Kp;
  const bool decays = decay != Decay::none, erases = erase != Erase::none;
  const Put put_q = put_of(d.dq, p.k_stride, p.Dk, d.add_qk, d.stream), put_k = put_of(d.dk, p.k_stride, p.Dk, d.add_qk, d.stream);
  const Put put_g = decays ? put_of(d.dg, p.g_stride, decay == Decay::channel ? p.Dk : 1, d.add_g, d.stream) : Put::write;
  const Put put_b = erases ? put_of(d.db, p.b_stride, erase == Erase::scalar ? 1 : p.Dk, d.add_b, d.stream) : Put::write;
  // nothing stands between the rule and the caller's tensor: no detour over the scratch
  const bool whole = p.Dk == Kp && rows == kRows, q_direct = whole && !p.l2norm && put_q != Put::add;
  const bool g_direct = whole && decay == Decay::channel && p.form == DecayForm::log && put_g != Put::add;
  ChunkRows<T> x{token_rows, token_rows + size, token_rows + 2 * size, token_rows + 3 * size, {scratch, Kp, false}, {scratch + size, Kp, false},
                 scratch + 2 * size, scratch + 3 * size};
  if (q_direct) x.dq = {d.dq + token * p.k_stride, p.k_stride, put_q == Put::stream};
  if (g_direct) x.dlog = {d.dg + token * p.g_stride, p.g_stride, put_g == Put::stream};
  if (decays && erases) factors_backward<T, true, true>(Kp, p.scale, x, d);
  else if (decays) factors_backward<T, true, false>(Kp, p.scale, x, d);
  else if (erases) factors_backward<T, false, true>(Kp, p.scale, x, d);
  else factors_backward<T, false, false>(Kp, p.scale, x, d);
  for (int r = 0; r < rows; ++r) {
    const index at = r * Kp, t = token + r;
    if (erases) erase_backward(p, erase, p.b + t * p.b_stride, x.k + at, x.de + at, x.dk + at, d.db + t * p.b_stride, put_b);
    if (decays && !g_direct) decay_backward(p, decay, p.g + t * p.g_stride, x.dlog.at + at, d.dg + t * p.g_stride, d, put_g);
    if (!q_direct) key_backward(p, p.q + t * p.k_stride, x.q + at, x.dq.at + at, d.dq + t * p.k_stride, put_q);
    key_backward(p, p.k + t * p.k_stride, x.k + at, x.dk + at, d.dk + t * p.k_stride, put_k);
  }
}

/// dv = dz w, dw = dz v through the write gate (see Kernels::values_backward).
template <class T>
void values_backward(const ValueSource<T>& p, std::ptrdiff_t token, int rows, const T* dZ, std::ptrdiff_t tile_step, T* dv, T* dw,
                     bool past_caches) {
  constexpr index L = kLanes<T>, tile = 2 * L;
  const auto slope = [&](Vec<T> raw) FW_LAMBDA { return p.sigmoid ? p.gain * sigmoid_slope<T>(raw) : splat(T(1)); };
  const Put put_v = put_of(dv, p.v_stride, p.Dv, false, past_caches);
  const Put put_w = p.write == Write::channel || p.write == Write::mean ? put_of(dw, p.w_stride, p.Dv, false, past_caches) : Put::write;
  for (int r = 0; r < rows; ++r) {
    const index t = token + r;
    const T* w = p.w ? p.w + t * p.w_stride : nullptr;
    const T tied = p.write != Write::channel ? tied_write(p, t) : T(1);
    T total = 0;
    const auto dz_at = [&](index i) FW_LAMBDA {
      const index column = i % tile, width = p.Dv - (i - column) > L ? tile : L;
      return load(dZ + i / tile * tile_step + r * width + column);
    };
    const auto gate_at = [&](index i) FW_LAMBDA { return p.write == Write::channel ? write_gate(p, load_row(w, i, p.Dv)) : splat(tied); };
    const auto v_at = [&](index i) FW_LAMBDA { return load_row(p.v + t * p.v_stride, i, p.Dv); };
    put_row<T>(dv + t * p.v_stride, p.Dv, put_v, [&](index i) FW_LAMBDA { return gate_at(i) * dz_at(i); });
    if (p.write == Write::one) continue;
    if (p.write == Write::channel) {
      put_row<T>(dw + t * p.w_stride, p.Dv, put_w, [&](index i) FW_LAMBDA { return dz_at(i) * v_at(i) * slope(load_row(w, i, p.Dv)); });
      continue;
    }
    for (index i = 0; i < p.Dv; i += L) total += sum_of<T>(dz_at(i) * v_at(i));
    if (p.write == Write::scalar) dw[t * p.w_stride] = total * slope(splat(w[0]))[0];
    else put_row<T>(dw + t * p.w_stride, p.Dv, put_w, [&](index i) FW_LAMBDA { return total / T(p.Dv) * slope(load_row(w, i, p.Dv)); });
  }
}

}  // namespace fw::omp::FW_ISA
