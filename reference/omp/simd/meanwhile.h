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
  Meanwhile(const Ahead& ahead, int calls) : ahead_(ahead), token_(ahead.part), quota_((ahead.lines() + calls - 1) / calls) { next_entry(); }

  /// The next portion.
  FW_INLINE void some() {
    for (index n = 0; n < quota_ && entry_ < ahead_.count; ++n) {
      const Ahead::Rows& rows = ahead_.rows[entry_];
      const char* at = rows.at + token_ * rows.stride + byte_;
      if (rows.written) __builtin_prefetch(at, 1, 2);
      else __builtin_prefetch(at, 0, 2);
      byte_ += 64;
      if (byte_ < rows.bytes) continue;
      byte_ = 0;
      token_ += ahead_.parts;
      if (token_ < rows.tokens) continue;
      ++entry_;
      token_ = ahead_.part;
      next_entry();
    }
  }

 private:
  void next_entry() {
    while (entry_ < ahead_.count && ahead_.rows[entry_].tokens <= token_) ++entry_;
  }
  const Ahead& ahead_;
  int entry_ = 0;
  index token_, byte_ = 0, quota_;
};

}  // namespace fw::omp::FW_ISA
