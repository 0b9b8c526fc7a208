// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace fw {

int available_threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

void parallel_for(index_t count, int threads, const std::function<void(index_t)>& body) {
  if (threads <= 0) threads = available_threads();
  threads = static_cast<int>(std::min<index_t>(threads, count));
  if (threads <= 1) {
    for (index_t i = 0; i < count; ++i) body(i);
    return;
  }
  std::atomic<index_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  auto work = [&] {
    for (index_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      try {
        body(i);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        next.store(count);
      }
    }
  };
  std::vector<std::thread> crew;
  for (int i = 1; i < threads; ++i) crew.emplace_back(work);
  work();
  for (auto& member : crew) member.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace fw
