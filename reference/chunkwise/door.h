// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What every door of the room checks before it starts: the variant's family, the settings, and the inputs.
#pragma once

#include <string>

#include "chunkwise/chunk.h"
#include "core/problem.h"

namespace fw::chunkwise {

template <class T>
Geometry enter(const char* door, const Inputs<T>& in, const Options& options, const Settings& settings) {
  const VariantInfo& variant = info(options.variant);
  const std::string who = std::string(variant.name) + " chunkwise " + door;
  if (variant.family != Family::delta_rule)
    throw Error(who + ": variant must be of the delta-rule family, got " + std::string(variant.name));
  if (settings.chunk < 1 || settings.block < 1)
    throw Error(who + ": settings.chunk and settings.block must be at least 1, got " + std::to_string(settings.chunk) + " and " +
                std::to_string(settings.block));
  return check_inputs(who.c_str(), in, options);
}

}  // namespace fw::chunkwise
