// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What every call of the room checks first: the variant's family, the settings, the inputs. Shapes are checked by core;
// values by a vectorised scan, and by core's own check (which says what is wrong and where) only if that finds something.
#pragma once

#include <atomic>
#include <limits>
#include <string>

#include "core/parallel.h"
#include "omp/engine.h"
#include "omp/simd/kernels.h"
#include "omp/team.h"

namespace fw::omp {

/// Whether every number of `x` lies in [low, high], looked at by all threads.
template <class T>
bool all_within(const Kernels<T>& kernels, const Tensor<T>& x, T low, T high, int threads) {
  if (!x.defined() || x.numel() == 0) return true;
  constexpr index_t kPiece = 1 << 16;
  const index_t pieces = (x.numel() + kPiece - 1) / kPiece;
  std::atomic<bool> all{true};
  run_team(pieces > 1 ? threads : 1, [&](Team team) {
    bool mine = true;
    team.share(pieces, [&](index_t i) {
      mine = mine && kernels.within(x.data() + i * kPiece, std::min(kPiece, x.numel() - i * kPiece), low, high);
    });
    if (!mine) all = false;
  });
  return all;
}

template <class T>
bool values_look_right(const Kernels<T>& kernels, const Inputs<T>& in, const Options& options, int threads) {
  constexpr T infinity = std::numeric_limits<T>::infinity(), largest = std::numeric_limits<T>::max();
  bool right = true;
  for_each_input(in, [&](const char* text, const Tensor<T>& x) {
    const std::string name = text;
    T low = -largest, high = largest;
    if (name == "g" && options.decay_activation == DecayActivation::none) {
      low = -infinity;
      if (options.check_ranges) high = T(0);
    }
    if ((name == "b" || name == "w" || name == "beta") && options.check_ranges && !options.sigmoid_gates) low = T(0), high = T(2);
    right = right && all_within(kernels, x, low, high, threads);
  });
  return right;
}

/// Geometry of a call that is in order; otherwise throws fw::Error "gdn2 omp forward: argument, expected, got".
template <class T>
Geometry enter(const char* door, const Kernels<T>& kernels, const Inputs<T>& in, const Options& options, const Settings& settings) {
  const VariantInfo& row = info(options.variant);
  const std::string who = std::string(row.name) + " omp " + door;
  if (row.family != Family::delta_rule)
    throw Error(who + ": variant must be of the delta-rule family, got " + std::string(row.name));
  if (settings.segments < 1) throw Error(who + ": settings.segments must be at least 1, got " + std::to_string(settings.segments));
  if (options.threads < 0) throw Error(who + ": options.threads must be at least 0, got " + std::to_string(options.threads));
  Options shapes_only = options;
  shapes_only.check_finite = shapes_only.check_ranges = false;
  const Geometry geo = check_inputs(who.c_str(), in, shapes_only);
  if (options.check_finite || options.check_ranges) {
    const int threads = options.threads > 0 ? options.threads : available_threads();
    if (!values_look_right(kernels, in, options, threads)) check_inputs(who.c_str(), in, options);
  }
  return geo;
}

/// The tensor as it is where its shape fits, else a fresh one. Whoever asks writes every element.
template <class T>
void fit(Tensor<T>& tensor, const Shape& shape) {
  if (!tensor.defined() || !(tensor.shape() == shape)) tensor = Tensor<T>(shape);
}

}  // namespace fw::omp
