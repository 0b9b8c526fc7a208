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
// Mapping: block = (sequence, value head, tile of 16 WM value columns), WM x WN warps. Warp (m, n) owns the value columns
// 16 m .. 16 m + 15 of the tile and of these the n-th part of the tokens of a chunk (U, O) and of the channels (S). With WN = 1
// operands stay in registers; with more, S^T and U^T pass through shared memory once a chunk, so that few sequences and heads
// still keep a multiprocessor's four tensor units busy.
//
// kWide (sm_90a, WN = 1): four warps together issue the wide matrix instruction (wgmma.cuh), which reads a factor once for 64 value
// columns; the layout of registers is the same.
//
// Shared memory, bytes: stages * (image + 128 Vt [Z of E] + 128 Vt [raw w, or write numbers]) + 128 Vt [O of E]
//                       + (WN > 1) * (2 Vt Kp [S^T] + 128 Vt [U^T]) + 32 [barriers],   Vt = 16 WM, E = bf16 or f16.
// The next images come while a chunk is worked on: one bulk copy each on sm_90, cp.async by all threads before. A thread waits for its own pieces of v and w and turns them into Z
// before the block meets: raw values are never seen by another thread.
//
// Ranges: factors in images are in [0,1] times q, k, e; S, U, O are float32 sums, rounded to E only as operands. The state is
// never rounded. Exact zeros above the diagonal of A and Tinv keep later tokens out of earlier ones.
#pragma once

#include "cuda/chunk/values.cuh"
#include "cuda/chunk/wgmma.cuh"

namespace fw::cuda::chunk {

template <class E, int Kp, int WM, int WN, bool kAdjoint, bool kWide>
__global__ void __launch_bounds__(32 * WM * WN, 1) scan_kernel(const ScanParams p) {
  constexpr int kColumns = 16 * WM, kThreads = 32 * WM * WN;
  constexpr int kTokenTiles = 8 / WN, kStateTiles = Kp / 8 / WN;  // 8 wide, of a warp
  const int thread = thread_in_block(), lane = thread % 32, r = lane / 4, c = lane % 4;
  const int m = thread / 32 % WM, part = thread / 32 / WM;
  const int tile = block_in_grid() % p.tiles, hv = block_in_grid() / p.tiles % p.HV, n = block_in_grid() / p.tiles / p.HV;
  const int head = hv / (p.HV / p.heads), v0 = kColumns * tile, v = v0 + 16 * m + r;  // this lane's value columns: v and v + 8
  const Image layout{Kp, p.erase != 0};
  const ScanMemory memory(layout, kColumns, WN, p.stages, p.erase != 0);
  char* shared = shared_memory();
  const ValueSide<E, kColumns, kThreads> values{p, hv, v0, thread, p.tokens.begin(n), p.tokens.length(n)};
  const index_t slot0 = p.tokens.slot(n);
  const int chunks = static_cast<int>((values.length + kRows - 1) / kRows);

  auto* barriers = reinterpret_cast<std::uint64_t*>(shared + memory.barriers);  // [stages]
  const bool wants_o = !kAdjoint && p.o != nullptr;
  const auto place = [&](int step) { return kAdjoint ? chunks - 1 - step : step; };  // the chunk of a step
  const auto ask = [&](int step) {
    if (step < chunks) {
      const int chunk = place(step);
      char* stage = shared + step % p.stages * memory.stage;
      const char* image = p.images + ((slot0 + chunk) * p.heads + head) * layout.bytes();
      if (!kBulkCopies) {
        for (int at = 16 * thread; at < layout.bytes(); at += 16 * kThreads) copy_async_16(stage + at, image + at, true);
      } else if (thread == 0) {
        bulk_copy(stage, image, layout.bytes(), barriers + step % p.stages);
      }
      values.ask(stage, memory, chunk);
    }
    copy_commit();
  };
  // Element (value column v + 8 i, channel) of the caller's states.
  const int channel0 = part * kStateTiles * 8 + 2 * c;
  const index_t state0 = (static_cast<index_t>(n) * p.HV + hv) * p.Dk * p.Dv;
  const auto state_at = [&](int column, int channel) {
    return state0 + (p.value_key ? static_cast<index_t>(column) * p.Dk + channel : static_cast<index_t>(channel) * p.Dv + column);
  };

  // 1. The state at the start.
  float S[kStateTiles][4];
#pragma unroll
  for (int t = 0; t < kStateTiles; ++t)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int column = v + i / 2 * 8, channel = channel0 + 8 * t + i % 2;
      S[t][i] = p.initial_state != nullptr && column < p.Dv && channel < p.Dk ? p.initial_state[state_at(column, channel)] : 0.0f;
    }
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

  for (int step = 0; step < chunks; ++step) {
    const int chunk = place(step);
    // 2. The chunk's image and Z are there; the next are asked for; the last O leaves.
    if (p.stages == 1) {
      block_sync();
      ask(step);
    }
    if (p.stages == 3) copy_wait<1>();
    else copy_wait<0>();
    char* stage = shared + step % p.stages * memory.stage;
    values.finish(stage, memory, chunk);
    if (kBulkCopies) barrier_wait(barriers + step % p.stages, static_cast<unsigned>(step / p.stages) & 1u);
    block_sync();
    if (p.stages > 1) ask(step + p.stages - 1);
    if (wants_o && step > 0 && !p.floats) values.store_o(shared + memory.o, chunk - 1);
    if (p.states != nullptr) {
      E* kept = static_cast<E*>(p.states) + ((slot0 + chunk) * p.HV + hv) * p.Dk * p.Dv;
#pragma unroll
      for (int t = 0; t < kStateTiles; ++t)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          warp_sync();
          const std::uint32_t turned = movmatrix(pack<E>(S[t][2 * i], S[t][2 * i + 1]));  // (channel r, columns 2c, 2c + 1)
          const int channel = part * kStateTiles * 8 + 8 * t + r, column = v0 + 16 * m + 8 * i + 2 * c;
          E* to = kept + static_cast<index_t>(channel) * p.Dv + column;
          if (channel < p.Dk && p.Dv % 2 == 0) {
            if (column < p.Dv) *reinterpret_cast<std::uint32_t*>(to) = turned;
          } else if (channel < p.Dk) {
            const E* two = reinterpret_cast<const E*>(&turned);
            if (column < p.Dv) to[0] = two[0];
            if (column + 1 < p.Dv) to[1] = two[1];
          }
        }
    }
    warp_sync();

    // 3. U = Tinv Z - W S0 and O = Qbar S0. Adjoint: V = A^T dO + Ktail dS1.
    const auto z_operand = [&](int kt) {
      const int row = 16 * kt + lane % 8 + lane / 16 * 8;
      const uint4 z = ldmatrix_transposed(stage + memory.z + place_in_tile<kColumns / 8>(row, 2 * m + lane / 8 % 2));
      return FragmentA{z.x, z.y, z.z, z.w};
    };
    float U[kTokenTiles][4] = {}, O[kTokenTiles][4] = {};
    const int b_row = lane % 8 + lane / 16 * 8, b_piece = lane / 8 % 2;  // of a B operand [16 rows n, 16 k]
    if (!kWide && p.erase)
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
    const std::uint32_t at = shared_address(stage);
    if constexpr (kWide) {
      FragmentA s[Kp / 16];
#pragma unroll
      for (int kt = 0; kt < Kp / 16; ++kt) s[kt] = state_operand(kt);
      wide::begin();
      if (p.erase) {
#pragma unroll
        for (int kt = 0; kt < 4; ++kt) {
          if constexpr (kAdjoint) wide::multiply<E, true>(U, z_operand(kt), wide::turned_at(at + layout.a(), 16 * kt));
          else wide::multiply<E, false>(U, z_operand(kt), wide::rows_at(at + layout.t(), 16 * kt));
        }
#pragma unroll
        for (int kt = 0; kt < Kp / 16; ++kt) wide::multiply<E, false>(U, s[kt], wide::rows_at(at + (kAdjoint ? layout.k() : layout.w()), 16 * kt));
      }
      wide::commit();
      if (wants_o)
#pragma unroll
        for (int kt = 0; kt < Kp / 16; ++kt) wide::multiply<E, false>(O, s[kt], wide::rows_at(at + layout.q(), 16 * kt));
      wide::commit();
      wide::wait<1>();
      wide::settled(U);
    }
    std::uint32_t U16[kTokenTiles][2];  // U rounded
    if (p.erase) {
      if constexpr (!kWide) add_state_product(U, stage + (kAdjoint ? layout.k() : layout.w()));
#pragma unroll
      for (int t = 0; t < kTokenTiles; ++t)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          U16[t][i] = pack<E>(U[t][2 * i], U[t][2 * i + 1]);
          if (WN > 1)
            *reinterpret_cast<std::uint32_t*>(shared + memory.u + place_in_tile<8>(16 * m + r + 8 * i, part * kTokenTiles + t) + 4 * c) = U16[t][i];
        }
    }
    if (!kWide && wants_o) add_state_product(O, stage + layout.q());
    block_sync();  // everybody has taken the last O from its tile; U is there for the other parts

    // 4. O += A U and S = gamma S + Ktail^T U. Adjoint: S = gamma S + Qbar^T dO - W^T V.
#pragma unroll
    for (int t = 0; t < kStateTiles; ++t) {
      const float2 gamma = *reinterpret_cast<const float2*>(stage + layout.gamma() + 4 * (channel0 + 8 * t));
      S[t][0] *= gamma.x, S[t][1] *= gamma.y, S[t][2] *= gamma.x, S[t][3] *= gamma.y;
    }
    if constexpr (kWide) {
      wide::settled(S);
      wide::begin();
#pragma unroll
      for (int kt = 0; kt < 4; ++kt) {
        const FragmentA z = kAdjoint || !p.erase ? z_operand(kt) : FragmentA{};
        const FragmentA u = p.erase ? FragmentA{U16[2 * kt][0], U16[2 * kt][1], U16[2 * kt + 1][0], U16[2 * kt + 1][1]} : z;
        if (!kAdjoint) wide::multiply<E, true>(S, u, wide::turned_at(at + layout.k(), 16 * kt));
        if (kAdjoint) wide::multiply<E, true>(S, z, wide::turned_at(at + layout.q(), 16 * kt));
        if (kAdjoint && p.erase) wide::multiply<E, true>(S, u, wide::turned_at(at + layout.w(), 16 * kt));
        if (wants_o) wide::multiply<E, false>(O, u, wide::rows_at(at + layout.a(), 16 * kt));
      }
      wide::commit();
      wide::wait<0>();
      wide::settled(S);
      wide::settled(O);
    }
#pragma unroll
    for (int kt = 0; !kWide && kt < 4; ++kt) {
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
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const index_t token = static_cast<index_t>(chunk) * kRows + token0 + 2 * c + i % 2;
          const int column = v + i / 2 * 8;
          if (token < values.length && column < p.Dv) static_cast<float*>(p.o)[((values.begin + token) * p.HV + hv) * p.Dv + column] = O[t][i];
        }
      }
    }
    if (WN > 1) share_state();
  }

  // 6. The last O and the state at the end.
  if (wants_o && chunks > 0 && !p.floats) {
    block_sync();
    values.store_o(shared + memory.o, chunks - 1);
  }
  if (p.final_state != nullptr)
#pragma unroll
    for (int t = 0; t < kStateTiles; ++t)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int column = v + i / 2 * 8, channel = channel0 + 8 * t + i % 2;
        if (column < p.Dv && channel < p.Dk) p.final_state[state_at(column, channel)] = S[t][i];
      }
}

}  // namespace fw::cuda::chunk
