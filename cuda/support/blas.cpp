// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "cuda/support/capture_gate.h"
#include "cuda/support/blas.h"

#include <limits>
#include <string>

#include "core/error.h"
#include "cuda/support/device_buffer.h"

#if __has_include(<cublas_v2.h>)
#include <cublas_v2.h>
#include <dlfcn.h>

namespace fw::cuda {
namespace {

/// Functions of cuBLAS, found once.
struct Library {
  decltype(&cublasCreate_v2) create = nullptr;
  decltype(&cublasDestroy_v2) destroy = nullptr;
  decltype(&cublasSetStream_v2) set_stream = nullptr;
  decltype(&cublasSetWorkspace_v2) set_workspace = nullptr;
  decltype(&cublasSetMathMode) set_math_mode = nullptr;
  decltype(&cublasSgemmStridedBatched) gemm = nullptr;
};

Library open_library() {
  const std::string name = "libcublas.so." + std::to_string(CUBLAS_VER_MAJOR);
  void* library = nullptr;
  for (const std::string& path : {name, std::string(FASTWEIGHT_CUBLAS_FOLDER) + "/" + name})
    if (library == nullptr) library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = dlerror();
    throw Error("cuBLAS: " + name + " must be where the loader finds it (LD_LIBRARY_PATH) or in " FASTWEIGHT_CUBLAS_FOLDER ", got " + (why ? why : "nothing"));
  }
  Library all;
  const auto find = [&](auto& function, const char* symbol) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, symbol));
    if (function == nullptr) throw Error("cuBLAS: " + name + " must have " + symbol + ", got none");
  };
  find(all.create, "cublasCreate_v2");
  find(all.destroy, "cublasDestroy_v2");
  find(all.set_stream, "cublasSetStream_v2");
  find(all.set_workspace, "cublasSetWorkspace_v2");
  find(all.set_math_mode, "cublasSetMathMode");
  find(all.gemm, "cublasSgemmStridedBatched");
  return all;
}
const Library& library() {
  static const Library all = open_library();
  return all;
}
void check_blas(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) throw Error(std::string("cuBLAS: ") + what + " failed with status " + std::to_string(static_cast<int>(status)));
}
int as_int(index_t x) {
  if (x < 0 || x > std::numeric_limits<int>::max()) throw Error("cuBLAS: sizes must fit in 31 bits, got " + std::to_string(x));
  return static_cast<int>(x);
}

constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

}  // namespace

struct Blas::Handle {
  cublasHandle_t blas = nullptr;
  DeviceBuffer workspace{kWorkspaceBytes};
  ~Handle() {
    const Disturbance gate;
    if (blas != nullptr) library().destroy(blas);
  }
  /// Row-major C = A B is column-major C^T = B^T A^T: the operands change places.
  void gemm(cublasOperation_t of_b, cublasOperation_t of_a, index_t m, index_t n, index_t k, Matrices A, Matrices B, MatricesOut C, index_t batches, bool add) const {
    if (m == 0 || n == 0 || batches == 0) return;
    const float one = 1.0f, beta = add ? 1.0f : 0.0f;
    check_blas(library().gemm(blas, of_b, of_a, as_int(n), as_int(m), as_int(k), &one, B.data, as_int(B.stride), B.batch, A.data, as_int(A.stride), A.batch, &beta, C.data,
                              as_int(C.stride), C.batch, as_int(batches)),
               "cublasSgemmStridedBatched");
  }
};

Blas::Blas(Stream stream) : handle_(std::make_unique<Handle>()) {
  const Disturbance gate;
  check_blas(library().create(&handle_->blas), "cublasCreate");
  check_blas(library().set_stream(handle_->blas, stream), "cublasSetStream");
  check_blas(library().set_workspace(handle_->blas, handle_->workspace.data(), kWorkspaceBytes), "cublasSetWorkspace");
  check_blas(library().set_math_mode(handle_->blas, CUBLAS_DEFAULT_MATH), "cublasSetMathMode");
}
Blas::~Blas() = default;

void Blas::nt(index_t m, index_t n, index_t k, Matrices A, Matrices B, MatricesOut C, index_t batches, bool add) {
  handle_->gemm(CUBLAS_OP_T, CUBLAS_OP_N, m, n, k, A, B, C, batches, add);
}
void Blas::nn(index_t m, index_t n, index_t k, Matrices A, Matrices B, MatricesOut C, index_t batches, bool add) {
  handle_->gemm(CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, A, B, C, batches, add);
}
void Blas::tn(index_t m, index_t n, index_t k, Matrices A, Matrices B, MatricesOut C, index_t batches, bool add) {
  handle_->gemm(CUBLAS_OP_N, CUBLAS_OP_T, m, n, k, A, B, C, batches, add);
}

}  // namespace fw::cuda

#else

namespace fw::cuda {

struct Blas::Handle {};
Blas::Blas(Stream) { throw Error("cuBLAS: its header must be there when the program is built, got none (package of the CUDA toolkit: libcublas-dev)"); }
Blas::~Blas() = default;
void Blas::nt(index_t, index_t, index_t, Matrices, Matrices, MatricesOut, index_t, bool) {}
void Blas::nn(index_t, index_t, index_t, Matrices, Matrices, MatricesOut, index_t, bool) {}
void Blas::tn(index_t, index_t, index_t, Matrices, Matrices, MatricesOut, index_t, bool) {}

}  // namespace fw::cuda

#endif
