// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/matmul.h"

#include "omp/isa.h"

namespace fw::model {

#define FW_DECLARE_PRODUCT(isa)                                                                              \
  namespace isa {                                                                                            \
  template <class T>                                                                                         \
  void product(int which, const T* A, const T* B, T* C, index_t m, index_t n, index_t k, bool add);          \
  extern template void product(int, const float*, const float*, float*, index_t, index_t, index_t, bool);    \
  extern template void product(int, const double*, const double*, double*, index_t, index_t, index_t, bool); \
  }
FW_DECLARE_PRODUCT(baseline)
#ifdef FW_MODEL_X86
FW_DECLARE_PRODUCT(avx2)
#endif

namespace {

template <class T>
using Product = void (*)(int, const T*, const T*, T*, index_t, index_t, index_t, bool);

template <class T>
Product<T> best() {
  switch (omp::best_isa()) {
#ifdef FW_MODEL_X86
    case omp::Isa::avx512:  // Eigen gains little there
    case omp::Isa::avx2: return avx2::product<T>;
#endif
    default: return baseline::product<T>;
  }
}
template <class T>
void run(int which, const T* A, const T* B, T* C, index_t m, index_t n, index_t k, Into into) {
  static const Product<T> product = best<T>();
  product(which, A, B, C, m, n, k, into == Into::add);
}

}  // namespace

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
