// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What the kernel of a chunk's gradients gets: the raw tensors, the images that the factor kernel left, and for every chunk the
// state at its start and the gradient of the state at its end.
#pragma once

#include "cuda/chunk/params.h"

namespace fw::cuda::chunk {

struct GradientParams {
  FactorParams raw;          ///< q k g b beta and how they are read; images
  const void *v, *w, *d_o;   ///< w only where the write gate is per channel
  const float* write_numbers;  ///< [tokens,HV] where the write gate is one number, else null
  const void* states;        ///< [slots,HV,Dk,Dv] of E: at the start of every chunk
  const void* adjoints;      ///< [slots,HV,Dk,Dv] of E: gradient of the state at the end of every chunk
  int Dv;
  int erase, write_channel;  ///< there is an erase side; the write gate is per channel
  int floats;                ///< tensors are float32, else E
  int vectors;               ///< rows of q k b v w d_o begin at multiples of 16 bytes; rows of float32 g at multiples of 16
  int state_vectors;         ///< rows of states and adjoints do
  /// direct: dq dk db dg dv dw dbeta are of the caller's types, those of its tensors, null where not wanted. Else they are the
  /// float32 arrays of gradients::Effective (db: de, dv: dz; dw, dbeta unused; dq is of q after the norm, before the scale).
  int direct;
  void *dq, *dk, *db, *dg, *dv, *dw, *dbeta;
};

// One translation unit per element type.
void launch_gradients_bf16(const GradientParams& p, int shared_limit, Stream stream);
void launch_gradients_f16(const GradientParams& p, int shared_limit, Stream stream);
/// Whether a block works on all key channels of a head, so that it can write gradients of gates that they share.
bool gradients_have_all_channels(int Kp, int shared_limit);
/// half: E is f16, else bf16.
inline void launch_gradients(const GradientParams& p, bool half, int shared_limit, Stream stream) {
  (half ? launch_gradients_f16 : launch_gradients_bf16)(p, shared_limit, stream);
}

}  // namespace fw::cuda::chunk
