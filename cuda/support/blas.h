// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Products of row-major float32 matrices by cuBLAS, batches at equal distances, in float32 throughout (no tf32). cuBLAS is opened when the
// first Blas is made, so that programs start without it and builds need its header alone. The same call gives the same bits: no atomics, a
// workspace that is its own.
#pragma once

#include <memory>

#include "cuda/engine.h"

namespace fw::cuda {

/// A matrix of a batch: rows `stride` apart, matrices `batch` apart.
struct Matrices {
  const float* data = nullptr;
  index_t stride = 0, batch = 0;
};
struct MatricesOut {
  float* data = nullptr;
  index_t stride = 0, batch = 0;
};

class Blas {
 public:
  /// Throws where this build has no cuBLAS or the library cannot be opened.
  explicit Blas(Stream stream);
  ~Blas();
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;

  /// C [m,n] = A [m,k] B^T, B [n,k]; add: C += .
  void nt(index_t m, index_t n, index_t k, Matrices A, Matrices B, MatricesOut C, index_t batches, bool add = false);
  /// C [m,n] = A [m,k] B [k,n].
  void nn(index_t m, index_t n, index_t k, Matrices A, Matrices B, MatricesOut C, index_t batches, bool add = false);
  /// C [m,n] = A^T B, A [k,m], B [k,n].
  void tn(index_t m, index_t n, index_t k, Matrices A, Matrices B, MatricesOut C, index_t batches, bool add = false);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace fw::cuda
