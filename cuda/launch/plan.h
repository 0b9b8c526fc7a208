// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What forward() and backward() share: a call whose sizes are in order and what follows from them, the checks of the caller's tensors,
// the parameters of the kernels.
#pragma once

#include <cstddef>
#include <string>

#include "cuda/chunk/params.h"

namespace fw::cuda {

/// Refusals: throw Error "<who>: <argument> must be ..., got ...".
struct Door {
  const char* who;  ///< "cuda forward"
  [[noreturn]] void refuse(const std::string& text) const { throw Error(std::string(who) + ": " + text); }
  void range(const char* name, index_t value, index_t low, index_t high) const;
  void given(const char* name, const void* pointer, bool needed) const;
  index_t heads_of(const char* name, index_t heads, const Call& call) const;
  /// Whether rows of `width` elements from `pointer` on all begin at multiples of `bytes`; a pointer that is no multiple of its
  /// element is a mistake.
  bool aligned(const char* name, const void* pointer, index_t width, std::size_t element, std::size_t bytes) const;
};

/// A call whose sizes are in order, and what follows from them.
struct Plan {
  const VariantInfo& row;
  bool erases, gated;        ///< has an erase side; reads b
  bool one_number;           ///< the write gate is one number
  index_t N, tokens, slots, g_heads, b_heads, heads;
  chunk::Image image;
  std::size_t image_bytes() const { return static_cast<std::size_t>(slots * heads) * static_cast<std::size_t>(image.bytes()); }
  std::size_t number_bytes(const Call& call) const { return one_number ? static_cast<std::size_t>(tokens * call.HV) * sizeof(float) : 0; }
};
Plan plan_of(const Door& door, const Call& call);
void check_inputs(const Door& door, const Call& call, const Plan& plan, const Inputs& in, const void* workspace);

struct Device {
  int multiprocessors, shared_block;
  bool wide;  ///< the wide matrix instruction of sm_90a
};
Device current_device();
/// For tests: kernels are chosen as on a device without the wide matrix instruction whose blocks have this much shared memory; 0: as it is.
void pretend_shared_block(int bytes);

/// Of the kernels; images and write numbers lie at the start of the workspace.
chunk::FactorParams factor_params(const Door& door, const Call& call, const Plan& plan, const Inputs& in, void* workspace);
/// Without o, states, initial_state and final_state.
chunk::ScanParams scan_params(const Door& door, const Call& call, const Plan& plan, const Inputs& in, const chunk::FactorParams& f, void* workspace);
/// The write numbers, where there are any, and the factors.
void launch_factors(const Call& call, const Plan& plan, const Inputs& in, const chunk::FactorParams& f, void* workspace, Stream stream);

}  // namespace fw::cuda
