// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Kimi Delta Attention, arXiv 2510.26692: decay per key channel, one step size for erase and write.
//   (R1) S_decayed = Diag(exp g) S_prev
//   (R2) r = S_decayed^T e,           e = beta k
//   (R3) S = S_decayed + k (z - r)^T, z = beta v
//   (R4) o = scale S^T q
// Shapes: S [Dk,Dv]; q k g [Dk]; v o [Dv]; beta scalar. Ranges: g <= 0, beta in [0,1], [0,2] with negative eigenvalues.
// Collapses: g equal over channels gives Gated DeltaNet.
#pragma once

#include "core/variant.h"
#include "naive/types.h"

namespace fw::naive {

struct Kda {
  static constexpr Variant id = Variant::kda;

  template <class T, class Record = NoRecord>
  static void step(Matrix<T>& S, const Token<T>& x, T scale, Vector<T>& o, Record&& record = {}) {
    const Vector<T> alpha = elementwise_exp(x.g);
    const Vector<T> e = x.beta * x.k;
    const Vector<T> z = x.beta * x.v;
    S = alpha.asDiagonal() * S;                        // (R1) [Dk,Dv]
    const Vector<T> r = S.transpose() * e;             // (R2) [Dv]
    const Vector<T> delta = z - r;
    record(e, z, r, delta, S);
    S.noalias() += x.k * delta.transpose();            // (R3) [Dk,Dv]
    o.noalias() = scale * (S.transpose() * x.q);       // (R4) [Dv]
  }
};

}  // namespace fw::naive
