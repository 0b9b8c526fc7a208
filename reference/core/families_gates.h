// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The laws that make up a family, and the drawing of decays, gates and step sizes. Internal to families*.cpp.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/families.h"
#include "core/families_keys.h"
#include "core/random.h"

namespace fw {

enum class DecayLaw { typical, mixed, weak, zero, zero_half, strong, hard_mask, positive };
enum class GateLaw { typical, one, extreme, wide, constant };

struct Recipe {
  std::string_view name;
  DecayLaw decay = DecayLaw::mixed;
  GateLaw gates = GateLaw::typical;
  KeyLaw keys = KeyLaw::independent;
  double gain = 1.0;
};

/// Decay, gates and step sizes: element by element, as the rule shall see them after its activations, or as raw values
/// that the activations turn into them. `group` value heads share a key head; tied laws draw once for all of them.
class Gates {
 public:
  Gates(const Recipe& recipe, const ProblemShape& shape, const VariantInfo& variant, std::uint64_t seed);

  double A_log(index_t h) const;
  double dt_bias(index_t h, index_t i) const;
  double g(const Position& at) const;
  double b(const Position& at, index_t group) const;
  double beta(const Position& at, index_t group) const;
  double w(const Position& at, index_t group) const;
  double lambda(const Position& at) const;
  double dt(const Position& at) const;

 private:
  bool bounded() const { return shape_.decay_activation == DecayActivation::bounded; }
  double A(index_t h) const;
  double log_decay(const Position& at) const;
  double mixed(const Position& at, double u, double chance) const;
  double gate(const Random& random, const Position& at, index_t group, double top) const;
  double erase_gate(const Random& random, const Position& at, index_t group) const;
  double stored(double value, double top) const;

  const Recipe& recipe_;
  const ProblemShape& shape_;
  bool channels_;
  Random g_, choice_, A_, bias_, erase_, write_, tied_, token_;
};

}  // namespace fw
