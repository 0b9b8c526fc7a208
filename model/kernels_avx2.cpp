// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#ifdef FW_MODEL_X86
#define FW_MODEL_ISA avx2
#define FW_MODEL_RENAME Eigen_avx2
#include "model/ops_eigen.h"
#endif
