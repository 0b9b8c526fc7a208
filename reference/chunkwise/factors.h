// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The rows of a chunk: gathered from the tensors of a call, normalised, activated, and multiplied with their gates. The only
// place (with vjp/factors.h) that knows the gate structure of a variant; everything after it sees the general rule
//   b [C,Dk] = 0 | beta | b | mean_i(b)      e = b (.) k
//   w [C,Dv] = 1 | beta | w | mean_j(w)      z = w (.) v      g [C,Dk] = 0 | scalar repeated | channel
// so a narrower gate, spread over its channels, takes the same steps as a channel gate and gives the same bits.
#pragma once

#include "chunkwise/chunk.h"
#include "chunkwise/gates.h"
#include "core/problem.h"

namespace fw::chunkwise {

/// One value head of one sequence of a call.
template <class T>
struct Head {
  const Inputs<T>& in;
  const Geometry& geo;
  const Options& options;
  index_t n, hv;

  const VariantInfo& variant() const { return info(options.variant); }
  const Geometry::Sequence& sequence() const { return geo.sequences[static_cast<std::size_t>(n)]; }
  index_t batch() const { return sequence().batch; }
  index_t token(index_t t) const { return sequence().begin + t; }
  index_t key_head() const { return geo.key_head(hv); }
  index_t g_head() const { return geo.head_of(geo.g_heads, hv); }
  index_t b_head() const { return geo.head_of(geo.b_heads, hv); }
  T erase_gain() const { return options.erase_times_two ? T(2) : T(1); }
  /// Initial state, zero when none was given. [Dk,Dv]
  Matrix<T> initial_state() const {
    if (!in.initial_state.defined()) return Matrix<T>::Zero(geo.Dk, geo.Dv);
    return Eigen::Map<const Matrix<T>>(in.initial_state.row(n, hv), geo.Dk, geo.Dv);
  }
};

/// dt_bias of a channel of the head, zero when absent.
template <class T>
T decay_bias(const Head<T>& head, index_t channel) {
  const Tensor<T>& bias = head.in.dt_bias;
  if (!bias.defined()) return T(0);
  return bias.shape().rank() == 1 ? bias(head.g_head()) : bias(head.g_head(), channel);
}

template <class T>
ActivatedDecay<T> decay_at(const Head<T>& head, index_t t, index_t channel) {
  const T A_log = head.in.A_log.defined() ? head.in.A_log(head.g_head()) : T(0);
  return activate_decay(head.in.g.row(head.batch(), head.token(t), head.g_head())[channel], A_log, decay_bias(head, channel), head.options);
}

/// A row of raw gates, through the sigmoid if asked.
template <class T, class Out>
void activate_gates(const T* raw, T gain, const Options& options, Out&& row) {
  for (index_t i = 0; i < row.size(); ++i) row[i] = options.sigmoid_gates ? gain * sigmoid(raw[i]) : raw[i];
}

template <class T>
T tied_gate_at(const Head<T>& head, index_t t) {
  const T raw = head.in.beta(head.batch(), head.token(t), head.hv);
  return head.options.sigmoid_gates ? head.erase_gain() * sigmoid(raw) : raw;
}

/// Effective erase gate of token t. [Dk]
template <class T, class Out>
void erase_gate_at(const Head<T>& head, index_t t, Out&& row) {
  switch (head.variant().erase) {
    case Erase::none: row.setZero(); return;
    case Erase::scalar: row.setConstant(tied_gate_at(head, t)); return;
    case Erase::channel:
    case Erase::mean: activate_gates(head.in.b.row(head.batch(), head.token(t), head.b_head()), head.erase_gain(), head.options, row);
  }
  if (head.variant().erase == Erase::mean) row.setConstant(row.sum() / static_cast<T>(row.size()));
}

/// Effective write gate of token t. [Dv]
template <class T, class Out>
void write_gate_at(const Head<T>& head, index_t t, Out&& row) {
  switch (head.variant().write) {
    case Write::one: row.setOnes(); return;
    case Write::scalar: row.setConstant(tied_gate_at(head, t)); return;
    case Write::channel:
    case Write::mean: activate_gates(head.in.w.row(head.batch(), head.token(t), head.hv), T(1), head.options, row);
  }
  if (head.variant().write == Write::mean) row.setConstant(row.sum() / static_cast<T>(row.size()));
}

/// sqrt(x.x + eps), or 1 where rows are used as they are.
template <class T, class In>
T row_length(const In& x, const Options& options) {
  return options.l2norm_qk ? std::sqrt(x.squaredNorm() + static_cast<T>(options.l2norm_eps)) : T(1);
}

/// Query or key of token t as the rule sees it: x / sqrt(x.x + eps) when normalised, zero for a zero row without eps. [Dk]
template <class T, class Out>
void normalised_row(const Head<T>& head, const Tensor<T>& x, index_t t, Out&& row) {
  row = Eigen::Map<const Row<T>>(x.row(head.batch(), head.token(t), head.key_head()), head.geo.Dk);
  const T length = row_length<T>(row, head.options);
  if (head.options.l2norm_qk && length > T(0)) row /= length;
}

/// Tokens [first, first + rows) of the head's sequence.
template <class T>
void gather_rows(const Head<T>& head, index_t first, index_t rows, const Rounding& rounding, ChunkFactors<T>& f) {
  const index_t Dk = head.geo.Dk, Dv = head.geo.Dv;
  f.first = first;
  f.scale = static_cast<T>(head.geo.scale);
  for (Matrix<T>* m : {&f.q, &f.k, &f.g, &f.b}) m->resize(rows, Dk);
  for (Matrix<T>* m : {&f.v, &f.w}) m->resize(rows, Dv);
  for (index_t r = 0; r < rows; ++r) {
    const index_t t = first + r;
    normalised_row(head, head.in.q, t, f.q.row(r));
    normalised_row(head, head.in.k, t, f.k.row(r));
    f.v.row(r) = Eigen::Map<const Row<T>>(head.in.v.row(head.batch(), head.token(t), head.hv), Dv);
    erase_gate_at(head, t, f.b.row(r));
    write_gate_at(head, t, f.w.row(r));
    switch (head.variant().decay) {
      case Decay::none: f.g.row(r).setZero(); break;
      case Decay::scalar: f.g.row(r).setConstant(decay_at(head, t, 0).g); break;
      case Decay::channel:
        for (index_t i = 0; i < Dk; ++i) f.g(r, i) = decay_at(head, t, i).g;
    }
  }
  if (head.options.l2norm_qk) {  // a kernel stores its normalised rows in the tensor type
    round_stored(f.q, rounding);
    round_stored(f.k, rounding);
  }
  f.e = f.b.cwiseProduct(f.k);
  f.z = f.w.cwiseProduct(f.v);
}

/// Rows decayed from the chunk's start, and to its end. (C3), (C6), (C7)
template <class T>
void decayed_rows(ChunkFactors<T>& f) {
  f.Q_gamma = f.decay.gamma.cwiseProduct(f.q);
  f.E_gamma = f.decay.gamma.cwiseProduct(f.e);
  f.K_tail = f.decay.tail.cwiseProduct(f.k);
}

}  // namespace fw::chunkwise
