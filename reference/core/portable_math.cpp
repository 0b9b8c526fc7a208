// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/portable_math.h"

#include <bit>
#include <cstdint>
#include <limits>

namespace fw::portable {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kLog2E = 0x1.71547652b82fep+0;
// ln 2 = high + low; 21 trailing zero bits make n * high exact for |n| < 2^21.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

/// 2^n for -1022 <= n <= 1023, exact.
double power_of_two(int n) { return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52); }

/// value * 2^n with one rounding, for |n| <= 1100 and value near 1.
double scaled(double value, int n) {
  if (n > 1023) return value * power_of_two(1023) * power_of_two(n - 1023);
  if (n < -1022) return value * power_of_two(n + 600) * power_of_two(-600);
  return value * power_of_two(n);
}

/// x = n ln 2 + (r + tail), |r| <= 0.35, tail far below r.
struct Reduced {
  int n;
  double r, tail;
};

Reduced reduced(double x) {
  const double y = x * kLog2E;
  const int n = static_cast<int>(y < 0 ? y - 0.5 : y + 0.5);
  const double high = x - n * kLn2High, low = n * kLn2Low;
  const double r = high - low;
  return {n, r, (high - r) - low};
}

/// (exp(r) - 1 - r) / r^2 by its Taylor series: the first term left out is below 1e-18 of exp(r).
constexpr double kExpSeries[] = {1 / 87178291200.0, 1 / 6227020800.0, 1 / 479001600.0, 1 / 39916800.0, 1 / 3628800.0, 1 / 362880.0, 1 / 40320.0,
                                 1 / 5040.0,        1 / 720.0,        1 / 120.0,       1 / 24.0,       1 / 6.0,       1 / 2.0};
double exp_tail(double r) {
  double sum = 0.0;
  for (double coefficient : kExpSeries) sum = sum * r + coefficient;
  return sum;
}

/// exp(r + tail) - 1
double expm1_kernel(const Reduced& x) { return x.r + (x.tail * (1.0 + x.r) + x.r * x.r * exp_tail(x.r)); }

constexpr double kAtanhSeries[] = {2 / 25.0, 2 / 23.0, 2 / 21.0, 2 / 19.0, 2 / 17.0, 2 / 15.0,
                                   2 / 13.0, 2 / 11.0, 2 / 9.0,  2 / 7.0,  2 / 5.0,  2 / 3.0};

/// log(2^e (1 + f) (1 + c)) for sqrt(1/2) <= 1 + f < sqrt(2) and c at rounding level. With s = f / (2 + f),
/// log(1 + f) = 2 atanh s = f - (f^2/2 - s (f^2/2 + R)), R = 2 s^2/3 + 2 s^4/5 + ...
double log_kernel(int e, double f, double c) {
  const double s = f / (2.0 + f), s2 = s * s, half = 0.5 * f * f;
  double R = 0.0;
  for (double coefficient : kAtanhSeries) R = s2 * (coefficient + R);
  const double small = s * (half + R) + (c + e * kLn2Low);
  return e == 0 ? f - (half - small) : e * kLn2High - ((half - small) - f);
}

/// positive finite x = 2^e m, sqrt(1/2) <= m < sqrt(2)
double split(double x, int& e) {
  e = 0;
  if (x < 0x1p-1022) {
    x *= 0x1p54;
    e = -54;
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  e += static_cast<int>(bits >> 52) - 1023;
  const double m = std::bit_cast<double>((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
  if (m < 0x1.6a09e667f3bcdp+0) return m;
  ++e;
  return 0.5 * m;
}

}  // namespace

double exp(double x) {
  if (x != x) return x;
  if (x > 709.79) return kInf;
  if (x < -745.14) return 0.0;
  const Reduced at = reduced(x);
  return scaled(1.0 + expm1_kernel(at), at.n);
}

double expm1(double x) {
  if (x != x || x == 0.0) return x;
  if (x > 709.79) return kInf;
  if (x < -40.0) return -1.0;
  const Reduced at = reduced(x);
  const double y = expm1_kernel(at);
  if (at.n == 0) return y;
  if (at.n > 60) return scaled(1.0 + y, at.n);
  const double power = power_of_two(at.n);
  return power * y + (power - 1.0);
}

double log(double x) {
  if (x != x || x == kInf) return x;
  if (x < 0.0) return kNan;
  if (x == 0.0) return -kInf;
  int e = 0;
  const double m = split(x, e);
  return log_kernel(e, m - 1.0, 0.0);
}

double log1p(double x) {
  if (x != x || x == kInf || x == 0.0) return x;
  if (x < -1.0) return kNan;
  if (x == -1.0) return -kInf;
  if (x > -0.25 && x < 0.375) return log_kernel(0, x, 0.0);
  const double u = 1.0 + x;
  const double lost = x > 1.0 ? 1.0 - (u - x) : x - (u - 1.0);  // 1 + x = u + lost, exactly
  int e = 0;
  const double m = split(u, e);
  return log_kernel(e, m - 1.0, lost / u);
}

double softplus(double x) { return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

double inverse_softplus(double y) {
  if (y < 0.0) return kNan;
  return y > 1.0 ? y + log1p(-exp(-y)) : log(expm1(y));
}

double sigmoid(double x) {
  if (x >= 0.0) return 1.0 / (1.0 + exp(-x));
  const double y = exp(x);
  return y / (1.0 + y);
}

double logit(double p) {
  if (!(p >= 0.0 && p <= 1.0)) return kNan;
  if (p < 0.25) return log(p / (1.0 - p));
  if (p > 0.75) return -log((1.0 - p) / p);
  return log1p((2.0 * p - 1.0) / (1.0 - p));
}

}  // namespace fw::portable
