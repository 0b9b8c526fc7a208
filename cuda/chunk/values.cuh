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
    bytes = barriers + 32;
  }
};

/// The value side of a block: raw v and w to Z in shared memory, O out of it.
template <class E, int kColumns, int kThreads>
struct ValueSide {
  static constexpr int kPieces = kColumns / 8, kAll = 64 * kPieces;
  const ScanParams& p;
  int hv, v0, thread;
  index_t begin, length;

  __device__ __forceinline__ bool in_background() const { return !p.floats && p.vectors; }
  __device__ __forceinline__ index_t element(index_t token, int piece) const { return ((begin + token) * p.HV + hv) * p.Dv + v0 + 8 * piece; }

  /// Starts the copies of a chunk.
  __device__ __forceinline__ void ask(char* stage, const ScanMemory& m, int chunk) const {
    if (!in_background()) return;
    for (int n = thread; n < kAll; n += kThreads) {
      const int row = n / kPieces, piece = n % kPieces;
      const index_t token = static_cast<index_t>(chunk) * kRows + row;
      const bool wanted = token < length && v0 + 8 * piece < p.Dv;
      const index_t at = wanted ? element(token, piece) : 0;
      const int place = place_in_tile<kPieces>(row, piece);
      copy_async_16(stage + m.z + place, static_cast<const E*>(p.v) + at, wanted);
      if (p.write_channel) copy_async_16(stage + m.w + place, static_cast<const E*>(p.w) + at, wanted);
      else if (p.write_numbers != nullptr) copy_async_4(stage + m.w + 4 * n, p.write_numbers + (wanted ? (begin + token) * p.HV + hv : 0), wanted);
    }
  }
  __device__ __forceinline__ float gate(float raw) const { return p.sigmoid ? sigmoid(raw) : raw; }
  __device__ __forceinline__ float read(const void* tensor, index_t at) const {
    return p.floats ? static_cast<const float*>(tensor)[at] : to_float(static_cast<const E*>(tensor)[at]);
  }

  /// Makes Z of what has come, or of what is read here and now.
  __device__ __forceinline__ void finish(char* stage, const ScanMemory& m, int chunk) const {
    if (in_background() && !p.write_channel && p.write_numbers == nullptr) return;
    for (int n = thread; n < kAll; n += kThreads) {
      const int row = n / kPieces, piece = n % kPieces, place = place_in_tile<kPieces>(row, piece);
      uint4* z = reinterpret_cast<uint4*>(stage + m.z + place);
      std::uint32_t words[4];
      if (in_background()) {
        const uint4 v4 = *z, w4 = p.write_channel ? *reinterpret_cast<const uint4*>(stage + m.w + place) : make_uint4(0, 0, 0, 0);
        const float number = p.write_channel ? 0.0f : *reinterpret_cast<const float*>(stage + m.w + 4 * n);
        const std::uint32_t vs[4] = {v4.x, v4.y, v4.z, v4.w}, ws[4] = {w4.x, w4.y, w4.z, w4.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const float2 v = unpack<E>(vs[i]);
          float2 w = make_float2(number, number);
          if (p.write_channel) w = unpack<E>(ws[i]), w = make_float2(gate(w.x), gate(w.y));
          words[i] = pack<E>(w.x * v.x, w.y * v.y);
        }
      } else {
        const index_t token = static_cast<index_t>(chunk) * kRows + row, at = element(token, piece);
        const float number = p.write_numbers != nullptr && token < length ? p.write_numbers[(begin + token) * p.HV + hv] : 1.0f;
        float x[8];
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          const bool wanted = token < length && v0 + 8 * piece + i < p.Dv;
          x[i] = wanted ? read(p.v, at + i) * (p.write_channel ? gate(read(p.w, at + i)) : number) : 0.0f;
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) words[i] = pack<E>(x[2 * i], x[2 * i + 1]);
      }
      *z = make_uint4(words[0], words[1], words[2], words[3]);
    }
  }

  /// O of a chunk from shared memory to the tensor.
  __device__ __forceinline__ void store_o(const char* tile, int chunk) const {
    for (int n = thread; n < kAll; n += kThreads) {
      const int row = n / kPieces, piece = n % kPieces;
      const index_t token = static_cast<index_t>(chunk) * kRows + row;
      if (token >= length) break;
      const char* from = tile + place_in_tile<kPieces>(row, piece);
      E* to = static_cast<E*>(p.o) + element(token, piece);
      if (p.vectors) {
        if (v0 + 8 * piece < p.Dv) *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(from);
      } else {
        for (int i = 0; i < 8; ++i)
          if (v0 + 8 * piece + i < p.Dv) to[i] = reinterpret_cast<const E*>(from)[i];
      }
    }
  }
};

}  // namespace fw::cuda::chunk
