// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/matmul.h"

#include "model/op_table.h"
#include "omp/isa.h"

namespace fw::model {

namespace {

template <class T>
OpTable<T> best() {
#ifdef FW_MODEL_X86
  if (omp::best_isa() != omp::Isa::baseline) return avx2::op_table<T>();  // AVX-512 gains little in Eigen
#endif
  return baseline::op_table<T>();
}
template <class T>
void run(int which, const T* A, const T* B, T* C, index_t m, index_t n, index_t k, Into into) {
  op_table<T>().product(which, A, B, C, m, n, k, into == Into::add);
}

}  // namespace

template <class T>
const OpTable<T>& op_table() {
  static const OpTable<T> table = best<T>();
  return table;
}
template const OpTable<float>& op_table();
template const OpTable<double>& op_table();

template <class T>
void matmul_nt(const T* A, const T* B, T* C, index_t m, index_t n, index_t k, Into into) {
  run(0, A, B, C, m, n, k, into);
}
template <class T>
void matmul_nn(const T* A, const T* B, T* C, index_t m, index_t n, index_t k, Into into) {
  run(1, A, B, C, m, n, k, into);
}
template <class T>
void matmul_tn(const T* A, const T* B, T* C, index_t m, index_t n, index_t k, Into into) {
  run(2, A, B, C, m, n, k, into);
}

template void matmul_nt(const float*, const float*, float*, index_t, index_t, index_t, Into);
template void matmul_nn(const float*, const float*, float*, index_t, index_t, index_t, Into);
template void matmul_tn(const float*, const float*, float*, index_t, index_t, index_t, Into);
template void matmul_nt(const double*, const double*, double*, index_t, index_t, index_t, Into);
template void matmul_nn(const double*, const double*, double*, index_t, index_t, index_t, Into);
template void matmul_tn(const double*, const double*, double*, index_t, index_t, index_t, Into);

}  // namespace fw::model
