// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Linear attention: the memory only adds. One token, one head.
//   (R3) S = S_prev + k v^T
//   (R4) o = scale S^T q
// Shapes: S [Dk,Dv]; q k [Dk]; v o [Dv]. No gates: nothing is decayed or erased.
#pragma once

#include "core/variant.h"
#include "naive/types.h"

namespace fw::naive {

struct Linear {
  static constexpr Variant id = Variant::linear;

  template <class T, class Record = NoRecord>
  static void step(Matrix<T>& S, const Token<T>& x, T scale, Vector<T>& o, Record&& record = {}) {
    record(Vector<T>(Vector<T>::Zero(x.k.size())), x.v, Vector<T>(Vector<T>::Zero(x.v.size())), x.v, S);
    S.noalias() += x.k * x.v.transpose();              // (R3) [Dk,Dv]
    o.noalias() = scale * (S.transpose() * x.q);       // (R4) [Dv]
  }
};

}  // namespace fw::naive
