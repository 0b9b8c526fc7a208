// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Threads that work on one thing together. A Team hands out items in turn (item i to member i mod size) and can wait for all;
// a team of one needs neither. run_team starts it as one OpenMP parallel region.
// ThreadSanitizer cannot see into libgomp and takes its every region for a race, so under it a team is made of std::threads:
// what the members do to each other's data is then checked for real.
#pragma once

#include "core/dtype.h"

#if defined(__SANITIZE_THREAD__)
#include <barrier>
#include <thread>
#include <vector>
#else
#include <omp.h>
#endif

namespace fw::omp {

#if defined(__SANITIZE_THREAD__)
using TeamBarrier = std::barrier<>;
#else
struct TeamBarrier {};
#endif

class Team {
 public:
  Team() = default;
  Team(int rank, int size, TeamBarrier* barrier) : rank_(rank), size_(size), barrier_(barrier) {}

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
#if defined(__SANITIZE_THREAD__)
    barrier_->arrive_and_wait();
#else
#pragma omp barrier
#endif
  }

 private:
  int rank_ = 0, size_ = 1;
  TeamBarrier* barrier_ = nullptr;
};

/// body(team) on `threads` threads at once (fewer when OpenMP gives fewer). body must not throw.
template <class F>
void run_team(int threads, F&& body) {
  if (threads <= 1) return body(Team());
#if defined(__SANITIZE_THREAD__)
  TeamBarrier barrier(threads);
  std::vector<std::thread> crew;
  for (int rank = 1; rank < threads; ++rank) crew.emplace_back([&, rank] { body(Team(rank, threads, &barrier)); });
  body(Team(0, threads, &barrier));
  for (auto& member : crew) member.join();
#else
#pragma omp parallel num_threads(threads)
  body(Team(omp_get_thread_num(), omp_get_num_threads(), nullptr));
#endif
}

}  // namespace fw::omp
