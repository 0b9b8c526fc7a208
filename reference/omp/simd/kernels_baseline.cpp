// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The kernels for what the compiler targets by default: SSE2 on x86-64, NEON on ARM.
#define FW_ISA baseline
#define FW_VECTOR_BYTES 16
#if defined(__aarch64__)
#define FW_REGISTERS 32
#define FW_VECTOR_REGISTER "w"
#else
#define FW_REGISTERS 16
#define FW_VECTOR_REGISTER "x"
#endif
#include "omp/simd/table.h"

namespace fw::omp {

extern const Kernels<float> baseline_float;
extern const Kernels<double> baseline_double;
const Kernels<float> baseline_float = baseline::table<float>();
const Kernels<double> baseline_double = baseline::table<double>();

}  // namespace fw::omp
