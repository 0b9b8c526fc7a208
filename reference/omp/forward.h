// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The forward pass over whole sequences. Block by block: first the factors of the block's micro-chunks and the edit values
// (per prep), then every column tile runs through the block. A thread takes a bundle of neighbouring preps through all their
// blocks; where there are fewer preps than threads it takes one prep and some of its tiles, and prepares the factors for
// itself: that costs less than waiting for another thread's and fetching them from its cache. Nobody waits for anybody, and
// every number is worked out in the same order whoever does it.
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
    const index_t parts = plan_.parts(), bundle = parts > 1 ? 1 : plan_.bundle(), bundles = (plan_.preps + bundle - 1) / bundle;
    const int threads = static_cast<int>(std::min<index_t>(plan_.threads, bundles * parts));
    std::vector<Room> rooms;
    for (int i = 0; i < threads; ++i) rooms.push_back(make_room(bundle));
    run_team(threads, [&](Team team) {
      team.share(bundles * parts, [&](index_t i) {
        const index_t first = i / parts * bundle, count = std::min(bundle, plan_.preps - first), panels = plan_.panels();
        run_preps(first, count, panels * (i % parts) / parts, panels * (i % parts + 1) / parts, rooms[static_cast<std::size_t>(team.rank())]);
      });
    });
  }

 private:
  struct Room {
    Workspace<T> space;
    Aligned<T> rows;  ///< [4,kRows,Kp]
  };
  Room make_room(index_t preps) const { return {Workspace<T>(plan_, preps, kBlockChunks), Aligned<T>(static_cast<std::size_t>(4 * kRows * plan_.Kp))}; }

  /// `count` preps from `first` on through their sequences, of each the panels [from, to).
  void run_preps(index_t first, index_t count, index_t from, index_t to, Room& room) {
    Workspace<T>& space = room.space;
    index_t longest = 0;
    for (index_t i = 0; i < count; ++i) {
      longest = std::max(longest, plan_.span(first + i).length);
      for (index_t panel = from; panel < to; ++panel) load_panel(plan_, initial_ ? initial_ + state_at(first + i, panel) : nullptr, panel, space.of(i).S);
    }
    for (index_t begin = 0; begin < longest; begin += kBlock) {
      for (index_t chunk = 0; chunk < kBlockChunks; ++chunk)
        for (index_t i = 0; i < count; ++i) prepare_chunk(first + i, begin, chunk, from, to, space, space.of(i), room.rows.data());
      for (index_t i = 0; i < count; ++i)
        for (index_t panel = from; panel < to; ++panel) run_tile(first + i, begin, panel, {panel - from, to - from}, space, space.of(i));
    }
    kernels_.finish_streams();
    for (index_t i = 0; i < count; ++i)
      for (index_t panel = from; panel < to; ++panel) store_panel(plan_, space.of(i).S, panel, out_.final_state.data() + state_at(first + i, panel));
  }

  /// Where the state of a panel's head begins in [N,HV,Dk,Dv].
  index_t state_at(index_t prep, index_t panel) const {
    return (plan_.sequence(prep) * plan_.geo.HV + plan_.first_head(prep) + panel / plan_.tiles) * plan_.geo.Dk * plan_.geo.Dv;
  }

  void prepare_chunk(index_t prep, index_t begin, index_t chunk, index_t from, index_t to, const Workspace<T>& space, const BlockSpace<T>& block, T* token_rows) {
    const index_t token = begin + chunk * kRows, left = plan_.span(prep).length - token;
    if (left <= 0) return;
    const int rows = static_cast<int>(std::min<index_t>(left, kRows));
    const PrepSource<T> source = prep_source(in_, options_, plan_, prep);
    kernels_.prepare(source, plan_.decay, plan_.erase, token, rows, block.factors(plan_, chunk), token_rows);
    for (index_t head = from / plan_.tiles; head * plan_.tiles < to; ++head) {
      const index_t first = head * plan_.tiles;
      kernels_.values(value_source(in_, options_, plan_, prep, head), token, rows, block.Z + first * space.z_step() + chunk * plan_.rows(), space.z_step(),
                      std::max(from - first, index_t{0}), std::min(to - first, plan_.tiles));
    }
  }

  /// One tile through one block. `share`: which of this thread's panels of the prep it is.
  void run_tile(index_t prep, index_t begin, index_t panel, Share share, const Workspace<T>& space, const BlockSpace<T>& block) {
    const index_t length = plan_.span(prep).length, tokens = std::min<index_t>(length - begin, kBlock);
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
    if (saved_) {
      tile.S_saved = saved_->states.data() + layout_.state(prep, begin / kBlock, panel);
      tile.R = saved_->rows.data() + layout_.rows(prep, begin / kBlock, panel);
    }
    const index_t next = begin + tokens, coming = plan_.look_ahead ? std::min<index_t>(length - next, kBlock) : 0;
    ask_for(tile.errands, share, prep_source(in_, options_, plan_, prep), plan_, next, coming);
    for (index_t other = 0; other < plan_.heads; ++other)
      ask_for(tile.errands, share, value_source(in_, options_, plan_, prep, other), next, coming);
    kernels_.forward_tile(tile);
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
