// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/names.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"

namespace fw::viz {

Vec unit_vector(std::uint64_t seed, const std::string& kind, const std::string& name, int size) {
  const Random random(seed, kind + " " + name);
  Vec x(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) x[static_cast<std::size_t>(i)] = random.normal(Position{0, 0, 0, i});
  const double length = norm(x);
  for (double& element : x) element /= length;
  return x;
}

Vec Names::orthonormal(const std::string& name, Vec x, const std::vector<Vec>& to) const {
  const double before = norm(x);
  // Twice: the second pass removes what rounding left of the first.
  for (int pass = 0; pass < 2; ++pass)
    for (const Vec& y : to) {
      const double along = dot(x, y);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] -= along * y[i];
    }
  const double length = norm(x);
  if (!(length > 1e-9 * before))
    throw Error("timeline: \"" + name + "\": expected at most " + std::to_string(to.size()) + " orthonormal " + kind_ +
                "s in so many channels, got one more");
  for (double& element : x) element /= length;
  return x;
}

const Vec& Names::keep(const std::string& name, Vec x) { return known_.insert_or_assign(name, std::move(x)).first->second; }

const Vec& Names::of(const std::string& name) {
  if (const auto found = known_.find(name); found != known_.end()) return found->second;
  if (scheme_ == Scheme::random) return keep(name, draw(name));
  if (scheme_ == Scheme::orthonormal) {
    basis_.push_back(orthonormal(name, draw(name), basis_));
    return keep(name, basis_.back());
  }
  const int half = size_ / 2;
  basis_.push_back(orthonormal(name, unit_vector(seed_, kind_, name, size_ - half), basis_));
  Vec x(static_cast<std::size_t>(size_), 0.0);
  const Vec common = half > 0 ? unit_vector(seed_, kind_, "what all share", half) : Vec();
  for (int i = 0; i < half; ++i) x[static_cast<std::size_t>(i)] = std::sqrt(shared_) * common[static_cast<std::size_t>(i)];
  for (int i = half; i < size_; ++i)
    x[static_cast<std::size_t>(i)] = std::sqrt(1.0 - shared_) * basis_.back()[static_cast<std::size_t>(i - half)];
  return keep(name, std::move(x));
}

void Names::shape(const std::string& name, const std::vector<Band>& bands) {
  const Vec whole = draw(name);
  Vec x(static_cast<std::size_t>(size_), 0.0);
  double total = 0.0;
  for (const Band& band : bands) total += band.energy;
  for (const Band& band : bands) {
    double energy = 0.0;
    for (int i = band.first; i < band.last; ++i) energy += whole[static_cast<std::size_t>(i)] * whole[static_cast<std::size_t>(i)];
    const double factor = std::sqrt(band.energy / total / energy);
    for (int i = band.first; i < band.last; ++i) x[static_cast<std::size_t>(i)] = factor * whole[static_cast<std::size_t>(i)];
  }
  if (scheme_ == Scheme::orthonormal) {
    // Later names keep clear of it; it itself is where it was put.
    Vec rest = x;
    for (const Vec& y : basis_) {
      const double along = dot(rest, y);
      for (std::size_t i = 0; i < rest.size(); ++i) rest[i] -= along * y[i];
    }
    const double length = norm(rest);
    if (length > 1e-9) {
      for (double& element : rest) element /= length;
      basis_.push_back(std::move(rest));
    }
  }
  keep(name, std::move(x));
}

void Names::near(const std::string& name, const std::string& other, double cosine) {
  const Vec to = of(other);
  const bool all = scheme_ == Scheme::orthonormal;
  const Vec apart = orthonormal(name, draw(name), all ? basis_ : std::vector<Vec>{to});
  if (all) basis_.push_back(apart);
  Vec x = to;
  const double sine = std::sqrt(std::max(0.0, 1.0 - cosine * cosine));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = cosine * to[i] + sine * apart[i];
  keep(name, std::move(x));
}

}  // namespace fw::viz
