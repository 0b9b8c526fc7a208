// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
//   forward:   [write_numbers] -> prepare -> forward
//   backward:  [write_numbers, prepare] -> [forward, for the states] -> backward and sum, group after group of sequence-heads and from the
//              last parts of the sequences to the first, so that partial sums never take more than kPartialBytes -> finish
#include "cuda/launch/by_tokens.h"

#include <algorithm>

#include "cuda/gradients/finish.h"
#include "cuda/recurrent/params.h"

namespace fw::cuda::by_tokens {
namespace {

constexpr int kSharedOfWideKeys = 227 * 1024;  ///< what the chunk kernels take at Dk = 256
constexpr std::size_t kPartialBytes = std::size_t{1} << 30;

struct Places {
  std::size_t numbers = 0, q = 0, k = 0, e = 0, alpha = 0, z = 0, forward = 0;
  std::size_t states = 0, carried = 0, partial = 0, dq = 0, dk = 0, de = 0, dg = 0, dz = 0, finish = 0, bytes = 0;
  bool small = false;      ///< blocks of the backward kernel
  index_t Dvp = 0, tiles = 0, pairs = 0, parts = 0, all_parts = 0;  ///< pairs, parts: of a call of the backward kernel
};
Places places_of(const Call& call, const Plan& plan, bool backward, bool states_kept) {
  Places at;
  const auto take = [&](index_t bytes) {
    const std::size_t from = at.bytes;
    at.bytes += (static_cast<std::size_t>(bytes) + 255) / 256 * 256;
    return from;
  };
  const index_t rows = plan.tokens * call.HV, Kp = plan.image.Kp;
  at.Dvp = (call.Dv + 31) / 32 * 32;
  at.numbers = take(static_cast<index_t>(plan.number_bytes(call)));
  at.q = take(rows * Kp * 4), at.k = take(rows * Kp * 4), at.alpha = take(rows * Kp * 4), at.z = take(rows * at.Dvp * 4);
  if (plan.erases) at.e = take(rows * Kp * 4);
  at.forward = at.bytes;
  if (!backward) return at;
  if (!states_kept) at.states = take(static_cast<index_t>(saved_bytes(call, plan)));
  at.carried = take(plan.N * call.HV * call.Dk * call.Dv * 4);
  at.small = recurrent::backward_is_small(static_cast<int>(Kp), current_device().shared_block);
  const index_t columns = recurrent::backward_columns(static_cast<int>(Kp), at.small);
  at.tiles = (call.Dv + columns - 1) / columns;
  at.all_parts = ((plan.N == call.B ? call.T : plan.tokens) + recurrent::kPart - 1) / recurrent::kPart;
  const index_t part = at.tiles * recurrent::kPart * 4 * Kp * 4, room = std::max<index_t>(1, static_cast<index_t>(kPartialBytes) / part);
  at.pairs = std::min({plan.N * call.HV, room, index_t{1024}});
  at.parts = std::max<index_t>(1, std::min(at.all_parts, room / std::max<index_t>(1, at.pairs)));
  at.partial = take(at.pairs * at.parts * part);
  at.dq = take(rows * call.Dk * 4), at.dk = take(rows * call.Dk * 4), at.dz = take(rows * call.Dv * 4);
  if (plan.erases) at.de = take(rows * call.Dk * 4);
  if (plan.row.decay != Decay::none) at.dg = take(rows * call.Dk * 4);
  at.finish = take(static_cast<index_t>(gradients::finish_workspace_bytes(call)));
  return at;
}

recurrent::Steps steps_of(const Plan& plan, const Places& at, void* workspace) {
  const auto numbers = [&](std::size_t place) { return reinterpret_cast<float*>(static_cast<char*>(workspace) + place); };
  return {numbers(at.q), numbers(at.k), plan.erases ? numbers(at.e) : nullptr, numbers(at.alpha), numbers(at.z), plan.image.Kp, static_cast<int>(at.Dvp)};
}
void prepare(const Door& door, const Call& call, const Plan& plan, const Inputs& in, const Places& at, void* workspace, Stream stream) {
  if (plan.tokens == 0) return;
  recurrent::PrepareParams p{};
  p.raw = factor_params(door, call, plan, in, workspace);
  p.tensors = call.tensors, p.v = in.v, p.w = in.w;
  p.Dv = static_cast<int>(call.Dv), p.write_channel = plan.row.write == Write::channel, p.tokens = plan.tokens, p.steps = steps_of(plan, at, workspace);
  if (plan.one_number) {
    auto* numbers = reinterpret_cast<float*>(static_cast<char*>(workspace) + at.numbers);
    const bool beta = plan.row.write == Write::scalar;
    chunk::launch_write_numbers({beta ? in.beta : in.w, numbers, plan.tokens * call.HV, beta ? 1 : p.Dv, call.options.sigmoid_gates, beta ? p.raw.erase_gain : 1.0f},
                                call.tensors, stream);
    p.write_numbers = numbers;
  }
  recurrent::launch_prepare(p, stream);
}
recurrent::ForwardParams forward_params(const Call& call, const Plan& plan, const Inputs& in, const Places& at, void* workspace) {
  recurrent::ForwardParams p{};
  p.steps = steps_of(plan, at, workspace);
  p.tokens = {in.cu_seqlens, call.T, static_cast<int>(plan.N)}, p.initial_state = in.initial_state, p.tensors = call.tensors;
  p.HV = static_cast<int>(call.HV), p.Dk = static_cast<int>(call.Dk), p.Dv = static_cast<int>(call.Dv), p.erase = plan.erases;
  p.value_key = call.state_layout == StateLayout::value_key;
  return p;
}

}  // namespace

bool is_wanted(const Call& call, const Plan& plan) {
  return call.precision == Precision::accurate || (plan.image.Kp > 128 && current_device().shared_block < kSharedOfWideKeys);
}
std::size_t forward_workspace_bytes(const Call& call, const Plan& plan) { return places_of(call, plan, false, true).forward; }
std::size_t saved_bytes(const Call& call, const Plan& plan) { return static_cast<std::size_t>(plan.slots * call.HV * call.Dk * call.Dv) * sizeof(float); }
std::size_t backward_workspace_bytes(const Call& call, const Plan& plan, bool states_kept) { return places_of(call, plan, true, states_kept).bytes; }

void forward(const Door& door, const Call& call, const Plan& plan, const Inputs& in, const Outputs& out, void* saved, void* workspace, Stream stream) {
  const Places at = places_of(call, plan, false, true);
  prepare(door, call, plan, in, at, workspace, stream);
  recurrent::ForwardParams p = forward_params(call, plan, in, at, workspace);
  p.final_state = out.final_state, p.o = out.o, p.states = static_cast<float*>(saved);
  recurrent::launch_forward(p, stream);
}

void backward(const Door& door, const Call& call, const Plan& plan, const Inputs& in, const Upstream& up, const Gradients& gradients, const Kept& kept, void* workspace, Stream stream) {
  const Places at = places_of(call, plan, true, kept.states != nullptr);
  const auto numbers = [&](std::size_t place) { return reinterpret_cast<float*>(static_cast<char*>(workspace) + place); };
  if (!kept.factors) prepare(door, call, plan, in, at, workspace, stream);
  recurrent::ForwardParams again = forward_params(call, plan, in, at, workspace);
  if (kept.states == nullptr) {
    again.states = numbers(at.states);
    recurrent::launch_forward(again, stream);
  }
  recurrent::BackwardParams p{};
  p.steps = again.steps, p.tokens = again.tokens, p.tensors = call.tensors, p.d_o = up.d_o, p.dfinal_state = up.dfinal_state;
  p.states = kept.states != nullptr ? static_cast<const float*>(kept.states) : again.states;
  p.carried = numbers(at.carried), p.dinitial_state = gradients.dinitial_state, p.partial = numbers(at.partial), p.dz = numbers(at.dz);
  p.HV = again.HV, p.Dk = again.Dk, p.Dv = again.Dv, p.erase = again.erase, p.value_key = again.value_key, p.tiles = static_cast<int>(at.tiles);
  p.parts = static_cast<int>(at.parts);
  gradients::Effective effective;
  effective.dq = numbers(at.dq), effective.dk = numbers(at.dk), effective.dz = p.dz;
  effective.de = plan.erases ? numbers(at.de) : nullptr, effective.dg = plan.row.decay == Decay::none ? nullptr : numbers(at.dg);
  const auto all_pairs = static_cast<int>(plan.N * call.HV), calls = static_cast<int>((at.all_parts + at.parts - 1) / at.parts);
  for (p.first_pair = 0; p.first_pair < all_pairs; p.first_pair += p.pairs) {
    p.pairs = std::min(static_cast<int>(at.pairs), all_pairs - p.first_pair);
    for (int i = std::max(calls, 1) - 1; i >= 0; --i) {
      p.first_part = i * p.parts;
      recurrent::launch_backward(p, at.small, stream);
      if (plan.tokens > 0)
        recurrent::launch_sum({p, const_cast<float*>(effective.dq), const_cast<float*>(effective.dk), const_cast<float*>(effective.de), const_cast<float*>(effective.dg)}, stream);
    }
  }
  gradients::finish(call, in, effective, gradients, static_cast<char*>(workspace) + at.finish, stream);
}

}  // namespace fw::cuda::by_tokens
