// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Causal sliding-window attention with rotary positions on the device (formulas A1-A3, B1-B3 in model/attention.h), for small models: simple
// kernels in float32, a warp per query or key. Sequences begin at position 0.
#pragma once

#include "cuda/layers/layers.h"

namespace fw::cuda::layers {

struct Attention {
  float* qkv = nullptr;  ///< [R,n,(heads + 2 kv_heads) width]: q, k, v of a row
  Parameter bias;        ///< of all columns of qkv, or none
  index_t heads = 1, kv_heads = 1, width = 2, window = 1;
  double theta = 10000.0;
  float* o = nullptr;    ///< [R,n,heads*width]
  float* log_sum = nullptr;  ///< [R,n,heads] log of the sum of exponentials
};
/// Adds the bias and turns q and k in place, then attention.
void attention(const Rows& rows, const Attention& p, Stream stream);
/// dqkv is overwritten with the gradient of qkv as the projection left it. dots [R,n,heads] is scratch.
void attention_backward(const Rows& rows, const Attention& p, const float* d_o, float* dqkv, float* dots, Stream stream);

}  // namespace fw::cuda::layers
