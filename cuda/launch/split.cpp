// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Whether to cut: the scan of n chunks takes rounds of blocks times n times the time of a chunk; cut in P segments it takes two passes of
// n/P chunks with about three times as many columns in all, and P steps of combine_kernel between. Cutting is for sequences and heads that leave
// most multiprocessors idle, or keep them busy only with tiles too narrow for a whole use of a factor that was read.
#include "cuda/launch/split.h"

#include <limits>

namespace fw::cuda {
namespace {

/// Microseconds that a block takes for a chunk on the H200, whole or with o (starts), and without o (ends).
struct Tile {
  int columns;
  double whole, ends;
};
constexpr Tile kWide = {128, 3.4, 2.4};  ///< scan_wide_kernel
constexpr Tile kTiles[] = {{128, 4.6, 3.5}, {64, 3.1, 2.4}, {32, 2.2, 1.8}, {16, 1.8, 1.5}};
constexpr double kCombineStart = 8.0, kCombineSegment = 1.2;  ///< microseconds, with the launches
constexpr index_t kMostSegments = 64, kLeastChunks = 4;

/// A tile of more than twice the columns that there are would mostly stand idle.
bool fits(const Tile& tile, index_t Dv, int Kp) { return (Kp <= 128 || tile.columns <= 64) && (tile.columns < 2 * Dv || tile.columns == 16); }
double rounds(index_t blocks, const Device& device) { return static_cast<double>((blocks + device.multiprocessors - 1) / device.multiprocessors); }
index_t tiles_of(index_t width, int columns) { return (width + columns - 1) / columns; }

}  // namespace

Split split_of(const Call& call, const Plan& plan, const Device& device) {
  const index_t chunks = plan.N == 0 ? 0 : (plan.tokens / plan.N + chunk::kRows - 1) / chunk::kRows;  // of a sequence, on average
  const int Kp = plan.image.Kp;
  const index_t heads = plan.N * call.HV;
  Split best;
  double least = std::numeric_limits<double>::infinity();
  const index_t from = call.segments == 0 ? 1 : call.segments, to = call.segments == 0 ? kMostSegments : call.segments;
  for (index_t P = from; P <= to; ++P) {
    const index_t per = (chunks + P - 1) / P;
    if (call.segments == 0 && P > 1 && per < kLeastChunks) break;
    double ends = std::numeric_limits<double>::infinity(), whole = ends;
    int ends_columns = 16, columns = 16;
    for (Tile tile : kTiles) {
      if (tile.columns == 128 && device.wide) tile = kWide;
      if (!fits(tile, call.Dv, Kp)) continue;
      const index_t values = tiles_of(call.Dv, tile.columns), transitions = P > 2 ? tiles_of(call.Dk, tile.columns) : 0;
      const double ends_rounds = rounds((P - 1) * heads * values + (P - 2) * plan.N * plan.heads * transitions, device);
      const double of_ends = P == 1 ? 0.0 : P == 2 ? ends_rounds * tile.whole : ends_rounds * tile.ends + (tile.whole - tile.ends);  // the first segment has o
      const double of_whole = rounds((P == 1 ? 1 : P - 1) * heads * values, device) * tile.whole;
      if (of_ends < ends) ends = of_ends, ends_columns = tile.columns;
      if (of_whole < whole) whole = of_whole, columns = tile.columns;
    }
    const double time = (ends + whole) * static_cast<double>(per) + (P == 1 ? 0.0 : kCombineStart + kCombineSegment * static_cast<double>(P));
    if (time < least) least = time, best.segments = static_cast<int>(P), best.columns = columns, best.ends_columns = ends_columns;
  }
  if (best.segments > 1)
    best.bytes = sizeof(float) * static_cast<std::size_t>(plan.N * Kp) *
                 static_cast<std::size_t>(call.HV * (best.segments - 1) * call.Dv + plan.heads * (best.segments - 2) * call.Dk);
  return best;
}

void launch_scan(chunk::ScanParams p, const Split& split, bool f16, bool adjoint, const Device& device, void* memory, Stream stream) {
  const auto launch = adjoint ? (f16 ? chunk::launch_adjoint_f16 : chunk::launch_adjoint_bf16) : (f16 ? chunk::launch_scan_f16 : chunk::launch_scan_bf16);
  p.wide = device.wide, p.segments = split.segments, p.pass = chunk::Pass::whole;
  if (split.segments == 1) return launch(p, split.columns, device.shared_block, stream);
  p.carry = static_cast<float*>(memory);
  p.transitions = p.carry + static_cast<index_t>(p.tokens.N) * p.HV * (split.segments - 1) * p.Dv * p.Kp;
  p.pass = chunk::Pass::ends;
  launch(p, split.ends_columns, device.shared_block, stream);
  chunk::launch_combine(p, stream);
  p.pass = chunk::Pass::starts;
  launch(p, split.columns, device.shared_block, stream);
}

}  // namespace fw::cuda
