// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The door of the chunkwise backward: checks, and the launches
//   [write_numbers, factors] -> [scan, for the states] -> adjoint scan -> gradients (all chunks at once) -> [finish]
// in brackets what is left out when the forward's factors or states were kept, or when the gradients of the kernel are already those of
// the caller's tensors. A scan may be cut along time (split.h). Workspace: that of the forward, the adjoint states, the states if they were not kept, then for finish() the
// gradients of the effective quantities in float32 and its partial sums.
#include <cstdint>

#include "cuda/chunk/gradient_params.h"
#include "cuda/gradients/finish.h"
#include "cuda/launch/by_tokens.h"
#include "cuda/launch/split.h"

namespace fw::cuda {
namespace {

constexpr Door kDoor{"cuda backward"};

/// Whether gradients_kernel writes what the caller asked for: every gate has its own value head, and no activation or norm lies between
/// the tensors and the recurrence. Where a gate is one number for all channels, a block must have all channels.
bool is_direct(const Call& call, const Plan& plan, const Device& device) {
  const Options& options = call.options;
  const bool raw = !options.l2norm_qk && !options.sigmoid_gates && options.decay_activation == DecayActivation::none;
  const bool own_heads = call.H == call.HV && (plan.row.decay == Decay::none || plan.g_heads == call.HV) && (!plan.gated || plan.b_heads == call.HV);
  const bool own_channels = plan.row.decay != Decay::scalar && plan.row.erase != Erase::scalar;
  return raw && own_heads && plan.row.erase != Erase::mean && plan.row.write != Write::mean &&
         (own_channels || chunk::gradients_have_all_channels(plan.image.Kp, device.shared_block));
}

/// Where everything lies in the workspace, in bytes from its start.
struct Places {
  std::size_t split = 0, adjoints = 0, states = 0, dq = 0, dk = 0, de = 0, dg = 0, dz = 0, finish = 0, bytes = 0;
};
Places places_of(const Call& call, const Plan& plan, const Split& split, bool direct, bool states_kept) {
  Places at;
  const auto take = [&](std::size_t bytes) {
    const std::size_t from = at.bytes;
    at.bytes += (bytes + 255) / 256 * 256;
    return from;
  };
  take(plan.image_bytes() + plan.number_bytes(call));
  at.split = take(split.bytes);
  const std::size_t states = static_cast<std::size_t>(plan.slots * call.HV * call.Dk * call.Dv) * 2;
  at.adjoints = take(states);
  if (!states_kept) at.states = take(states);
  if (direct) return at;
  const std::size_t keys = static_cast<std::size_t>(plan.tokens * call.HV * call.Dk) * sizeof(float);
  at.dq = take(keys), at.dk = take(keys), at.de = plan.erases ? take(keys) : 0, at.dg = plan.row.decay == Decay::none ? 0 : take(keys);
  at.dz = take(static_cast<std::size_t>(plan.tokens * call.HV * call.Dv) * sizeof(float));
  at.finish = take(gradients::finish_workspace_bytes(call));
  return at;
}

void check_gradients(const Call& call, const Plan& plan, const Upstream& up, const Gradients& g) {
  const bool activated = call.options.decay_activation != DecayActivation::none;
  const auto unused = [](const char* name, const void* pointer, bool used) {
    if (!used) kDoor.given(name, pointer, false);
  };
  if (plan.tokens > 0 && up.d_o == nullptr) kDoor.refuse("d_o must be given, got null");
  unused("dg", g.dg, plan.row.decay != Decay::none);
  unused("db", g.db, plan.gated);
  unused("dw", g.dw, plan.row.write == Write::channel || plan.row.write == Write::mean);
  unused("dbeta", g.dbeta, plan.row.erase == Erase::scalar || plan.row.write == Write::scalar);
  unused("dA_log", g.dA_log, activated);
  unused("ddt_bias", g.ddt_bias, activated);
}

}  // namespace

std::size_t backward_workspace_bytes(const Call& call, bool states_kept) {
  const Plan plan = plan_of(kDoor, call);
  if (by_tokens::is_wanted(call, plan)) return by_tokens::backward_workspace_bytes(call, plan, states_kept);
  const Device device = current_device();
  return places_of(call, plan, split_of(call, plan, device), is_direct(call, plan, device), states_kept).bytes;
}

void backward(const Call& call, const Inputs& in, const Upstream& up, const Gradients& gradients, const Kept& kept, void* workspace, Stream stream) {
  const Plan plan = plan_of(kDoor, call);
  check_inputs(kDoor, call, plan, in, workspace);
  check_gradients(call, plan, up, gradients);
  if (plan.N == 0) return;
  if (by_tokens::is_wanted(call, plan)) return by_tokens::backward(kDoor, call, plan, in, up, gradients, kept, workspace, stream);
  const Device device = current_device();
  const bool direct = is_direct(call, plan, device);
  const Split split = split_of(call, plan, device);
  const Places places = places_of(call, plan, split, direct, kept.states != nullptr);
  const auto at = [&](std::size_t place) { return static_cast<char*>(workspace) + place; };
  const std::size_t size = dtype_size(call.tensors);
  const bool half = call.tensors == DType::f16;
  const chunk::FactorParams f = factor_params(kDoor, call, plan, in, workspace);
  chunk::ScanParams forward = scan_params(kDoor, call, plan, in, f, workspace);

  if (!kept.factors) launch_factors(call, plan, in, f, workspace, stream);
  const void* states = kept.states;
  if (states == nullptr) {
    chunk::ScanParams s = forward;
    s.initial_state = in.initial_state, s.states = at(places.states);
    launch_scan(s, split, half, false, device, at(places.split), stream);
    states = at(places.states);
  }
  const bool d_o_aligned = kDoor.aligned("d_o", up.d_o, call.Dv, size, 16);
  chunk::ScanParams s = forward;
  s.v = up.d_o, s.w = nullptr, s.write_numbers = nullptr, s.write_channel = 0, s.vectors = d_o_aligned;
  s.initial_state = up.dfinal_state, s.final_state = gradients.dinitial_state, s.states = at(places.adjoints);
  launch_scan(s, split, half, true, device, at(places.split), stream);
  if (plan.tokens == 0) {
    if (!direct) gradients::finish(call, in, {}, gradients, at(places.finish), stream);
    return;
  }

  chunk::GradientParams p{};
  p.raw = f;
  p.v = in.v, p.w = forward.write_channel ? in.w : nullptr, p.d_o = up.d_o, p.write_numbers = forward.write_numbers;
  p.states = states, p.adjoints = at(places.adjoints);
  p.Dv = static_cast<int>(call.Dv), p.erase = plan.erases, p.write_channel = forward.write_channel, p.floats = forward.floats;
  const auto rows = [&](const char* name, const void* tensor, index_t width) { return kDoor.aligned(name, tensor, width, size, 16); };
  p.vectors = forward.vectors & d_o_aligned & rows("q", in.q, call.Dk) & rows("k", in.k, call.Dk) & rows("b", in.b, call.Dk) & rows("dq", gradients.dq, call.Dk) &
              rows("dk", gradients.dk, call.Dk) & rows("db", gradients.db, call.Dk) & rows("dv", gradients.dv, call.Dv) & rows("dw", gradients.dw, call.Dv);
  if (plan.row.decay == Decay::channel) p.vectors &= kDoor.aligned("g", in.g, call.Dk, dtype_size(call.g), 16) & kDoor.aligned("dg", gradients.dg, call.Dk, dtype_size(call.g), 16);
  p.state_vectors = call.Dv % 8 == 0 && reinterpret_cast<std::uintptr_t>(states) % 16 == 0;
  p.direct = direct;
  if (direct) {
    p.dq = gradients.dq, p.dk = gradients.dk, p.dv = gradients.dv, p.dg = gradients.dg, p.db = gradients.db, p.dw = gradients.dw, p.dbeta = gradients.dbeta;
    chunk::launch_gradients(p, half, device.shared_block, stream);
    return;
  }
  gradients::Effective effective;
  const auto numbers = [&](std::size_t place) { return reinterpret_cast<float*>(at(place)); };
  p.dq = numbers(places.dq), p.dk = numbers(places.dk), p.dv = numbers(places.dz);
  p.db = plan.erases ? numbers(places.de) : nullptr, p.dg = plan.row.decay == Decay::none ? nullptr : numbers(places.dg);
  chunk::launch_gradients(p, half, device.shared_block, stream);
  effective.dq = numbers(places.dq), effective.dk = numbers(places.dk), effective.dz = numbers(places.dz);
  effective.de = static_cast<const float*>(p.db), effective.dg = static_cast<const float*>(p.dg), effective.dq_before_scale = true;
  gradients::finish(call, in, effective, gradients, at(places.finish), stream);
}

}  // namespace fw::cuda
