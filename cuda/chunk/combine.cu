// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The starts of the segments of a sequence that the scan has cut along time. Segment s makes of the state S_s at its start
//   S_{s+1} = M_s S_s + E_s
// exactly, with its end E_s from a start at zero and its transition M_s (scan.cuh, Pass::ends): the recurrence is affine in the state, so
// nothing is truncated. Here, with rows of value columns v and everything transposed,
//   carry[s][v,c] += sum_j carry[s-1][v,j] transitions[s][j,c]        s = 1 .. segments - 2
// where carry[s] holds E_s before and S_{s+1} after.
//
// Mapping: block = (sequence, value head, 16 value columns), Kp / 16 warps; a warp owns 16 channels c. Transitions come in slabs of 64 rows j,
// two of them (one for Kp = 256) on their way while one is worked on: a step is short, and its loads must not wait for it.
// Shared memory: the slabs [64,Kp] and the state [16,Kp] in float32, rows padded against bank conflicts: kBytesOf.
// Numerics: products of float32 numbers as sums of two of tf32 (mma_float, 2^-22 a product), float32 sums.
// Cost: Dk Dk Dv products a segment and value head; a transition is read by Dv / 16 blocks, which find it in the L2.
#include "cuda/chunk/params.h"
#include "cuda/chunk/ptx.cuh"
#include "cuda/support/check.h"

namespace fw::cuda::chunk {
namespace {

constexpr int kColumns = 16, kSlab = 64;

template <int Kp>
constexpr int kStagesOf = Kp > 128 ? 2 : 3;
template <int Kp>
constexpr int kBytesOf = 4 * (kStagesOf<Kp> * kSlab * (Kp + 4) + kColumns * (Kp + 8));

template <int Kp>
__global__ void __launch_bounds__(2 * Kp, 1) combine_kernel(const ScanParams p) {
  constexpr int kThreads = 2 * Kp, kRow = Kp + 4, kStateRow = Kp + 8, kSlabs = Kp / kSlab, kPieces = Kp / 4,
                kStages = kStagesOf<Kp>;
  float* slabs = reinterpret_cast<float*>(shared_memory());
  float* S = slabs + kStages * kSlab * kRow;  // [16,Kp]
  const int thread = thread_in_block(), lane = thread % 32, r = lane / 4, c = lane % 4, channel0 = thread / 32 * 16;
  const int tiles = (p.Dv + kColumns - 1) / kColumns, v = block_in_grid() % tiles * kColumns + r;
  const index_t head = block_in_grid() / tiles, n = head / p.HV, gate_head = head % p.HV / (p.HV / p.heads);
  float* carry = p.carry + head * (p.segments - 1) * p.Dv * Kp;
  const float* M = p.transitions + (n * p.heads + gate_head) * (p.segments - 2) * p.Dk * Kp;
  const int steps = p.segments - 2;

  const auto ask = [&](int slab) {
    if (slab < steps * kSlabs) {
      const int j0 = slab % kSlabs * kSlab;
      const float* from = M + static_cast<index_t>(slab / kSlabs) * p.Dk * Kp;
      for (int at = thread; at < kSlab * kPieces; at += kThreads) {
        const int row = at / kPieces, piece = at % kPieces;
        const bool wanted = j0 + row < p.Dk;
        copy_async_16(slabs + (slab % kStages * kSlab + row) * kRow + 4 * piece, from + (wanted ? (j0 + row) * Kp + 4 * piece : 0), wanted);
      }
    }
    copy_commit();
  };
  // Element (value column v + 8 i, channels channel0 + 8 t + 2 c and the next) of a state.
  const auto place = [&](int s, int t, int i) { return reinterpret_cast<float2*>(carry + (static_cast<index_t>(s) * p.Dv + v + 8 * i) * Kp + channel0 + 8 * t + 2 * c); };
  const auto read = [&](float2 (&to)[2][2], int s) {
#pragma unroll
    for (int t = 0; t < 2; ++t)
#pragma unroll
      for (int i = 0; i < 2; ++i) to[t][i] = v + 8 * i < p.Dv ? *place(s, t, i) : make_float2(0, 0);
  };
  const auto share = [&](const float2 (&state)[2][2]) {
#pragma unroll
    for (int t = 0; t < 2; ++t)
#pragma unroll
      for (int i = 0; i < 2; ++i) *reinterpret_cast<float2*>(S + (r + 8 * i) * kStateRow + channel0 + 8 * t + 2 * c) = state[t][i];
  };

  for (int slab = 0; slab < kStages - 1; ++slab) ask(slab);
  float2 state[2][2], end[2][2];
  read(state, 0);
  share(state);
  read(end, 1);
  for (int step = 0, slab = 0; step < steps; ++step) {
    FloatSums sums[2];
#pragma unroll
    for (int part = 0; part < kSlabs; ++part, ++slab) {
      copy_wait<kStages - 2>();
      block_sync();  // the slab and the state are there, the slab before has been read
      ask(slab + kStages - 1);
      const float* rows = slabs + slab % kStages * kSlab * kRow;
#pragma unroll
      for (int kt = 0; kt < kSlab / 8; ++kt) {
        const int j = 8 * kt + 2 * c;
        const float2 low = *reinterpret_cast<const float2*>(S + r * kStateRow + part * kSlab + j), high = *reinterpret_cast<const float2*>(S + (r + 8) * kStateRow + part * kSlab + j);
        const float a[4] = {low.x, low.y, high.x, high.y};
#pragma unroll
        for (int t = 0; t < 2; ++t) mma_float(sums[t], a, rows[j * kRow + channel0 + 8 * t + r], rows[(j + 1) * kRow + channel0 + 8 * t + r]);
      }
    }
#pragma unroll
    for (int t = 0; t < 2; ++t)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        state[t][i] = make_float2(end[t][i].x + sums[t][2 * i], end[t][i].y + sums[t][2 * i + 1]);
        if (v + 8 * i < p.Dv) *place(step + 1, t, i) = state[t][i];
      }
    if (step + 1 == steps) break;
    read(end, step + 2);
    block_sync();  // everybody has read the state
    share(state);
  }
}

template <int Kp>
void launch_combine_of(const ScanParams& p, Stream stream) {
  const index_t blocks = static_cast<index_t>(p.tokens.N) * p.HV * ((p.Dv + kColumns - 1) / kColumns);
  check(cudaFuncSetAttribute(combine_kernel<Kp>, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytesOf<Kp>), "cuda: shared memory of combine_kernel");
  combine_kernel<Kp><<<static_cast<unsigned>(blocks), 2 * Kp, kBytesOf<Kp>, stream>>>(p);
  check_launch("cuda: launch of combine_kernel");
}

}  // namespace

void launch_combine(const ScanParams& p, Stream stream) {
  if (p.segments < 3) return;
  if (p.Kp == 64) launch_combine_of<64>(p, stream);
  else if (p.Kp == 128) launch_combine_of<128>(p, stream);
  else launch_combine_of<256>(p, stream);
}

}  // namespace fw::cuda::chunk
