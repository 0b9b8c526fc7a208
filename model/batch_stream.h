// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Batches of a training made ahead by threads, while somebody else computes: step after step, one batch for every seed. A batch is a function of the
// task, seed and step, so threads change nothing.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "model/tasks/task.h"

namespace fw::model {

class BatchStream {
 public:
  /// Of the steps first .. last - 1. threads 0: all cores. The task must outlive this and stay as it is.
  BatchStream(const Task& task, std::vector<std::uint64_t> seeds, index_t batch, index_t first, index_t last, int threads);
  ~BatchStream();
  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  /// Batches of the next step; throws what making them threw.
  std::vector<Batch> next();

 private:
  struct Slot {
    std::vector<Batch> batches;
    bool ready = false;
  };
  Slot& slot(index_t step) { return ring_[static_cast<std::size_t>(step) % ring_.size()]; }
  void work();

  const Task& task_;
  std::vector<std::uint64_t> seeds_;
  index_t batch_, claimed_, taken_, last_;
  bool stopped_ = false;
  std::exception_ptr error_;
  std::vector<Slot> ring_;
  std::mutex mutex_;
  std::condition_variable ready_, room_;
  std::vector<std::thread> threads_;
};

}  // namespace fw::model
