// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A problem of the host through the GPU path and back: for checks and tools, not for speed.
#pragma once

#include "core/families.h"
#include "cuda/engine.h"

namespace fw::cuda {

/// Empty where there is a device, else why not: "no CUDA device".
std::string why_no_device();

struct ProblemResults {
  fw::Outputs<double> out;
  fw::Gradients<double> grad;
};
/// Forward and every gradient. `problem` holds numbers of the types it goes in (tensors: q k v b w beta do, g: g, float32: everything
/// else); states [N,HV,Dk,Dv]. Everything that is written is full of NaN before. Throws what forward() and backward() throw.
ProblemResults run_problem(const Problem& problem, DType tensors, DType g, Precision precision = Precision::fast);

/// One decode call of all tokens of the problem, 1 to 8, on a pool of as many slots as sequences. No packed sequences.
fw::Outputs<double> run_decode(const Problem& problem, DType tensors, DType g);

}  // namespace fw::cuda
