// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/tasks/draws.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "core/portable_math.h"

namespace fw::model {

std::uint64_t Draws::bits() {
  const std::uint64_t drawn = random_.bits(at_);
  ++at_.i;
  return drawn;
}

index_t Draws::below(index_t n) {
  const auto range = static_cast<std::uint64_t>(n);
  // The largest multiple of n that 64 bits hold ends where the unfair rest begins; -range % range is 2^64 mod n.
  const std::uint64_t fair = std::numeric_limits<std::uint64_t>::max() - (-range % range);
  std::uint64_t drawn = bits();
  while (drawn > fair) drawn = bits();
  return static_cast<index_t>(drawn % range);
}

double Draws::uniform() {
  const double drawn = random_.uniform(at_);
  ++at_.i;
  return drawn;
}

std::vector<index_t> Draws::distinct(index_t k, index_t n) {
  // The first k swaps of a shuffle of 0..n-1.
  std::vector<index_t> chosen;
  chosen.reserve(static_cast<std::size_t>(k));
  if (n > 16 * k) {  // few of many: only what was moved is kept
    std::unordered_map<index_t, index_t> moved;
    const auto at = [&](index_t i) {
      const auto found = moved.find(i);
      return found == moved.end() ? i : found->second;
    };
    for (index_t i = 0; i < k; ++i) {
      const index_t j = i + below(n - i);
      chosen.push_back(at(j));
      moved[j] = at(i);
    }
    return chosen;
  }
  std::vector<index_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), index_t{0});
  for (index_t i = 0; i < k; ++i) {
    std::swap(all[static_cast<std::size_t>(i)], all[static_cast<std::size_t>(i + below(n - i))]);
    chosen.push_back(all[static_cast<std::size_t>(i)]);
  }
  return chosen;
}

std::vector<index_t> Draws::distinct_weighted(index_t k, std::span<const double> weight) {
  // A race: item i arrives after an exponential time of rate weight[i]; the first k to arrive are the choice, because who
  // is next does not depend on how long one has waited.
  std::vector<double> arrival(weight.size());
  for (std::size_t i = 0; i < weight.size(); ++i) arrival[i] = -portable::log(uniform()) / weight[i];
  std::vector<index_t> order(weight.size());
  std::iota(order.begin(), order.end(), index_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](index_t a, index_t b) { return arrival[static_cast<std::size_t>(a)] < arrival[static_cast<std::size_t>(b)]; });
  order.resize(static_cast<std::size_t>(k));
  return order;
}

}  // namespace fw::model
