// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Inside localise: the smallest of many named classes of points (tokens, heads, channels ...) that holds a fault.
// A class qualifies when it holds at least 95 % of the weight and 90 % of the bad rows, is itself hit in most places,
// and is markedly smaller than everything.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "verify/localise_rows.h"

namespace fw::verify::detail {

struct Point {
  index_t sequence = 0, at = 0, length = 0;  ///< `at` of `length`: token of its sequence, head of the heads, ...
  double weight = 0, size = 0, bad_rows = 0;
  bool bad() const { return bad_rows > 0; }
};

struct Tally {
  double weight = 0, size = 0, bad_rows = 0;
  index_t points = 0, bad_points = 0;
  void add(const Point& p) {
    weight += p.weight;
    size += p.size;
    bad_rows += p.bad_rows;
    ++points;
    bad_points += p.bad();
  }
};

class Search {
 public:
  struct Rule {
    double largest = 0.75;  ///< share of the elements the class may have
    double coverage = 0.3;  ///< share of its points that must be hit
  };
  Search(const std::vector<Point>& points, const ErrorMap& map) : points_(points), map_(map) {
    for (const Point& p : points) all_.add(p);
  }

  const Tally& all() const { return all_; }
  template <class In>
  Tally tally(In&& in) const {
    Tally t;
    for (const Point& p : points_)
      if (in(p)) t.add(p);
    return t;
  }
  bool qualifies(const Tally& in, Rule rule) const {
    const double rest = all_.size - in.size;
    const bool holds = all_.weight > 0 && in.weight >= 0.95 * all_.weight && in.bad_rows >= 0.9 * all_.bad_rows;
    const bool hit = in.points > 0 && static_cast<double>(in.bad_points) >= rule.coverage * static_cast<double>(in.points);
    // a large class says something only when what it leaves out is clean
    const bool clean = in.size <= 0.75 * all_.size || (rest > 0 && (all_.bad_rows - in.bad_rows) * in.size <= 0.05 * in.bad_rows * rest &&
                                                       (all_.weight - in.weight) * in.size <= 0.05 * in.weight * rest);
    // a few rows just outside the noise may fall into any class by chance
    const bool certain = map_.clear_rows > 0 || (in.bad_rows - 1.0) * std::log(all_.size / in.size) >= 6.9;
    return holds && hit && clean && certain && in.size <= rule.largest * all_.size;
  }
  /// Keep the class if it is smaller than the one held so far (the earlier offer wins a tie). `text` completes "... lies in".
  void offer(const std::string& kind, const std::string& text, const Tally& in, Rule rule) {
    if (!qualifies(in, rule) || (found_ && in.size >= size_)) return;
    found_ = true;
    size_ = in.size;
    kind_ = kind;
    text_ = text;
    share_ = in.weight / all_.weight;
  }
  template <class In>
  void offer_if(const std::string& kind, const std::string& text, In&& in, Rule rule) {
    offer(kind, text, tally(in), rule);
  }
  bool found() const { return found_; }
  std::vector<Finding> result() const;

 private:
  const std::vector<Point>& points_;
  const ErrorMap& map_;
  Tally all_;
  bool found_ = false;
  double size_ = 0, share_ = 0;
  std::string kind_, text_;
};

/// Sum the rows of the map by the value of `key`, which counts 0..n-1 (or is -1: left out).
template <class Key>
std::vector<Point> gather(const RowTable& table, const ErrorMap& map, index_t n, Key&& key) {
  std::vector<Point> points(static_cast<std::size_t>(n));
  for (index_t i = 0; i < n; ++i) {
    points[static_cast<std::size_t>(i)].at = i;
    points[static_cast<std::size_t>(i)].length = n;
  }
  for (index_t r = 0; r < table.count(); ++r) {
    const index_t i = key(table.place[static_cast<std::size_t>(r)]);
    if (i < 0) continue;
    Point& p = points[static_cast<std::size_t>(i)];
    p.weight += map.row[static_cast<std::size_t>(r)];
    p.size += static_cast<double>(table.width);
    p.bad_rows += map.row_bad[static_cast<std::size_t>(r)];
  }
  return points;
}

/// One point per token of each sequence, sequences one after the other.
std::vector<Point> token_points(const RowTable& table, const ErrorMap& map);

/// Rows next to chunk edges (localise_edges.cpp).
void offer_edges(Search& search, const std::vector<Point>& points);
/// Clean on one side of a chunk edge and wrong on the other.
std::vector<Finding> bounded_by_edge(const Search& search, const std::vector<Point>& points);

}  // namespace fw::verify::detail
