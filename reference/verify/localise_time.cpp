// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The error over the token position, in units of the noise expected there, and the shape of that curve.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "verify/localise_search.h"

namespace fw::verify::detail {
namespace {

constexpr index_t kWindows = 64;
constexpr double kVisible = 1.5;  // a window counts in fits when its error is this many times the noise

struct Line {
  double slope = 0, at_zero = 0, residual = 0, r2 = 0;
};

Line line(const std::vector<double>& x, const std::vector<double>& y) {
  const double n = static_cast<double>(x.size());
  double sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sx += x[i];
    sy += y[i];
    sxx += x[i] * x[i];
    sxy += x[i] * y[i];
    syy += y[i] * y[i];
  }
  const double vx = sxx - sx * sx / n, vy = syy - sy * sy / n, vxy = sxy - sx * sy / n;
  if (!(vx > 0)) return {};
  Line out;
  out.slope = vxy / vx;
  out.at_zero = (sy - out.slope * sx) / n;
  out.residual = std::max(vy - out.slope * vxy, 0.0);
  out.r2 = vy > 0 ? 1.0 - out.residual / vy : 0.0;
  return out;
}

struct Curve {
  std::vector<double> t, y;  ///< middle of a window, its error / noise
};

struct Span {
  index_t low = -1, high = -1;  ///< first and last bad token position
  index_t tokens = 0, bad = 0, groups = 0, longest = 0, clean_before = 0;
  bool all_near_end = true, all_near_start = true;
};

Span span_of(const std::vector<Point>& points) {
  Span s;
  const Point* previous = nullptr;
  for (const Point& p : points) {
    ++s.tokens;
    s.longest = std::max(s.longest, p.length);
    if (!p.bad()) continue;
    ++s.bad;
    if (!previous || previous->sequence != p.sequence || previous->at + 1 != p.at) ++s.groups;
    previous = &p;
    s.low = s.low < 0 ? p.at : std::min(s.low, p.at);
    s.high = std::max(s.high, p.at);
    s.all_near_end = s.all_near_end && 20 * (p.length - p.at) <= 3 * p.length + 20;
    s.all_near_start = s.all_near_start && 10 * p.at <= p.length;
  }
  return s;
}

struct Verdict {
  std::string name, text;
};

Verdict growth(const Curve& curve, const Span& span) {
  std::vector<double> t, logs;
  for (std::size_t i = 0; i < curve.t.size(); ++i)
    if (curve.y[i] > kVisible && curve.t[i] + 1.0 >= static_cast<double>(span.low) && curve.t[i] <= static_cast<double>(span.high) + 1.0) {
      t.push_back(curve.t[i]);
      logs.push_back(0.5 * std::log(std::max(curve.y[i] * curve.y[i] - 0.5, 0.25)));
    }
  if (t.size() < 6) return {};
  const double length = static_cast<double>(span.longest);
  const Line exponential = line(t, logs);
  const double change = exponential.slope * (t.back() - t.front());
  if (std::abs(change) < std::log(2.0)) return {};
  // powers of the distance from the sequence start, from the first bad token, and from the end backward
  const std::array<double, 2> origins = {0.0, static_cast<double>(span.low)};
  Line power;
  power.residual = exponential.residual * 1e3 + 1e3;
  double origin = 0;
  for (double o : origins) {
    std::vector<double> logt;
    for (double x : t) logt.push_back(std::log(std::max(change > 0 ? x + 1.0 - o : length - x, 0.5)));
    const Line fit = line(logt, logs);
    if (fit.residual < power.residual) {
      power = fit;
      origin = o;
    }
  }
  const std::string range = fmt::format("from {:.2g}x to {:.2g}x the noise", std::exp(logs.front()), std::exp(logs.back()));
  if (exponential.residual <= power.residual) {
    if (exponential.r2 < 0.7) return {};
    const double per = std::log(2.0) / std::abs(exponential.slope);
    if (change > 0) return {"exponential", fmt::format("grows exponentially: doubles every {:.3g} tokens, {}", per, range)};
    return {"fading", fmt::format("fades exponentially: halves every {:.3g} tokens, {}", per, range)};
  }
  if (power.r2 < 0.5) return {};
  const std::string p = fmt::format("t^{:.2f}", power.slope);
  const bool linear = power.slope > 0.75 && power.slope < 1.3;
  if (change < 0) {
    return {linear ? "backward-linear" : "fading",
            linear ? fmt::format("grows linearly toward the first token, {}", range) : fmt::format("fades with t, {}", range)};
  }
  const std::string from = origin > 0 ? fmt::format(" from token {:.0f}", origin) : "";
  if (linear) return {"linear", fmt::format("grows linearly{} ({}), {}", from, p, range)};
  if (power.slope > 0.35 && power.slope < 0.65) return {"power", fmt::format("grows like the square root of t{} ({}), {}", from, p, range)};
  return {"power", fmt::format("grows like {}{}, {}", p, from, range)};
}

std::string first_tokens(const std::vector<Point>& points) {
  std::string text;
  index_t listed = 0, last = -1;
  for (const Point& p : points) {
    if (!p.bad() || p.at == last) continue;
    if (listed++ == 4) return text + ", ...";
    last = p.at;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", p.at);
  }
  return text;
}

Verdict classify(const Curve& curve, const std::vector<Point>& points) {
  const Span span = span_of(points);
  if (span.tokens == 0) return {"none", ""};
  if (span.bad == 0) return {"noise", "within the noise at every token"};
  if (span.longest < 4) return {"short", "too few tokens for a profile"};
  if (span.all_near_end) return {"tail", fmt::format("only near the end: {} token(s), the first at t={}", span.bad, span.low)};
  if (span.all_near_start) return {"start", fmt::format("only near the start: {} token(s), the last at t={}", span.bad, span.high)};
  if (span.groups >= 2 && 5 * span.bad <= span.tokens) {
    return {"spikes", fmt::format("spikes: {} of {} tokens, at t={}", span.bad, span.tokens, first_tokens(points))};
  }
  const Verdict grows = growth(curve, span);
  if (!grows.name.empty()) return grows;
  // level over the bad stretch
  double sum = 0, low = HUGE_VAL, high = 0;
  index_t n = 0;
  for (std::size_t i = 0; i < curve.t.size(); ++i)
    if (curve.t[i] + 1.0 >= static_cast<double>(span.low) && curve.t[i] <= static_cast<double>(span.high) + 1.0) {
      sum += std::log(std::max(curve.y[i], 1e-3));
      low = std::min(low, curve.y[i]);
      high = std::max(high, curve.y[i]);
      ++n;
    }
  const double level = n > 0 ? std::exp(sum / static_cast<double>(n)) : 0.0;
  if (high > 30.0 * std::max(low, 1.0)) return {"irregular", fmt::format("irregular, from {:.2g}x to {:.2g}x the noise", low, high)};
  if (span.low >= 3) return {"step", fmt::format("step at t={}: clean before, about {:.2g}x the noise after", span.low, level)};
  return {"flat", fmt::format("flat, about {:.2g}x the noise", level)};
}

}  // namespace

TimeProfile time_profile(const RowTable& table, const ErrorMap& map) {
  TimeProfile out;
  out.shape = "none";
  if (!table.has(Axis::time)) return out;
  const std::vector<Point> points = token_points(table, map);
  index_t longest = 0;
  for (const auto& seq : table.geo.sequences) longest = std::max(longest, seq.length);
  if (longest == 0) return out;
  out.width = (longest + kWindows - 1) / kWindows;
  const auto windows = static_cast<std::size_t>((longest + out.width - 1) / out.width);
  std::vector<double> error(windows, 0), truth(windows, 0), noise(windows, 0), ratio(windows, 0), rows(windows, 0);
  for (index_t r = 0; r < table.count(); ++r) {
    const RowPlace& p = table.place[static_cast<std::size_t>(r)];
    const RowError& e = table.row[static_cast<std::size_t>(r)];
    if (p.token < 0 || e.finite == 0) continue;
    const auto w = static_cast<std::size_t>(p.token / out.width);
    error[w] += e.error;
    truth[w] += e.truth;
    noise[w] += e.noise;
    ratio[w] += e.error / e.sigma2;
    rows[w] += 1.0;
  }
  Curve curve;
  for (std::size_t w = 0; w < windows; ++w) {
    out.error.push_back(truth[w] > 0 ? std::sqrt(error[w] / truth[w]) : 0.0);
    out.noise.push_back(truth[w] > 0 ? std::sqrt(noise[w] / truth[w]) : 0.0);
    if (rows[w] == 0) continue;
    curve.t.push_back((static_cast<double>(w) + 0.5) * static_cast<double>(out.width) - 0.5);
    curve.y.push_back(std::sqrt(2.0 * ratio[w] / rows[w]));  // sigma2 is about twice the noise
  }
  const Verdict shape = classify(curve, points);
  out.shape = shape.name;
  out.text = shape.text;
  return out;
}

}  // namespace fw::verify::detail
