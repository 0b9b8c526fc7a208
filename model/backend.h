// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Who computes the rules: one small table of functions per backend, chosen by name.
//   naive   the ground truth, one token at a time, float or double
//   omp     the fast CPU path; Mamba-3, which it does not have, goes to naive
//   cuda    float only, and only in builds with CUDA on a machine with a GPU
// The model hands over Inputs and keeps them until the backward; `kept` is whatever the backend wants to see again then.
#pragma once

#include <string_view>
#include <vector>

#include "core/problem.h"
#include "omp/engine.h"

namespace fw::model {

template <class T>
struct Kept {
  omp::Saved<T> omp;
};

template <class T>
struct Backend {
  std::string_view name;
  /// Outputs are reused where they fit. kept null: no backward will follow.
  void (*forward)(const Inputs<T>& in, const Options& options, Outputs<T>& out, Kept<T>* kept);
  void (*backward)(const Inputs<T>& in, const Upstream<T>& up, const Options& options, Gradients<T>& grad, const Kept<T>& kept);
};

/// Throws when the name is unknown, or the backend is not in this build or has no such scalar.
template <class T>
const Backend<T>& backend(std::string_view name);
/// The names of backends of this build, e.g. {"naive","omp"}.
std::vector<std::string_view> backend_names();

}  // namespace fw::model
