// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The way from the naive loop to the fast path, rung by rung, kept so that each step can be run and measured (docs/cpu.md,
// fastweight bench --rung). Every rung computes the same forward pass; only how it goes about the state differs.
#pragma once

#include <span>
#include <string_view>

#include "omp/engine.h"

namespace fw::omp {

struct Rung {
  int number;
  std::string_view name, idea;
};

/// Rung 0 is the naive loop (naive/reference.h); the last is the engine with all its threads.
std::span<const Rung> rungs();

/// o and the final state by rung 1 .. rungs().size() - 1, any rule of the delta family, any shape and option forward takes.
/// All but the last use one thread. Throws fw::Error on bad input or an unknown rung.
template <class T>
void forward_rung(int rung, const Inputs<T>& in, const Options& options, Outputs<T>& out, const Settings& settings = {});

}  // namespace fw::omp
