// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Products of row-major matrices, float or double: the only place of the model where time goes, beside the rules. Computed by
// Eigen on one thread (parallelism is over pieces of the batch), compiled once per instruction set and chosen at run time: the
// bits depend on the instruction set, and on nothing else.
#pragma once

#include "core/dtype.h"

namespace fw::model {

enum class Into { overwrite, add };

/// C [m,n] = A [m,k] B^T, B [n,k]: y = W x for rows of x.
template <class T>
void matmul_nt(const T* A, const T* B, T* C, index_t m, index_t n, index_t k, Into into = Into::overwrite);
/// C [m,n] = A [m,k] B [k,n]: dx = dy W.
template <class T>
void matmul_nn(const T* A, const T* B, T* C, index_t m, index_t n, index_t k, Into into = Into::overwrite);
/// C [m,n] = A^T B, A [k,m], B [k,n]: dW = dy^T x.
template <class T>
void matmul_tn(const T* A, const T* B, T* C, index_t m, index_t n, index_t k, Into into = Into::overwrite);

}  // namespace fw::model
