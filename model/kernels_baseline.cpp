// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#define FW_MODEL_ISA baseline
#include "model/ops_eigen.h"
