// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The door of the chunkwise forward: checks, and the launches
//   write_numbers (only where the write gate is one number) -> factors (all chunks at once) -> scan (chunk after chunk).
// Workspace: images [slots, gate heads] (params.h), the write numbers [tokens, HV], the states between segments.
#include "cuda/launch/forward.h"

#include <cstdint>

#include "cuda/launch/by_tokens.h"
#include "cuda/launch/split.h"

namespace fw::cuda {
namespace {
constexpr Door kDoor{"cuda forward"};
/// Where the states between segments begin in the workspace.
std::size_t behind_factors(const Call& call, const Plan& plan) { return (plan.image_bytes() + plan.number_bytes(call) + 255) / 256 * 256; }
}

std::size_t forward_workspace_bytes(const Call& call) {
  const Plan plan = plan_of(kDoor, call);
  if (by_tokens::is_wanted(call, plan)) return by_tokens::forward_workspace_bytes(call, plan);
  return behind_factors(call, plan) + split_of(call, plan, current_device()).bytes;
}

std::size_t saved_bytes(const Call& call) {
  const Plan plan = plan_of(kDoor, call);
  if (by_tokens::is_wanted(call, plan)) return by_tokens::saved_bytes(call, plan);
  return static_cast<std::size_t>(plan.slots * call.HV * call.Dk * call.Dv) * 2;
}

void forward(const Call& call, const Inputs& in, const Outputs& out, void* saved, void* workspace, Stream stream) {
  forward_parts(call, in, out, saved, workspace, stream, {});
}

void forward_parts(const Call& call, const Inputs& in, const Outputs& out, void* saved, void* workspace, Stream stream, const ForwardParts& parts) {
  const Plan plan = plan_of(kDoor, call);
  check_inputs(kDoor, call, plan, in, workspace);
  if (plan.tokens > 0 && out.o == nullptr) kDoor.refuse("o must be given, got null");
  if (plan.N == 0) return;
  if (by_tokens::is_wanted(call, plan)) return by_tokens::forward(kDoor, call, plan, in, out, saved, workspace, stream);
  const chunk::FactorParams f = factor_params(kDoor, call, plan, in, workspace);
  chunk::ScanParams s = scan_params(kDoor, call, plan, in, f, workspace);
  s.initial_state = in.initial_state, s.final_state = out.final_state, s.o = out.o, s.states = saved;
  s.vectors &= kDoor.aligned("o", out.o, call.Dv, dtype_size(call.tensors), 16);
  if (parts.factors) launch_factors(call, plan, in, f, workspace, stream);
  if (!parts.scan) return;
  const Device device = current_device();
  Split split = split_of(call, plan, device);
  if (parts.columns > 0) split.columns = parts.columns;
  if (parts.ends_columns > 0) split.ends_columns = parts.ends_columns;
  launch_scan(s, split, call.tensors == DType::f16, false, device, static_cast<char*>(workspace) + behind_factors(call, plan), stream);
}

}  // namespace fw::cuda
