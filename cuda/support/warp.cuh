// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Sums across lanes. The order of the additions depends on the lane masks alone, so a sum has the same bits in every lane and
// however many other values are reduced along with it.
#pragma once

namespace fw::cuda {

inline constexpr unsigned kAllLanes = 0xffffffffu;

/// Sum over the aligned group of `Lanes` lanes, in every lane of it. Masks from Lanes/2 down to 1.
template <int Lanes = 32>
__device__ __forceinline__ float lane_sum(float x) {
#pragma unroll
  for (int mask = Lanes / 2; mask > 0; mask /= 2) x += __shfl_xor_sync(kAllLanes, x, mask);
  return x;
}

/// Sums of `Count` values over the lanes that differ in the bits of First, First/2, ..., Last, each exchange halving what a
/// lane still holds, so that Count values cost about Count exchanges in place of Count log. Bit First of the lane chooses the
/// lower or upper half of the values, the next bit a half of that half, and so on; when one is left, all lanes of the
/// remaining bits get it. The lane's part is values[0 .. max(1, Count / (2 First / Last)) ).
template <int Count, int First, int Last>
__device__ __forceinline__ void scatter_sums(float (&values)[Count], int lane) {
  int left = Count;
#pragma unroll
  for (int mask = First; mask >= Last; mask /= 2) {
    if (left > 1) {
      left /= 2;
      const bool upper = (lane & mask) != 0;
#pragma unroll
      for (int i = 0; i < Count / 2; ++i) {
        if (i >= left) break;
        const float given = upper ? values[i] : values[i + left];
        const float kept = upper ? values[i + left] : values[i];
        values[i] = kept + __shfl_xor_sync(kAllLanes, given, mask);
      }
    } else {
      values[0] += __shfl_xor_sync(kAllLanes, values[0], mask);
    }
  }
}

}  // namespace fw::cuda
