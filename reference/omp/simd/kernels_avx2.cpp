// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The kernels for AVX2 with fused multiply-add.
#define FW_ISA avx2
#define FW_VECTOR_BYTES 32
#define FW_REGISTERS 16
#define FW_VECTOR_REGISTER "x"
#include "omp/simd/table.h"

namespace fw::omp {

extern const Kernels<float> avx2_float;
extern const Kernels<double> avx2_double;
const Kernels<float> avx2_float = avx2::table<float>();
const Kernels<double> avx2_double = avx2::table<double>();

}  // namespace fw::omp
