// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/transport.h"

#include <algorithm>

namespace fw::viz {

const char* name_of(Phase phase) {
  switch (phase) {
    case Phase::decay: return "decay";
    case Phase::read: return "read";
    case Phase::erase: return "erase";
    case Phase::write: return "write";
  }
  return "?";
}

void Transport::set_length(int length) {
  length_ = std::max(0, length);
  if (t_ > length_) go(length_);
}

void Transport::go(int t) { go(t, Phase::write); }

void Transport::go(int t, Phase phase) {
  t_ = std::clamp(t, 0, length_);
  phase_ = t_ == 0 ? Phase::write : phase;
}

void Transport::sub_step(int direction) {
  pause();
  const int at = 4 * t_ + static_cast<int>(phase_) + (direction < 0 ? -1 : 1);
  if (at < 4 || (t_ == 0 && direction < 0)) return go(direction < 0 ? 0 : 1, direction < 0 ? Phase::write : Phase::decay);
  if (at > 4 * length_ + 3) return;
  go(at / 4, static_cast<Phase>(at % 4));
}

void Transport::play() {
  if (length_ == 0) return;
  if (t_ >= last() || t_ < first()) go(first());
  phase_ = Phase::write;
  clock_ = 0.0;
  playing_ = true;
}

void Transport::set_speed(double tokens_per_second) {
  if (tokens_per_second == tokens_per_second) speed_ = std::clamp(tokens_per_second, 0.5, 60.0);
}

bool Transport::tick(double seconds, const std::function<bool(int)>& stop) {
  if (!playing_ || !(seconds > 0.0)) return false;
  clock_ += std::min(seconds, 0.5) * speed_;
  int whole = static_cast<int>(clock_);
  if (whole == 0) return false;
  clock_ -= whole;
  for (; whole > 0 && playing_; --whole) {
    if (t_ >= last())
      loop_ ? go(first()) : pause();
    else
      go(t_ + 1);
    if (playing_ && stop && stop(t_)) pause();
  }
  if (t_ >= last() && !loop_) pause();
  return true;
}

}  // namespace fw::viz
