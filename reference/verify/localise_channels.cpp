// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Alignment of the fault with channels: lanes (j mod 4), tiles, halves, columns past the key width.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "verify/localise_search.h"

namespace fw::verify::detail {
namespace {

constexpr double kCoverage = 0.75;

/// "= 3", "!= 3", "in {0,1,4}"
std::string residues_text(const std::vector<index_t>& in, index_t m) {
  if (in.size() == 1) return fmt::format("= {}", in[0]);
  if (static_cast<index_t>(in.size()) == m - 1) {
    for (index_t r = 0; r < m; ++r)
      if (std::find(in.begin(), in.end(), r) == in.end()) return fmt::format("!= {}", r);
  }
  return fmt::format("in {{{}}}", fmt::join(in, ","));
}

void offer_lanes(Search& search, const std::vector<Point>& points, const std::string& noun, char letter) {
  const index_t n = static_cast<index_t>(points.size());
  for (index_t m : {2, 4, 8}) {
    if (n < 4 * m) continue;
    std::vector<index_t> in;
    for (index_t r = 0; r < m; ++r) {
      const Tally t = search.tally([=](const Point& p) { return p.at % m == r; });
      if (2 * t.bad_points >= t.points) in.push_back(r);
    }
    if (in.empty() || static_cast<index_t>(in.size()) == m) continue;
    search.offer_if("channels-mod", fmt::format("{}s with {} mod {} {}", noun, letter, m, residues_text(in, m)),
                    [&](const Point& p) { return std::find(in.begin(), in.end(), p.at % m) != in.end(); }, {0.88, kCoverage});
  }
}

void offer_tiles(Search& search, index_t n, const std::string& noun) {
  for (index_t q : {64, 32, 16}) {
    if (n <= q) continue;
    if (n % q != 0) {
      search.offer_if("channels-partial-tile", fmt::format("{}s {} to {}, the last, partial tile of {}", noun, n / q * q, n - 1, q),
                      [=](const Point& p) { return p.at >= n / q * q; }, {0.75, kCoverage});
    }
    for (index_t tile = 0; tile * q < n; ++tile) {
      const index_t end = std::min(n, (tile + 1) * q);
      const char* which = tile == 0 ? "the first" : end == n ? "the last" : nullptr;
      const std::string name = which ? fmt::format("{} tile of {}", which, q) : fmt::format("tile {} of width {}", tile, q);
      search.offer_if("channels-tile", fmt::format("{}s {} to {}, {}", noun, tile * q, end - 1, name),
                      [=](const Point& p) { return p.at / q == tile; }, {0.75, kCoverage});
    }
    search.offer_if("channels-not-first-tile", fmt::format("{}s {} to {}, all but the first tile of {}", noun, q, n - 1, q),
                    [=](const Point& p) { return p.at >= q; }, {0.9, 0.9});
    search.offer_if("channels-not-last-tile", fmt::format("{}s 0 to {}, all but the last tile of {}", noun, (n - 1) / q * q - 1, q),
                    [=](const Point& p) { return p.at < (n - 1) / q * q; }, {0.9, 0.9});
  }
}

std::vector<Finding> align(const RowTable& table, const ErrorMap& map, Axis axis, const std::vector<Point>& points) {
  const index_t n = static_cast<index_t>(points.size());
  Search search(points, map);
  if (n < 2) return {};
  const std::string noun = axis_noun(table, axis);
  const index_t other = axis == Axis::value_channel ? table.geo.Dk : axis == Axis::key_channel ? table.geo.Dv : n;
  if (n > other) {
    search.offer_if(
        "channels-past-other-width",
        fmt::format("{}s {} to {}, past the {} width {}", noun, other, n - 1, axis == Axis::value_channel ? "key" : "value", other),
        [=](const Point& p) { return p.at >= other; }, {0.9, kCoverage});
    search.offer_if("channels-within-other-width",
                    fmt::format("{}s below {}, the {} width", noun, other, axis == Axis::value_channel ? "key" : "value"),
                    [=](const Point& p) { return p.at < other; }, {0.9, kCoverage});
  }
  index_t low = -1, high = -1;
  for (const Point& p : points)
    if (p.bad()) {
      if (low < 0) low = p.at;
      high = p.at;
    }
  if (low == high)
    search.offer_if("channels-one", fmt::format("{} {}", noun, low), [=](const Point& p) { return p.at == low; }, {0.75, 1.0});
  offer_lanes(search, points, noun, axis == Axis::key_channel ? 'i' : 'j');
  offer_tiles(search, n, noun);
  search.offer_if("channels-half", fmt::format("the lower half of the {}s", noun), [](const Point& p) { return 2 * p.at < p.length; },
                  {0.75, kCoverage});
  search.offer_if("channels-half", fmt::format("the upper half of the {}s", noun), [](const Point& p) { return 2 * p.at >= p.length; },
                  {0.75, kCoverage});
  search.offer_if("channels-range", fmt::format("{}s {} to {}", noun, low, high),
                  [=](const Point& p) { return p.at >= low && p.at <= high; }, {0.75, kCoverage});
  return search.result();
}

}  // namespace

std::vector<Finding> align_channels(const RowTable& table, const ErrorMap& map) {
  std::vector<Finding> out;
  if (map.bad_rows == 0) return out;
  if (table.has_channels) {
    std::vector<Point> points(static_cast<std::size_t>(table.width));
    for (std::size_t c = 0; c < points.size(); ++c)
      points[c] = {0, static_cast<index_t>(c), table.width, map.channel[c], 1.0, static_cast<double>(map.channel_bad[c])};
    out = align(table, map, table.channel_axis(), points);
  }
  if (table.has(Axis::key_channel) && table.channel_axis() != Axis::key_channel) {
    const auto points = gather(table, map, table.size_of(Axis::key_channel), [](const RowPlace& p) { return p.key_channel; });
    for (Finding& f : align(table, map, Axis::key_channel, points)) {
      f.kind = "state-row-" + f.kind;
      out.push_back(std::move(f));
    }
  }
  return out;
}

}  // namespace fw::verify::detail
