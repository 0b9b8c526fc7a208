// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/attention.h"

#include "model/op_table.h"

namespace fw::model {

template <class T>
void attention(const AttentionShape& shape, const T* q, const T* k, const T* v, T* o) {
  op_table<T>().attention(shape, q, k, v, o);
}
template <class T>
void attention_backward(const AttentionShape& shape, const T* q, const T* k, const T* v, const T* d_o, T* dq, T* dk, T* dv) {
  op_table<T>().attention_backward(shape, q, k, v, d_o, dq, dk, dv);
}

template void attention(const AttentionShape&, const float*, const float*, const float*, float*);
template void attention(const AttentionShape&, const double*, const double*, const double*, double*);
template void attention_backward(const AttentionShape&, const float*, const float*, const float*, const float*, float*, float*, float*);
template void attention_backward(const AttentionShape&, const double*, const double*, const double*, const double*, double*, double*,
                                 double*);

}  // namespace fw::model
