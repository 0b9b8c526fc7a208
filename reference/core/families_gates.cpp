// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/families_gates.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/portable_math.h"

namespace fw {
namespace {

constexpr double kForget = -std::numeric_limits<double>::infinity();
/// sigmoid(-8): beyond it float32 loses the derivative of the activation.
constexpr double kEdge = 1.0 / 2981.0;

}  // namespace

Gates::Gates(const Recipe& recipe, const ProblemShape& shape, const VariantInfo& variant, std::uint64_t seed)
    : recipe_(recipe), shape_(shape), channels_(variant.decay == Decay::channel), g_(seed, "g"), choice_(seed, "g choice"), A_(seed, "A_log"),
      bias_(seed, "dt_bias"), erase_(seed, "b"), write_(seed, "w"), tied_(seed, "beta"), token_(seed, "gate token") {}

double Gates::A_log(index_t h) const { return portable::log(A(h)); }
/// Softplus: the inverse of a step log-uniform in (1e-3, 0.1), as layers are initialised.
double Gates::dt_bias(index_t h, index_t i) const {
  const double u = bias_.uniform(Position{0, 0, h, i});
  return bounded() ? -6.0 + 5.0 * u : portable::inverse_softplus(portable::exp((u - 1.5) * 4.605170185988091));
}

/// What the tensor g holds.
double Gates::g(const Position& at) const {
  const bool raw = shape_.decay_activation != DecayActivation::none;
  if (recipe_.decay == DecayLaw::typical) {
    const double x = g_.normal(at);
    return raw ? x : -A(at.h) * portable::softplus(x + dt_bias(at.h, at.i));
  }
  const double decay = -log_decay(at);
  if (!raw) return -decay;
  const double bias = dt_bias(at.h, at.i);
  if (bounded()) return portable::logit(std::clamp(decay / 5.0, 2e-7, 1.0 - kEdge)) / A(at.h) - bias;
  return portable::inverse_softplus(std::clamp(decay, 1e-6, 1000.0) / A(at.h)) - bias;
}

double Gates::b(const Position& at, index_t group) const { return erase_gate(erase_, at, group); }
double Gates::beta(const Position& at, index_t group) const { return erase_gate(tied_, at, group); }
double Gates::w(const Position& at, index_t group) const { return stored(gate(write_, at, group, 1.0), 1.0); }
double Gates::lambda(const Position& at) const {
  if (recipe_.gates == GateLaw::extreme) return static_cast<double>(write_.bits(at) >> 63);
  return recipe_.gates == GateLaw::constant ? 0.5 : write_.uniform(at);
}
/// Step sizes log-uniform in (0.05, 1).
double Gates::dt(const Position& at) const {
  return recipe_.gates == GateLaw::constant ? 0.5 : portable::exp(tied_.uniform(at) * -2.995732273553991);
}

double Gates::A(index_t h) const {
  const double u = A_.uniform(Position{0, 0, h, 0});
  return bounded() ? 0.5 + 1.5 * u : 1.0 + 15.0 * u;
}

double Gates::log_decay(const Position& at) const {
  const double u = g_.uniform(at), chance = choice_.uniform(at);
  switch (recipe_.decay) {
    case DecayLaw::weak: return -0.01 * u;
    case DecayLaw::zero: return 0.0;
    case DecayLaw::zero_half: return chance < 0.5 ? 0.0 : mixed(at, u, choice_.uniform(Position{at.b, at.t, at.h, at.i + (1 << 19)}));
    case DecayLaw::strong: {  // the sum over 64 tokens goes through the exponents where formats and tricks give out
      constexpr double kSpans[] = {80.0, 88.0, 100.0, 126.0, 127.5, 300.0, 600.0};
      return -kSpans[(at.t / 64 + at.h + at.i) % 7] / 64.0 * (0.5 + u);
    }
    case DecayLaw::hard_mask: {
      const Position token{at.b, at.t, at.h, 1 << 19};
      const std::uint64_t bits = choice_.bits(token);
      if (bits % 24 != 0 || (at.h % 2 == 0 && channels_ && chance < 0.5)) return mixed(at, u, chance);
      return (bits >> 32) % 2 == 0 ? kForget : -1000.0;
    }
    case DecayLaw::positive: return -0.06 + 0.11 * u;
    case DecayLaw::typical:
    case DecayLaw::mixed: break;
  }
  return mixed(at, u, chance);
}

/// A time constant for each channel, 1 to 1e5 in four bands by channel mod 4. A scalar decay has one for each head (the
/// head mod 4 chooses the band) and a token in 64 that forgets 95 %.
double Gates::mixed(const Position& at, double u, double chance) const {
  constexpr double kHeadBands[] = {2.0, 1.0, 3.0, 0.0};
  const double band = channels_ ? 3.0 - static_cast<double>(at.i % 4) : kHeadBands[at.h % 4];
  const double place = A_.uniform(Position{0, 1, at.h, at.i});
  const double rate = portable::exp(-1.25 * 2.302585092994046 * (band + place));
  return -rate * (0.5 + u) - (!channels_ && chance < 1.0 / 64.0 ? 3.0 : 0.0);
}

/// A gate in [0,2] before any activation; `top` bounds the typical law: sigmoid(randn) * top.
double Gates::gate(const Random& random, const Position& at, index_t group, double top) const {
  switch (recipe_.gates) {
    case GateLaw::typical: return top * portable::sigmoid(random.normal(at));
    case GateLaw::one: return 1.0;
    case GateLaw::extreme: {
      const std::uint64_t token = token_.bits(Position{at.b, at.t, at.h / group, 0}) % 8;
      return token == 0 ? 0.0 : token == 1 ? 2.0 : static_cast<double>((random.bits(at) >> 8) % 3);
    }
    case GateLaw::wide: return 2.0 * random.uniform(at);
    case GateLaw::constant: return portable::sigmoid(token_.normal(Position{at.b, at.t, at.h / group, 0}));
  }
  return 1.0;
}
double Gates::erase_gate(const Random& random, const Position& at, index_t group) const {
  const double top = shape_.sigmoid_gates && shape_.erase_times_two ? 2.0 : 1.0;
  return stored(gate(random, at, group, top) * (recipe_.keys == KeyLaw::longer && !shape_.l2norm_qk ? 1.0 / 9.0 : 1.0), top);
}
/// The gate, or the raw value whose sigmoid times `top` it is. Where (0,2) does not fit below `top`, it is halved or cut.
double Gates::stored(double value, double top) const {
  if (!shape_.sigmoid_gates) return value;
  const double fitting = recipe_.gates == GateLaw::wide ? value / 2.0 : value / top;
  return portable::logit(std::clamp(fitting, kEdge, 1.0 - kEdge));
}

}  // namespace fw
