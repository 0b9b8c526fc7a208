// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One selection for all panels: hovering previews, a click locks, Esc unlocks. Each part is hovered if anything is, else
// locked, else -1. Panels read focused() and write hover() every frame; what is hovered in one is lit in all.
#pragma once

namespace fw::viz {

struct Focus {
  int token = -1;  ///< 1-based, as t
  int key = -1;    ///< key channel, row of S
  int value = -1;  ///< value channel, column of S
  int fact = -1;
  bool operator==(const Focus&) const = default;
  bool empty() const { return *this == Focus(); }
};

class Selection {
 public:
  /// What is under the pointer now; begin_frame() makes last frame's the one that is shown.
  void hover(const Focus& focus) { merge(next_, focus); }
  void lock(const Focus& focus) { merge(locked_, focus); }
  void unlock() { locked_ = {}; }
  void begin_frame() {
    hovered_ = next_;
    next_ = {};
  }
  Focus focused() const {
    Focus f = locked_;
    merge(f, hovered_);
    return f;
  }
  const Focus& locked() const { return locked_; }
  const Focus& hovered() const { return hovered_; }
  /// Does the next frame look different from this one?
  bool changing() const { return !(next_ == hovered_); }

 private:
  static void merge(Focus& into, const Focus& from) {
    if (from.token >= 0) into.token = from.token;
    if (from.key >= 0) into.key = from.key;
    if (from.value >= 0) into.value = from.value;
    if (from.fact >= 0) into.fact = from.fact;
  }
  Focus next_, hovered_, locked_;
};

}  // namespace fw::viz
