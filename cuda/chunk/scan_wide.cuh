// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// scan_kernel (scan.cuh: the same formulas, the same rounding) for tiles of 128 value columns on sm_90a, with the wide matrix instruction
// (wgmma.cuh), which reads a factor once for 64 value columns, and with the work divided among warps:
//   warps 0-7   two teams of four, 64 value columns each: products, states (everything between the barriers `images`, `values` and `done`)
//   warps 8-11  the servers: ask for images and raw v and w, turn these into Z, carry O from shared memory to its tensor
// The chain from state to state is as long as the instructions of a warp between two states; what is not on it is not theirs.
//
// Mapping: block = (sequence, segment, value head, tile of 128 value columns). Warp m of the teams owns the value columns 16 m .. 16 m + 15,
// S^T and U^T as accumulators of m16n8k16, which are those of the wide instruction.
//
// Shared memory as ScanMemory says, with one part. Barriers, a phase a use of the stage (bytes of a thread's arrivals behind):
//   images[stage] the image has come     values[stage] Z is there (128)      done[stage] image, Z and O of the chunk have been used, written (256)
//   o_free        O has left its tile (128)
// Registers: 168 a thread at launch; the servers give back all but 88, the teams take 208.
//
// Ranges and numerics: scan.cuh.
#pragma once

#include "cuda/chunk/scan_states.cuh"
#include "cuda/chunk/values.cuh"
#include "cuda/chunk/wgmma.cuh"

namespace fw::cuda::chunk {

inline constexpr int kWideColumns = 128, kWideTeams = 256, kWideServers = 128;

template <class E, int Kp, bool kAdjoint>
__global__ void __launch_bounds__(kWideTeams + kWideServers, 1) scan_wide_kernel(const ScanParams p) {
  constexpr int kTokenTiles = 8, kStateTiles = Kp / 8;
  const int thread = thread_in_block(), lane = thread % 32, r = lane / 4, c = lane % 4, m = thread / 32;
  const Portion own = portion_of(p, block_in_grid());
  if (own.transition && own.segment == 0) return;
  const int v0 = kWideColumns * own.tile;
  const Image layout{Kp, p.erase != 0};
  const ScanMemory memory(layout, kWideColumns, 1, p.stages, p.erase != 0);
  char* shared = shared_memory();
  const index_t begin = p.tokens.begin(own.n), length = p.tokens.length(own.n), slot0 = p.tokens.slot(own.n);
  const Stretch stretch = stretch_of(p, own);
  const bool results = has_results(p, own), wants_o = !kAdjoint && p.o != nullptr && results, o_by_servers = wants_o && p.floats == 0;

  auto* images = reinterpret_cast<std::uint64_t*>(shared + memory.barriers);
  std::uint64_t *values_there = images + 3, *done = images + 6, *o_free = images + 9;
  if (thread == 0) {
    for (int i = 0; i < p.stages; ++i) barrier_init(images + i), barrier_init(values_there + i, kWideServers), barrier_init(done + i, kWideTeams);
    barrier_init(o_free, kWideServers);
  }
  if (own.transition)  // its values are zero
    for (int stage = 0; stage < p.stages; ++stage)
      for (int at = 16 * thread; at < 128 * kWideColumns; at += 16 * (kWideTeams + kWideServers))
        *reinterpret_cast<uint4*>(shared + stage * memory.stage + memory.z + at) = make_uint4(0, 0, 0, 0);
  block_sync();

  if (thread >= kWideTeams) {
    wide::fewer_registers<88>();
    const int server = thread - kWideTeams, skip = kAdjoint || wants_o ? 0 : layout.k();  // Qbar is for o alone
    const ValueSide<E, kWideColumns, kWideServers, true> values{p, own.hv, v0, server, begin, length};
    const auto carry_o = [&](int step) {
      if (!o_by_servers) return;
      values.store_o(shared + memory.o, stretch.place<kAdjoint>(step));
      barrier_arrive(o_free);
    };
    for (int step = 0; step < stretch.steps; ++step) {
      const int at = step % p.stages, chunk = stretch.place<kAdjoint>(step);
      char* stage = shared + at * memory.stage;
      if (step >= p.stages) barrier_wait(done + at, static_cast<unsigned>(step / p.stages - 1) & 1u);
      if (server == 0) {
        const char* image = p.images + ((slot0 + chunk) * p.heads + own.head) * layout.bytes();
        bulk_copy(stage + skip, image + skip, layout.bytes() - skip, images + at);
      }
      if (!own.transition) values.ask(stage, memory, chunk);
      copy_commit();
      if (step >= p.stages) carry_o(step - p.stages);
      if (own.transition) continue;
      copy_wait<0>();
      if (p.write_numbers != nullptr) team_sync<kWideServers>(1);
      values.finish(stage, memory, chunk);
      barrier_arrive(values_there + at);
    }
    for (int step = stretch.steps > p.stages ? stretch.steps - p.stages : 0; step < stretch.steps; ++step) {
      barrier_wait(done + step % p.stages, static_cast<unsigned>(step / p.stages) & 1u);
      carry_o(step);
    }
    return;
  }

  wide::more_registers<208>();
  const int v = v0 + 16 * m + r, channel0 = 2 * c;  // this lane's value columns: v and v + 8
  float S[kStateTiles][4];
  load_start(p, own, S, v, channel0);
  for (int step = 0; step < stretch.steps; ++step) {
    const int at = step % p.stages, chunk = stretch.place<kAdjoint>(step);
    const unsigned phase = static_cast<unsigned>(step / p.stages) & 1u;
    char* stage = shared + at * memory.stage;
    const std::uint32_t image = shared_address(stage);
    // 1. The state as an operand, and where wanted to its tensor.
    if (p.states != nullptr && results)
      keep_state(p, static_cast<E*>(p.states) + ((slot0 + chunk) * p.HV + own.hv) * p.Dk * p.Dv, S, v0 + 16 * m, 0);
    FragmentA s[Kp / 16];
#pragma unroll
    for (int kt = 0; kt < Kp / 16; ++kt)
      s[kt] = {pack<E>(S[2 * kt][0], S[2 * kt][1]), pack<E>(S[2 * kt][2], S[2 * kt][3]), pack<E>(S[2 * kt + 1][0], S[2 * kt + 1][1]),
               pack<E>(S[2 * kt + 1][2], S[2 * kt + 1][3])};

    // 2. S = gamma S, U = Tinv Z - W S0. Adjoint: V = A^T dO + Ktail dS1.
    barrier_wait(images + at, phase);
#pragma unroll
    for (int t = 0; t < kStateTiles; ++t) {
      const float2 gamma = *reinterpret_cast<const float2*>(stage + layout.gamma() + 4 * (channel0 + 8 * t));
      S[t][0] *= gamma.x, S[t][1] *= gamma.y, S[t][2] *= gamma.x, S[t][3] *= gamma.y;
    }
    if (!own.transition) barrier_wait(values_there + at, phase);
    FragmentA z[4];
#pragma unroll
    for (int kt = 0; kt < 4; ++kt) {
      const int row = 16 * kt + lane % 8 + lane / 16 * 8;
      const uint4 x = ldmatrix_transposed(stage + memory.z + place_in_tile<kWideColumns / 8>(row, 2 * m + lane / 8 % 2));
      z[kt] = {x.x, x.y, x.z, x.w};
    }
    float U[kTokenTiles][4] = {};
    if (p.erase) {
      wide::begin();
#pragma unroll
      for (int kt = 0; kt < Kp / 16; ++kt) wide::multiply<E, false>(U, s[kt], wide::rows_at(image + (kAdjoint ? layout.k() : layout.w()), 16 * kt));
#pragma unroll
      for (int kt = 0; kt < 4; ++kt) {
        if constexpr (kAdjoint) wide::multiply<E, true>(U, z[kt], wide::turned_at(image + layout.a(), 16 * kt));
        else wide::multiply<E, false>(U, z[kt], wide::rows_at(image + layout.t(), 16 * kt));
      }
      wide::commit();
      wide::wait<0>();
      wide::settled(U);
    }
    FragmentA u[4];  // U rounded
#pragma unroll
    for (int kt = 0; kt < 4; ++kt) {
      u[kt] = {pack<E>(U[2 * kt][0], U[2 * kt][1]), pack<E>(U[2 * kt][2], U[2 * kt][3]), pack<E>(U[2 * kt + 1][0], U[2 * kt + 1][1]),
               pack<E>(U[2 * kt + 1][2], U[2 * kt + 1][3])};
      if (!p.erase) u[kt] = z[kt];
    }

    // 3. S += Ktail^T U, O = Qbar S0 + A U. Adjoint: S += Qbar^T dO - W^T V.
    float O[kTokenTiles][4] = {};
    wide::begin();
#pragma unroll
    for (int kt = 0; kt < 4; ++kt) {
      if (!kAdjoint) wide::multiply<E, true>(S, u[kt], wide::turned_at(image + layout.k(), 16 * kt));
      if (kAdjoint) wide::multiply<E, true>(S, z[kt], wide::turned_at(image + layout.q(), 16 * kt));
    }
    if (kAdjoint && p.erase)
#pragma unroll
      for (int kt = 0; kt < 4; ++kt) wide::multiply<E, true>(S, u[kt], wide::turned_at(image + layout.w(), 16 * kt));
    if (wants_o) {
#pragma unroll
      for (int kt = 0; kt < Kp / 16; ++kt) wide::multiply<E, false>(O, s[kt], wide::rows_at(image + layout.q(), 16 * kt));
#pragma unroll
      for (int kt = 0; kt < 4; ++kt) wide::multiply<E, false>(O, u[kt], wide::rows_at(image + layout.a(), 16 * kt));
    }
    wide::commit();
    wide::wait<0>();
    wide::settled(S);
    wide::settled(O);

    // 4. O to its tile, or where it is float32 straight to the tensor.
    if (o_by_servers) {
      if (step > 0) barrier_wait(o_free, static_cast<unsigned>(step - 1) & 1u);
#pragma unroll
      for (int t = 0; t < kTokenTiles; ++t)
#pragma unroll
        for (int i = 0; i < 2; ++i)
          *reinterpret_cast<std::uint32_t*>(shared + memory.o + place_in_tile<kWideColumns / 8>(8 * t + r, 2 * m + i) + 4 * c) = movmatrix(pack<E>(O[t][2 * i], O[t][2 * i + 1]));
    } else if (wants_o) {
#pragma unroll
      for (int t = 0; t < kTokenTiles; ++t) store_floats(p, O[t], begin, length, static_cast<index_t>(chunk) * kRows + 8 * t + 2 * c, own.hv, v);
    }
    barrier_arrive(done + at);
  }
  store_end(p, own, S, v, channel0);
}

}  // namespace fw::cuda::chunk
