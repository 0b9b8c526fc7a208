// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The GPU path: chunkwise forward and backward of the delta-rule family (R1-R4) on device memory. One engine for every row of
// the variant table of that family; the gate structure is a trait of the kernel that builds the chunk factors.
//
// All tensors are contiguous, row-major, on the current device, with the shapes of core/problem.h. Tokens of all sequences
// lie one after another: dense [B,T] is B sequences of T, packed is [1,total] with cu_seqlens. A call enqueues kernels on the
// caller's stream and returns: it neither allocates nor synchronises, so it can be captured in a graph. Workspace and saved
// memory come from the caller, sized by the functions below. Every result is the same bits on every run.
//
// Right for every g <= 0, -inf included: decay enters only as running products of exp(g), each in [0,1] (docs/cuda.md).
#pragma once

#include <cstddef>

#include "core/problem.h"

struct CUstream_st;

namespace fw::cuda {

using Stream = CUstream_st*;  ///< cudaStream_t

/// fast: operands of products in the tensor type (bf16, or f16), accumulated in float32. accurate: float32 tensors, products
/// as accurate as float32 itself.
enum class Precision { fast, accurate };

/// Order of the last two axes of every state tensor: [N,HV,Dk,Dv] or [N,HV,Dv,Dk].
enum class StateLayout { key_value, value_key };

/// What is computed, without the data.
struct Call {
  Options options;                 ///< variant, scale, L2 norm, activations; threads and the checks of values are not used here
  index_t B = 0, T = 0;            ///< packed: B = 1, T = all tokens
  index_t H = 0, HV = 0, Dk = 0, Dv = 0;
  index_t g_heads = 0, b_heads = 0;  ///< H or HV; 0: H when H == HV
  index_t N = 0;                   ///< sequences; 0: B, dense
  DType tensors = DType::bf16;     ///< q k v b w beta o and their gradients: bf16, f16 or f32
  DType g = DType::f32;            ///< g and dg: f32 or the tensor type
  StateLayout state_layout = StateLayout::key_value;
  Precision precision = Precision::fast;  ///< accurate needs tensors = f32
  /// A sequence is cut along time in this many segments, worked on side by side, by the exact affine scan; 0: as many as make it fast
  /// on the current device (1 unless sequences are few and long), 1: never cut. Bits depend on it, so that with 0 they depend
  /// on B, T, N and the device. Not for accurate.
  index_t segments = 0;
};

/// Device pointers; what the variant does not use is null. A_log, dt_bias and states are float32.
struct Inputs {
  const void *q = nullptr, *k = nullptr, *v = nullptr, *g = nullptr, *b = nullptr, *w = nullptr, *beta = nullptr;
  const float *A_log = nullptr, *dt_bias = nullptr;
  index_t dt_bias_numel = 0;               ///< Hg or Hg*Dk
  const float* initial_state = nullptr;    ///< null: zeros
  const index_t* cu_seqlens = nullptr;     ///< device, N+1 offsets; null: dense
};
struct Outputs {
  void* o = nullptr;
  float* final_state = nullptr;  ///< null: not wanted
};
struct Upstream {
  const void* d_o = nullptr;
  const float* dfinal_state = nullptr;  ///< null: zeros
};
/// Null: not wanted.
struct Gradients {
  void *dq = nullptr, *dk = nullptr, *dv = nullptr, *dg = nullptr, *db = nullptr, *dw = nullptr, *dbeta = nullptr;
  float *dA_log = nullptr, *ddt_bias = nullptr, *dinitial_state = nullptr;
};

/// Bytes that forward() needs as workspace on the current device: the factors of all chunks, the states between segments. 256-byte
/// aligned memory is best; 16 is required.
std::size_t forward_workspace_bytes(const Call& call);
/// Bytes of the states that forward() keeps for the backward: one at the start of every chunk of 64 tokens, in 16 bits (accurate:
/// float32). Depends on the current device where Dk > 128.
std::size_t saved_bytes(const Call& call);
/// o and the final states of all sequences. Dk, Dv in 16..256. Enqueues two to five kernels on the stream and returns. Fastest
/// where Dk and Dv are 64 or 128 and tensors are 16-byte aligned; everything else takes slower loads or padded widths.
/// saved: null, or saved_bytes(call) to be kept for the backward. Values of tensors are not checked, cu_seqlens neither.
/// A sequence's results depend on nothing but its own tokens and Call::segments, and those of a token on no later one, to the last bit.
/// Throws fw::Error "cuda forward: <argument> must be ..., got ...".
void forward(const Call& call, const Inputs& in, const Outputs& out, void* saved, void* workspace, Stream stream = nullptr);

/// What is left of the forward when the backward begins.
struct Kept {
  const void* states = nullptr;  ///< `saved` of forward(); null: recomputed
  bool factors = false;          ///< the workspace begins with what forward() of the same call left in its own, untouched
};
/// Bytes that backward() needs as workspace on the current device, never less than forward_workspace_bytes(). states_kept: whether
/// Kept::states will be given.
std::size_t backward_workspace_bytes(const Call& call, bool states_kept);
/// Gradients of sum(o (.) d_o) + sum(final_state (.) dfinal_state) for what in `gradients` is not null. Enqueues kernels and
/// returns; the same limits, errors ("cuda backward: ...") and bits on every run as forward(). Without tokens dinitial_state is
/// dfinal_state and sums are zero.
void backward(const Call& call, const Inputs& in, const Upstream& up, const Gradients& gradients, const Kept& kept, void* workspace, Stream stream = nullptr);

}  // namespace fw::cuda
