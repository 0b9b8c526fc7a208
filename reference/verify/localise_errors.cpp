// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <algorithm>
#include <cmath>

#include "verify/localise_rows.h"

namespace fw::verify::detail {
namespace {

constexpr double kStrong = 8.0;

ErrorMap empty_map(const RowTable& table) {
  ErrorMap map;
  map.row.assign(table.row.size(), 0.0);
  map.row_bad.assign(table.row.size(), 0);
  map.channel.assign(static_cast<std::size_t>(table.width), 0.0);
  map.channel_bad.assign(static_cast<std::size_t>(table.width), 0);
  return map;
}

}  // namespace

ErrorMap finite_errors(const RowTable& table, double bar) {
  ErrorMap map = empty_map(table);
  std::vector<index_t> samples(static_cast<std::size_t>(table.width), 0);
  for (index_t r = 0; r < table.count(); ++r) {
    const RowError& e = table.row[static_cast<std::size_t>(r)];
    if (!table.bad(r, bar)) continue;
    ++map.bad_rows;
    map.clear_rows += table.bad(r, 2.0 * bar);
    map.row_bad[static_cast<std::size_t>(r)] = 1;
    map.row[static_cast<std::size_t>(r)] = static_cast<double>(e.finite) * std::max(e.error / e.sigma2 - 1.0, 0.0);
    for (index_t c = 0; c < table.width; ++c) {
      const index_t f = r * table.width + c;
      if (!table.counts(f)) continue;
      ++samples[static_cast<std::size_t>(c)];
      map.channel[static_cast<std::size_t>(c)] +=
          table.difference(f) * table.difference(f) / (e.sigma2 * table.channel_noise[static_cast<std::size_t>(c)]);
    }
  }
  for (std::size_t c = 0; c < map.channel.size(); ++c) {
    const double n = static_cast<double>(samples[c]);
    const double limit = bar * noise_limit(samples[c]);
    map.channel_bad[c] = n > 0 && map.channel[c] > limit * limit * n;
    map.channel[c] = std::max(map.channel[c] - n, 0.0);
  }
  return map;
}

double strong_bar(const RowTable& table, const ErrorMap& errors) {
  std::vector<double> multiple;
  for (index_t r = 0; r < table.count(); ++r) {
    const RowError& e = table.row[static_cast<std::size_t>(r)];
    if (errors.row_bad[static_cast<std::size_t>(r)]) multiple.push_back(std::sqrt(e.error / e.sigma2) / noise_limit(e.finite));
  }
  if (multiple.empty()) return kStrong;
  const auto middle = multiple.begin() + static_cast<std::ptrdiff_t>(multiple.size() / 2);
  std::nth_element(multiple.begin(), middle, multiple.end());
  return kStrong * std::max(1.0, *middle);
}

ErrorMap nonfinite_errors(const RowTable& table) {
  ErrorMap map = empty_map(table);
  map.what = "non-finite values";
  map.prefix = "nonfinite-";
  for (index_t r = 0; r < table.count(); ++r) {
    if (table.row[static_cast<std::size_t>(r)].nonfinite == 0) continue;
    ++map.bad_rows;
    ++map.clear_rows;
    map.row_bad[static_cast<std::size_t>(r)] = 1;
    map.row[static_cast<std::size_t>(r)] = static_cast<double>(table.row[static_cast<std::size_t>(r)].nonfinite);
    for (index_t c = 0; c < table.width; ++c) {
      const index_t f = r * table.width + c;
      if (!table.nonfinite(f)) continue;
      map.channel[static_cast<std::size_t>(c)] += 1.0;
      map.channel_bad[static_cast<std::size_t>(c)] = 1;
    }
  }
  return map;
}

}  // namespace fw::verify::detail
