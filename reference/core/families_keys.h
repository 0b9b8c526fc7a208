// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Queries and keys of the input families. Internal to families*.cpp.
#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "core/tensor.h"

namespace fw {

enum class KeyLaw { independent, correlated, duplicate, identical, orthonormal, positive, zero, longer };

/// Draws [B,T,H,Dk] or [B,T,H,M,Dk] tensors of directions.
class Directions {
 public:
  /// `length`: norm of each row; `vary_length`: times a random factor in (0.5, 1.5), for rules that normalise themselves.
  Directions(KeyLaw law, std::uint64_t seed, index_t width, double length, bool vary_length);

  Tensor<double> drawn(const Shape& shape, bool query);

 private:
  double length_of(const Position& at, bool query) const;
  void add_normals(const Random& random, const Position& at, double gain, double* x) const;
  void normalise(double* x, double length) const;
  void base_direction(const Position& at, double* x) const;
  void row(const Position& at, bool query, double* x) const;
  void draw_bases(index_t B, index_t H);
  const double* basis(index_t b, index_t h) const { return bases_.data() + (b * heads_ + h) * width_ * width_; }

  KeyLaw law_;
  index_t width_, heads_ = 0, rank_ = 1;
  double length_;
  bool vary_length_;
  Random k_, q_, base_, choice_, q_choice_, size_;
  std::vector<double> bases_;
};

}  // namespace fw
