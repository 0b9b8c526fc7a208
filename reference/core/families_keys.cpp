// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/families_keys.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace fw {

Directions::Directions(KeyLaw law, std::uint64_t seed, index_t width, double length, bool vary_length)
    : law_(law), width_(width), length_(length), vary_length_(vary_length), k_(seed, "k"), q_(seed, "q"), base_(seed, "k base"),
      choice_(seed, "k choice"), q_choice_(seed, "q choice"), size_(seed, "qk length") {}

Tensor<double> Directions::drawn(const Shape& shape, bool query) {
  const index_t T = shape[1], H = shape[2];
  rank_ = shape.rank() == 5 ? shape[3] : 1;
  if (law_ == KeyLaw::orthonormal) draw_bases(shape[0], H);
  Tensor<double> out(shape);
  parallel_for(shape[0] * T, 0, [&](index_t token) {
    for (index_t h = 0; h < H; ++h)
      for (index_t m = 0; m < rank_; ++m)
        row(Position{token / T, token % T, h, m << 20}, query, out.data() + ((token * H + h) * rank_ + m) * width_);
  });
  return out;
}

double Directions::length_of(const Position& at, bool query) const {
  double length = law_ == KeyLaw::longer ? 3.0 * length_ : length_;
  if (vary_length_) length *= 0.5 + size_.uniform(Position{at.b, at.t, at.h, at.i + (query ? 1 : 0)});
  return length;
}

void Directions::add_normals(const Random& random, const Position& at, double gain, double* x) const {
  for (index_t i = 0; i < width_; ++i) x[i] += gain * random.normal(Position{at.b, at.t, at.h, at.i + i});
}
void Directions::normalise(double* x, double length) const {
  double squares = 0.0;
  for (index_t i = 0; i < width_; ++i) squares += x[i] * x[i];
  const double gain = squares > 0.0 ? length / std::sqrt(squares) : 0.0;
  for (index_t i = 0; i < width_; ++i) x[i] *= gain;
}

void Directions::row(const Position& at, bool query, double* x) const {
  const Random& own = query ? q_ : k_;
  const std::uint64_t choice = (query ? q_choice_ : choice_).bits(at);
  const double noise = 1.0 / std::sqrt(static_cast<double>(width_));
  const bool about_the_past = !query || (choice >> 40) % 2 == 0;  // half of the queries follow the law of the keys
  switch (law_) {
    case KeyLaw::correlated:  // unit base and noise of norm 1/3: pairs have cosine 1 / (1 + 1/9) = 0.9
      if (about_the_past) base_direction(Position{at.b, 0, at.h, 0}, x);
      add_normals(own, at, about_the_past ? noise / 3.0 : 1.0, x);
      break;
    case KeyLaw::duplicate:
      if (about_the_past) base_direction(Position{at.b, static_cast<index_t>(choice % 8), at.h, 0}, x);
      if (!about_the_past || (choice >> 20) % 2 == 0) add_normals(own, at, about_the_past ? 1e-3 * noise : 1.0, x);
      break;
    case KeyLaw::identical:
      if (about_the_past) base_direction(Position{at.b, 0, at.h, 0}, x);
      else add_normals(own, at, 1.0, x);
      break;
    case KeyLaw::orthonormal: {  // the n-th key is basis vector n mod Dk; a query asks for one of the last Dk keys
      const index_t n = at.t * rank_ + (at.i >> 20);
      const index_t back = query ? static_cast<index_t>(choice % static_cast<std::uint64_t>(std::min(n + 1, width_))) : 0;
      const double* from = basis(at.b, at.h) + (n - back) % width_ * width_;
      std::copy(from, from + width_, x);
      break;
    }
    case KeyLaw::positive:
      add_normals(own, at, 1.0, x);
      for (index_t i = 0; i < width_; ++i) x[i] = std::fabs(x[i]);
      break;
    case KeyLaw::zero:
      if (choice % 8 != 0) add_normals(own, at, 1.0, x);
      break;
    case KeyLaw::independent:
    case KeyLaw::longer: add_normals(own, at, 1.0, x); break;
  }
  normalise(x, length_of(at, query));
}

void Directions::base_direction(const Position& at, double* x) const {
  add_normals(base_, at, 1.0, x);
  normalise(x, 1.0);
}

/// One orthonormal basis of Dk vectors for each (b,h), by Gram-Schmidt done twice.
void Directions::draw_bases(index_t B, index_t H) {
  heads_ = H;
  bases_.assign(static_cast<std::size_t>(B * H * width_ * width_), 0.0);
  parallel_for(B * H, 0, [&](index_t head) {
    double* rows = bases_.data() + head * width_ * width_;
    for (index_t r = 0; r < width_; ++r) {
      double* x = rows + r * width_;
      base_direction(Position{head / H, r, head % H, 0}, x);
      for (index_t pass = 0; pass < 2; ++pass) {
        for (index_t s = 0; s < r; ++s) {
          const double* y = rows + s * width_;
          double dot = 0.0;
          for (index_t i = 0; i < width_; ++i) dot += x[i] * y[i];
          for (index_t i = 0; i < width_; ++i) x[i] -= dot * y[i];
        }
        normalise(x, 1.0);
      }
    }
  });
}

}  // namespace fw
