// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// How a call is cut up. A *prep* is one sequence seen by the value heads that share q, k, g and the erase gate: its chunk
// factors are worked out once. Below it lie the value heads, and below them the column tiles.
//   prep   p = n (HV / heads) + i        heads i heads .. (i+1) heads - 1
//   panel  state of a tile, [Kp, width], at (head in prep, tile) steps of Kp * tile
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/problem.h"
#include "omp/simd/kernels.h"

namespace fw::omp {

struct Plan {
  Geometry geo;
  Decay decay;
  Erase erase;
  Write write;
  index_t heads = 1;           ///< value heads of a prep
  index_t preps_per_sequence = 0, preps = 0;
  index_t Kp = 0, tile = 0, tiles = 0;
  int lanes = 0;
  int threads = 1;
  bool look_ahead = true;
  bool stream = false;  ///< results are larger than the caches: written past them where they are written once

  index_t panel() const { return Kp * tile; }
  index_t panels() const { return heads * tiles; }
  index_t rows() const { return kRows * tile; }  ///< one chunk of one tile
  /// Vectors of a tile: the last one may need only one.
  int vectors(index_t t) const { return geo.Dv - t * tile > lanes ? 2 : 1; }
  index_t width(index_t t) const { return vectors(t) * lanes; }
  index_t columns(index_t t) const { return std::min(width(t), geo.Dv - t * tile); }
  /// Place of (column j, channel i) in a transposed panel (BackwardTile).
  index_t in_strips(index_t columns_apart, index_t j, index_t i) const {
    const index_t first = i / tile * tile;
    return first * columns_apart + j * std::min(tile, Kp - first) + i - first;
  }
  index_t first_head(index_t prep) const { return prep % preps_per_sequence * heads; }
  index_t sequence(index_t prep) const { return prep / preps_per_sequence; }
  const Geometry::Sequence& span(index_t prep) const { return geo.sequences[static_cast<std::size_t>(sequence(prep))]; }
  index_t blocks(index_t prep) const { return (span(prep).length + kBlock - 1) / kBlock; }

  /// Whether `items` of equal size keep all threads about equally busy.
  bool balanced(index_t items) const { return 4 * ((items + threads - 1) / threads) * threads <= 5 * items; }
  /// Parts the panels of a prep are cut into so that there is work for all threads; 1 where there are preps enough.
  index_t parts() const {
    index_t parts = 1;
    while (parts < panels() && !balanced(preps * parts)) ++parts;
    return parts;
  }
  /// Preps one thread takes at a time: neighbours share pages, and in small widths cache lines.
  index_t bundle() const { return look_ahead ? std::clamp<index_t>(preps / threads, 1, 4) : 1; }
};

/// Numbers of o from which results are written past the caches: 8 MiB in float, about what one core may call its own.
inline constexpr index_t kStreamFrom = index_t{1} << 21;

/// Geometry of a checked call -> plan. Whoever calls it has the kernels of the chosen instruction set.
inline Plan make_plan(const Geometry& geo, const Options& options, int lanes) {
  const VariantInfo& row = info(options.variant);
  Plan plan{geo, row.decay, row.erase, row.write};
  const bool shared = (row.decay == Decay::none || geo.g_heads == geo.H) && row.erase != Erase::scalar &&
                      (row.erase == Erase::none || geo.b_heads == geo.H);
  plan.heads = shared ? geo.group : 1;
  plan.preps_per_sequence = geo.HV / plan.heads;
  plan.preps = geo.N * plan.preps_per_sequence;
  plan.lanes = lanes;
  const index_t step = std::max(lanes, kRows);
  plan.Kp = (geo.Dk + step - 1) / step * step;
  plan.tile = 2 * lanes;
  plan.tiles = (geo.Dv + plan.tile - 1) / plan.tile;
  plan.stream = geo.B * geo.T * geo.HV * geo.Dv >= kStreamFrom;
  plan.threads = options.threads > 0 ? options.threads : available_threads();
  return plan;
}

}  // namespace fw::omp
