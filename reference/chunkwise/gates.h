// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The functions that turn a layer's raw numbers into gates, with their derivatives, safe at both ends.
//   sigmoid   s(x) = 1 / (1 + exp(-x)),      s'(x) = s(x) s(-x)
//   softplus  p(x) = log(1 + exp(x)),        p'(x) = s(x)
//   decay     softplus form: g = -rate p(x)  bounded form: g = lower s(rate x),   rate = exp(A_log), x = raw + dt_bias
#pragma once

#include <cmath>

#include "core/problem.h"

namespace fw::chunkwise {

template <class T>
T sigmoid(T x) {
  const T small = std::exp(-std::fabs(x));
  return (x >= T(0) ? T(1) : small) / (T(1) + small);
}
template <class T>
T sigmoid_slope(T x) { return sigmoid(x) * sigmoid(-x); }
template <class T>
T softplus(T x) { return std::fmax(x, T(0)) + std::log1p(std::exp(-std::fabs(x))); }

/// The log-decay and what it moves with: derivatives by the raw value (also by dt_bias) and by A_log.
template <class T>
struct ActivatedDecay {
  T g, by_raw, by_A_log;
};

/// `A_log` and `bias` of the head (and channel); not looked at without activation.
template <class T>
ActivatedDecay<T> activate_decay(T raw, T A_log, T bias, const Options& options) {
  if (options.decay_activation == DecayActivation::none) return {raw, T(1), T(0)};
  const T rate = std::exp(A_log), x = raw + bias;
  if (options.decay_activation == DecayActivation::softplus) {
    const T g = -rate * softplus(x);
    return {g, -rate * sigmoid(x), g};
  }
  const T lower = static_cast<T>(options.decay_lower_bound), by_x = lower * sigmoid_slope(rate * x) * rate;
  return {lower * sigmoid(rate * x), by_x, by_x * x};
}

}  // namespace fw::chunkwise
