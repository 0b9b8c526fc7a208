// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Gated linear attention (arXiv 2312.06635): decay per key channel, no erase.
//   (R1) S_decayed = Diag(exp g) S_prev
//   (R3) S = S_decayed + k v^T
//   (R4) o = scale S^T q
// Shapes: S [Dk,Dv]; q k g [Dk]; v o [Dv]; g <= 0. Collapses: g equal over channels gives decayed linear attention.
#pragma once

#include "core/variant.h"
#include "naive/types.h"

namespace fw::naive {

struct Gla {
  static constexpr Variant id = Variant::gla;

  template <class T, class Record = NoRecord>
  static void step(Matrix<T>& S, const Token<T>& x, T scale, Vector<T>& o, Record&& record = {}) {
    const Vector<T> alpha = elementwise_exp(x.g);
    S = alpha.asDiagonal() * S;                        // (R1) [Dk,Dv]
    record(Vector<T>(Vector<T>::Zero(x.k.size())), x.v, Vector<T>(Vector<T>::Zero(x.v.size())), x.v, S);
    S.noalias() += x.k * x.v.transpose();              // (R3) [Dk,Dv]
    o.noalias() = scale * (S.transpose() * x.q);       // (R4) [Dv]
  }
};

}  // namespace fw::naive
