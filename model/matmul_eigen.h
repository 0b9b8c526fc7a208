// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The products of matmul.h for one instruction set. A file that includes this defines FW_MODEL_ISA first: Eigen's templates
// then live in a namespace of that name, so that the linker cannot mix code for different instruction sets.
#pragma once

#ifdef FW_MODEL_RENAME
#define Eigen FW_MODEL_RENAME
#endif
#include <Eigen/Core>

#include "model/matmul.h"

namespace fw::model::FW_MODEL_ISA {

template <class T>
using Rows = Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
template <class T>
using ConstRows = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

/// which: 0 A B^T, 1 A B, 2 A^T B.
template <class T>
void product(int which, const T* A, const T* B, T* C, index_t m, index_t n, index_t k, bool add) {
  Rows<T> c(C, m, n);
  if (!add) c.setZero();
  if (m == 0 || n == 0 || k == 0) return;
  if (which == 0)
    c.noalias() += ConstRows<T>(A, m, k) * ConstRows<T>(B, n, k).transpose();
  else if (which == 1)
    c.noalias() += ConstRows<T>(A, m, k) * ConstRows<T>(B, k, n);
  else
    c.noalias() += ConstRows<T>(A, k, m).transpose() * ConstRows<T>(B, k, n);
}

}  // namespace fw::model::FW_MODEL_ISA
