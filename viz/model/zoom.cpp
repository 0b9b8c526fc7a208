// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/zoom.h"

#include <algorithm>
#include <cmath>

namespace fw::viz {

const std::vector<std::pair<std::string, Range Zoom::*>>& zoom_axes() {
  static const std::vector<std::pair<std::string, Range Zoom::*>> axes = {{"key", &Zoom::key},   {"value", &Zoom::value},
                                                                          {"time", &Zoom::time}, {"write", &Zoom::write},
                                                                          {"fact", &Zoom::fact}, {"other", &Zoom::other}};
  return axes;
}

Range shown_part(const Range& wanted, int n) {
  if (wanted.count <= 0 || wanted.first < 0 || wanted.first >= n) return {0, std::max(0, n)};
  return {wanted.first, std::min(wanted.count, n - wanted.first)};
}

Range zoomed(const Range& shown, int n, double at, double steps) {
  if (n <= kLeastCells || steps == 0) return shown.count >= n ? Range{} : shown;
  const double wish = shown.count * std::pow(0.8, std::clamp(steps, -20.0, 20.0));
  // At least one cell more or less, or small ranges would never change.
  const int count = std::max(kLeastCells, steps > 0 ? std::min(shown.count - 1, static_cast<int>(std::lround(std::min(wish, 1e6))))
                                                    : std::max(shown.count + 1, static_cast<int>(std::lround(std::min(wish, 1e6)))));
  if (count >= n) return {};
  const double centre = shown.first + std::clamp(at, 0.0, 1.0) * shown.count;
  const int first = static_cast<int>(std::floor(centre - std::clamp(at, 0.0, 1.0) * count + 0.5));
  return {std::clamp(first, 0, n - count), count};
}

Range moved(const Range& shown, int n, int cells) {
  if (shown.count >= n) return {};
  return {std::clamp(shown.first + cells, 0, n - shown.count), shown.count};
}

std::string text_of(const Zoom& zoom) {
  std::string out;
  const auto add = [&](const Range& r, const char* what, int from) {
    if (r.count == 0) return;
    out += (out.empty() ? "" : ", ") + std::string(what) + " " + std::to_string(r.first + from) + "-" +
           std::to_string(r.first + r.count - 1 + from);
  };
  add(zoom.key, "key channels", 0);
  add(zoom.value, "value channels", 0);
  add(zoom.time, "tokens", 1);
  add(zoom.write, "writes", 1);
  add(zoom.fact, "facts", 1);
  add(zoom.other, "other facts", 1);
  return out;
}

}  // namespace fw::viz
