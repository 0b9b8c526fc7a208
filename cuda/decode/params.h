// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What the decode kernels get, checked and worked out by the door (door.cpp), and the launchers it chooses from.
#pragma once

#include <cstdint>

#include "cuda/decode.h"

namespace fw::cuda::decoding {

struct Params {
  const void *q, *k, *v, *g, *b, *w, *beta;
  const float *A_log, *dt_bias;
  float* states;
  const std::int32_t *from, *to;
  float* snapshots;
  void* o;
  std::int64_t slots;
  int N, T, H, HV, Dk, Dv, group;
  int g_per_value, b_per_value;  ///< 1: by value head, 0: by key head
  int g_is_float;                ///< g is float32, else of the tensor type
  int bias_per_channel;          ///< dt_bias is [Hg,Dk], else [Hg]
  Decay decay;
  Erase erase;
  Write write;
  DecayActivation activation;
  int l2norm, sigmoid;
  float erase_gain;  ///< 2 with erase_times_two, else 1; used with sigmoid only
  float scale, l2norm_eps, lower;
};

/// What the launchers ask the current device.
struct Device {
  int multiprocessors, major;  ///< major: of the compute capability
};
Device current_device();

/// Enqueue the kernel for tensors of this type. `vectors`: rows of the state are multiples of 4 numbers, and states, snapshots
/// and (key_value) o are aligned to four of their elements.
void launch_key_value(const Params& p, DType tensors, bool vectors, DecodeTiling tiling, const Device& device, Stream stream);
void launch_value_key(const Params& p, DType tensors, bool vectors, DecodeTiling tiling, const Device& device, Stream stream);

}  // namespace fw::cuda::decoding
