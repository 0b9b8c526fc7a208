// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/batch_stream.h"

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"

namespace fw::model {

BatchStream::BatchStream(const Task& task, std::vector<std::uint64_t> seeds, index_t batch, index_t first, index_t last, int threads)
    : task_(task), seeds_(std::move(seeds)), batch_(batch), claimed_(first), taken_(first), last_(last) {
  const int crew = static_cast<int>(std::clamp<index_t>(threads > 0 ? threads : available_threads(), 1, std::max<index_t>(1, last - first)));
  ring_.resize(static_cast<std::size_t>(2 * crew));
  for (int i = 0; i < crew; ++i) threads_.emplace_back([this] { work(); });
}

BatchStream::~BatchStream() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  room_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BatchStream::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    room_.wait(lock, [&] { return stopped_ || claimed_ == last_ || claimed_ < taken_ + static_cast<index_t>(ring_.size()); });
    if (stopped_ || claimed_ == last_) return;
    const index_t step = claimed_++;
    lock.unlock();
    std::vector<Batch> batches;
    std::exception_ptr error;
    try {
      for (const std::uint64_t seed : seeds_) batches.push_back(task_.make(seed, step, batch_));
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && !error_) error_ = error;
    slot(step).batches = std::move(batches), slot(step).ready = true;
    ready_.notify_all();
  }
}

std::vector<Batch> BatchStream::next() {
  std::unique_lock lock(mutex_);
  if (taken_ == last_) throw Error("BatchStream: steps must end before " + std::to_string(last_) + ", got one more");
  ready_.wait(lock, [&] { return slot(taken_).ready; });
  if (error_) std::rethrow_exception(error_);
  Slot& mine = slot(taken_);
  std::vector<Batch> batches = std::move(mine.batches);
  mine.ready = false;
  ++taken_;
  room_.notify_all();
  return batches;
}

}  // namespace fw::model
