// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What the two kernels of the chunkwise forward get, the memory between them, and their launchers.
//
// Sequence n has the tokens begin_n .. begin_n + length_n of the flattened token axis (dense: n T and T, packed: cu_seqlens).
// Its chunk c of 64 tokens has the slot begin_n / 64 + n + c: different for all chunks of a call, less than tokens / 64 + N,
// and found without a table. Slots that no chunk falls on stay idle.
//
// Image of a slot and gate head, E = bf16 or f16, Kp = Dk rounded up to 64, 128 or 256 (zeros behind Dk), byte offsets:
//   Qbar  [64,Kp] E  0                 scale q (.) prod(1..i) alpha            (C6)
//   Ktail [64,Kp] E  128 Kp            k (.) prod(j+1..64) alpha               (C7)
//   A     [64,64] E  256 Kp            A_qk of (C5), zeros above the diagonal
//   W     [64,Kp] E  256 Kp + 8192     minus (I + A_ek)^-1 (gamma (.) E), the minus so that it is added; not without erase
//   Tinv  [64,64] E  384 Kp + 8192     (I + A_ek)^-1 of (C2); not without erase
//   gamma [Kp]  f32  behind the others prod(1..64) alpha
// A part [64,w] of E is cut in blocks of 64 columns, 8192 bytes each; a block has rows of 128 bytes, cut in pieces of 8 numbers; piece x of
// row i lies at place x ^ (i % 8). Rows of a matrix fragment then lie in different banks once the image has been copied to shared
// memory as it is, and a block is what the wide matrix instructions of sm_90 read (128-byte swizzle).
// Y = Tinv Z is formed in the scan: from Tinv and v, w it costs 640 bytes a token and head there; formed in the first kernel it
// would cost 512 read and 256 written there and 256 read in the scan, and it is not on the chain from state to state.
#pragma once

#include "cuda/engine.h"

#ifdef __CUDACC__
#define FW_BOTH __host__ __device__
#else
#define FW_BOTH
#endif

namespace fw::cuda::chunk {

inline constexpr int kRows = 64;

struct Image {
  int Kp;
  bool erase;
  FW_BOTH int q() const { return 0; }
  FW_BOTH int k() const { return 128 * Kp; }
  FW_BOTH int a() const { return 256 * Kp; }
  FW_BOTH int w() const { return 256 * Kp + 8192; }
  FW_BOTH int t() const { return 384 * Kp + 8192; }
  FW_BOTH int gamma() const { return erase ? 384 * Kp + 16384 : 256 * Kp + 8192; }
  FW_BOTH int bytes() const { return gamma() + 4 * Kp; }
};

/// Tokens of a call and where sequences begin.
struct Tokens {
  const index_t* cu;  ///< null: dense
  index_t T;
  int N;
  FW_BOTH index_t begin(int n) const { return cu ? cu[n] : n * T; }
  FW_BOTH index_t length(int n) const { return cu ? cu[n + 1] - cu[n] : T; }
  FW_BOTH index_t slot(int n) const { return begin(n) / kRows + n; }
};

struct FactorParams {
  const void *q, *k, *g, *b, *beta;
  const float *A_log, *dt_bias;
  char* images;
  Tokens tokens;
  index_t slots;
  int H, HV, Dk, Kp;
  int heads;             ///< gate heads: H, or HV when g, b or beta differ between the value heads of a key head
  int g_heads, b_heads;  ///< H or HV
  int g_is_float;        ///< g is float32, else of the tensor type
  int bias_per_channel;  ///< dt_bias is [Hg,Dk], else [Hg]
  int vectors;           ///< rows of q k b g begin at multiples of four elements
  Decay decay;
  Erase erase;
  DecayActivation activation;
  int l2norm, sigmoid;
  float erase_gain, scale, l2norm_eps, lower;
  // Set by launch_factors():
  int group;                   ///< value heads of a key head
  int chunk_grid;              ///< one block a chunk; else one a slot
  int q_step, b_step, g_step;  ///< bytes from token to token, k as q
  int ahead;                   ///< a block asks for the rows of the block so many behind it, as many as run at once; 0: for none
};

/// What a launch of the scan does with a sequence.
enum class Pass {
  whole,   ///< all of it
  ends,    ///< the first segment; of the others but the last the end state from a start at zero, and the transition
  starts,  ///< the segments behind the first, from the starts that combine_kernel has found
};

struct ScanParams {
  const void *v, *w;
  const float* write_numbers;  ///< [tokens,HV] where the write gate is one number, else null
  const char* images;
  const float* initial_state;
  float* final_state;
  void* o;       ///< null: not wanted
  void* states;  ///< [slots,HV,Dk,Dv] of E, the state at the start of every chunk; null: not kept
  Tokens tokens;
  int HV, Dk, Dv, Kp;
  int heads, tiles;  ///< gate heads; tiles of value columns
  int stages;        ///< images in shared memory
  int erase, write_channel, sigmoid;
  int floats;     ///< v w o are float32, else E
  int vectors;    ///< rows of v w o begin at multiples of 16 bytes
  int value_key;  ///< layout of initial_state and final_state
  int wide;       ///< the device has the wide matrix instruction of sm_90a
  // Sequences cut in segments of time (combine.cu):
  Pass pass;
  int segments;          ///< of a sequence, each of chunks/segments chunks, rounded up
  float* carry;          ///< [N,HV,segments-1,Dv,Kp]
  float* transitions;    ///< [N,heads,segments-2,Dk,Kp]
  int transition_tiles;  ///< of the columns of a transition; set by the launch
};

/// Per token and value head the one number of Write::scalar and Write::mean.
struct WriteNumberParams {
  const void* from;  ///< beta [tokens,HV] or w [tokens,HV,Dv]
  float* to;         ///< [tokens,HV]
  index_t rows;      ///< tokens HV
  int width;         ///< 1 or Dv
  int sigmoid;
  float gain;
};

void launch_factors(const FactorParams& p, DType tensors, Stream stream);
void launch_write_numbers(const WriteNumberParams& p, DType tensors, Stream stream);

// One translation unit per element type.
void launch_factors_bf16(const FactorParams& p, Stream stream);
void launch_factors_f16(const FactorParams& p, Stream stream);
void launch_factors_f32(const FactorParams& p, Stream stream);
/// columns: 16, 32, 64 or (Kp <= 128) 128 value columns a block. p.stages is set from what the device has.
void launch_scan_bf16(const ScanParams& p, int columns, int shared_limit, Stream stream);
void launch_scan_f16(const ScanParams& p, int columns, int shared_limit, Stream stream);
/// The scan's mirror, last chunk first: v is d_o, initial_state the gradient of the final state (null: zeros), states get the
/// gradient of the state at the END of every chunk, final_state that of the initial state. w, write_numbers and o are null.
void launch_adjoint_bf16(const ScanParams& p, int columns, int shared_limit, Stream stream);
void launch_adjoint_f16(const ScanParams& p, int columns, int shared_limit, Stream stream);

/// Of segments, between the passes ends and starts: what each ends with becomes what the next starts from.
void launch_combine(const ScanParams& p, Stream stream);

/// The narrowest padded key width that holds Dk.
inline int padded_width(index_t Dk) { return Dk <= 64 ? 64 : Dk <= 128 ? 128 : 256; }

}  // namespace fw::cuda::chunk
