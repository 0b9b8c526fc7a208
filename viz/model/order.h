// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Rows in another order than they come in: key channels of the memory, facts of the table. An order is a permutation:
// order[row] is the channel, or the fact, that stands in this row.
#pragma once

#include <vector>

#include "viz/model/frame.h"

namespace fw::viz {

enum class RowOrder { channel, norm, decay };
enum class FactOrder { written, cosine, norm, impact };

/// norm: the longest row of S after token `at` first; decay: the slowest first, by mean ln alpha over the run. Ties keep their order.
std::vector<int> key_order(const Run& run, RowOrder by, int at);
/// cosine: the worst first; norm and impact: the largest first. What is not written yet stands last.
std::vector<int> fact_order(const Side& side, FactOrder by);
/// The row in which each channel (or fact) stands.
std::vector<int> inverse(const std::vector<int>& order);
/// Row i is row order[i] of `m`; as it is for an empty order.
Grid reordered(const Grid& m, const std::vector<int>& order);

}  // namespace fw::viz
