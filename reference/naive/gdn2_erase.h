// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Gated DeltaNet-2, erase gate channel-wise and write gate scalarised (arXiv 2605.22791, Table 5): an ablation.
//   (R1) S_decayed = Diag(exp g) S_prev
//   (R2) r = S_decayed^T e,           e = b (.) k
//   (R3) S = S_decayed + k (z - r)^T, z = mean_j(w) v
//   (R4) o = scale S^T q
// Shapes: S [Dk,Dv]; q k g b [Dk]; v w o [Dv]. Collapses: b constant and equal to mean(w) gives KDA.
#pragma once

#include "core/variant.h"
#include "naive/types.h"

namespace fw::naive {

struct Gdn2Erase {
  static constexpr Variant id = Variant::gdn2_erase;

  template <class T, class Record = NoRecord>
  static void step(Matrix<T>& S, const Token<T>& x, T scale, Vector<T>& o, Record&& record = {}) {
    const Vector<T> alpha = elementwise_exp(x.g);
    const T w_mean = x.w.sum() / T(static_cast<double>(x.w.size()));
    const Vector<T> e = x.b.cwiseProduct(x.k);
    const Vector<T> z = w_mean * x.v;
    S = alpha.asDiagonal() * S;                        // (R1) [Dk,Dv]
    const Vector<T> r = S.transpose() * e;             // (R2) [Dv]
    const Vector<T> delta = z - r;
    record(e, z, r, delta, S);
    S.noalias() += x.k * delta.transpose();            // (R3) [Dk,Dv]
    o.noalias() = scale * (S.transpose() * x.q);       // (R4) [Dv]
  }
};

}  // namespace fw::naive
