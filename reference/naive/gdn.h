// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Gated DeltaNet (arXiv 2412.06464): one decay per token and head in front of the delta rule.
//   (R1) S_decayed = exp(g) S_prev
//   (R2) r = S_decayed^T e,           e = beta k
//   (R3) S = S_decayed + k (z - r)^T, z = beta v
//   (R4) o = scale S^T q
// Shapes: S [Dk,Dv]; q k [Dk]; v o [Dv]; g scalar <= 0, beta scalar. Collapses: g = 0 gives DeltaNet.
#pragma once

#include <cmath>
#include <complex>

#include "core/variant.h"
#include "naive/types.h"

namespace fw::naive {

struct Gdn {
  static constexpr Variant id = Variant::gdn;

  template <class T, class Record = NoRecord>
  static void step(Matrix<T>& S, const Token<T>& x, T scale, Vector<T>& o, Record&& record = {}) {
    using std::exp;
    const T alpha = exp(x.g[0]);
    const Vector<T> e = x.beta * x.k;
    const Vector<T> z = x.beta * x.v;
    S *= alpha;                                        // (R1) [Dk,Dv]
    const Vector<T> r = S.transpose() * e;             // (R2) [Dv]
    const Vector<T> delta = z - r;
    record(e, z, r, delta, S);
    S.noalias() += x.k * delta.transpose();            // (R3) [Dk,Dv]
    o.noalias() = scale * (S.transpose() * x.q);       // (R4) [Dv]
  }
};

}  // namespace fw::naive
