// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The serial part of the chunkwise forward (C3), (C4), (C6), (C7): chunk after chunk of a sequence,
//   U = Tinv Z - W S0      O = Qbar S0 + A U      S = gamma S0 + Ktail^T U      Z = w (.) v
// with the factors of images (params.h). Without erase U = Z. Its mirror in the backward, kAdjoint, goes from the last chunk to the
// first with the same factors: from the gradient of the state at a chunk's end to that at its start,
//   V = Ktail dS1 + A^T dO      dS0 = gamma dS1 + Qbar^T dO - W^T V
// where below dO stands in the place of Z, dS in that of S, V in that of U, and without erase there is no V.
//
// Everything is kept transposed: S^T [v,k], U^T and O^T [v,token] are accumulators of m16n8k16. The accumulators of S^T, rounded
// to 16 bits, are the A operand of W S0 and Qbar S0, those of U^T that of A U and Ktail^T U, and rows of different v never meet.
//
// A long sequence with few heads is cut in segments of time: what a segment makes of the state at its start is M S + E with E its end from a
// start at zero and M, its transition, its end from the unit matrix without values: more columns of the same scan (Pass, combine.cu).
//
// Mapping: block = (sequence, segment, value head, tile of 16 WM value columns), WM x WN warps. Warp (m, n) owns the value columns
// 16 m .. 16 m + 15 of the tile and of these the n-th part of the tokens of a chunk (U, O) and of the channels (S). With WN = 1
// operands stay in registers; with more, S^T and U^T pass through shared memory once a chunk, so that few sequences and heads
// still keep a multiprocessor's four tensor units busy.
//
// On sm_90a tiles of 128 columns have a kernel of their own (scan_wide.cuh).
//
// Shared memory, bytes: stages * (image + 128 Vt [Z of E] + 128 Vt [raw w, or write numbers]) + 128 Vt [O of E]
//                       + (WN > 1) * (2 Vt Kp [S^T] + 128 Vt [U^T]) + 32 [barriers],   Vt = 16 WM, E = bf16 or f16.
// The next images come while a chunk is worked on: one bulk copy each on sm_90, cp.async by all threads before. A thread waits for its own pieces of v and w and turns them into Z
// before the block meets: raw values are never seen by another thread.
//
// Ranges: factors in images are in [0,1] times q, k, e; S, U, O are float32 sums, rounded to E only as operands. The state is
// never rounded. Exact zeros above the diagonal of A and Tinv keep later tokens out of earlier ones.
#pragma once

#include "cuda/chunk/scan_states.cuh"
#include "cuda/chunk/values.cuh"

namespace fw::cuda::chunk {

template <class E, int Kp, int WM, int WN, bool kAdjoint>
__global__ void __launch_bounds__(32 * WM * WN, 1) scan_kernel(const ScanParams p) {
  constexpr int kColumns = 16 * WM, kThreads = 32 * WM * WN;
  constexpr int kTokenTiles = 8 / WN, kStateTiles = Kp / 8 / WN;  // 8 wide, of a warp
  const int thread = thread_in_block(), lane = thread % 32, r = lane / 4, c = lane % 4;
  const int m = thread / 32 % WM, part = thread / 32 / WM;
  const Portion own = portion_of(p, block_in_grid());
  const int hv = own.hv, n = own.n, v0 = kColumns * own.tile, v = v0 + 16 * m + r;  // this lane's value columns: v and v + 8
  if (own.transition && own.segment == 0) return;
  const Image layout{Kp, p.erase != 0};
  const ScanMemory memory(layout, kColumns, WN, p.stages, p.erase != 0);
  char* shared = shared_memory();
  const ValueSide<E, kColumns, kThreads, false> values{p, hv, v0, thread, p.tokens.begin(n), p.tokens.length(n)};
  const index_t slot0 = p.tokens.slot(n);
  const Stretch stretch = stretch_of(p, own);

  auto* barriers = reinterpret_cast<std::uint64_t*>(shared + memory.barriers);  // [stages]
  const bool results = has_results(p, own);
  const bool wants_o = !kAdjoint && p.o != nullptr && results;
  const int skip = kAdjoint || wants_o ? 0 : layout.k();  // Qbar is for o alone
  const auto ask = [&](int step) {
    if (step < stretch.steps) {
      const int chunk = stretch.place<kAdjoint>(step);
      char* stage = shared + step % p.stages * memory.stage;
      const char* image = p.images + ((slot0 + chunk) * p.heads + own.head) * layout.bytes();
      if (!kBulkCopies) {
        for (int at = skip + 16 * thread; at < layout.bytes(); at += 16 * kThreads) copy_async_16(stage + at, image + at, true);
      } else if (thread == 0) {
        bulk_copy(stage + skip, image + skip, layout.bytes() - skip, barriers + step % p.stages);
      }
      if (!own.transition) values.ask(stage, memory, chunk);
    }
    copy_commit();
  };

  // 1. The state at the start.
  const int channel0 = part * kStateTiles * 8 + 2 * c;
  float S[kStateTiles][4];
  load_start(p, own, S, v, channel0);
  if (own.transition)  // its values are zero
    for (int stage = 0; stage < p.stages; ++stage)
      for (int at = 16 * thread; at < 128 * kColumns; at += 16 * kThreads)
        *reinterpret_cast<uint4*>(shared + stage * memory.stage + memory.z + at) = make_uint4(0, 0, 0, 0);
  const auto share_state = [&] {
#pragma unroll
    for (int t = 0; t < kStateTiles; ++t)
#pragma unroll
      for (int i = 0; i < 2; ++i)
        *reinterpret_cast<std::uint32_t*>(shared + memory.s + place_in_tile<Kp / 8>(16 * m + r + 8 * i, part * kStateTiles + t) + 4 * c) =
            pack<E>(S[t][2 * i], S[t][2 * i + 1]);
  };
  if (WN > 1) share_state();
  if (kBulkCopies) {
    if (thread == 0)
      for (int i = 0; i < p.stages; ++i) barrier_init(barriers + i);
    block_sync();
  }
  if (p.stages > 1)
    for (int step = 0; step < p.stages - 1; ++step) ask(step);

  for (int step = 0; step < stretch.steps; ++step) {
    const int chunk = stretch.place<kAdjoint>(step);
    // 2. The chunk's image and Z are there; the next are asked for; the last O leaves.
    if (p.stages == 1) {
      block_sync();
      ask(step);
    }
    if (p.stages == 3) copy_wait<1>();
    else copy_wait<0>();
    char* stage = shared + step % p.stages * memory.stage;
    if (!own.transition) values.finish(stage, memory, chunk);
    if (kBulkCopies) barrier_wait(barriers + step % p.stages, static_cast<unsigned>(step / p.stages) & 1u);
    block_sync();
    if (p.stages > 1) ask(step + p.stages - 1);
    if (wants_o && step > 0 && !p.floats) values.store_o(shared + memory.o, chunk - 1);
    if (p.states != nullptr && results)
      keep_state(p, static_cast<E*>(p.states) + ((slot0 + chunk) * p.HV + hv) * p.Dk * p.Dv, S, v0 + 16 * m, part * kStateTiles * 8);
    warp_sync();

    // 3. U = Tinv Z - W S0 and O = Qbar S0. Adjoint: V = A^T dO + Ktail dS1.
    const auto z_operand = [&](int kt) {
      const int row = 16 * kt + lane % 8 + lane / 16 * 8;
      const uint4 z = ldmatrix_transposed(stage + memory.z + place_in_tile<kColumns / 8>(row, 2 * m + lane / 8 % 2));
      return FragmentA{z.x, z.y, z.z, z.w};
    };
    float U[kTokenTiles][4] = {}, O[kTokenTiles][4] = {};
    const int b_row = lane % 8 + lane / 16 * 8, b_piece = lane / 8 % 2;  // of a B operand [16 rows n, 16 k]
    if (p.erase)
#pragma unroll
      for (int kt = 0; kt < 4; ++kt) {
        if (WN > 1 && (kAdjoint ? kt < part * (kTokenTiles / 2) : kt > part * (kTokenTiles / 2) + kTokenTiles / 2 - 1)) continue;
        const FragmentA z = z_operand(kt);
#pragma unroll
        for (int t = 0; t < kTokenTiles; t += 2) {
          const int pair = part * (kTokenTiles / 2) + t / 2;
          if (kAdjoint ? kt < pair : kt > pair) continue;
          const uint4 x = kAdjoint ? ldmatrix_transposed(stage + layout.a() + place_in_tile<8>(16 * kt + lane % 16, 2 * pair + lane / 16))
                                   : ldmatrix(stage + layout.t() + place_in_tile<8>(16 * pair + b_row, 2 * kt + b_piece));
          mma<E>(U[t], z, x.x, x.y);
          mma<E>(U[t + 1], z, x.z, x.w);
        }
      }
    const auto state_operand = [&](int kt) {
      if constexpr (WN == 1) {
        return FragmentA{pack<E>(S[2 * kt][0], S[2 * kt][1]), pack<E>(S[2 * kt][2], S[2 * kt][3]), pack<E>(S[2 * kt + 1][0], S[2 * kt + 1][1]),
                         pack<E>(S[2 * kt + 1][2], S[2 * kt + 1][3])};
      } else {
        const uint4 x = ldmatrix(shared + memory.s + place_in_tile<Kp / 8>(16 * m + lane % 16, 2 * kt + lane / 16));
        return FragmentA{x.x, x.y, x.z, x.w};
      }
    };
    const auto add_state_product = [&](float (&to)[kTokenTiles][4], const char* factor) {  // factor [64,Kp]
#pragma unroll
      for (int kt = 0; kt < Kp / 16; ++kt) {
        const FragmentA s = state_operand(kt);
#pragma unroll
        for (int t = 0; t < kTokenTiles; t += 2) {
          const uint4 x = ldmatrix(factor + place_in_part(16 * (part * (kTokenTiles / 2) + t / 2) + b_row, 2 * kt + b_piece));
          mma<E>(to[t], s, x.x, x.y);
          mma<E>(to[t + 1], s, x.z, x.w);
        }
      }
    };
    std::uint32_t U16[kTokenTiles][2];  // U rounded
    if (p.erase) {
      add_state_product(U, stage + (kAdjoint ? layout.k() : layout.w()));
#pragma unroll
      for (int t = 0; t < kTokenTiles; ++t)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          U16[t][i] = pack<E>(U[t][2 * i], U[t][2 * i + 1]);
          if (WN > 1)
            *reinterpret_cast<std::uint32_t*>(shared + memory.u + place_in_tile<8>(16 * m + r + 8 * i, part * kTokenTiles + t) + 4 * c) = U16[t][i];
        }
    }
    if (wants_o) add_state_product(O, stage + layout.q());
    block_sync();  // everybody has taken the last O from its tile; U is there for the other parts

    // 4. O += A U and S = gamma S + Ktail^T U. Adjoint: S = gamma S + Qbar^T dO - W^T V.
#pragma unroll
    for (int t = 0; t < kStateTiles; ++t) {
      const float2 gamma = *reinterpret_cast<const float2*>(stage + layout.gamma() + 4 * (channel0 + 8 * t));
      S[t][0] *= gamma.x, S[t][1] *= gamma.y, S[t][2] *= gamma.x, S[t][3] *= gamma.y;
    }
#pragma unroll
    for (int kt = 0; kt < 4; ++kt) {
      FragmentA u;
      if (!p.erase) {
        u = z_operand(kt);
      } else if constexpr (WN == 1) {
        u = {U16[2 * kt][0], U16[2 * kt][1], U16[2 * kt + 1][0], U16[2 * kt + 1][1]};
      } else {
        const uint4 x = ldmatrix(shared + memory.u + place_in_tile<8>(16 * m + lane % 16, 2 * kt + lane / 16));
        u = {x.x, x.y, x.z, x.w};
      }
#pragma unroll
      for (int t = 0; t < kTokenTiles; t += 2) {
        const int pair = part * (kTokenTiles / 2) + t / 2;
        if (!wants_o || kt > pair) continue;
        const uint4 a = ldmatrix(stage + layout.a() + place_in_tile<8>(16 * pair + b_row, 2 * kt + b_piece));
        mma<E>(O[t], u, a.x, a.y);
        mma<E>(O[t + 1], u, a.z, a.w);
      }
      const auto add_to_state = [&](const FragmentA& x, const char* factor) {
#pragma unroll
        for (int t = 0; t < kStateTiles; t += 2) {
          const uint4 k = ldmatrix_transposed(factor + place_in_part(16 * kt + lane % 16, part * kStateTiles + t + lane / 16));
          mma<E>(S[t], x, k.x, k.y);
          mma<E>(S[t + 1], x, k.z, k.w);
        }
      };
      if (!kAdjoint) {
        add_to_state(u, stage + layout.k());
      } else {
        add_to_state(z_operand(kt), stage + layout.q());
        if (p.erase) add_to_state(u, stage + layout.w());
      }
    }

    // 5. O to its tile, or where it is float32 straight to the tensor; the state for the other parts.
#pragma unroll
    for (int t = 0; t < kTokenTiles; ++t) {
      if (!wants_o) continue;
      const int token0 = 8 * (part * kTokenTiles + t);
      if (!p.floats) {
#pragma unroll
        for (int i = 0; i < 2; ++i)
          *reinterpret_cast<std::uint32_t*>(shared + memory.o + place_in_tile<kColumns / 8>(token0 + r, 2 * m + i) + 4 * c) =
              movmatrix(pack<E>(O[t][2 * i], O[t][2 * i + 1]));
      } else {
        store_floats(p, O[t], values.begin, values.length, static_cast<index_t>(chunk) * kRows + token0 + 2 * c, hv, v);
      }
    }
    if (WN > 1) share_state();
  }

  // 6. The last O and the state at the end.
  if (wants_o && stretch.steps > 0 && !p.floats) {
    block_sync();
    values.store_o(shared + memory.o, stretch.place<kAdjoint>(stretch.steps - 1));
  }
  store_end(p, own, S, v, channel0);
}

}  // namespace fw::cuda::chunk
