// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Causal softmax attention, the quadratic comparator. One token, one head; s runs over the tokens of the same sequence
// from the first one seen (here: the start) to the token itself.
//   (A1) a_s = scale q.k_s
//   (A2) p_s = exp(a_s - max a) / sum_s exp(a_s - max a)
//   (A3) o = sum_s p_s v_s
// Shapes: K [n,Dk] and V [n,Dv], the n tokens seen; q [Dk]; v o [Dv]; a p [n].
// The maximum is that of the real parts, a constant that cancels in (A2): the step stays analytic.
// No memory is carried: there is no state, and a sequence cannot be split without its keys and values.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>

#include "core/variant.h"
#include "naive/gates.h"
#include "naive/types.h"

namespace fw::naive {

/// p of (A1), (A2).
template <class T>
Vector<T> attention_weights(const Eigen::Ref<const Matrix<T>>& K, const Vector<T>& q, T scale) {
  using std::exp;
  Vector<T> p = scale * (K * q);                                         // (A1) [n]
  auto highest = real_part(p[0]);
  for (const T& a : p) highest = std::max(highest, real_part(a));
  for (T& a : p) a = exp(a - T(highest));                                // (A2) [n]
  return p / p.sum();
}

struct Softmax {
  static constexpr Variant id = Variant::softmax;
  /// The first token that token t sees.
  static index_t first_seen(index_t, index_t) { return 0; }

  template <class T, class Record = NoRecord>
  static void step(const Eigen::Ref<const Matrix<T>>& K, const Eigen::Ref<const Matrix<T>>& V, const Vector<T>& q, T scale, Vector<T>& o,
                   Record&& record = {}) {
    const Vector<T> p = attention_weights<T>(K, q, scale);               // (A1), (A2)
    record(p);
    o.noalias() = V.transpose() * p;                                     // (A3) [Dv]
  }
};

}  // namespace fw::naive
