// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Cutting a smaller problem out of a large one: some sequences and some key heads (each with all its value heads), all
// tokens, all channels. Heads and sequences do not interact, so the small problem has exactly the large one's numbers,
// except for gradients of per-head parameters (A_log, dt_bias), which sum over the sequences kept.
#pragma once

#include <vector>

#include "core/families.h"
#include "verify/results.h"

namespace fw::verify {

struct Selection {
  std::vector<index_t> sequences, key_heads;
  bool everything(const Geometry& geo) const;
};

Selection select_all(const Geometry& geo);
Problem slice(const Problem& problem, const Geometry& geo, const Selection& keep);
Results slice(const Results& results, const Geometry& geo, const Selection& keep);

}  // namespace fw::verify
