// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The forward pass over whole sequences. Block by block: first the factors of the block's micro-chunks and the edit values
// (per prep), then every column tile runs through the block. Phases of a block, items of which are independent:
//   A  (prep, chunk)   prepare, values
//   B  (panel)         forward_tile
// Alone or together (plan.h), the same functions run on the same numbers in the same order.
#pragma once

#include "omp/engine.h"
#include "omp/sources.h"
#include "omp/team.h"
#include "omp/workspace.h"

namespace fw::omp {

/// Where the panels and rows of a prep's block lie in Saved.
struct SavedLayout {
  explicit SavedLayout(const Plan& of) : plan(of), first(1, 0) {
    for (index_t p = 0; p < plan.preps; ++p) first.push_back(first.back() + plan.blocks(p));
  }
  index_t slot(index_t prep, index_t block, index_t panel) const {
    return (first[static_cast<std::size_t>(prep)] + block) * plan.panels() + panel;
  }
  index_t state(index_t prep, index_t block, index_t panel) const { return slot(prep, block, panel) * plan.panel(); }
  index_t rows(index_t prep, index_t block, index_t panel) const { return slot(prep, block, panel) * kBlockChunks * plan.rows(); }
  const Plan& plan;
  std::vector<index_t> first;  ///< blocks before each prep; last: all of them
};

template <class T>
class ForwardPass {
 public:
  /// initial: [N,HV,Dk,Dv] or null for zeros. out.o null-shaped: only the final state is wanted.
  ForwardPass(const Inputs<T>& in, const Options& options, const Plan& plan, const Kernels<T>& kernels, const T* initial, Outputs<T>& out,
              Saved<T>* saved)
      : in_(in), options_(options), plan_(plan), kernels_(kernels), initial_(initial), out_(out), saved_(saved), layout_(plan) {
    if (saved) {
      saved->states.resize(static_cast<std::size_t>(layout_.first.back() * plan.panels() * plan.panel()));
      saved->rows.resize(static_cast<std::size_t>(layout_.first.back() * plan.panels() * kBlockChunks * plan.rows()));
    }
  }

  void run() {
    if (plan_.preps == 0) return;
    if (plan_.alone()) {
      const index_t bundle = plan_.bundle(), bundles = (plan_.preps + bundle - 1) / bundle;
      const int threads = static_cast<int>(std::min<index_t>(plan_.threads, bundles));
      std::vector<Room> rooms;
      for (int i = 0; i < threads; ++i) rooms.push_back(make_room(bundle, kAloneChunks, 1));
      run_team(threads, [&](Team all) {
        all.share(bundles, [&](index_t i) {
          run_preps(i * bundle, std::min(plan_.preps, (i + 1) * bundle), kAloneChunks, rooms[static_cast<std::size_t>(all.rank())], Team());
        });
      });
    } else {
      Room room = make_room(plan_.preps, kBlockChunks, plan_.threads);
      run_team(plan_.threads, [&](Team team) { run_preps(0, plan_.preps, kBlockChunks, room, team); });
    }
  }

 private:
  /// Micro-chunks of a block when a thread works alone: its factors and panels and the coming rows fit the second-level cache.
  static constexpr index_t kAloneChunks = 4;

  struct Room {
    Workspace<T> space;
    Aligned<T> rows;  ///< [thread][4,kRows,Kp]
  };
  Room make_room(index_t preps, index_t chunks, index_t threads) const {
    return {Workspace<T>(plan_, preps, chunks), Aligned<T>(static_cast<std::size_t>(threads * 4 * kRows * plan_.Kp))};
  }

  void run_preps(index_t first, index_t last, index_t chunks, Room& room, Team team) {
    Workspace<T>& space = room.space;
    T* rows = room.rows.data() + team.rank() * 4 * kRows * plan_.Kp;
    const index_t count = last - first, panels = plan_.panels(), tokens = chunks * kRows;
    index_t longest = 0;
    for (index_t p = first; p < last; ++p) longest = std::max(longest, plan_.span(p).length);
    team.share(count * plan_.heads, [&](index_t i) { load_head(first + i / plan_.heads, i % plan_.heads, space.of(i / plan_.heads).S); });
    team.wait();
    for (index_t begin = 0; begin < longest; begin += tokens) {
      team.share(chunks * count, [&](index_t i) { prepare_chunk(first + i % count, begin, i / count, space, space.of(i % count), rows); });
      team.wait();
      team.share(count * panels, [&](index_t i) { run_tile(first + i / panels, begin, chunks, i % panels, space, space.of(i / panels)); });
      team.wait();
    }
    kernels_.finish_streams();
    team.share(count * plan_.heads, [&](index_t i) { store_head(first + i / plan_.heads, i % plan_.heads, space.of(i / plan_.heads).S); });
    team.wait();
  }

  index_t state_at(index_t prep, index_t head) const {
    return (plan_.sequence(prep) * plan_.geo.HV + plan_.first_head(prep) + head) * plan_.geo.Dk * plan_.geo.Dv;
  }
  void load_head(index_t prep, index_t head, T* S) {
    load_panels(plan_, initial_ ? initial_ + state_at(prep, head) : nullptr, S + head * plan_.tiles * plan_.panel());
  }
  void store_head(index_t prep, index_t head, const T* S) {
    store_panels(plan_, S + head * plan_.tiles * plan_.panel(), out_.final_state.data() + state_at(prep, head));
  }

  void prepare_chunk(index_t prep, index_t begin, index_t chunk, const Workspace<T>& space, const BlockSpace<T>& block, T* token_rows) {
    const index_t token = begin + chunk * kRows, left = plan_.span(prep).length - token;
    if (left <= 0) return;
    const int rows = static_cast<int>(std::min<index_t>(left, kRows));
    const PrepSource<T> source = prep_source(in_, options_, plan_, prep);
    kernels_.prepare(source, plan_.decay, plan_.erase, token, rows, block.factors(plan_, chunk), token_rows);
    for (index_t head = 0; head < plan_.heads; ++head)
      kernels_.values(value_source(in_, options_, plan_, prep, head), token, rows, block.Z + head * plan_.tiles * space.z_step() + chunk * plan_.rows(),
                      space.z_step());
  }

  void run_tile(index_t prep, index_t begin, index_t chunks, index_t panel, const Workspace<T>& space, const BlockSpace<T>& block) {
    const index_t length = plan_.span(prep).length, tokens = std::min(length - begin, chunks * kRows);
    if (tokens <= 0) return;
    const index_t head = panel / plan_.tiles, t = panel % plan_.tiles;
    ForwardTile<T> tile{};
    if (plan_.erase != Erase::none) tile.E = block.E;
    tile.Q = block.Q;
    tile.Kt = block.Kt;
    tile.gamma = plan_.decay != Decay::none ? block.gamma : nullptr;
    tile.A_ek = block.A_ek;
    tile.A_qk = block.A_qk;
    tile.Kp = plan_.Kp;
    tile.chunks = static_cast<int>((tokens + kRows - 1) / kRows);
    tile.rows = static_cast<int>(tokens);
    tile.vectors = plan_.vectors(t);
    tile.columns = plan_.columns(t);
    tile.Z = block.Z + panel * space.z_step();
    tile.S = block.S + panel * plan_.panel();
    const auto& span = plan_.span(prep);
    tile.o = out_.o.row(span.batch, span.begin + begin, plan_.first_head(prep) + head) + t * plan_.tile;
    tile.o_stride = plan_.geo.HV * plan_.geo.Dv;
    tile.stream = plan_.stream;
    if (saved_) save(prep, begin, panel, tile);
    const index_t coming = std::min(length - begin - tokens, chunks * kRows);
    add_rows(tile.ahead, prep_source(in_, options_, plan_, prep), plan_, begin + tokens, coming);
    add_rows(tile.ahead, value_source(in_, options_, plan_, prep, head), begin + tokens, coming);
    tile.ahead.part = static_cast<int>(t);
    tile.ahead.parts = static_cast<int>(plan_.tiles);
    kernels_.forward_tile(tile);
  }

  /// Where the state before the block goes, when one begins, and the rows.
  void save(index_t prep, index_t begin, index_t panel, ForwardTile<T>& tile) {
    const index_t block = begin / kBlock;
    if (begin % kBlock == 0) tile.S_saved = saved_->states.data() + layout_.state(prep, block, panel);
    tile.R = saved_->rows.data() + layout_.rows(prep, block, panel) + begin % kBlock / kRows * plan_.rows();
  }

  const Inputs<T>& in_;
  const Options& options_;
  const Plan& plan_;
  const Kernels<T>& kernels_;
  const T* initial_;
  Outputs<T>& out_;
  Saved<T>* saved_;
  SavedLayout layout_;
};

/// out has its shapes already.
template <class T>
void forward_whole(const Inputs<T>& in, const Options& options, const Plan& plan, const Kernels<T>& kernels, const T* initial, Outputs<T>& out,
                   Saved<T>* saved) {
  ForwardPass<T>(in, options, plan, kernels, initial, out, saved).run();
}

}  // namespace fw::omp
