// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Gated DeltaNet-2, write gate channel-wise and erase gate scalarised (arXiv 2605.22791, Table 5): an ablation.
//   (R1) S_decayed = Diag(exp g) S_prev
//   (R2) r = S_decayed^T e,           e = mean_i(b) k
//   (R3) S = S_decayed + k (z - r)^T, z = w (.) v
//   (R4) o = scale S^T q
// Shapes: S [Dk,Dv]; q k g b [Dk]; v w o [Dv]. Collapses: w constant and equal to mean(b) gives KDA.
#pragma once

#include "core/variant.h"
#include "naive/types.h"

namespace fw::naive {

struct Gdn2Write {
  static constexpr Variant id = Variant::gdn2_write;

  template <class T, class Record = NoRecord>
  static void step(Matrix<T>& S, const Token<T>& x, T scale, Vector<T>& o, Record&& record = {}) {
    const Vector<T> alpha = elementwise_exp(x.g);
    const T b_mean = x.b.sum() / T(static_cast<double>(x.b.size()));
    const Vector<T> e = b_mean * x.k;
    const Vector<T> z = x.w.cwiseProduct(x.v);
    S = alpha.asDiagonal() * S;                        // (R1) [Dk,Dv]
    const Vector<T> r = S.transpose() * e;             // (R2) [Dv]
    const Vector<T> delta = z - r;
    record(e, z, r, delta, S);
    S.noalias() += x.k * delta.transpose();            // (R3) [Dk,Dv]
    o.noalias() = scale * (S.transpose() * x.q);       // (R4) [Dv]
  }
};

}  // namespace fw::naive
