// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The layers between the rules, forward and hand-written backward, on row-major arrays of n rows. Gradients of parameters are
// always added to; gradients of inputs are overwritten unless a name says add. Scalars: float for training, double for checks.
//   RMSNorm     y = x r (.) w, r = 1 / sqrt(mean(x^2) + eps)
//   gated       y = x r (.) w (.) act(z), one row per token and value head, w shared by the heads
//   convolution p[t,c] = sum_j w[c,j] x[t-(W-1)+j, c], depthwise and causal, tap W-1 is the current token; y = silu(p)
//   SwiGLU      y = silu(a) (.) u
#pragma once

#include "core/tensor.h"
#include "model/config.h"
#include "model/matmul.h"
#include "model/parameter_table.h"

namespace fw::model {

/// Give `t` this shape; its memory is kept where it fits and its contents are then unspecified.
template <class T>
T* shaped(Tensor<T>& t, const Shape& shape) {
  if (!t.defined() || t.shape() != shape) t = Tensor<T>(shape);
  return t.data();
}

/// y [n,rows] = x [n,cols] W^T (+ bias [rows])
template <class T>
void linear(const T* params, Slot W, Slot bias, const T* x, index_t n, T* y);
/// Adds dW = dy^T x and the bias gradient; dx [n,cols] = dy W, overwritten or added to; null: not wanted.
template <class T>
void linear_backward(const T* params, T* grads, Slot W, Slot bias, const T* x, const T* dy, index_t n, T* dx, Into into);

/// x y [n,d], w [d], inverse [n] keeps r for the backward.
template <class T>
void rms_norm(const T* x, const T* w, double eps, index_t n, index_t d, T* y, T* inverse);
/// dx is added to.
template <class T>
void rms_norm_backward_add(const T* x, const T* w, const T* inverse, const T* dy, index_t n, index_t d, T* dx, T* dw);

/// x z y [n,d], w [d]; z null: no gate.
template <class T>
void gated_rms_norm(const T* x, const T* w, const T* z, GateActivation act, double eps, index_t n, index_t d, T* y, T* inverse);
template <class T>
void gated_rms_norm_backward(const T* x, const T* w, const T* z, GateActivation act, const T* inverse, const T* dy, index_t n, index_t d,
                             T* dx, T* dw, T* dz);

/// x p y [B,T,D]; weight [D,1,W]; history [B,W-1,D], the raw inputs before the first token, or null for zeros; updated when given.
template <class T>
void short_conv_silu(const T* x, const T* weight, index_t W, index_t B, index_t T_, index_t D, T* history, T* p, T* y);
template <class T>
void short_conv_silu_backward(const T* x, const T* weight, index_t W, index_t B, index_t T_, index_t D, const T* p, const T* dy, T* dx,
                              T* dweight);

template <class T>
void silu(const T* x, index_t n, T* y);
/// dx = dy silu'(x)
template <class T>
void silu_backward(const T* x, const T* dy, index_t n, T* dx);

template <class T>
void swiglu(const T* a, const T* u, index_t n, T* y);
template <class T>
void swiglu_backward(const T* a, const T* u, const T* dy, index_t n, T* da, T* du);

/// Rotate the pairs (i, i + D/2) of every head by position / theta^(2i/D), in place; x [B,T,heads,D], first token at `position`.
/// sign -1 turns back, which is the backward.
template <class T>
void rotary(T* x, index_t B, index_t T_, index_t heads, index_t D, index_t position, double theta, int sign);

/// Sum over rows of -log softmax(logits)[target]; logits [n,vocab] become `scale` times the gradient when wanted.
/// right (when not null) counts the rows whose largest logit is the target.
template <class T>
double cross_entropy(T* logits, const std::int32_t* targets, index_t n, index_t vocab, double scale, bool gradient, index_t* right);

}  // namespace fw::model
