// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The value side of a scan: how a block's shared memory is divided, v and w to Z, O to its tensor.
#pragma once

#include "cuda/chunk/gates.cuh"

namespace fw::cuda::chunk {

/// Shared memory of a block of 16 WM columns, with WN parts.
struct ScanMemory {
  int stage, z, w, o, s, u, barriers, bytes;
  FW_BOTH ScanMemory(const Image& image, int columns, int parts, int stages, bool erase) {
    z = (image.bytes() + 1023) / 1024 * 1024, w = z + 128 * columns, stage = w + 128 * columns;
    o = stages * stage, s = o + 128 * columns;
    u = s + (parts > 1 ? 2 * columns * image.Kp : 0);
    barriers = u + (parts > 1 && erase ? 128 * columns : 0);
    bytes = barriers + 128;
  }
};

/// The value side of a block: raw v and w to Z in shared memory, O out of it. kMeets: the threads meet between the arrival of their copies and
/// finish(), so that they may read what others asked for: the one number of a row then comes once, else with each of its pieces.
template <class E, int kColumns, int kThreads, bool kMeets>
struct ValueSide {
  static constexpr int kPieces = kColumns / 8, kAll = 64 * kPieces;
  const ScanParams& p;
  int hv, v0, thread;
  index_t begin, length;

  __device__ __forceinline__ bool in_background() const { return !p.floats && p.vectors; }
  __device__ __forceinline__ index_t element(index_t token, int piece) const { return ((begin + token) * p.HV + hv) * p.Dv + v0 + 8 * piece; }

  /// Calls f(n, row, piece, place in a tile) for every piece of this thread.
  template <class F>
  __device__ __forceinline__ void for_pieces(const F& f) const {
    static_assert(kThreads % kPieces == 0 && kAll % kThreads == 0);
    constexpr int kStep = kThreads / kPieces;  // rows
    const int row0 = thread / kPieces, piece = thread % kPieces, place0 = place_in_tile<kPieces>(row0, piece);
#pragma unroll
    for (int i = 0; i < kAll / kThreads; ++i) {
      const int row = row0 + i * kStep;
      f(thread + i * kThreads, row, piece, kStep % 8 == 0 ? place0 + i * kStep * 16 * kPieces : place_in_tile<kPieces>(row, piece));
    }
  }
  /// Rows of a chunk that are tokens.
  __device__ __forceinline__ int rows_of(int chunk) const {
    const index_t left = length - static_cast<index_t>(chunk) * kRows;
    return left < kRows ? static_cast<int>(left) : kRows;
  }
  /// Where the first row of a chunk begins, of this block's columns.
  __device__ __forceinline__ index_t element_of(int chunk) const { return element(static_cast<index_t>(chunk) * kRows, 0); }
  __device__ __forceinline__ const float* number_of(int chunk, int row, bool wanted) const {
    return p.write_numbers + (wanted ? (begin + static_cast<index_t>(chunk) * kRows + row) * p.HV + hv : 0);
  }
  __device__ __forceinline__ index_t row_step() const { return static_cast<index_t>(p.HV) * p.Dv; }

  /// Starts the copies of a chunk.
  __device__ __forceinline__ void ask(char* stage, const ScanMemory& m, int chunk) const {
    if (!in_background()) return;
    const int rows = rows_of(chunk), columns = p.Dv - v0;
    const index_t from = element_of(chunk);
    const E *v = static_cast<const E*>(p.v) + from, *w = static_cast<const E*>(p.w) + (p.write_channel ? from : 0);
    for_pieces([&](int n, int row, int piece, int place) {
      const bool wanted = row < rows && 8 * piece < columns;
      const index_t at = wanted ? row * row_step() + 8 * piece : 0;
      copy_async_16(stage + m.z + place, v + at, wanted);
      if (p.write_channel) copy_async_16(stage + m.w + place, w + at, wanted);
      else if (!kMeets && p.write_numbers != nullptr) copy_async_4(stage + m.w + 4 * n, number_of(chunk, row, wanted), wanted);
    });
    if (kMeets && p.write_numbers != nullptr && thread < kRows) copy_async_4(stage + m.w + 4 * thread, number_of(chunk, thread, thread < rows), thread < rows);
  }
  __device__ __forceinline__ float gate(float raw) const { return p.sigmoid ? sigmoid(raw) : raw; }
  __device__ __forceinline__ float read(const void* tensor, index_t at) const {
    return p.floats ? static_cast<const float*>(tensor)[at] : to_float(static_cast<const E*>(tensor)[at]);
  }

  /// Makes Z of what has come, or of what is read here and now.
  __device__ __forceinline__ void finish(char* stage, const ScanMemory& m, int chunk) const {
    if (in_background() && !p.write_channel && p.write_numbers == nullptr) return;
    if (in_background() && p.write_channel && !p.sigmoid) {  // a product of two E is rounded once, here as below
      for_pieces([&](int, int, int, int place) {
        uint4* z = reinterpret_cast<uint4*>(stage + m.z + place);
        const uint4 v = *z, w = *reinterpret_cast<const uint4*>(stage + m.w + place);
        *z = make_uint4(multiply_pair<E>(v.x, w.x), multiply_pair<E>(v.y, w.y), multiply_pair<E>(v.z, w.z), multiply_pair<E>(v.w, w.w));
      });
      return;
    }
    if (in_background() && !p.write_channel) {
      for_pieces([&](int n, int row, int, int place) {
        uint4* z = reinterpret_cast<uint4*>(stage + m.z + place);
        const uint4 v = *z;
        const float number = *reinterpret_cast<const float*>(stage + m.w + 4 * (kMeets ? row : n));
        const auto times = [&](std::uint32_t pair) {
          const float2 x = unpack<E>(pair);
          return pack<E>(number * x.x, number * x.y);
        };
        *z = make_uint4(times(v.x), times(v.y), times(v.z), times(v.w));
      });
      return;
    }
    const int rows = rows_of(chunk), columns = p.Dv - v0;
    for_pieces([&](int, int row, int piece, int place) {
      uint4* z = reinterpret_cast<uint4*>(stage + m.z + place);
      std::uint32_t words[4];
      if (in_background()) {
        const uint4 v4 = *z, w4 = *reinterpret_cast<const uint4*>(stage + m.w + place);
        const std::uint32_t vs[4] = {v4.x, v4.y, v4.z, v4.w}, ws[4] = {w4.x, w4.y, w4.z, w4.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const float2 v = unpack<E>(vs[i]), w = unpack<E>(ws[i]);
          words[i] = pack<E>(gate(w.x) * v.x, gate(w.y) * v.y);
        }
      } else {
        const index_t token = static_cast<index_t>(chunk) * kRows + row, at = element(token, piece);
        const float number = p.write_numbers != nullptr && row < rows ? p.write_numbers[(begin + token) * p.HV + hv] : 1.0f;
        float x[8];
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          const bool wanted = row < rows && 8 * piece + i < columns;
          x[i] = wanted ? read(p.v, at + i) * (p.write_channel ? gate(read(p.w, at + i)) : number) : 0.0f;
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) words[i] = pack<E>(x[2 * i], x[2 * i + 1]);
      }
      *z = make_uint4(words[0], words[1], words[2], words[3]);
    });
  }

  /// O of a chunk from shared memory to the tensor.
  __device__ __forceinline__ void store_o(const char* tile, int chunk) const {
    const int rows = rows_of(chunk), columns = p.Dv - v0;
    E* o = static_cast<E*>(p.o) + element_of(chunk);
    for_pieces([&](int, int row, int piece, int place) {
      if (row >= rows) return;
      const char* from = tile + place;
      E* to = o + row * row_step() + 8 * piece;
      if (p.vectors) {
        if (8 * piece < columns) *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(from);
      } else {
        for (int i = 0; i < 8; ++i)
          if (8 * piece + i < columns) to[i] = reinterpret_cast<const E*>(from)[i];
      }
    });
  }
};

}  // namespace fw::cuda::chunk
