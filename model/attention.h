// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Sliding-window attention, causal: token t sees the tokens s with t - window < s <= t. Forward and backward in blocks of
// queries, so that nothing of size T x T is kept; the weights are computed again in the backward.
//   (A1) a_s = scale q.k_s   (A2) p = softmax(a)   (A3) o = sum_s p_s v_s
//   (B3) dv_s += p_s do, dp_s = v_s.do   (B2) da = p (.) (dp - p.dp)   (B1) dq = scale sum_s da_s k_s, dk_s += scale da_s q
// Query head h uses key head h / (heads / kv_heads).
#pragma once

#include "core/dtype.h"

namespace fw::model {

struct AttentionShape {
  index_t B = 0;
  index_t queries = 0;  ///< tokens of this call, the last of the keys
  index_t keys = 0;     ///< tokens of the past that are still at hand, and of this call
  index_t heads = 0, kv_heads = 0, width = 0, window = 0;
};

/// q o [B,queries,heads*width], k v [B,keys,kv_heads*width]
template <class T>
void attention(const AttentionShape& shape, const T* q, const T* k, const T* v, T* o);
/// queries = keys. dq dk dv are overwritten.
template <class T>
void attention_backward(const AttentionShape& shape, const T* q, const T* k, const T* v, const T* d_o, T* dq, T* dk, T* dv);

}  // namespace fw::model
