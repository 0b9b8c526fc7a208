// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Threads that work on one thing together. A Team hands out items in turn (item i to member i mod size) and can wait for all;
// a team of one needs neither. run_team starts it as one OpenMP parallel region.
// The barrier of libgomp is invisible to ThreadSanitizer; what it orders is told to it here.
#pragma once

#include <omp.h>

#include "core/dtype.h"

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#define FW_TSAN_RELEASE(address) __tsan_release(address)
#define FW_TSAN_ACQUIRE(address) __tsan_acquire(address)
#else
#define FW_TSAN_RELEASE(address) static_cast<void>(address)
#define FW_TSAN_ACQUIRE(address) static_cast<void>(address)
#endif

namespace fw::omp {

class Team {
 public:
  Team() = default;
  Team(int rank, int size, void* fence) : rank_(rank), size_(size), fence_(fence) {}

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// body(i) for this member's share of [0, count).
  template <class F>
  void share(index_t count, F&& body) const {
    for (index_t i = rank_; i < count; i += size_) body(i);
  }
  /// Everybody's writes before it are seen by everybody after it.
  void wait() const {
    if (size_ == 1) return;
    FW_TSAN_RELEASE(fence_);
#pragma omp barrier
    FW_TSAN_ACQUIRE(fence_);
  }

 private:
  int rank_ = 0, size_ = 1;
  void* fence_ = nullptr;
};

/// body(team) on `threads` threads at once. body must not throw.
template <class F>
void run_team(int threads, F&& body) {
  if (threads <= 1) return body(Team());
  char fence = 0;
  FW_TSAN_RELEASE(&fence);
#pragma omp parallel num_threads(threads)
  {
    FW_TSAN_ACQUIRE(&fence);
    body(Team(omp_get_thread_num(), omp_get_num_threads(), &fence));
    FW_TSAN_RELEASE(&fence);
  }
  FW_TSAN_ACQUIRE(&fence);
}

}  // namespace fw::omp
