// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The functions of ops.h, attention.h and matmul.h that are compiled once per instruction set, as a table: one for each, made by
// kernels_<isa>.cpp.
#pragma once

#include "model/attention.h"
#include "model/ops.h"

namespace fw::model {

template <class T>
struct OpTable {
  /// which: 0 A B^T, 1 A B, 2 A^T B; see matmul.h.
  void (*product)(int which, const T* A, const T* B, T* C, index_t m, index_t n, index_t k, bool add);
  decltype(&model::rms_norm_backward_add<T>) rms_norm_backward_add;
  decltype(&model::gated_rms_norm<T>) gated_rms_norm;
  decltype(&model::gated_rms_norm_backward<T>) gated_rms_norm_backward;
  decltype(&model::short_conv_silu<T>) short_conv_silu;
  decltype(&model::short_conv_silu_backward<T>) short_conv_silu_backward;
  decltype(&model::silu<T>) silu;
  decltype(&model::silu_backward<T>) silu_backward;
  decltype(&model::swiglu<T>) swiglu;
  decltype(&model::swiglu_backward<T>) swiglu_backward;
  decltype(&model::cross_entropy<T>) cross_entropy;
  decltype(&model::attention<T>) attention;
  decltype(&model::attention_backward<T>) attention_backward;
};

namespace baseline {
template <class T>
OpTable<T> op_table();
}
namespace avx2 {
template <class T>
OpTable<T> op_table();
}
/// That of the best instruction set this CPU has.
template <class T>
const OpTable<T>& op_table();

}  // namespace fw::model
