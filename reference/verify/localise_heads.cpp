// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Alignment of the fault with heads, sequences, batch rows and ranks.
#include <fmt/format.h>

#include <algorithm>

#include "verify/localise_search.h"

namespace fw::verify::detail {
namespace {

constexpr Search::Rule kMost = {0.75, 0.5};

/// One member, or all but one end: for any axis with a few members. `noun` as in "head", "batch row".
void offer_members(Search& search, const std::vector<Point>& points, const std::string& kind, const std::string& noun) {
  const index_t n = static_cast<index_t>(points.size());
  const auto best = std::max_element(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.weight < b.weight; });
  const index_t at = best - points.begin();
  const char* where = at == 0 ? ", the first" : at == n - 1 ? ", the last" : "";
  search.offer_if(kind + "-one", fmt::format("{} {} (of {}{})", noun, at, n, where), [=](const Point& p) { return p.at == at; },
                  {0.75, 1.0});
  if (n < 3) return;
  search.offer_if(kind + "-not-first", fmt::format("every {} but {} 0", noun, noun), [](const Point& p) { return p.at > 0; }, {1.0, 1.0});
  search.offer_if(kind + "-not-last", fmt::format("every {} but the last", noun), [](const Point& p) { return p.at < p.length - 1; },
                  {1.0, 1.0});
}

std::vector<Finding> members(const RowTable& table, const ErrorMap& map, Axis axis, const std::string& kind, index_t RowPlace::*key) {
  const index_t n = table.has(axis) ? table.size_of(axis) : 0;
  if (n < 2) return {};
  const std::vector<Point> points = gather(table, map, n, [key](const RowPlace& p) { return p.*key; });
  Search search(points, map);
  offer_members(search, points, kind, axis_noun(table, axis));
  return search.result();
}

void offer_lengths(Search& search, const std::vector<index_t>& length) {
  const auto len = [&](const Point& p) { return length[static_cast<std::size_t>(p.at)]; };
  search.offer_if(
      "sequence-one-token", "the sequences of one token", [&](const Point& p) { return len(p) == 1; }, kMost);
  for (index_t chunk : {16, 32, 64, 128}) {
    search.offer_if("sequence-partial-chunk", fmt::format("the sequences whose length is not a multiple of {}", chunk),
                    [&](const Point& p) { return len(p) % chunk != 0; }, {0.75, 0.8});
    search.offer_if("sequence-short", fmt::format("the sequences shorter than {} tokens", chunk),
                    [&](const Point& p) { return len(p) < chunk; }, {0.75, 0.8});
    search.offer_if("sequence-long", fmt::format("the sequences longer than {} tokens", chunk),
                    [&](const Point& p) { return len(p) > chunk; }, {0.75, 0.8});
  }
}

}  // namespace

std::vector<Finding> align_heads(const RowTable& table, const ErrorMap& map) {
  const Axis axis = table.head_axis();
  const index_t heads = table.has(axis) ? table.size_of(axis) : 0;
  if (heads < 2 || map.bad_rows == 0) return {};
  const std::vector<Point> points = gather(table, map, heads, [](const RowPlace& p) { return p.head; });
  Search search(points, map);
  const std::string noun = axis_noun(table, axis);
  offer_members(search, points, "head", noun);
  const index_t group = table.geo.group;
  if (axis == Axis::value_head && group > 1 && table.geo.H > 1) {
    for (index_t r = 0; r < group; ++r)
      search.offer_if(
          "head-of-group", fmt::format("{}s with h mod {} = {} (number {} of each key head's {})", noun, group, r, r, group),
          [=](const Point& p) { return p.at % group == r; }, kMost);
    for (index_t h = 0; h < table.geo.H; ++h)
      search.offer_if("head-group", fmt::format("the {}s of key head {}", noun, h), [=](const Point& p) { return p.at / group == h; },
                      {0.75, 1.0});
    search.offer_if("head-group-not-first", fmt::format("every {} but those of key head 0", noun),
                    [=](const Point& p) { return p.at >= group; }, {0.9, 1.0});
    search.offer_if("head-past-key-heads", fmt::format("{}s {} and later, numbers that no key head has", noun, table.geo.H),
                    [&](const Point& p) { return p.at >= table.geo.H; }, {0.9, 1.0});
  }
  if (heads >= 4) {
    for (index_t m : {2, 4})
      for (index_t r = 0; r < m; ++r) {
        const std::string text =
            m == 2 ? fmt::format("the {} {}s", r ? "odd" : "even", noun) : fmt::format("{}s with h mod {} = {}", noun, m, r);
        search.offer_if("head-mod", text, [=](const Point& p) { return p.at % m == r; }, {0.75, 1.0});
      }
    search.offer_if("head-half", fmt::format("the lower half of the {}s", noun), [](const Point& p) { return 2 * p.at < p.length; },
                    {0.75, 1.0});
    search.offer_if("head-half", fmt::format("the upper half of the {}s", noun), [](const Point& p) { return 2 * p.at >= p.length; },
                    {0.75, 1.0});
  }
  std::vector<Finding> out = search.result();
  for (Finding& f : members(table, map, Axis::rank, "rank", &RowPlace::rank)) out.push_back(std::move(f));
  return out;
}

std::vector<Finding> align_sequences(const RowTable& table, const ErrorMap& map) {
  if (map.bad_rows == 0) return {};
  const bool packed = table.geo.B == 1 && table.geo.N > 1;
  if (table.has(Axis::batch) && !packed) return members(table, map, Axis::batch, "batch", &RowPlace::batch);
  if (!packed && !table.has(Axis::sequence)) return {};
  std::vector<Point> points = gather(table, map, table.geo.N, [](const RowPlace& p) { return p.sequence; });
  std::vector<index_t> length;
  for (const auto& seq : table.geo.sequences) length.push_back(seq.length);
  // empty sequences have no rows to be wrong in
  std::vector<Point> real;
  for (const Point& p : points)
    if (p.size > 0) real.push_back(p);
  if (real.size() < 2) return {};
  Search search(points, map);
  const auto best = std::max_element(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.weight < b.weight; });
  const index_t at = best->at, first = real.front().at;
  search.offer_if("sequence-one", fmt::format("sequence {} (of {})", at, table.geo.N), [=](const Point& p) { return p.at == at; },
                  {0.9, 1.0});
  search.offer_if(
      "sequence-empty", "the sequences of no tokens", [&](const Point& p) { return length[static_cast<std::size_t>(p.at)] == 0; }, kMost);
  search.offer_if("sequence-not-first", fmt::format("every sequence but sequence {}", first),
                  [=](const Point& p) { return p.size > 0 && p.at != first; }, {1.0, 0.9});
  offer_lengths(search, length);
  return search.result();
}

}  // namespace fw::verify::detail
