// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/localise_slices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fw::verify::detail {
namespace {

constexpr index_t kSamples = 512;  // elements compared per pair of slices
constexpr index_t kFewest = 12;    // fewer would match by chance
constexpr double kExplained = 0.9;

struct Pattern {
  const char* kind;
  std::string text;
  std::function<index_t(index_t)> source;  ///< slice of the truth that slice a holds
};

std::vector<Pattern> patterns(const RowTable& table, Axis axis, index_t n) {
  const std::string noun = axis_noun(table, axis);
  const Pattern first = {"first-for-all", fmt::format("every {} holds the numbers of {} 0", noun, noun),
                         [](index_t) { return index_t{0}; }};
  if (n == 2) return {first, {"reversed", fmt::format("the two {}s are exchanged", noun), [](index_t a) { return 1 - a; }}};
  std::vector<Pattern> known = {
      first,
      {"previous", fmt::format("{} n holds the numbers of {} n-1", noun, noun), [n](index_t a) { return (a + n - 1) % n; }},
      {"next", fmt::format("{} n holds the numbers of {} n+1", noun, noun), [n](index_t a) { return (a + 1) % n; }},
      {"reversed", fmt::format("the {}s are in reverse order", noun), [n](index_t a) { return n - 1 - a; }},
  };
  if (n % 2 == 0 && n > 2) {
    known.push_back(
        {"halves-exchanged", fmt::format("the two halves of the {}s are exchanged", noun), [n](index_t a) { return (a + n / 2) % n; }});
    known.push_back({"pairs-exchanged", fmt::format("neighbouring {}s are exchanged (n and n^1)", noun), [](index_t a) { return a ^ 1; }});
  }
  const bool head = axis == Axis::value_head || axis == Axis::key_head;
  const index_t group = head ? table.geo.group : 2;
  if (n % group == 0 && group > 1 && n > group) {
    const index_t outer = n / group;
    const std::string which = head ? "key heads' groups tiled (h mod H) where they are interleaved (h / (HV/H)), or the other way round"
                                   : "pairs (2i, 2i+1) and halves (i, i + D/2) confused";
    known.push_back({head ? "interleave-tile" : "pairs-halves", which, [=](index_t a) { return a % outer * group + a / outer; }});
    known.push_back({head ? "interleave-tile" : "pairs-halves", which, [=](index_t a) { return a % group * outer + a / group; }});
  }
  return known;
}

const char* kind_prefix(Axis axis) {
  switch (axis) {
    case Axis::batch: return "batch";
    case Axis::sequence: return "sequence";
    case Axis::key_head:
    case Axis::value_head: return "head";
    case Axis::rank: return "rank";
    default: return "channel";
  }
}

/// For each slice with bad rows: the slice of the truth that fits much better than its own, or -1.
std::vector<index_t> best_matches(const RowTable& table, const std::vector<index_t>& rows, index_t n, index_t stride) {
  std::vector<std::vector<index_t>> sample(static_cast<std::size_t>(n));
  std::vector<index_t> seen(static_cast<std::size_t>(n), 0), available(static_cast<std::size_t>(n), 0);
  const auto each = [&](auto&& f) {
    for (index_t r : rows)
      for (index_t c = 0; c < table.width; ++c) {
        const index_t flat = r * table.width + c;
        if (table.counts(flat)) f(flat, static_cast<std::size_t>(flat / stride % n));
      }
  };
  each([&](index_t, std::size_t a) { ++available[a]; });
  each([&](index_t flat, std::size_t a) {
    const index_t step = 1 + available[a] / kSamples;
    if (seen[a]++ % step == 0) sample[a].push_back(flat);
  });
  std::vector<index_t> match(static_cast<std::size_t>(n), -1);
  for (index_t a = 0; a < n; ++a) {
    const auto& at = sample[static_cast<std::size_t>(a)];
    if (static_cast<index_t>(at.size()) < kFewest) continue;
    double own = 0, best = std::numeric_limits<double>::infinity();
    index_t which = -1;
    for (index_t other = 0; other < n; ++other) {
      double distance = 0;
      for (index_t flat : at) {
        const double e = table.tensor.candidate[flat] - table.tensor.truth[flat + (other - a) * stride];
        distance += e * e / table.row[static_cast<std::size_t>(flat / table.width)].sigma2;
        if (!(distance < best) && other != a) break;
      }
      if (other == a)
        own = distance;
      else if (distance < best) {
        best = distance;
        which = other;
      }
    }
    if (which >= 0 && best <= (1.0 - kExplained) * own) match[static_cast<std::size_t>(a)] = which;
  }
  return match;
}

std::string list_matches(const std::vector<index_t>& match) {
  std::string text;
  index_t listed = 0;
  for (std::size_t a = 0; a < match.size(); ++a) {
    if (match[a] < 0) continue;
    if (listed++ == 6) return text + ", ...";
    text += fmt::format("{}{} holds {}", listed > 1 ? ", " : "", a, match[a]);
  }
  return text;
}

}  // namespace

std::vector<Finding> match_slices(const RowTable& table, const std::vector<index_t>& rows, Axis axis) {
  const index_t n = table.size_of(axis), stride = table.stride_of(axis);
  if (n < 2) return {};
  const auto finding = [&](const std::string& kind, const std::string& text, const Explained& e) {
    return std::vector<Finding>{{fmt::format("{}-{}", kind_prefix(axis), kind),
                                 fmt::format("{}: explains {:.1f} % of the error", text, 100.0 * e.share), e.share, 1.0}};
  };
  const auto through = [&](const std::function<index_t(index_t)>& slice) {
    return explain(table, rows, [&](index_t flat) {
      const index_t a = flat / stride % n;
      const index_t from = slice(a);
      return from < 0 ? flat : flat + (from - a) * stride;
    });
  };
  for (const Pattern& p : patterns(table, axis, n)) {
    const Explained e = through(p.source);
    if (e.share >= kExplained) return finding(p.kind, p.text, e);
  }
  const std::vector<index_t> match = best_matches(table, rows, n, stride);
  if (std::all_of(match.begin(), match.end(), [](index_t a) { return a < 0; })) return {};
  const Explained e = through([&](index_t a) { return match[static_cast<std::size_t>(a)]; });
  if (!(e.share >= kExplained)) return {};
  return finding("permuted", fmt::format("{}s are mixed up ({})", axis_noun(table, axis), list_matches(match)), e);
}

}  // namespace fw::verify::detail
