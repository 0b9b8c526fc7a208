// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The recurrence token by token in float32: the accurate path for float32 tensors, and that of wide keys on devices whose blocks have too
// little shared memory for the chunk kernels, for tensors of any type. Four kernels:
//   prepare    what every step works with, in float32: q after norm and scale, k after its norm, e, alpha = exp(g), z
//   forward    states in registers, first token to last; o, the final state, the state at the start of every 64 tokens
//   backward   last token to first, states made anew from those kept; what a tile of value columns adds to dq, dk, de, dg
//   sum_tiles  these sums over the tiles, in order
// Rows of q, k, e, alpha are padded to Kp (zeros, alpha 1), rows of z to a multiple of 32.
#pragma once

#include "cuda/chunk/params.h"

namespace fw::cuda::recurrent {

inline constexpr int kPart = 64;     ///< tokens between kept states
inline constexpr int kSegment = 8;   ///< tokens whose states the backward holds
/// Numbers of a state that a block of the backward holds, so that it has that many / Kp value columns.
inline constexpr int kState = 2048, kSmallState = 1024;

struct Steps {
  float *q, *k, *e, *alpha;  ///< [tokens,HV,Kp]; e null without erase
  float* z;                  ///< [tokens,HV,Dvp]
  int Kp, Dvp;
};

struct PrepareParams {
  chunk::FactorParams raw;   ///< q k g b beta, and how they are read
  DType tensors;             ///< of q k b beta v w
  const void *v, *w;
  const float* write_numbers;
  int Dv, write_channel;
  index_t tokens;
  Steps steps;
};

struct ForwardParams {
  Steps steps;
  chunk::Tokens tokens;
  const float* initial_state;
  float *final_state, *states;  ///< states [slots,HV,Dk,Dv]; either may be null
  void* o;                      ///< of tensors; null: not wanted
  DType tensors;
  int HV, Dk, Dv, erase, value_key;
};

struct BackwardParams {
  Steps steps;
  chunk::Tokens tokens;
  const void* d_o;           ///< of tensors
  DType tensors;
  const float *dfinal_state, *states;
  float* carried;            ///< [N,HV,Dk,Dv] gradient of the state between two calls
  float* dinitial_state;     ///< null: not wanted
  float* partial;            ///< [pairs][tiles][parts * 64][4][Kp]: dq dk de dg
  float* dz;                 ///< [tokens,HV,Dv]
  int HV, Dk, Dv, erase, value_key;
  int first_pair, pairs;     ///< sequence-heads of this call
  int first_part, parts;     ///< parts of 64 tokens of this call, counted from the start of a sequence
  int tiles;
};

/// Adds up the tiles: partial to [tokens,HV,Dk] each; null where not wanted.
struct SumParams {
  BackwardParams from;
  float *dq, *dk, *de, *dg;
};

void launch_prepare(const PrepareParams& p, Stream stream);
void launch_forward(const ForwardParams& p, Stream stream);
/// small: blocks of kSmallState.
void launch_backward(const BackwardParams& p, bool small, Stream stream);
void launch_sum(const SumParams& p, Stream stream);

/// Value columns of a block of the backward, and whether it must be a small one.
inline int backward_columns(int Kp, bool small) { return (small ? kSmallState : kState) / Kp; }
bool backward_is_small(int Kp, int shared_limit);

}  // namespace fw::cuda::recurrent
