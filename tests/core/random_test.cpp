// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "support/hash.h"

TEST_SUITE_BEGIN("core");

using fw::Position;
using fw::Random;

TEST_CASE("philox: matches the known answers of its authors") {
  using Words = std::array<std::uint32_t, 4>;
  CHECK(fw::philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(fw::philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(fw::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: bitwise repeatable on every platform") {
  const Random random(2605, "normals");
  fw::test::Fingerprint normals, uniforms;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    normals.add(random.normal(i));
    uniforms.add(random.uniform(i));
  }
  CHECK(normals.value() == 0x9666499ed63084d5u);
  CHECK(uniforms.value() == 0x52658d33ca1e91a3u);
}

TEST_CASE("random: a draw depends on seed, stream and every coordinate, and on nothing else") {
  const Random random(1, "q"), same(1, "q");
  const Position at{3, 77, 2, 11};
  const std::uint64_t first = random.bits(at);
  CHECK(random.bits(Position{9, 9, 9, 9}) != first);
  CHECK(random.bits(at) == first);
  CHECK(same.bits(at) == first);
  CHECK(Random(2, "q").bits(at) != first);
  CHECK(Random(1, "k").bits(at) != first);
  CHECK(random.bits(Position{4, 77, 2, 11}) != first);
  CHECK(random.bits(Position{3, 78, 2, 11}) != first);
  CHECK(random.bits(Position{3, 77, 3, 11}) != first);
  CHECK(random.bits(Position{3, 77, 2, 12}) != first);
  CHECK(random.bits(std::uint64_t{5}) == random.bits(Position{0, 0, 0, 5}));
  CHECK(random.bits(std::uint64_t{5} << 32) == random.bits(Position{0, 5, 0, 0}));
}

TEST_CASE("random: no two of 200000 draws are equal") {
  std::vector<std::uint64_t> seen;
  for (std::uint64_t seed : {0u, 1u})
    for (const char* stream : {"a", "b"})
      for (std::uint64_t i = 0; i < 50000; ++i) seen.push_back(Random(seed, stream).bits(i));
  std::sort(seen.begin(), seen.end());
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
}

TEST_CASE("random: uniform draws lie inside (0,1) and fill it evenly") {
  const Random random(7, "uniform");
  constexpr int kDraws = 200000, kBins = 100;
  std::vector<int> bins(kBins);
  double sum = 0.0, squares = 0.0, lag = 0.0, previous = 0.5;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const double u = random.uniform(i);
    REQUIRE(u > 0.0);
    REQUIRE(u < 1.0);
    ++bins[static_cast<std::size_t>(u * kBins)];
    sum += u;
    squares += u * u;
    lag += (u - 0.5) * (previous - 0.5);
    previous = u;
  }
  double chi2 = 0.0;  // 99 degrees of freedom: mean 99, standard deviation 14
  for (int count : bins) chi2 += std::pow(count - kDraws / double{kBins}, 2) / (kDraws / double{kBins});
  CHECK(chi2 > 50.0);
  CHECK(chi2 < 160.0);
  CHECK(std::fabs(sum / kDraws - 0.5) <= 5 * std::sqrt(1.0 / 12 / kDraws));
  CHECK(std::fabs(squares / kDraws - 1.0 / 3) <= 5 * std::sqrt(4.0 / 45 / kDraws));
  CHECK(std::fabs(lag / kDraws) <= 5 * (1.0 / 12) / std::sqrt(kDraws));
}

TEST_CASE("random: normal draws have the moments and the distribution of the normal law") {
  const Random random(7, "normal");
  constexpr int kDraws = 200000;
  double moments[5] = {};
  std::vector<double> draws;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const double x = random.normal(i);
    draws.push_back(x);
    for (int p = 1; p <= 4; ++p) moments[p] += std::pow(x, p) / kDraws;
  }
  const double unit = 5 / std::sqrt(double{kDraws});
  CHECK(std::fabs(moments[1]) <= unit);
  CHECK(std::fabs(moments[2] - 1) <= unit * std::sqrt(2));
  CHECK(std::fabs(moments[3]) <= unit * std::sqrt(15));
  CHECK(std::fabs(moments[4] - 3) <= unit * std::sqrt(96));
  std::sort(draws.begin(), draws.end());
  double distance = 0.0;  // Kolmogorov-Smirnov, 1.95 / sqrt(n) is the 0.1 % limit
  for (int i = 0; i < kDraws; ++i) {
    const double p = 0.5 * std::erfc(-draws[static_cast<std::size_t>(i)] / std::sqrt(2.0));
    distance = std::max({distance, std::fabs(p - i / double{kDraws}), std::fabs(p - (i + 1) / double{kDraws})});
  }
  CHECK(distance <= 1.95 / std::sqrt(double{kDraws}));
}

TEST_CASE("normal quantile: matches the inverse of erfc, ends and symmetry included") {
  // Closed forms to 17 digits.
  CHECK(fw::normal_quantile(0.5) == 0.0);
  CHECK(std::fabs(fw::normal_quantile(0.975) - 1.9599639845400542) <= 1e-15);
  CHECK(std::fabs(fw::normal_quantile(1e-10) + 6.3613409024040562) <= 1e-14);
  const Random random(3, "p");
  double worst = 0.0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const double p = i % 2 ? random.uniform(i) : std::pow(2.0, -60.0 * random.uniform(i)) / 2;
    const double x = fw::normal_quantile(p), density = std::exp(-x * x / 2) / std::sqrt(2 * 3.14159265358979323846);
    const double back = 0.5 * std::erfc(-x / std::sqrt(2.0));
    worst = std::max(worst, std::fabs(back - p) / density / std::max(std::fabs(x), 0.01));
  }
  CHECK(worst <= 1e-14);  // the error of erfc and of its argument, which the tail magnifies by |x|, is part of it
  for (double p : {0.001, 0.25, 0.4375}) CHECK(fw::normal_quantile(p) == -fw::normal_quantile(1 - p));
  CHECK(fw::normal_quantile(0.0) == -std::numeric_limits<double>::infinity());
  CHECK(fw::normal_quantile(1.0) == std::numeric_limits<double>::infinity());
  CHECK(std::isnan(fw::normal_quantile(-0.1)));
  CHECK(std::isnan(fw::normal_quantile(1.1)));
  CHECK(std::isnan(fw::normal_quantile(std::numeric_limits<double>::quiet_NaN())));
}

TEST_SUITE_END();
