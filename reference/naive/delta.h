// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// DeltaNet (arXiv 2102.11174, 2406.06484): write the difference between the new value and what memory answers.
//   (R2) r = S_prev^T e,           e = beta k
//   (R3) S = S_prev + k (z - r)^T, z = beta v
//   (R4) o = scale S^T q
// Shapes: S [Dk,Dv]; q k [Dk]; v o [Dv]; beta scalar in [0,1], [0,2] with negative eigenvalues.
// With a unit key and beta = 1 the memory answers v at k afterwards, exactly.
#pragma once

#include "core/variant.h"
#include "naive/types.h"

namespace fw::naive {

struct Delta {
  static constexpr Variant id = Variant::delta;

  template <class T, class Record = NoRecord>
  static void step(Matrix<T>& S, const Token<T>& x, T scale, Vector<T>& o, Record&& record = {}) {
    const Vector<T> e = x.beta * x.k;
    const Vector<T> z = x.beta * x.v;
    const Vector<T> r = S.transpose() * e;             // (R2) [Dv]
    const Vector<T> delta = z - r;
    record(e, z, r, delta, S);
    S.noalias() += x.k * delta.transpose();            // (R3) [Dk,Dv]
    o.noalias() = scale * (S.transpose() * x.q);       // (R4) [Dv]
  }
};

}  // namespace fw::naive
