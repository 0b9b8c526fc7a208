// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Where in time the view stands. A token has four phases in the order the rule has them:
//   decay (S_decayed)  ->  read (r = S_decayed^T e, S unchanged)  ->  erase (S_decayed - k r^T)  ->  write (S_t, the token done)
// t = 0 is before the first token and has only the last phase. Playing advances by whole tokens with the clock it is given.
#pragma once

#include <functional>

namespace fw::viz {

enum class Phase { decay, read, erase, write };
const char* name_of(Phase phase);

class Transport {
 public:
  int t() const { return t_; }
  int length() const { return length_; }
  Phase phase() const { return phase_; }
  bool playing() const { return playing_; }
  double speed() const { return speed_; }
  bool looping() const { return loop_; }

  /// A new length; t stays where it is when it can.
  void set_length(int length);
  /// Clamped to [0, length]; the token done.
  void go(int t);
  void go(int t, Phase phase);
  void step(int tokens) { pause(), go(t_ + tokens); }
  /// To the next or previous phase, over token borders.
  void sub_step(int direction);
  void to_start() { pause(), go(0); }
  void to_end() { pause(), go(length_); }
  /// Starts at the beginning when it stands at the end.
  void play();
  void pause() { playing_ = false; }
  void toggle() { playing_ ? pause() : play(); }
  /// Tokens per second, kept in [0.5, 60].
  void set_speed(double tokens_per_second);
  void set_looping(bool loop) { loop_ = loop; }
  /// Playing stays within [first, last], and begins at first again when it loops; last 0: the end.
  void set_range(int first, int last) { first_ = first, last_ = last; }
  int first() const { return last_ == 0 ? 0 : first_; }
  int last() const { return last_ == 0 || last_ > length_ ? length_ : last_; }
  bool has_range() const { return last_ != 0; }
  int wanted_first() const { return first_; }
  int wanted_last() const { return last_; }
  /// `seconds` have passed; true when t changed. Negative and non-finite times count as none, long ones as half a second. `stop` is
  /// asked at every token that is passed and ends the playing there by true.
  bool tick(double seconds, const std::function<bool(int)>& stop = {});

 private:
  int t_ = 0, length_ = 0, first_ = 0, last_ = 0;
  Phase phase_ = Phase::write;
  bool playing_ = false, loop_ = false;
  double speed_ = 4.0, clock_ = 0.0;
};

}  // namespace fw::viz
