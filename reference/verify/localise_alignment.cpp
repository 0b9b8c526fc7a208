// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Alignment of the fault in time: chunk rows, tails, chunk edges. Tokens count from the start of their own sequence.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "verify/localise_search.h"

namespace fw::verify::detail {
namespace {

constexpr std::array<index_t, 5> kPeriods = {8, 16, 32, 64, 128};
constexpr std::array<index_t, 4> kChunks = {16, 32, 64, 128};

/// Chance that bad points fall into the same one of `m` residues must be small.
bool significant(index_t bad_points, index_t m) { return static_cast<double>(bad_points - 1) * std::log(static_cast<double>(m)) >= 6.9; }

void offer_ends(Search& search) {
  search.offer_if("time-first-token", "the first token of the sequence", [](const Point& p) { return p.at == 0; }, {0.75, 0.5});
  search.offer_if("time-last-token", "the last token of the sequence", [](const Point& p) { return p.at == p.length - 1; }, {0.75, 0.5});
}

void offer_tails(Search& search, const std::vector<Point>& points) {
  for (index_t chunk : kChunks) {
    const auto in_tail = [chunk](const Point& p) { return p.at >= p.length - p.length % chunk; };
    const Tally tail = search.tally(in_tail);
    std::string which;
    for (index_t other : kChunks) {
      const bool same =
          std::all_of(points.begin(), points.end(), [&](const Point& p) { return in_tail(p) == (p.at >= p.length - p.length % other); });
      if (same) which += fmt::format("{}{}", which.empty() ? "" : " or ", other);
    }
    search.offer("time-tail", fmt::format("the rows of the last, partial chunk (T mod {})", which), tail, {0.75, 0.3});
  }
}

/// The last few tokens, where that is less than a partial chunk (what reaches back from the end fades out so).
void offer_last(Search& search, const std::vector<Point>& points) {
  index_t count = 0, longest = 0;
  for (const Point& p : points) {
    longest = std::max(longest, p.length);
    if (p.bad()) count = std::max(count, p.length - p.at);
  }
  if (count < 2 || 4 * count > longest) return;
  search.offer_if("time-last-tokens", fmt::format("the last {} tokens of the sequence", count),
                  [=](const Point& p) { return p.at >= p.length - count; }, {0.75, 0.5});
}

void offer_residues(Search& search, const std::vector<Point>& points) {
  for (index_t m : kPeriods) {
    std::vector<Tally> by(static_cast<std::size_t>(m));
    for (const Point& p : points) by[static_cast<std::size_t>(p.at % m)].add(p);
    const auto best = std::max_element(by.begin(), by.end(), [](const Tally& a, const Tally& b) { return a.weight < b.weight; });
    const index_t r = best - by.begin();
    if (!significant(best->bad_points, m)) continue;
    const std::string text = r == 0       ? fmt::format("the first row of each chunk of {} (t mod {} = 0)", m, m)
                             : r == m - 1 ? fmt::format("the last row of each chunk of {} (t mod {} = {})", m, m, r)
                                          : fmt::format("the tokens with t mod {} = {}", m, r);
    search.offer(r == 0 ? "time-chunk-first" : r == m - 1 ? "time-chunk-last" : "time-mod", text, *best, {0.75, 0.3});
  }
}

/// Blocks of q rows inside periods of m: one block, or all but the first (what an inverse by blocks gets wrong).
void offer_blocks(Search& search, const std::vector<Point>& points) {
  constexpr std::array<std::array<index_t, 2>, 8> kBlocks = {
      {{32, 16}, {64, 16}, {64, 32}, {128, 16}, {128, 32}, {128, 64}, {16, 8}, {32, 8}}};
  for (const auto& [m, q] : kBlocks) {
    for (index_t b = 0; b < m / q; ++b) {
      std::vector<index_t> periods;
      for (const Point& p : points)
        if (p.bad() && p.at % m / q == b) periods.push_back((p.sequence << 32) + p.at / m);
      std::sort(periods.begin(), periods.end());
      const auto hit = std::unique(periods.begin(), periods.end()) - periods.begin();
      if (hit < 2) continue;
      const auto [period, block] = std::pair{m, q};
      const std::string text = m == 2 * q ? fmt::format("the {} chunks of {}", b == 0 ? "even" : "odd", q)
                                          : fmt::format("rows {} to {} of each chunk of {}", b * q, b * q + q - 1, m);
      search.offer_if("time-block", text, [=](const Point& p) { return p.at % period / block == b; }, {0.75, 0.5});
      if (b != 1) continue;
      search.offer_if("time-block", fmt::format("rows {} and later of each chunk of {}", q, m),
                      [=](const Point& p) { return p.at % period >= block; }, {0.76, 0.8});
    }
  }
}

/// A range of tokens that ends before the sequence does (a range up to the end is a step, see "begins").
void offer_ranges(Search& search, const std::vector<Point>& points) {
  index_t low = -1, high = -1;
  bool reaches_end = false;
  for (const Point& p : points) {
    if (!p.bad()) continue;
    low = low < 0 ? p.at : std::min(low, p.at);
    high = std::max(high, p.at);
    reaches_end = reaches_end || p.at == p.length - 1;
  }
  if (low < 0 || (reaches_end && low > 0)) return;
  if (low == high)
    return search.offer_if("time-token", fmt::format("token {} alone", low), [=](const Point& p) { return p.at == low; }, {0.75, 0.3});
  for (index_t chunk : kChunks)
    if (low / chunk == high / chunk) {
      search.offer_if(
          "time-chunk",
          fmt::format("chunk {} of {} tokens ({} to {})", low / chunk, chunk, low / chunk * chunk, low / chunk * chunk + chunk - 1),
          [=](const Point& p) { return p.at / chunk == low / chunk; }, {0.75, 0.9});
    }
  search.offer_if("time-range", fmt::format("tokens {} to {}", low, high), [=](const Point& p) { return p.at >= low && p.at <= high; },
                  {0.75, 0.5});
}

}  // namespace

std::vector<Finding> Search::result() const {
  if (!found_) return {};
  return {{map_.prefix + kind_,
           fmt::format("{:.1f} % of the {} {} in {}", 100.0 * share_, map_.what, map_.prefix[0] ? "lie" : "lies", text_), share_,
           share_ * all_.size / size_}};
}

std::vector<Point> token_points(const RowTable& table, const ErrorMap& map) {
  std::vector<index_t> start;
  index_t total = 0;
  for (const auto& seq : table.geo.sequences) {
    start.push_back(total);
    total += seq.length;
  }
  std::vector<Point> points = gather(
      table, map, total, [&](const RowPlace& p) { return p.token < 0 ? -1 : start[static_cast<std::size_t>(p.sequence)] + p.token; });
  for (std::size_t n = 0; n < start.size(); ++n)
    for (index_t s = 0; s < table.geo.sequences[n].length; ++s) {
      Point& p = points[static_cast<std::size_t>(start[n] + s)];
      p.sequence = static_cast<index_t>(n);
      p.at = s;
      p.length = table.geo.sequences[n].length;
    }
  return points;
}

std::vector<Finding> align_time(const RowTable& table, const ErrorMap& map) {
  if (!table.has(Axis::time) || map.bad_rows == 0) return {};
  const std::vector<Point> points = token_points(table, map);
  Search search(points, map);
  offer_ends(search);
  offer_tails(search, points);
  offer_last(search, points);
  offer_residues(search, points);
  offer_blocks(search, points);
  offer_ranges(search, points);
  offer_edges(search, points);
  if (search.found()) return search.result();
  std::vector<Finding> edge = bounded_by_edge(search, points);
  for (Finding& f : edge) f.kind = map.prefix + f.kind;
  return edge;
}

}  // namespace fw::verify::detail
