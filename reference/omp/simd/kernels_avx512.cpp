// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The kernels for AVX-512 (F, DQ, BW, VL) with fused multiply-add.
#define FW_ISA avx512
#define FW_VECTOR_BYTES 64
#define FW_REGISTERS 32
#define FW_VECTOR_REGISTER "v"
#include "omp/simd/table.h"

namespace fw::omp {

extern const Kernels<float> avx512_float;
extern const Kernels<double> avx512_double;
const Kernels<float> avx512_float = avx512::table<float>();
const Kernels<double> avx512_double = avx512::table<double>();

}  // namespace fw::omp
