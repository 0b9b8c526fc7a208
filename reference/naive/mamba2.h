// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Decayed linear attention, the core of Mamba-2 (arXiv 2405.21060): one decay per token and head.
//   (R1) S_decayed = exp(g) S_prev
//   (R3) S = S_decayed + k v^T
//   (R4) o = scale S^T q
// Shapes: S [Dk,Dv]; q k [Dk]; v o [Dv]; g scalar <= 0. Mamba-2's step size is folded into v by its layer.
// Collapses: g = 0 gives linear attention.
#pragma once

#include <cmath>
#include <complex>

#include "core/variant.h"
#include "naive/types.h"

namespace fw::naive {

struct Mamba2 {
  static constexpr Variant id = Variant::mamba2;

  template <class T, class Record = NoRecord>
  static void step(Matrix<T>& S, const Token<T>& x, T scale, Vector<T>& o, Record&& record = {}) {
    using std::exp;
    const T alpha = exp(x.g[0]);
    S *= alpha;                                        // (R1) [Dk,Dv]
    record(Vector<T>(Vector<T>::Zero(x.k.size())), x.v, Vector<T>(Vector<T>::Zero(x.v.size())), x.v, S);
    S.noalias() += x.k * x.v.transpose();              // (R3) [Dk,Dv]
    o.noalias() = scale * (S.transpose() * x.q);       // (R4) [Dv]
  }
};

}  // namespace fw::naive
