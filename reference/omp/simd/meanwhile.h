// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Asking for the rows of the coming block while this one is worked on, a few cache lines at a time: a burst of requests would
// fill the queue to memory and hold the work up until it is empty again.
#pragma once

#include "omp/simd/kernels.h"
#include "omp/simd/vec.h"

namespace fw::omp::FW_ISA {

class Meanwhile {
 public:
  /// `calls`: how often some() will be called over the tile.
  Meanwhile(const Errands& errands, int calls) : errands_(errands), quota_((errands.lines() + calls - 1) / calls) { begin(0); }

  /// The next portion.
  FW_INLINE void some() {
    for (index n = 0; n < quota_ && entry_ < errands_.count; ++n) {
      const Errand& errand = errands_.list[entry_];
      const char* at = errand.at + row_ * errand.stride + byte_;
      if (errand.written) __builtin_prefetch(at, 1, 2);
      else __builtin_prefetch(at, 0, 2);
      byte_ += 64;
      if (byte_ < errand.bytes) continue;
      byte_ = 0;
      row_ += errand.parts;
      if (row_ >= errand.rows) begin(entry_ + 1);
    }
  }

 private:
  void begin(int entry) {
    entry_ = entry;
    if (entry < errands_.count) row_ = errands_.list[entry].part;
  }
  const Errands& errands_;
  int entry_ = 0;
  index row_ = 0, byte_ = 0, quota_;
};

}  // namespace fw::omp::FW_ISA
