// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// From names to unit vectors: the same name, kind and seed give the same vector on every machine. How keys and values lie to
// each other is a setting:
//   random        a normal draw per channel, normalised; neighbours overlap by about 1/sqrt(channels)
//   orthonormal   the same draw made orthogonal to all earlier names of its kind (Gram-Schmidt in order of first use), so at
//                 most as many names as channels
//   shared X      keys only: the first half of the channels holds one direction common to all keys with the share X of the
//                 energy, the second half a part of each key's own, orthonormal to the others; any two keys have cosine X
// A single key can be given a shape (energy per range of channels) or a cosine with another key instead.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "viz/model/grid.h"

namespace fw::viz {

enum class Scheme { random, orthonormal, shared };

/// Unit vector of a name: a normal draw per channel, normalised. `kind` separates keys from values.
Vec unit_vector(std::uint64_t seed, const std::string& kind, const std::string& name, int size);

/// Channels [first, last) carry this much of the energy |k|^2, before normalisation.
struct Band {
  int first = 0, last = 0;
  double energy = 1.0;
  bool operator==(const Band&) const = default;
};

/// The vectors of one kind, remembered: under orthonormal a name's vector depends on the names before it.
class Names {
 public:
  Names(std::uint64_t seed, std::string kind, int size, Scheme scheme, double shared = 0.0)
      : seed_(seed), kind_(std::move(kind)), size_(size), scheme_(scheme), shared_(shared) {}

  /// Throws fw::Error when no orthonormal one is left.
  const Vec& of(const std::string& name);
  bool knows(const std::string& name) const { return known_.count(name) > 0; }
  /// Give an unused name its vector: energy by bands (channels outside get none), or cosine c with another name's. `like`: whose
  /// draw is shaped, so that fillers of one shape still differ.
  void shape(const std::string& name, const std::vector<Band>& bands);
  void near(const std::string& name, const std::string& other, double cosine);

 private:
  /// The part of x orthogonal to every vector of `to`, normalised.
  Vec orthonormal(const std::string& name, Vec x, const std::vector<Vec>& to) const;
  const Vec& keep(const std::string& name, Vec x);
  Vec draw(const std::string& name) const { return unit_vector(seed_, kind_, name, size_); }

  std::uint64_t seed_;
  std::string kind_;
  int size_;
  Scheme scheme_;
  double shared_;
  std::map<std::string, Vec> known_;
  std::vector<Vec> basis_;  ///< what the next orthonormal vector must be orthogonal to
};

}  // namespace fw::viz
