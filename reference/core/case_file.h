// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One call of a kernel as a file: inputs, upstream gradients, and whatever outputs and gradients the kernel returned.
// Tensors carry the names of core/problem.h: q k v g b w beta A_log dt_bias dt lambda theta initial_state ... cu_seqlens; do
// dfinal_state ...; o final_state ...; dq dk ... dinitial_state. The metadata, all texts, say what the call meant:
//   variant                       name of the rule                 scale             decimal number, default 1/sqrt(Dk)
//   layout        BTHK | BHTK     [B,T,H,...] or [B,H,T,...], of every tensor with a token axis (B first in both)
//   state_layout  KV | VK         [N,HV,Dk,Dv] or [N,HV,Dv,Dk], of initial_state, final_state and their gradients
//   l2norm_qk sigmoid_gates erase_times_two check_ranges   true | false             l2norm_eps, decay_lower_bound   numbers
//   decay_activation              none | softplus | bounded        window            tokens, sliding-window attention
// In memory everything is [B,T,H,...], [N,HV,Dk,Dv] and double: other layouts are converted here and nowhere else.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/problem.h"
#include "core/safetensors.h"

namespace fw {

enum class Layout { BTHK, BHTK };
enum class StateLayout { KV, VK };

/// "BTHK" or "BHTK" (also with D as last letter), "KV" or "VK", in any case; throw when it is neither.
Layout layout_from_name(std::string_view name);
StateLayout state_layout_from_name(std::string_view name);
std::string_view layout_name(Layout layout);
std::string_view state_layout_name(StateLayout layout);
/// "none", "softplus" or "bounded"; throws when it is none of these.
DecayActivation decay_activation_from_name(std::string_view name);
std::string_view decay_activation_name(DecayActivation activation);

/// What the caller knows better than the file; empty means that the file's metadata count.
struct CaseOptions {
  std::string variant, layout, state_layout;
  std::optional<double> scale;
  std::map<std::string, std::string> metadata;  ///< replaces any other key of the metadata
};

struct CaseFile {
  Inputs<double> in;
  Upstream<double> up;
  Options options;
  Outputs<double> out;
  Gradients<double> grad;
  std::map<std::string, DType> dtypes;          ///< type in the file of every tensor given; absent: f64
  std::map<std::string, std::string> metadata;  ///< the file's own, with what the options replaced
  Layout layout = Layout::BTHK;                 ///< in the file
  StateLayout state_layout = StateLayout::KV;
  std::vector<std::string> warnings;            ///< what was ignored or assumed
};

/// Sort the tensors, convert layouts, check names, types and shapes. Values (finite, in range) are the rule's to check.
/// Throws fw::Error on anything that leaves the call unclear; where another layout would fit the shapes, the message says so.
CaseFile read_case(const TensorFile& file, const CaseOptions& overrides = {});

/// The reverse: every tensor given rounded to its dtype and laid out as `layout` and `state_layout` say; metadata from
/// `options`, over those of `metadata`.
TensorFile to_tensor_file(const CaseFile& file);

}  // namespace fw
