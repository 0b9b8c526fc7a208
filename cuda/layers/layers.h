// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What a language model has beside the rules and the projections, in float32, forward and backward, for several replicas of one model
// side by side: embedding, RMSNorm, short convolution with SiLU, gates, SwiGLU, cross entropy. Formulas are those of model/ops.h.
//   activations [R,n,*] row-major, replica after replica, n rows (tokens) each; parameters of replica r begin at data + r * stride
// Gradients of parameters are sums over rows. A replica's rows are cut into equal slabs; every kernel leaves the sums of its slab, in a fixed
// order and without atomics, and optimizer.h adds the slabs in order: the bits are the same on every run.
// Calls enqueue kernels on the stream and return; they neither allocate nor synchronise, so that a step can be captured in a graph.
#pragma once

#include <cstdint>

#include "cuda/engine.h"

namespace fw::cuda::layers {

struct Rows {
  index_t replicas = 1;
  index_t rows = 0;   ///< n, of one replica
  index_t slabs = 1;  ///< of one replica; divides rows
  index_t T = 1;      ///< rows of a sequence
};
struct Parameter {
  const float* data = nullptr;
  index_t stride = 0;
};
/// Gradient of a parameter, slab by slab: slab s of replica r begins at data + (r * slabs + s) * stride. Overwritten.
struct Partial {
  float* data = nullptr;
  index_t stride = 0;
};

/// x[i] = table[tokens[i]], table [vocab,d].
void embed(const Rows& rows, const std::int32_t* tokens, Parameter table, index_t d, float* x, Stream stream);
/// add: the slab already holds something (a tied head).
void embed_backward(const Rows& rows, const std::int32_t* tokens, const float* dx, index_t vocab, index_t d, Partial table, bool add, Stream stream);

/// sum = a + b (b null: a; sum null: not kept); normed = sum inverse w, inverse = 1 / sqrt(mean(sum^2) + eps). w null: the sum alone.
struct Norm {
  const float *a = nullptr, *b = nullptr;
  Parameter w;
  float eps = 0;
  index_t d = 0;
  float *sum = nullptr, *normed = nullptr, *inverse = nullptr;  ///< inverse [R,n]
  /// Row i of the result is row index[i] of a, of source_rows a replica; -1: zeros. Null: row i. Without b and sum.
  const std::int32_t* index = nullptr;
  index_t source_rows = 0;
};
void norm(const Rows& rows, const Norm& p, Stream stream);
/// Adds to dx, which has the rows of a.
void norm_backward(const Rows& rows, const Norm& p, const float* x, const float* dy, float* dx, Partial dw, Stream stream);

/// y = x inverse w act(z + bias) per head: x y z [R,n,heads,width], w [width], bias [heads*width] or null; z null: no gate.
struct GatedNorm {
  const float *x = nullptr, *z = nullptr;
  Parameter w, bias;
  bool silu = true;  ///< or sigmoid
  float eps = 0;
  index_t heads = 0, width = 0;
  float *y = nullptr, *inverse = nullptr;  ///< inverse [R,n,heads]
};
void gated_norm(const Rows& rows, const GatedNorm& p, Stream stream);
/// dx and dz are overwritten.
void gated_norm_backward(const Rows& rows, const GatedNorm& p, const float* dy, float* dx, float* dz, Partial dw, Stream stream);

/// Column sums of x [R,n,*], rows `stride` apart: the gradient of a bias.
void column_sums(const Rows& rows, const float* x, index_t stride, index_t columns, Partial sums, Stream stream);

/// Causal depthwise convolution over the channels of q, k, v together, then SiLU: x pre [R,n,q+k+v], weight [q+k+v,taps], the last tap is
/// the current token; taps 0: SiLU alone. q k v [R,n,*] apart.
struct Convolution {
  const float* x = nullptr;
  Parameter weight;
  index_t taps = 0;
  index_t q_width = 0, k_width = 0, v_width = 0;
  float *pre = nullptr, *q = nullptr, *k = nullptr, *v = nullptr;
};
void convolve(const Rows& rows, const Convolution& p, Stream stream);
void convolve_backward(const Rows& rows, const Convolution& p, const float* dq, const float* dk, const float* dv, float* dx, Partial dweight, Stream stream);

/// Gates out of the projections. `side` [R,n,side_width] holds columns that go to `first` and `second` as they are (the rule takes the
/// sigmoid), then others. `raw`, rows raw_stride apart, is the decay before its activation:
///   softplus  g = -exp(A_log[head]) softplus(raw + bias)      log_sigmoid  g = log sigmoid(raw + bias) / 16
/// with a bias per column and A_log per head of `head_width` columns.
struct Gates {
  enum class Decay { none, softplus, log_sigmoid };
  const float* side = nullptr;
  index_t side_width = 0, first_width = 0, second_width = 0;
  float *first = nullptr, *second = nullptr;
  Decay decay = Decay::none;
  const float* raw = nullptr;
  index_t raw_stride = 0, decay_width = 0, head_width = 1;
  Parameter A_log, bias;
  float* g = nullptr;  ///< [R,n,decay_width]
  bool steps_values = false;  ///< Mamba-2: v_out = softplus(raw + bias) v; a head is decay column h and value_width values
  const float* v = nullptr;
  float* v_out = nullptr;
  index_t value_width = 0;
};
void gates(const Rows& rows, const Gates& p, Stream stream);
struct GateGradients {
  const float *first = nullptr, *second = nullptr, *g = nullptr;
  float* dv = nullptr;    ///< Mamba-2: of v_out, becomes that of v
  float* dside = nullptr; ///< columns of first and second are written
  float* draw = nullptr;  ///< rows draw_stride apart
  index_t draw_stride = 0;
  Partial A_log, bias;    ///< data null: not wanted
};
void gates_backward(const Rows& rows, const Gates& p, const GateGradients& d, Stream stream);

/// act = silu(gate) up, gate_up [R,n,2 width].
void swiglu(const Rows& rows, const float* gate_up, index_t width, float* act, Stream stream);
void swiglu_backward(const Rows& rows, const float* gate_up, const float* dact, index_t width, float* dgate_up, Stream stream);

/// What the cross entropy says of a replica.
struct LossSums {
  double loss = 0;  ///< sum over the scored rows
  std::int32_t scored = 0, right = 0;
};
/// Rows of logits [R,n,vocab] with targets [R,n], -1: not scored. logits become scale[r] (softmax - one-hot), or zero where not scored, when
/// scale is given. predicted, row_loss [R,n], sums [R].
struct CrossEntropy {
  float* logits = nullptr;
  const std::int32_t* targets = nullptr;
  const float* scale = nullptr;
  index_t vocab = 0;
  std::int32_t* predicted = nullptr;
  double* row_loss = nullptr;
  LossSums* sums = nullptr;
};
void cross_entropy(const Rows& rows, const CrossEntropy& p, Stream stream);

void fill_zero(float* data, index_t count, Stream stream);

}  // namespace fw::cuda::layers
