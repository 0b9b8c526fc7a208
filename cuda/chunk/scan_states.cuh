// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The state side of the scans: which part of the work a block has, where its states come from and go to. A thread holds of S^T [v,k] the
// accumulators of m16n8k16: S[t][i] is value column v + 8 (i / 2), channel channel0 + 8 t + i % 2.
#pragma once

#include "cuda/chunk/params.h"
#include "cuda/chunk/ptx.cuh"

namespace fw::cuda::chunk {

/// What a block of the scan works on.
struct Portion {
  int n, segment, hv, head, tile;
  bool transition;  ///< columns of the segment's transition, of this gate head, in the place of value columns
};
__device__ __forceinline__ Portion portion_of(const ScanParams& p, int block) {
  const int group = p.HV / p.heads;
  if (p.pass == Pass::ends) {  // those that read the same images lie side by side
    const int values = p.HV * p.tiles, width = values + p.heads * p.transition_tiles;
    const int x = block % width, n = block / width / (p.segments - 1), segment = block / width % (p.segments - 1);
    if (x < values) return {n, segment, x / p.tiles, x / p.tiles / group, x % p.tiles, false};
    const int head = (x - values) / p.transition_tiles;
    return {n, segment, head * group, head, (x - values) % p.transition_tiles, true};
  }
  const int hv = block / p.tiles % p.HV, rest = block / p.tiles / p.HV, count = p.pass == Pass::starts ? p.segments - 1 : 1;
  return {rest / count, p.pass == Pass::starts ? 1 + rest % count : 0, hv, hv / group, block % p.tiles, false};
}
/// Whether o and the states of chunks are this block's to write.
__device__ __forceinline__ bool has_results(const ScanParams& p, const Portion& own) { return p.pass != Pass::ends || (own.segment == 0 && !own.transition); }

/// The chunks of a block: `steps` of them from `first` on, counted in the direction of the scan.
struct Stretch {
  int chunks, first, steps;  ///< chunks: of the whole sequence
  template <bool kAdjoint>
  __device__ __forceinline__ int place(int step) const {
    return kAdjoint ? chunks - 1 - first - step : first + step;
  }
};
__device__ __forceinline__ Stretch stretch_of(const ScanParams& p, const Portion& own) {
  const int chunks = static_cast<int>((p.tokens.length(own.n) + kRows - 1) / kRows), per = (chunks + p.segments - 1) / p.segments;
  const int first = own.segment * per < chunks ? own.segment * per : chunks;
  return {chunks, first, chunks - first < per ? chunks - first : per};
}

/// A state [columns,channels] in memory; null: none.
struct StatePlace {
  float* data;
  index_t column_step, channel_step;
  int columns, channels;
  __device__ __forceinline__ bool has(int column, int channel) const { return data != nullptr && column < columns && channel < channels; }
  __device__ __forceinline__ float* at(int column, int channel) const { return data + column * column_step + channel * channel_step; }
};
__device__ __forceinline__ StatePlace callers_state(const ScanParams& p, const Portion& own, float* tensor) {
  const index_t from = (static_cast<index_t>(own.n) * p.HV + own.hv) * p.Dk * p.Dv;
  if (p.value_key) return {tensor == nullptr ? nullptr : tensor + from, p.Dk, 1, p.Dv, p.Dk};
  return {tensor == nullptr ? nullptr : tensor + from, 1, p.Dv, p.Dv, p.Dk};
}
/// The state between segments that comes behind `segment`.
__device__ __forceinline__ StatePlace carried_state(const ScanParams& p, const Portion& own, int segment) {
  return {p.carry + ((static_cast<index_t>(own.n) * p.HV + own.hv) * (p.segments - 1) + segment) * p.Dv * p.Kp, p.Kp, 1, p.Dv, p.Kp};
}
__device__ __forceinline__ StatePlace start_of(const ScanParams& p, const Portion& own) {
  if (own.segment == 0) return callers_state(p, own, const_cast<float*>(p.initial_state));
  if (p.pass == Pass::starts) return carried_state(p, own, own.segment - 1);
  return {};
}
__device__ __forceinline__ StatePlace end_of(const ScanParams& p, const Portion& own) {
  if (own.transition)
    return {p.transitions + ((static_cast<index_t>(own.n) * p.heads + own.head) * (p.segments - 2) + own.segment - 1) * p.Dk * p.Kp, p.Kp, 1, p.Dk, p.Kp};
  if (p.pass == Pass::ends) return carried_state(p, own, own.segment);
  return callers_state(p, own, own.segment == p.segments - 1 ? p.final_state : nullptr);
}

template <int Tiles>
__device__ __forceinline__ void load_start(const ScanParams& p, const Portion& own, float (&S)[Tiles][4], int v, int channel0) {
  const StatePlace from = start_of(p, own);
#pragma unroll
  for (int t = 0; t < Tiles; ++t)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int column = v + i / 2 * 8, channel = channel0 + 8 * t + i % 2;
      S[t][i] = from.has(column, channel) ? *from.at(column, channel) : 0.0f;
      if (own.transition) S[t][i] = column == channel ? 1.0f : 0.0f;
    }
}
template <int Tiles>
__device__ __forceinline__ void store_end(const ScanParams& p, const Portion& own, const float (&S)[Tiles][4], int v, int channel0) {
  const StatePlace to = end_of(p, own);
#pragma unroll
  for (int t = 0; t < Tiles; ++t)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int column = v + i / 2 * 8, channel = channel0 + 8 * t + i % 2;
      if (to.has(column, channel)) *to.at(column, channel) = S[t][i];
    }
}

/// The state at a chunk's start, rounded, to p.states: `kept` is where those of its slot and head begin, v0 the first of 16 value columns of
/// the warp, channel0 the first channel of its tiles.
template <class E, int Tiles>
__device__ __forceinline__ void keep_state(const ScanParams& p, E* kept, const float (&S)[Tiles][4], int v0, int channel0) {
  const int lane = thread_in_block() % 32, r = lane / 4, c = lane % 4;
#pragma unroll
  for (int t = 0; t < Tiles; ++t)
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      warp_sync();
      const std::uint32_t turned = movmatrix(pack<E>(S[t][2 * i], S[t][2 * i + 1]));  // (channel r, columns 2c, 2c + 1)
      const int channel = channel0 + 8 * t + r, column = v0 + 8 * i + 2 * c;
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
/// Of a thread's U^T or O^T tiles, eight tokens from token0 on, two value columns of the caller's float32 tensor.
__device__ __forceinline__ void store_floats(const ScanParams& p, const float (&O)[4], index_t begin, index_t length, index_t token0, int hv, int v) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const index_t token = token0 + i % 2;
    const int column = v + i / 2 * 8;
    if (token < length && column < p.Dv) static_cast<float*>(p.o)[((begin + token) * p.HV + hv) * p.Dv + column] = O[i];
  }
}

}  // namespace fw::cuda::chunk
