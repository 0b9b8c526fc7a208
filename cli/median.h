// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The median, for tables of times and of accuracies: of an even number of values the mean of the two in the middle, of none 0.
#pragma once

#include <algorithm>
#include <vector>

namespace fw::cli {

inline double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

}  // namespace fw::cli
