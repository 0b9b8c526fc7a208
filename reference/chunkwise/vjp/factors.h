// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of chunkwise/factors.h: from the rows of a chunk back to the tensors of the call.
//   Q_gamma = gamma (.) q:  dq += gamma (.) dQ_gamma;  likewise e with gamma, k with tail
//   decay of these:  a row r decayed from the chunk's start adds x_r to dg_t for t <= r, one decayed to its end for t > r
//   e = b (.) k:     db = de (.) k, dk += de (.) b;    z = w (.) v:  dw = dz (.) v, dv = dz (.) w
//   x / sqrt(x.x + eps):  dx = (dy - y (y.dy)) / sqrt(x.x + eps)
// Tied gates sum over their channels (both sides for beta), a mean spreads the sum over them evenly, a scalar decay sums.
// q and k, and g and b given per key head, add up over the value heads of a group; A_log and dt_bias over the tokens of a
// sequence.
#pragma once

#include "chunkwise/factors.h"
#include "chunkwise/vjp/scores.h"

namespace fw::chunkwise {

/// Adds the decayed rows' share to dq, de, dk and dg.
template <class T>
void decayed_rows_vjp(const ChunkFactors<T>& f, ChunkGradients<T>& d) {
  d.dq += f.decay.gamma.cwiseProduct(d.dQ_gamma);
  d.de += f.decay.gamma.cwiseProduct(d.dE_gamma);
  d.dk += f.decay.tail.cwiseProduct(d.dK_tail);
  const Matrix<T> from_start = f.Q_gamma.cwiseProduct(d.dQ_gamma) + f.E_gamma.cwiseProduct(d.dE_gamma);
  const Matrix<T> to_end = f.K_tail.cwiseProduct(d.dK_tail);
  add_suffix_sums(from_start, 0, d.dg);
  add_prefix_sums(to_end, d.dg);
  d.dg.rowwise() += d.dlog_gamma_C;
}

/// e and z to k, v and the effective gates; dz comes from vjp/wy.h.
template <class T>
void gated_rows_vjp(const ChunkFactors<T>& f, ChunkGradients<T>& d) {
  d.db = d.de.cwiseProduct(f.k);
  d.dk += d.de.cwiseProduct(f.b);
  d.dw = d.dz.cwiseProduct(f.v);
  d.dv = d.dz.cwiseProduct(f.w);
}

/// Where gradients of a call are added up. Parameters of the decay activation have one row per sequence, [N,Hg] or
/// [N,Hg,Dk], so that sequences may run side by side.
template <class T>
struct GradientSums {
  Gradients<T>& grad;
  Tensor<T> dA_log, ddt_bias;
};

template <class T>
void add_row_gradient(const Head<T>& head, const Tensor<T>& x, index_t t, const Row<T>& dy, Tensor<T>& dx) {
  const index_t at = head.token(t), h = head.key_head();
  Eigen::Map<Row<T>> sum(dx.row(head.batch(), at, h), head.geo.Dk);
  if (!head.options.l2norm_qk) {
    sum += dy;
    return;
  }
  const Eigen::Map<const Row<T>> row(x.row(head.batch(), at, h), head.geo.Dk);
  const T length = row_length<T>(row, head.options);
  if (!(length > T(0))) return;
  const Row<T> y = row / length;
  sum += (dy - y * y.cwiseProduct(dy).sum()) / length;
}

template <class T>
void add_decay_gradient(const Head<T>& head, index_t t, const Row<T>& dg, GradientSums<T>& sums) {
  const index_t h = head.g_head(), channels = head.geo.g_channels ? head.geo.Dk : 1;
  T* out = sums.grad.dg.row(head.batch(), head.token(t), h);
  for (index_t i = 0; i < channels; ++i) {
    const T d = head.geo.g_channels ? dg[i] : dg.sum();
    if (head.options.decay_activation == DecayActivation::none) {
      out[i] += d;
      continue;
    }
    const ActivatedDecay<T> by = decay_at(head, t, i);
    out[i] += by.by_raw * d;
    sums.dA_log(head.n, h) += by.by_A_log * d;
    if (sums.ddt_bias.defined())
      (sums.ddt_bias.shape().rank() == 2 ? sums.ddt_bias(head.n, h) : sums.ddt_bias(head.n, h, i)) += by.by_raw * d;
  }
}

/// Gates of one token given as a row of raw numbers: db or dw of the effective gate, back through the mean and the sigmoid.
template <class T>
void add_gate_gradient(const T* raw, T gain, bool mean, const Options& options, const Row<T>& d_effective, T* d_raw) {
  const T shared = mean ? d_effective.sum() / static_cast<T>(d_effective.size()) : T(0);
  for (index_t i = 0; i < d_effective.size(); ++i) {
    const T d = mean ? shared : d_effective[i];
    d_raw[i] += options.sigmoid_gates ? gain * sigmoid_slope(raw[i]) * d : d;
  }
}

template <class T>
void add_tied_gate_gradient(const Head<T>& head, index_t t, T d, GradientSums<T>& sums) {
  const index_t at = head.token(t);
  const T raw = head.in.beta(head.batch(), at, head.hv);
  sums.grad.dbeta(head.batch(), at, head.hv) += head.options.sigmoid_gates ? head.erase_gain() * sigmoid_slope(raw) * d : d;
}

/// Adds the rows of a chunk to the gradients of the call.
template <class T>
void scatter_rows(const Head<T>& head, const ChunkFactors<T>& f, const ChunkGradients<T>& d, GradientSums<T>& sums) {
  const VariantInfo& variant = head.variant();
  const index_t batch = head.batch();
  for (index_t r = 0; r < f.rows(); ++r) {
    const index_t t = f.first + r, at = head.token(t);
    add_row_gradient<T>(head, head.in.q, t, d.dq.row(r), sums.grad.dq);
    add_row_gradient<T>(head, head.in.k, t, d.dk.row(r), sums.grad.dk);
    Eigen::Map<Row<T>>(sums.grad.dv.row(batch, at, head.hv), head.geo.Dv) += d.dv.row(r);
    if (variant.decay != Decay::none) add_decay_gradient<T>(head, t, d.dg.row(r), sums);
    if (head.in.b.defined())
      add_gate_gradient<T>(head.in.b.row(batch, at, head.b_head()), head.erase_gain(), variant.erase == Erase::mean, head.options,
                           d.db.row(r), sums.grad.db.row(batch, at, head.b_head()));
    if (head.in.w.defined())
      add_gate_gradient<T>(head.in.w.row(batch, at, head.hv), T(1), variant.write == Write::mean, head.options, d.dw.row(r),
                           sums.grad.dw.row(batch, at, head.hv));
    if (head.in.beta.defined()) {
      const T erase = variant.erase == Erase::scalar ? d.db.row(r).sum() : T(0),
              write = variant.write == Write::scalar ? d.dw.row(r).sum() : T(0);
      add_tied_gate_gradient(head, t, erase + write, sums);
    }
  }
}

}  // namespace fw::chunkwise
