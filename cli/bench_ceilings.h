// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What this machine can do at most, measured on the spot beside what is timed, at the same number of threads.
#pragma once

#include <cstddef>
#include <string>

#include "core/tensor.h"
#include "omp/aligned.h"
#include "omp/isa.h"

namespace fw::cli {

struct Ceilings {
  int threads;
  double multiply_add_gflops;  ///< independent multiply-adds in registers
  double copy_gbs;             ///< bytes read and written by a copy of 128 MiB
};
/// Takes about 0.2 s.
Ceilings measure_ceilings(omp::Isa isa, int threads);

/// Numbers that are each read and written once: the floor of a decode step over as many bytes of state.
class Sweep {
 public:
  /// `layers` buffers of `count` numbers.
  Sweep(omp::Isa isa, int threads, int layers, std::size_t count);
  /// One sweep over every buffer; seconds per buffer.
  double run();

 private:
  omp::Isa isa_;
  int threads_, layers_;
  std::size_t count_;
  omp::Aligned<float> memory_;
};

/// "model name" of the CPU and the number of cores this process may use.
std::string cpu_name();
double seconds_now();

}  // namespace fw::cli
