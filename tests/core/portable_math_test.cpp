// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/portable_math.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/random.h"
#include "support/hash.h"

TEST_SUITE_BEGIN("core");

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Distance in units of the last place of `expected`; the C library's value is itself off by up to one.
double ulps(double got, double expected) {
  if (got == expected) return 0.0;
  int exponent = 0;
  std::frexp(expected, &exponent);
  return std::fabs(got - expected) / std::ldexp(1.0, std::max(exponent - 53, -1074));
}

/// Largest distance over `count` points from low to high, evenly or (both of one sign) evenly in the logarithm.
template <class F, class G>
double worst(F ours, G theirs, double low, double high, bool logarithmic = false, int count = 50000) {
  const fw::Random random(11, "arguments");
  double largest = 0.0;
  for (int i = 0; i < count; ++i) {
    const double u = random.uniform(static_cast<std::uint64_t>(i));
    const double x = logarithmic ? std::copysign(std::pow(std::fabs(low), 1 - u) * std::pow(std::fabs(high), u), low) : low + u * (high - low);
    largest = std::max(largest, ulps(ours(x), theirs(x)));
  }
  return largest;
}

double exp_(double x) { return std::exp(x); }
double expm1_(double x) { return std::expm1(x); }
double log_(double x) { return std::log(x); }
double log1p_(double x) { return std::log1p(x); }

}  // namespace

namespace portable = fw::portable;

TEST_CASE("portable exp: matches the C library, edges included") {
  CHECK(worst(portable::exp, exp_, -745.1, 709.7) <= 2.0);
  CHECK(worst(portable::exp, exp_, -1, 1) <= 2.0);
  CHECK(worst(portable::exp, exp_, 1e-20, 1, true) <= 2.0);
  CHECK(portable::exp(0.0) == 1.0);
  CHECK(portable::exp(-0.0) == 1.0);
  CHECK(portable::exp(kInf) == kInf);
  CHECK(portable::exp(-kInf) == 0.0);
  CHECK(std::isnan(portable::exp(kNan)));
  CHECK(portable::exp(709.78) < kInf);
  CHECK(portable::exp(709.782712893384) < kInf);
  CHECK(portable::exp(709.782712893385) == kInf);
  CHECK(portable::exp(710.0) == kInf);
  CHECK(portable::exp(1e300) == kInf);
  CHECK(portable::exp(-745.0) == std::numeric_limits<double>::denorm_min());
  CHECK(portable::exp(-746.0) == 0.0);
  CHECK(portable::exp(-1e300) == 0.0);
  CHECK(portable::exp(std::numeric_limits<double>::denorm_min()) == 1.0);
}

TEST_CASE("portable expm1: matches the C library, edges included") {
  CHECK(worst(portable::expm1, expm1_, -40, 700) <= 2.5);
  CHECK(worst(portable::expm1, expm1_, -2, 2) <= 2.5);
  CHECK(worst(portable::expm1, expm1_, 1e-300, 1, true) <= 2.5);
  CHECK(worst(portable::expm1, expm1_, -1e-300, -1, true) <= 2.5);
  CHECK(portable::expm1(0.0) == 0.0);
  CHECK(std::signbit(portable::expm1(-0.0)));
  CHECK(portable::expm1(-kInf) == -1.0);
  CHECK(portable::expm1(kInf) == kInf);
  CHECK(portable::expm1(1000.0) == kInf);
  CHECK(std::isnan(portable::expm1(kNan)));
  CHECK(portable::expm1(5e-324) == 5e-324);
}

TEST_CASE("portable log: matches the C library, subnormal arguments and edges included") {
  CHECK(worst(portable::log, log_, 1e-320, 1e308, true) <= 2.0);
  CHECK(worst(portable::log, log_, 0.5, 2) <= 2.0);
  CHECK(worst(portable::log, log_, 0.99, 1.01) <= 2.0);
  CHECK(portable::log(1.0) == 0.0);
  CHECK(portable::log(0.0) == -kInf);
  CHECK(portable::log(-0.0) == -kInf);
  CHECK(portable::log(kInf) == kInf);
  CHECK(std::isnan(portable::log(-1.0)));
  CHECK(std::isnan(portable::log(-kInf)));
  CHECK(std::isnan(portable::log(kNan)));
  CHECK(ulps(portable::log(5e-324), -744.4400719213812) <= 1.0);
  CHECK(ulps(portable::log(std::numeric_limits<double>::max()), 709.782712893384) <= 1.0);
}

TEST_CASE("portable log1p: matches the C library, edges included") {
  CHECK(worst(portable::log1p, log1p_, -0.999999, 3) <= 2.0);
  CHECK(worst(portable::log1p, log1p_, 1e-300, 1e300, true) <= 2.0);
  CHECK(worst(portable::log1p, log1p_, -1e-300, -0.9, true) <= 2.0);
  CHECK(portable::log1p(0.0) == 0.0);
  CHECK(std::signbit(portable::log1p(-0.0)));
  CHECK(portable::log1p(-1.0) == -kInf);
  CHECK(portable::log1p(kInf) == kInf);
  CHECK(std::isnan(portable::log1p(-1.5)));
  CHECK(std::isnan(portable::log1p(kNan)));
  CHECK(portable::log1p(5e-324) == 5e-324);
}

TEST_CASE("portable softplus: matches the C library, its inverse undoes it") {
  const auto reference = [](double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); };
  CHECK(worst(portable::softplus, reference, -740, 740) <= 3.0);
  CHECK(worst(portable::softplus, reference, -5, 5) <= 3.0);
  CHECK(portable::softplus(-kInf) == 0.0);
  CHECK(portable::softplus(kInf) == kInf);
  CHECK(portable::softplus(1000.0) == 1000.0);
  CHECK(portable::softplus(-1000.0) == 0.0);
  CHECK(std::isnan(portable::softplus(kNan)));
  const auto there_and_back = [](double y) { return portable::softplus(portable::inverse_softplus(y)); };
  CHECK(worst(there_and_back, [](double y) { return y; }, 1e-12, 1000, true) <= 100.0);  // the exponential magnifies by |x| <= 28
  CHECK(portable::inverse_softplus(0.0) == -kInf);
  CHECK(std::isnan(portable::inverse_softplus(-1.0)));
}

TEST_CASE("portable sigmoid: matches the C library, its inverse undoes it") {
  const auto reference = [](double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); };
  CHECK(worst(portable::sigmoid, reference, -700, 100) <= 3.0);
  CHECK(worst(portable::sigmoid, reference, -5, 5) <= 3.0);
  CHECK(portable::sigmoid(0.0) == 0.5);
  CHECK(portable::sigmoid(kInf) == 1.0);
  CHECK(portable::sigmoid(-kInf) == 0.0);
  CHECK(portable::sigmoid(-1000.0) == 0.0);
  CHECK(std::isnan(portable::sigmoid(kNan)));
  const auto there_and_back = [](double p) { return portable::sigmoid(portable::logit(p)); };
  CHECK(worst(there_and_back, [](double p) { return p; }, 1e-6, 0.999) <= 40.0);
  CHECK(portable::logit(0.5) == 0.0);
  CHECK(portable::logit(0.0) == -kInf);
  CHECK(portable::logit(1.0) == kInf);
  CHECK(std::isnan(portable::logit(1.5)));
}

TEST_CASE("portable math: bitwise repeatable on every platform") {
  const fw::Random random(12, "golden");
  fw::test::Fingerprint bits;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const double x = 40 * (random.uniform(i) - 0.5);
    for (double y : {portable::exp(x), portable::expm1(x), portable::log(x + 20), portable::log1p(x + 20), portable::softplus(x), portable::sigmoid(x)})
      bits.add(y);
  }
  CHECK(bits.value() == 0xbc88ff2c890c62ecu);
}

TEST_SUITE_END();
