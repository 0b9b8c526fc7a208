// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace fw::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{2000}, kTick{150};

bool on_terminal() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && !(terminal && std::string_view(terminal) == "dumb");
}

int terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string progress_line(const std::string& title, const std::string& stage, double fraction, double seconds, int columns) {
  constexpr int kBar = 20, kShortest = 4;
  std::string after = fmt::format("{:.0f} s", seconds);
  if (!stage.empty()) after += "  " + stage;
  std::string line = title + "  ";
  if (fraction >= 0.0) {
    const double share = std::min(fraction, 1.0);
    after = fmt::format("] {:3.0f} %  ", std::floor(100.0 * share)) + after;
    // the bar gives way first: what it says is said by the number as well
    const int room = columns - 2 - static_cast<int>(line.size() + after.size()), bar = std::clamp(room, kShortest, kBar);
    const auto full = static_cast<std::size_t>(std::floor(share * bar));
    line += "[" + std::string(full, '#') + std::string(static_cast<std::size_t>(bar) - full, '.');
  }
  line += after;
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return line.substr(0, static_cast<std::size_t>(std::max(columns - 1, 1)));
}

Progress::Progress(std::string title) : title_(std::move(title)), began_(std::chrono::steady_clock::now()) {
  if (on_terminal()) ticker_ = std::thread([this] { tick(); });
}

Progress::~Progress() { finish(); }

void Progress::update(double fraction, const std::string& stage) {
  const std::lock_guard lock(mutex_);
  fraction_ = fraction;
  stage_ = stage;
}

void Progress::finish() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  if (ticker_.joinable()) ticker_.join();
}

void Progress::tick() {
  std::unique_lock lock(mutex_);
  const auto done = [this] { return done_; };
  changed_.wait_until(lock, began_ + kPatience, done);
  while (!done_) {
    draw();
    changed_.wait_for(lock, kTick, done);
  }
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void Progress::draw() {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  std::fprintf(stderr, "\r\x1b[K%s", progress_line(title_, stage_, fraction_, seconds, terminal_columns()).c_str());
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace fw::cli
