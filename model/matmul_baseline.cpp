// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#define FW_MATMUL_ISA baseline
#include "model/matmul_eigen.h"
