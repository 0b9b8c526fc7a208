// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#ifdef FW_MODEL_X86
#define FW_MATMUL_ISA avx2
#define FW_MATMUL_RENAME Eigen_avx2
#include "model/matmul_eigen.h"
#endif
