// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Gated DeltaNet-2, arXiv 2605.22791 (10): the general rule of the family. One token, one head.
//   (R1) S_decayed = Diag(exp g) S_prev                 decay, per key channel
//   (R2) r = S_decayed^T e,          e = b (.) k        what the memory answers along the erase direction
//   (R3) S = S_decayed + k (z - r)^T, z = w (.) v       erase and write in one rank-one edit
//   (R4) o = scale S^T q
// Shapes: S [Dk,Dv]; q k g b [Dk]; v w o [Dv]. Ranges: g <= 0 (-inf forgets the channel), b in [0,2], w in [0,1].
// Collapses: b = w = beta gives KDA; b = 0, w = 1 gives gated linear attention; then g equal or zero narrows further.
#pragma once

#include "core/variant.h"
#include "naive/types.h"

namespace fw::naive {

struct Gdn2 {
  static constexpr Variant id = Variant::gdn2;

  template <class T, class Record = NoRecord>
  static void step(Matrix<T>& S, const Token<T>& x, T scale, Vector<T>& o, Record&& record = {}) {
    const Vector<T> alpha = elementwise_exp(x.g);
    const Vector<T> e = x.b.cwiseProduct(x.k);
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
