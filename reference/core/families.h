// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Input families: named ways of drawing a problem, each made to bring out one kind of mistake. Inputs hide more bugs than
// tolerances do: with the usual random gates the memory dies within a few tokens and whatever happens between chunks
// cannot be seen. A value depends on (variant's tensor name, family, seed, b, t, h, i) only: a longer T, more heads or a
// wider Dv adds values and changes none (the L2 norm of a key aside, when Dk changes).
//
// Every family keeps the problem well posed up to T = 4096: outputs and states stay finite and of moderate size. What each
// does to that end is said where it is drawn (families.cpp) and measured in tests/naive/families_growth_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/problem.h"

namespace fw {

struct InputFamily {
  std::string_view name;         ///< as on the command line, e.g. "keys-duplicate"
  std::string_view description;  ///< what is drawn
  std::string_view purpose;      ///< what it shows
};

/// All families; the first is "typical", the default of the tools is "mixed".
std::span<const InputFamily> input_families();
/// By name; throws with the list of names when unknown.
const InputFamily& input_family(std::string_view name);
/// Whether the variant has what the family is about: decay for "weak", gates for "gates-wide", a state for "magnitude-large".
/// make_problem accepts the others too and draws the typical values in place of what is missing.
bool family_applies(Variant variant, std::string_view family);

/// Sizes and form of a problem to be drawn.
struct ProblemShape {
  index_t B = 2, T = 100, H = 2, HV = 2, Dk = 32, Dv = 48;
  index_t M = 1;                          ///< Mamba-3 MIMO rank
  index_t P = -1;                         ///< Mamba-3 rotated pairs; -1: Dk/2; 0: no theta
  std::optional<bool> g_per_value_head;   ///< unset: as the variant's own kernels have it (value head, but key head for gla and gdn2*)
  std::optional<bool> b_per_value_head;   ///< unset: per key head
  bool initial_state = true;              ///< give initial_state (and Mamba-3's angle, key, value)
  index_t window = 16;                    ///< sliding-window attention
  std::vector<index_t> cu_seqlens;        ///< packed sequences; needs B = 1 and T = the last offset
  bool l2norm_qk = false;                 ///< draw q, k unnormalised and let the rule normalise
  DecayActivation decay_activation = DecayActivation::none;
  bool sigmoid_gates = false;
  bool erase_times_two = false;           ///< with sigmoid_gates

  /// "B2-T100-H3-HV6-Dk32-Dv48", followed by what differs from the defaults, any of
  /// -M4 -P8 -W16 -gH -gHV -bH -bHV -noh0 -l2norm -softplus -bounded -sigmoid -times2 -cu0,15,100
  std::string str() const;
  /// Reads what str() writes, parts in any order, missing ones at their defaults (HV: as H; with -cu: B1 and its T).
  static ProblemShape parse(std::string_view text);
  bool operator==(const ProblemShape&) const = default;
};

/// A call and the gradient that reaches its outputs.
struct Problem {
  Inputs<double> in;
  Options options;      ///< options.check_ranges is off for the family "positive"
  Upstream<double> up;  ///< normal values for every output, final states included: none is zero
};

/// Draw the inputs the variant takes, and no others. Throws on an unknown family or sizes that make no sense.
Problem make_problem(Variant variant, const ProblemShape& shape, std::string_view family, std::uint64_t seed);

/// Round what a kernel would get in 16 bits (q k v b w do) to `tensor_dtype`, and what it gets in higher precision (g beta
/// A_log dt_bias dt lambda theta, initial states and the gradients of final states) to `gate_dtype`.
void round_problem(Problem& problem, DType tensor_dtype, DType gate_dtype);
/// The usual gate type beside a tensor type: f32 for 16-bit tensors, else the same.
DType gate_dtype_of(DType tensor_dtype);

}  // namespace fw
