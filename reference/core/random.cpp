// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/random.h"

#include <cmath>
#include <limits>

#include "core/portable_math.h"

namespace fw {
namespace {

/// Highest power first.
template <std::size_t N>
double polynomial(const std::array<double, N>& coefficients, double x) {
  double sum = 0.0;
  for (double c : coefficients) sum = sum * x + c;
  return sum;
}

// Coefficients of algorithm AS 241: centre |p - 1/2| <= 0.425, tails r = sqrt(-log p) <= 5, far tails beyond.
constexpr std::array kCentreAbove = {2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4, 4.5921953931549871457e+4,
                                     1.3731693765509461125e+4, 1.9715909503065514427e+3, 1.3314166789178437745e+2, 3.3871328727963666080e+0};
constexpr std::array kCentreBelow = {5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4, 2.1213794301586595867e+4,
                                     5.3941960214247511077e+3, 6.8718700749205790830e+2, 4.2313330701600911252e+1, 1.0};
constexpr std::array kTailAbove = {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e+0,
                                   3.64784832476320460504e+0, 5.76949722146069140550e+0, 4.63033784615654529590e+0, 1.42343711074968357734e+0};
constexpr std::array kTailBelow = {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
                                   6.89767334985100004550e-1, 1.67638483018380384940e+0, 2.05319162663775882187e+0, 1.0};
constexpr std::array kFarAbove = {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
                                  2.96560571828504891230e-1, 1.78482653991729133580e+0, 5.46378491116411436990e+0, 6.65790464350110377720e+0};
constexpr std::array kFarBelow = {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
                                  1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0};

/// The finaliser of a 64-bit hash: a bijection that spreads every bit over all others.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::uint32_t low32(std::int64_t x) { return static_cast<std::uint32_t>(static_cast<std::uint64_t>(x)); }

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t second = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(second),
               static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(first)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

double normal_quantile(double p) {
  if (!(p >= 0.0 && p <= 1.0)) return std::numeric_limits<double>::quiet_NaN();
  const double q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kCentreAbove, r) / polynomial(kCentreBelow, r);
  }
  const double tail = q < 0.0 ? p : 1.0 - p;
  const double sign = q < 0.0 ? -1.0 : 1.0;
  if (tail == 0.0) return sign * std::numeric_limits<double>::infinity();
  const double r = std::sqrt(-portable::log(tail));
  if (r <= 5.0) return sign * polynomial(kTailAbove, r - 1.6) / polynomial(kTailBelow, r - 1.6);
  return sign * polynomial(kFarAbove, r - 5.0) / polynomial(kFarBelow, r - 5.0);
}

Random::Random(std::uint64_t seed, std::string_view stream) {
  std::uint64_t name = 0xcbf29ce484222325u;  // FNV-1a
  for (char c : stream) name = (name ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  const std::uint64_t key = mixed(seed + mixed(name));
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
}

std::uint64_t Random::bits(const Position& at) const {
  const auto words = philox4x32({low32(at.i), low32(at.t), low32(at.h), low32(at.b)}, key_);
  return (std::uint64_t{words[1]} << 32) | words[0];
}

double Random::uniform(const Position& at) const {
  return (static_cast<double>(bits(at) >> 12) + 0.5) * 0x1p-52;
}

double Random::normal(const Position& at) const { return normal_quantile(uniform(at)); }

}  // namespace fw
