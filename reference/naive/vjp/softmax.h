// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Reverse of naive/softmax.h, and of naive/swa.h over its window: one token, one head. dK and dV are the gradients of the
// n keys and values seen, which add up over all the tokens that see them; dq is overwritten.
//   (AB3) dV += p do^T            dp = V do
//   (AB2) da = p (.) (dp - p.dp)
//   (AB1) dK += scale da q^T      dq = scale K^T da
#pragma once

#include "naive/softmax.h"

namespace fw::naive {

template <class T>
void step_vjp(Softmax, const Eigen::Ref<const Matrix<T>>& K, const Eigen::Ref<const Matrix<T>>& V, const Vector<T>& q, T scale,
              const Vector<T>& d_o, Vector<T>& dq, Eigen::Ref<Matrix<T>> dK, Eigen::Ref<Matrix<T>> dV) {
  // forward again
  const Vector<T> p = attention_weights<T>(K, q, scale);

  // o = sum_s p_s v_s
  dV.noalias() += p * d_o.transpose();                                   // (AB3) [n,Dv]
  const Vector<T> dp = V * d_o;                                          // [n]
  // p = softmax(a)
  const Vector<T> da = p.array() * (dp.array() - p.cwiseProduct(dp).sum());  // (AB2) [n]
  // a_s = scale q.k_s
  dK.noalias() += (scale * da) * q.transpose();                          // (AB1) [n,Dk]
  dq.noalias() = scale * (K.transpose() * da);                           // [Dk]
}

}  // namespace fw::naive
