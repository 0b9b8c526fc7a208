// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Sliding-window attention: softmax attention (naive/softmax.h, lines (A1)-(A3)) over the last W tokens, the token itself
// included:  s from max(0, t - W + 1) to t.  Range: W >= 1; W = 1 copies v.
// Collapses: W >= T gives causal softmax attention.
#pragma once

#include "naive/softmax.h"

namespace fw::naive {

struct Swa : Softmax {
  static constexpr Variant id = Variant::swa;
  static index_t first_seen(index_t t, index_t window) { return t < window ? 0 : t - window + 1; }
};

}  // namespace fw::naive
