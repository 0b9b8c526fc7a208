// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What a chunk hands to the next goes wrong at the edges between chunks: with a long memory everything behind the first
// edge is wrong, with a short one only a few rows behind each edge (before it in gradients, which run backward).
#include <fmt/format.h>

#include <algorithm>

#include "verify/localise_search.h"

namespace fw::verify::detail {
namespace {

/// Largest usual chunk length that divides the position.
index_t chunk_at(index_t edge) {
  index_t chunk = 16;
  while (chunk < 256 && edge % (2 * chunk) == 0) chunk *= 2;
  return chunk;
}

/// The error is there at once beside the edge, not grown out of the noise: its mean weight over a few tokens there is no
/// small part of the mean over all bad ones.
template <class Near>
bool abrupt(const Search& search, Near&& near) {
  const Tally beside = search.tally(near);
  return beside.bad_points > 0 &&
         beside.weight * static_cast<double>(search.all().bad_points) >= 0.02 * search.all().weight * static_cast<double>(beside.points);
}

std::vector<Finding> finding(const Search& search, const Tally& in, const std::string& kind, const std::string& text) {
  const double share = in.weight / search.all().weight;
  return {{kind, text, share, share * search.all().size / in.size}};
}

/// First (or last) bad token of each sequence that has one.
std::vector<index_t> ends(const std::vector<Point>& points, bool last) {
  std::vector<index_t> out;
  index_t sequence = -1;
  for (const Point& p : points) {
    if (!p.bad()) continue;
    if (p.sequence != sequence)
      out.push_back(p.at);
    else if (last)
      out.back() = p.at;
    sequence = p.sequence;
  }
  return out;
}

}  // namespace

void offer_edges(Search& search, const std::vector<Point>& points) {
  for (index_t chunk : {16, 32, 64, 128}) {
    index_t after = 0, before = 0;
    bool at_start = false;
    std::vector<index_t> edges;
    for (const Point& p : points) {
      if (!p.bad()) continue;
      const index_t row = p.at % chunk;
      if (2 * row < chunk)
        after = std::max(after, row + 1);
      else
        before = std::max(before, chunk - row);
      at_start = at_start || p.at < chunk / 2;  // the sequence's start is no edge between chunks
      edges.push_back((p.sequence << 32) + (p.at + chunk / 2) / chunk);
    }
    std::sort(edges.begin(), edges.end());
    const auto hit = std::unique(edges.begin(), edges.end()) - edges.begin();
    if (at_start || hit < 2 || 3 * (after + before) > chunk) continue;
    const std::string text = before == 0  ? fmt::format("the first {} rows behind each edge between chunks of {}", after, chunk)
                             : after == 0 ? fmt::format("the last {} rows before each edge between chunks of {}", before, chunk)
                                          : fmt::format("{} rows before to {} behind each edge between chunks of {}", before, after, chunk);
    search.offer_if("time-chunk-edges", text,
                    [=](const Point& p) { return p.at + before >= chunk && (p.at % chunk < after || p.at % chunk >= chunk - before); },
                    {0.75, 0.3});
  }
}

std::vector<Finding> bounded_by_edge(const Search& search, const std::vector<Point>& points) {
  const std::vector<index_t> first = ends(points, false), last = ends(points, true);
  if (first.empty()) return {};
  const auto mostly = [](const std::vector<index_t>& all, index_t value) {
    return 2 * std::count(all.begin(), all.end(), value) >= static_cast<index_t>(all.size());
  };
  const index_t begin = *std::min_element(first.begin(), first.end()), end = *std::max_element(last.begin(), last.end()) + 1;
  if (begin > 0 && begin % 16 == 0 && mostly(first, begin)) {
    const Tally in = search.tally([=](const Point& p) { return p.at >= begin; });
    const index_t chunk = chunk_at(begin);
    if (search.qualifies(in, {1.0, 0.3}) && abrupt(search, [=](const Point& p) { return p.at >= begin && p.at < begin + 4; })) {
      return finding(search, in, "time-begins-at-chunk",
                     begin == chunk ? fmt::format("the first {0} tokens are clean, the error begins at token {0}: chunk 1 of {0}, what one "
                                                  "chunk hands to the next",
                                                  begin)
                                    : fmt::format("clean up to token {}, the error begins at token {} = chunk {} of {}", begin - 1, begin,
                                                  begin / chunk, chunk));
    }
  }
  if (end % 16 == 0 && mostly(last, end - 1)) {
    const Tally in = search.tally([=](const Point& p) { return p.at < end; });
    const index_t chunk = chunk_at(end);
    if (search.qualifies(in, {1.0, 0.3}) && abrupt(search, [=](const Point& p) { return p.at < end && p.at >= end - 4; })) {
      return finding(search, in, "time-ends-at-chunk",
                     fmt::format("clean from token {} on, the error lies before: chunks 0 to {} of {}", end, end / chunk - 1, chunk));
    }
  }
  return {};
}

}  // namespace fw::verify::detail
