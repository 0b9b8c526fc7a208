// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Where in time the view stands. A token has four phases in the order the rule has them:
//   decay (S_decayed)  ->  read (r = S_decayed^T e, S unchanged)  ->  erase (S_decayed - k r^T)  ->  write (S_t, the token done)
// t = 0 is before the first token and has only the last phase. Playing advances by whole tokens with the clock it is given.
#pragma once

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
  /// `seconds` have passed; true when t changed. Negative and non-finite times count as none, long ones as half a second.
  bool tick(double seconds);

 private:
  int t_ = 0, length_ = 0;
  Phase phase_ = Phase::write;
  bool playing_ = false, loop_ = false;
  double speed_ = 4.0, clock_ = 0.0;
};

}  // namespace fw::viz
