// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One long sequence on many cores: it is cut along time into segments that are computed side by side. Over a segment the state
// goes through an affine map, S_end = M S_start + S_zero (R1)-(R3), with M [Dk,Dk] the same for all value columns. So
//   1  every segment at once: S_zero, the end of a run from nothing, and M, the end of a run from the identity without values
//   2  from segment to segment: S_start of the next = M S_start + S_zero      (small products, the only part in sequence)
//   3  every segment at once: the ordinary pass from its S_start
// and in reverse with M^T, dS_start = M^T dS_end + dS_zero. Passes 1 and 3 together do (2 Dk + 2 Dv + 3 Dv) / 3 Dv of the work of
// one pass, 7/3 at Dk = Dv. Exact up to rounding, no truncation; segments end at multiples of kBlock tokens.
#pragma once

#include "omp/backward.h"

namespace fw::omp {

/// The plan with every sequence cut into `segments` pieces (the last ones may be empty).
inline Plan cut_plan(const Plan& whole, index_t segments) {
  Plan plan = whole;
  plan.geo.sequences.clear();
  for (const auto& sequence : whole.geo.sequences) {
    const index_t blocks = (sequence.length + kBlock - 1) / kBlock, each = (blocks + segments - 1) / segments * kBlock;
    for (index_t s = 0; s < segments; ++s) {
      const index_t begin = std::min(s * each, sequence.length), end = std::min(begin + each, sequence.length);
      plan.geo.sequences.push_back({sequence.batch, sequence.begin + begin, end - begin});
    }
  }
  plan.geo.N = whole.geo.N * segments;
  plan.preps = plan.geo.N * plan.preps_per_sequence;
  return plan;
}

template <class T>
class SegmentScan {
 public:
  SegmentScan(const Inputs<T>& in, const Options& options, const Plan& whole, const Kernels<T>& kernels, index_t segments)
      : in_(in), options_(options), plan_(cut_plan(whole, segments)), kernels_(kernels), segments_(segments) {
    // an identity state is a value head of Dk columns
    wide_ = plan_;
    wide_.heads = 1;
    wide_.geo.Dv = plan_.Kp;
    wide_.tiles = (plan_.Kp + plan_.tile - 1) / plan_.tile;
  }
  const Plan& plan() const { return plan_; }

  /// State before every piece [N segments, HV, Dk, Dv] from that before every sequence (null: zeros); maps [prep][Kp,Kp].
  Tensor<T> states_before(const T* initial, Aligned<T>& maps) {
    maps.resize(static_cast<std::size_t>(plan_.preps * plan_.Kp * plan_.Kp));
    Aligned<T> ends(static_cast<std::size_t>(plan_.preps * plan_.panels() * plan_.panel()));
    for_each_piece([&](index_t prep, Room& room) { run_forward(prep, room, ends.data(), maps.data() + prep * plan_.Kp * plan_.Kp); });
    return scan(initial, ends, maps, false);
  }
  /// Gradient of the state behind every piece from that behind every sequence (null: zeros).
  Tensor<T> gradients_behind(const Tensor<T>& d_o, const T* final, const Aligned<T>& maps) {
    Aligned<T> starts(static_cast<std::size_t>(plan_.preps * plan_.panels() * plan_.panel()));
    for_each_piece([&](index_t prep, Room& room) { run_backward(prep, room, d_o, starts.data()); });
    return scan(final, starts, maps, true);
  }

 private:
  struct Room {
    Workspace<T> space, identity;
    Aligned<T> rows, dZ;
  };

  template <class F>
  void for_each_piece(F&& f) {
    const int threads = static_cast<int>(std::min<index_t>(plan_.threads, plan_.preps));
    std::vector<Room> rooms;
    for (int i = 0; i < threads; ++i)
      rooms.push_back({Workspace<T>(plan_, 1, kBlockChunks), Workspace<T>(wide_, 1, kBlockChunks), Aligned<T>(static_cast<std::size_t>(4 * kRows * plan_.Kp)),
                       Aligned<T>(static_cast<std::size_t>(kBlockChunks * plan_.rows()))});
    run_team(threads, [&](Team team) { team.share(plan_.preps, [&](index_t prep) { f(prep, rooms[static_cast<std::size_t>(team.rank())]); }); });
  }

  /// Factors of a block of a prep, and its number of chunks.
  int prepare_block(index_t prep, index_t begin, Room& room, const BlockSpace<T>& block) {
    const index_t left = std::min<index_t>(plan_.span(prep).length - begin, kBlock);
    const PrepSource<T> source = prep_source(in_, options_, plan_, prep);
    int chunk = 0;
    for (; chunk * kRows < left; ++chunk)
      kernels_.prepare(source, plan_.decay, plan_.erase, begin + chunk * kRows, static_cast<int>(std::min<index_t>(left - chunk * kRows, kRows)),
                       block.factors(plan_, chunk), room.rows.data());
    return chunk;
  }

  void run_forward(index_t prep, Room& room, T* ends, T* map) {
    const BlockSpace<T> block = room.space.of(0), identity = room.identity.of(0);
    std::fill_n(block.S, plan_.panels() * plan_.panel(), T(0));
    std::fill_n(identity.Z, kBlockChunks * plan_.rows(), T(0));
    for (index_t t = 0; t < wide_.tiles; ++t)
      for (index_t i = 0; i < plan_.Kp; ++i)
        for (index_t j = 0; j < wide_.width(t); ++j) identity.S[t * plan_.panel() + i * wide_.width(t) + j] = T(i == t * plan_.tile + j);
    for (index_t begin = 0; begin < plan_.span(prep).length; begin += kBlock) {
      const int chunks = prepare_block(prep, begin, room, block);
      for (index_t head = 0; head < plan_.heads; ++head)
        for (int chunk = 0; chunk < chunks; ++chunk)
          kernels_.values(value_source(in_, options_, plan_, prep, head), begin + chunk * kRows,
                          static_cast<int>(std::min<index_t>(plan_.span(prep).length - begin - chunk * kRows, kRows)),
                          block.Z + head * plan_.tiles * room.space.z_step() + chunk * plan_.rows(), room.space.z_step(), 0, plan_.tiles);
      for (index_t panel = 0; panel < plan_.panels(); ++panel)
        run_tile(block, chunks, plan_.vectors(panel % plan_.tiles), block.Z + panel * room.space.z_step(), block.S + panel * plan_.panel());
      for (index_t t = 0; t < wide_.tiles; ++t) run_tile(block, chunks, wide_.vectors(t), identity.Z, identity.S + t * plan_.panel());
    }
    std::copy_n(block.S, plan_.panels() * plan_.panel(), ends + prep * plan_.panels() * plan_.panel());
    for (index_t t = 0; t < wide_.tiles; ++t)
      for (index_t i = 0; i < plan_.Kp; ++i)
        std::copy_n(identity.S + t * plan_.panel() + i * wide_.width(t), wide_.width(t), map + i * plan_.Kp + t * plan_.tile);
  }

  void run_tile(const BlockSpace<T>& block, int chunks, int vectors, const T* Z, T* S) {
    ForwardTile<T> tile{};
    if (plan_.erase != Erase::none) tile.E = block.E;
    tile.Kt = block.Kt;
    tile.gamma = plan_.decay != Decay::none ? block.gamma : nullptr;
    tile.A_ek = block.A_ek;
    tile.Kp = plan_.Kp;
    tile.chunks = chunks;
    tile.vectors = vectors;
    tile.Z = Z;
    tile.S = S;
    kernels_.forward_tile(tile);
  }

  /// dS at the start of a piece when it is zero behind it.
  void run_backward(index_t prep, Room& room, const Tensor<T>& d_o, T* starts) {
    const BlockSpace<T> block = room.space.of(0);
    const auto& span = plan_.span(prep);
    std::fill_n(block.S, plan_.panels() * plan_.panel(), T(0));
    ValueSource<T> source;
    source.Dv = plan_.geo.Dv;
    source.v_stride = plan_.geo.HV * plan_.geo.Dv;
    for (index_t begin = (plan_.blocks(prep) - 1) * kBlock; begin >= 0; begin -= kBlock) {
      const int chunks = prepare_block(prep, begin, room, block);
      for (index_t head = 0; head < plan_.heads; ++head) {
        if (d_o.defined()) source.v = d_o.row(span.batch, span.begin, plan_.first_head(prep) + head);
        for (int chunk = 0; chunk < chunks; ++chunk)
          kernels_.values(source, begin + chunk * kRows,
                          d_o.defined() ? static_cast<int>(std::min<index_t>(span.length - begin - chunk * kRows, kRows)) : 0,
                          block.Z + head * plan_.tiles * room.space.z_step() + chunk * plan_.rows(), room.space.z_step(), 0, plan_.tiles);
      }
      for (index_t panel = 0; panel < plan_.panels(); ++panel) {
        BackwardTile<T> tile{};
        if (plan_.erase != Erase::none) tile.E = block.E;
        tile.Q = block.Q;
        tile.Kt = block.Kt;
        if (plan_.decay != Decay::none) tile.gamma = block.gamma;
        tile.A_ek = block.A_ek;
        tile.A_qk = block.A_qk;
        tile.Kp = plan_.Kp;
        tile.chunks = chunks;
        tile.vectors = plan_.vectors(panel % plan_.tiles);
        tile.R = tile.dO = block.Z + panel * room.space.z_step();
        tile.dS = block.S + panel * plan_.panel();
        tile.dZ = room.dZ.data();
        kernels_.backward_tile(tile);
      }
    }
    T* to = starts + prep * plan_.panels() * plan_.panel();
    for (index_t panel = 0; panel < plan_.panels(); ++panel, to += plan_.panel()) {
      const index_t width = plan_.width(panel % plan_.tiles);
      for (index_t i = 0; i < plan_.Kp; ++i)
        for (index_t j = 0; j < width; ++j) to[i * width + j] = block.S[panel * plan_.panel() + plan_.in_strips(width, j, i)];
    }
  }

  /// From piece to piece, forwards with M or backwards with M^T: what reaches each piece, [N segments, HV, Dk, Dv].
  Tensor<T> scan(const T* first, const Aligned<T>& pieces, const Aligned<T>& maps, bool reverse) {
    const Geometry& geo = plan_.geo;
    Tensor<T> reached({geo.N, geo.HV, geo.Dk, geo.Dv});
    const index_t sequences = geo.N / segments_, panels = plan_.preps_per_sequence * plan_.panels();
    const int threads = static_cast<int>(std::min<index_t>(plan_.threads, sequences * panels));
    run_team(threads, [&](Team team) {
      Aligned<T> now(static_cast<std::size_t>(plan_.panel())), next(static_cast<std::size_t>(plan_.panel())),
          map(static_cast<std::size_t>(reverse ? plan_.Kp * plan_.Kp : 0));
      team.share(sequences * panels, [&](index_t item) {
        const index_t sequence = item / panels, head = item % panels / plan_.tiles, t = item % plan_.tiles, width = plan_.width(t);
        const auto state = [&](index_t n) { return (n * geo.HV + head) * geo.Dk * geo.Dv; };
        load_panel(plan_, first ? first + state(sequence) : nullptr, t, now.data() - t * plan_.panel());
        for (index_t step = 0; step < segments_; ++step) {
          const index_t piece = sequence * segments_ + (reverse ? segments_ - 1 - step : step);
          store_panel(plan_, now.data() - t * plan_.panel(), t, reached.data() + state(piece));
          if (step + 1 == segments_) break;
          const index_t prep = piece * plan_.preps_per_sequence + head / plan_.heads;
          const T* M = maps.data() + prep * plan_.Kp * plan_.Kp;
          for (index_t i = 0; reverse && i < plan_.Kp; ++i)
            for (index_t j = 0; j < plan_.Kp; ++j) map[static_cast<std::size_t>(j * plan_.Kp + i)] = M[i * plan_.Kp + j];
          kernels_.read_panel(next.data(), reverse ? map.data() : M, now.data(), plan_.Kp, plan_.Kp, plan_.vectors(t));
          const T* own = pieces.data() + (prep * plan_.panels() + head % plan_.heads * plan_.tiles + t) * plan_.panel();
          for (index_t i = 0; i < plan_.Kp * width; ++i) now[static_cast<std::size_t>(i)] = next[static_cast<std::size_t>(i)] + own[i];
        }
      });
    });
    return reached;
  }

  const Inputs<T>& in_;
  const Options& options_;
  Plan plan_, wide_;
  const Kernels<T>& kernels_;
  index_t segments_;
};

/// Rows [state of a sequence] of `all` at every `segments`-th piece from `which` on.
template <class T>
void pick_pieces(const Tensor<T>& all, index_t segments, index_t which, T* out, index_t sequences) {
  const index_t size = all.shape()[1] * all.shape()[2] * all.shape()[3];
  for (index_t n = 0; n < sequences; ++n) std::copy_n(all.data() + (n * segments + which) * size, size, out + n * size);
}

template <class T>
void forward_in_segments(const Inputs<T>& in, const Options& options, const Plan& plan, const Kernels<T>& kernels, Outputs<T>& out, Saved<T>* saved,
                         index_t segments) {
  SegmentScan<T> scan(in, options, plan, kernels, segments);
  Aligned<T> maps;
  const Tensor<T> before = scan.states_before(in.initial_state.defined() ? in.initial_state.data() : nullptr, saved ? saved->maps : maps);
  Outputs<T> cut;
  cut.o = std::move(out.o);
  cut.final_state = Tensor<T>(before.shape());
  ForwardPass<T>(in, options, scan.plan(), kernels, before.data(), cut, saved).run();
  out.o = std::move(cut.o);
  pick_pieces(cut.final_state, segments, segments - 1, out.final_state.data(), plan.geo.N);
}

template <class T>
void backward_in_segments(const Inputs<T>& in, const Tensor<T>& d_o, const Options& options, const Plan& plan, const Kernels<T>& kernels,
                          const Saved<T>& saved, const T* final, T* start, Gradients<T>& grad, index_t segments) {
  SegmentScan<T> scan(in, options, plan, kernels, segments);
  check_saved(saved, scan.plan(), segments);
  const Tensor<T> behind = scan.gradients_behind(d_o, final, saved.maps);
  Tensor<T> before(behind.shape());
  BackwardPass<T>(in, d_o, options, scan.plan(), kernels, saved, behind.data(), before.data(), grad).run();
  if (start) pick_pieces(before, segments, 0, start, plan.geo.N);
}

}  // namespace fw::omp
