// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The table of kernels: what the drivers of this room call, compiled once per instruction set. Everything is plain pointers
// and strides; sizes are in elements, times and widths may be anything.
//
// A micro-chunk is kRows tokens, a block kBlockChunks of them. One *prep* (what shares q, k, g and the erase gate) has, per
// chunk, the factors [kRows,Kp] of the chunk form with Kp = Dk rounded up to whole vectors and to kRows, zero past Dk and past
// the end of the sequence. One *tile* is up to `tile` value columns of one value head; its state is a panel [Kp, width].
// Rows of a tile, [chunks,kRows,width]: rows `width` apart, chunks kRows * tile apart whatever the width.
#pragma once

#include <cstddef>

#include "core/variant.h"
#include "omp/isa.h"

namespace fw::omp {

inline constexpr int kRows = 8;         ///< tokens of a micro-chunk
inline constexpr int kBlockChunks = 4;  ///< micro-chunks of a block
inline constexpr int kBlock = kRows * kBlockChunks;

enum class DecayForm { log, softplus, bounded };

/// Where one prep reads, and how. Pointers are to the first token of the sequence; *_stride is the step to the next token.
template <class T>
struct PrepSource {
  const T *q = nullptr, *k = nullptr, *g = nullptr, *b = nullptr;  ///< b: the erase gate, or beta where it is one number
  std::ptrdiff_t k_stride = 0, g_stride = 0, b_stride = 0;
  std::ptrdiff_t Dk = 0, Kp = 0;
  T scale = 1, l2norm_eps = 0;
  bool l2norm = false, sigmoid = false;
  T erase_gain = 1;
  DecayForm form = DecayForm::log;
  T A = 0, lower = 0;           ///< exp(A_log), bound
  const T* bias = nullptr;      ///< dt_bias of this head or null
  bool bias_channels = false;
};

/// Factors of one chunk, all [kRows,Kp] but where said.
template <class T>
struct Factors {
  T* E;      ///< gamma (.) e
  T* Q;      ///< scale gamma (.) q
  T* Kt;     ///< k decayed to the chunk's end
  T* gamma;  ///< [Kp] decay of the whole chunk
  T* A_ek;   ///< [kRows,kRows] strictly lower
  T* A_qk;   ///< [kRows,kRows] lower, scale included
};

/// Rows of a value-side tensor -> a padded tile [rows, width]: out = x (.) gate, gate one number a row, a row, or absent.
template <class T>
struct ValueSource {
  const T *v = nullptr, *w = nullptr;  ///< first token of the sequence, first column of the head
  std::ptrdiff_t v_stride = 0, w_stride = 0, Dv = 0;
  Write write = Write::one;
  bool sigmoid = false;
  T gain = 1;
};

/// Rows that will be needed soon, to be asked for while a tile is worked on: `bytes` each, `stride` bytes apart. Of `rows` rows
/// this errand is about the rows part, part + parts, ...
struct Errand {
  const char* at;
  std::ptrdiff_t stride, bytes;
  int rows, part, parts;
  bool written;  ///< they will be written, not read

  /// Cache lines.
  std::ptrdiff_t lines() const { return rows > part ? (rows - part + parts - 1) / parts * ((bytes + 63) / 64) : 0; }
};
struct Errands {
  static constexpr int kMost = 20;
  Errand list[kMost];
  int count = 0;

  void add(const Errand& errand) {
    if (errand.lines() > 0 && count < kMost) list[count++] = errand;
  }
  std::ptrdiff_t lines() const {
    std::ptrdiff_t total = 0;
    for (int n = 0; n < count; ++n) total += list[n].lines();
    return total;
  }
};

template <class T>
struct ForwardTile {
  const T *E, *Q, *Kt, *gamma, *A_ek, *A_qk;  ///< of the block's first chunk; E null: nothing is erased; Q null: no output
  std::ptrdiff_t Kp;
  int chunks, rows;        ///< chunks of this block and its tokens (the last chunk may be short)
  int vectors;             ///< width of the tile in vectors, 1 or 2
  std::ptrdiff_t columns;  ///< value columns that are real
  const T* Z;              ///< [chunks,kRows,width]
  T* S;                    ///< [Kp,width] in and out
  T* o;                    ///< first token of the block, first column of the tile
  std::ptrdiff_t o_stride;
  bool stream;             ///< o is large: write it past the caches
  T* S_saved;              ///< [Kp,width] receives S as it is before the block, or null
  T* R;                    ///< [chunks,kRows,width] receives the residual rows, or null
  Errands errands;
};

/// One block of one tile in reverse. Panels are transposed here, lanes are key channels, and cut into strips of two vectors of
/// channels: element (column j, channel i) at s tile width + j c + (i - s tile), s = i / tile, c = min(tile, Kp - s tile).
template <class T>
struct BackwardTile {
  const T *E, *Q, *Kt, *gamma, *A_ek, *A_qk;  ///< of the block's first chunk; E null: nothing is erased; gamma null: no decay
  std::ptrdiff_t Kp;
  int chunks, vectors;
  const T* S;   ///< [Kp,width] state before the block
  const T* R;   ///< [chunks,kRows,width] residual rows of the forward
  const T* dO;  ///< [chunks,kRows,width]
  T* dS;        ///< panel in strips: gradient of the state after the block; on return, of the state before it
  T* states;    ///< scratch [chunks] panels in strips
  T* dZ;        ///< [chunks,kRows,width] written
  T *dE, *dQ, *dKt, *dgamma, *dA_ek, *dA_qk;  ///< layouts of the factors, the dA full squares; null: only dS and dZ are wanted
  bool add;                                    ///< add to them, or write them
  Errands errands;
};

/// Gradients of one chunk's factors, and where those of the rule's inputs go.
template <class T>
struct PrepGradient {
  const T *dE, *dQ, *dKt, *dgamma, *dA_ek, *dA_qk;
  T *dq, *dk, *dg, *db;       ///< row of the sequence's first token (as PrepSource); dg, db null where the rule has none
  bool add_qk, add_g, add_b;  ///< another prep has written there before: add
  bool stream;                ///< large results: rows that are written once go past the caches
  double *dA_log, *dbias;     ///< added to: one number, and [Dk] or one; null without activation
};

/// One token of one head of decode.h.
template <class T>
struct DecodeHead {
  PrepSource<T> prep;
  ValueSource<T> value;
  T* S;             ///< [tiles] panels [Kp,width], panel_step apart
  std::ptrdiff_t panel_step;
  double* c;        ///< [Kp] factors of the rows
  T *k, *delta;     ///< [Kp], [Dv rounded up]: the pending write; replaced by this token's
  T* o;             ///< [Dv]
  T* scratch;       ///< 8 Kp
};

/// Columns [from, from + width) of one head's state, token by token (rungs.h).
template <class T>
struct TokenLoop {
  PrepSource<T> prep;
  ValueSource<T> value;
  Decay decay;
  Erase erase;
  bool fused;                  ///< two sweeps over the state a token, not four
  std::ptrdiff_t token, from, width;
  int tokens;
  T* rows;                     ///< [tokens][4,Kp] q k alpha e, filled by read_tokens
  T* S;                        ///< [Kp,width]
  T* o;                        ///< [tokens] rows of the head, o_stride apart
  std::ptrdiff_t o_stride;
  T* scratch;                  ///< 2 width
};

template <class T>
struct Kernels {
  int lanes, tile;  ///< numbers in a vector; columns of a full tile (2 vectors)
  /// Factors of the chunk of `rows` tokens that starts at `token`. token_rows [4,kRows,Kp] receives its q, k, alpha and e.
  void (*prepare)(const PrepSource<T>&, Decay, Erase, std::ptrdiff_t token, int rows, const Factors<T>&, T* token_rows);
  /// Reverse of prepare for the same chunk, with the rows that prepare left. scratch: 4 kRows Kp.
  void (*prepare_backward)(const PrepSource<T>&, Decay, Erase, std::ptrdiff_t token, int rows, const T* token_rows, const PrepGradient<T>&,
                           T* scratch);
  /// z rows of one chunk into the tiles [from, to): tile j at out + j tile_step, rows `width` apart, rows past the end zero.
  void (*values)(const ValueSource<T>&, std::ptrdiff_t token, int rows, T* out, std::ptrdiff_t tile_step, std::ptrdiff_t from,
                 std::ptrdiff_t to);
  /// dv and dw (or dbeta; null where the write gate is one) of one chunk from the tiles of dZ. Pointers as in ValueSource.
  void (*values_backward)(const ValueSource<T>&, std::ptrdiff_t token, int rows, const T* dZ, std::ptrdiff_t tile_step, T* dv, T* dw,
                          bool stream);
  void (*forward_tile)(const ForwardTile<T>&);
  void (*backward_tile)(const BackwardTile<T>&);
  /// out [rows,width] = a [rows,Kp] S; rows a multiple of kRows.
  void (*read_panel)(T* out, const T* a, const T* S, std::ptrdiff_t Kp, std::ptrdiff_t rows, int vectors);
  void (*decode)(const DecodeHead<T>&, Decay, Erase);
  void (*read_tokens)(const TokenLoop<T>&);
  void (*token_loop)(const TokenLoop<T>&);
  /// Makes streamed stores visible to other threads.
  void (*finish_streams)();
  /// Whether every x has low <= x <= high (never true for NaN). Empty: true.
  bool (*within)(const T* x, std::ptrdiff_t count, T low, T high);
  /// Ceilings of this CPU for the benchmark: `steps` rounds of independent multiply-adds, returning their number of flops.
  double (*multiply_adds)(std::ptrdiff_t steps, T* sink);
  /// x <- factor x over a buffer: one read and one write of each number.
  void (*scale)(T* x, std::ptrdiff_t count, T factor);
};

/// The table of an instruction set of this build that this CPU can run (isa.h resolves to one). T = float or double.
template <class T>
const Kernels<T>& kernels(Isa isa);

}  // namespace fw::omp
