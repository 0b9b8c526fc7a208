// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Work that takes longer than a frame: how far it has come and whether it is still wanted. The thread that works reports and asks,
// any other looks and stops. Where nobody waits (pictures, texts, tests) the same work is done at once, with the same result.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <thread>

namespace fw::viz {

/// Thrown out of work that is no longer wanted.
struct Stopped {};

class Work {
 public:
  /// The part of the whole, in [0,1], that what follows is: [from, to).
  void stage(float from, float to) { from_ = from, to_ = to, report(0); }
  /// `share` of the present stage is done; throws Stopped when it is no longer wanted.
  void report(double share) {
    done_.store(from_ + static_cast<float>(share) * (to_ - from_), std::memory_order_relaxed);
    if (stop_.load(std::memory_order_relaxed)) throw Stopped{};
  }
  float done() const { return done_.load(std::memory_order_relaxed); }
  void stop() { stop_.store(true, std::memory_order_relaxed); }

 private:
  float from_ = 0, to_ = 1;
  std::atomic<float> done_{0};
  std::atomic<bool> stop_{false};
};

/// A function on a thread of its own. When the object goes the function is stopped and waited for.
class Background {
 public:
  /// `after`, when not null, is waited for first, so that two never work at the same things.
  Background(std::function<void(Work&)> function, std::unique_ptr<Background> after) : after_(std::move(after)) {
    if (after_) after_->work_.stop();
    thread_ = std::thread([this, function = std::move(function)] {
      after_.reset();
      try {
        work_.report(0);
        function(work_);
      } catch (const Stopped&) {
      } catch (...) {
        failure_ = std::current_exception();
      }
      finished_.store(true, std::memory_order_release);
      finished_.notify_all();
    });
  }
  ~Background() {
    work_.stop();
    thread_.join();
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  bool finished() const { return finished_.load(std::memory_order_acquire); }
  float done() const { return work_.done(); }
  void wait() { finished_.wait(false, std::memory_order_acquire); }
  /// Once it has finished: null when it went well.
  std::exception_ptr failure() const { return failure_; }

 private:
  std::unique_ptr<Background> after_;
  Work work_;
  std::exception_ptr failure_;
  std::atomic<bool> finished_{false};
  std::thread thread_;
};

}  // namespace fw::viz
