// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A line on stderr for work that takes its time: shown from the third second on, taken away at the end, and never
// when stderr is not a terminal. Calls are cheap and may come from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace fw::cli {

class Progress {
 public:
  explicit Progress(std::string title);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// fraction in [0,1]; below 0: unknown, only stage and time are shown.
  void update(double fraction, const std::string& stage);
  /// Takes the line away. Nothing is shown after it.
  void finish();

 private:
  void tick();
  void draw();

  std::string title_, stage_;
  double fraction_ = -1.0;
  bool done_ = false, drawn_ = false;
  std::chrono::steady_clock::time_point began_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread ticker_;
};

/// The text of the line, without control characters and no wider than `columns`.
std::string progress_line(const std::string& title, const std::string& stage, double fraction, double seconds, int columns);

}  // namespace fw::cli
