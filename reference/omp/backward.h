// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The backward pass over whole sequences, block by block from the last to the first. A *unit* is one key head of a sequence
// with all its preps, so that gradients which value heads share are summed by one thread, in one order. Phases of a block:
//   A  (prep, chunk)   prepare again; dO into tiles
//   B  (panel)         backward_tile: dS moves to the block's start, dZ and the gradients of the factors come out
//   C  (unit, chunk)   values_backward, prepare_backward: dv dw dq dk dg db
//   D  (prep)          sums for dA_log and dt_bias, in the order of the chunks
// Alone, a thread takes a unit through all its blocks. Together, where units are few, all threads share the items of every
// phase and wait for each other behind it; every panel then has factor gradients of its own, added up in panel order: the same
// sum that a thread alone makes.
#pragma once

#include <string>

#include "omp/forward.h"

namespace fw::omp {

/// Memory of a block's gradients for one prep.
template <class T>
struct GradientSpace {
  T *dE, *dQ, *dKt, *dgamma, *dA_ek, *dA_qk;  ///< of one copy, kBlockChunks chunks; copies are copy_step apart
  index_t copy_step;
  T* token_rows;   ///< [chunks][4,kRows,Kp] as prepare left them
  T *dO, *dZ;      ///< [panel][chunks,kRows,width]
  T* dS;           ///< [panel] in strips
};

template <class T>
class BackwardPass {
 public:
  /// final: gradient of the state after each sequence [N,HV,Dk,Dv], or null; start receives that of the state before (or null).
  BackwardPass(const Inputs<T>& in, const Tensor<T>& d_o, const Options& options, const Plan& plan, const Kernels<T>& kernels,
               const Saved<T>& saved, const T* final, T* start, Gradients<T>& grad)
      : in_(in), d_o_(d_o), options_(options), plan_(plan), kernels_(kernels), saved_(saved), layout_(plan), final_(final), start_(start), grad_(grad),
        preps_per_unit_(plan.preps_per_sequence / plan.geo.H), sums_width_(1 + plan.geo.Dk),
        sums_(static_cast<std::size_t>(in.A_log.defined() ? plan.preps * sums_width_ : 0), 0.0) {}

  void run() {
    if (plan_.preps == 0) return add_up_sums();
    const index_t units = plan_.preps / preps_per_unit_;
    if (plan_.balanced(units)) {
      const int threads = static_cast<int>(std::min<index_t>(plan_.threads, units));
      std::vector<Room> rooms;
      for (int i = 0; i < threads; ++i) rooms.push_back(make_room(preps_per_unit_, 1, 1));
      run_team(threads, [&](Team all) {
        all.share(units, [&](index_t unit) { run_preps(unit * preps_per_unit_, preps_per_unit_, rooms[static_cast<std::size_t>(all.rank())], Team()); });
      });
    } else {
      Room room = make_room(plan_.preps, plan_.panels(), plan_.threads);
      run_team(plan_.threads, [&](Team team) { run_preps(0, plan_.preps, room, team); });
    }
    add_up_sums();
  }

 private:
  struct Room {
    Workspace<T> space;
    Aligned<T> gradients, scratch;
    std::vector<double> sums;  ///< [prep, chunk][1 + Dk] of the block
    index_t copies;
  };
  index_t copy_size() const { return kBlockChunks * (3 * kRows * plan_.Kp + plan_.Kp + 2 * kRows * kRows); }
  index_t tiles_size() const { return plan_.panels() * kBlockChunks * plan_.rows(); }
  index_t rows_size() const { return 4 * kRows * plan_.Kp; }
  index_t gradient_size(index_t copies) const {
    return copies * copy_size() + kBlockChunks * rows_size() + 2 * tiles_size() + plan_.panels() * plan_.panel();
  }
  index_t scratch_size() const { return std::max(kBlockChunks * plan_.panel(), 4 * kRows * plan_.Kp); }
  Room make_room(index_t preps, index_t copies, index_t threads) const {
    return {Workspace<T>(plan_, preps, kBlockChunks), Aligned<T>(static_cast<std::size_t>(preps * gradient_size(copies))),
            Aligned<T>(static_cast<std::size_t>(threads * scratch_size())),
            std::vector<double>(static_cast<std::size_t>(sums_.empty() ? 0 : preps * kBlockChunks * sums_width_)), copies};
  }
  GradientSpace<T> gradients(Room& room, index_t place) const {
    T* at = room.gradients.data() + place * gradient_size(room.copies);
    const index_t factor = kBlockChunks * kRows * plan_.Kp, square = kBlockChunks * kRows * kRows;
    GradientSpace<T> g;
    g.dE = at;
    g.dQ = g.dE + factor;
    g.dKt = g.dQ + factor;
    g.dgamma = g.dKt + factor;
    g.dA_ek = g.dgamma + kBlockChunks * plan_.Kp;
    g.dA_qk = g.dA_ek + square;
    g.copy_step = copy_size();
    g.token_rows = at + room.copies * copy_size();
    g.dO = g.token_rows + kBlockChunks * rows_size();
    g.dZ = g.dO + tiles_size();
    g.dS = g.dZ + tiles_size();
    return g;
  }
  T* scratch(Room& room, Team team) const { return room.scratch.data() + team.rank() * scratch_size(); }

  void run_preps(index_t first, index_t count, Room& room, Team team) {
    const index_t panels = plan_.panels(), units = count / preps_per_unit_;
    index_t blocks = 0;
    for (index_t p = first; p < first + count; ++p) blocks = std::max(blocks, plan_.blocks(p));
    team.share(count * panels, [&](index_t i) { load_gradient(first + i / panels, i % panels, gradients(room, i / panels)); });
    team.wait();
    for (index_t block = blocks - 1; block >= 0; --block) {
      team.share(count * kBlockChunks, [&](index_t i) { prepare_chunk(first + i % count, block, i / count, room, i % count); });
      team.wait();
      team.share(count * panels, [&](index_t i) { run_tile(first + i / panels, block, i % panels, room, i / panels, scratch(room, team)); });
      team.wait();
      team.share(units * kBlockChunks, [&](index_t i) { finish_chunk(first, i % units, block, i / units, room, scratch(room, team)); });
      team.wait();
      if (!sums_.empty()) {
        team.share(count, [&](index_t i) { add_block_sums(first + i, block, room, i); });
        team.wait();
      }
    }
    if (plan_.stream) kernels_.finish_streams();
    team.share(count * panels, [&](index_t i) { store_gradient(first + i / panels, i % panels, gradients(room, i / panels)); });
    team.wait();
  }

  /// Rows of a chunk of a block; 0 behind the end of the prep's sequence.
  int rows_of(index_t prep, index_t block, index_t chunk) const {
    return static_cast<int>(std::clamp<index_t>(plan_.span(prep).length - block * kBlock - chunk * kRows, 0, kRows));
  }
  index_t state_at(index_t prep, index_t panel) const {
    return (plan_.sequence(prep) * plan_.geo.HV + plan_.first_head(prep) + panel / plan_.tiles) * plan_.geo.Dk * plan_.geo.Dv +
           panel % plan_.tiles * plan_.tile;
  }
  void load_gradient(index_t prep, index_t panel, const GradientSpace<T>& g) {
    const index_t t = panel % plan_.tiles, width = plan_.width(t), columns = plan_.columns(t);
    const T* from = final_ ? final_ + state_at(prep, panel) : nullptr;
    T* dS = g.dS + panel * plan_.panel();
    for (index_t j = 0; j < width; ++j)
      for (index_t i = 0; i < plan_.Kp; ++i) dS[plan_.in_strips(width, j, i)] = from && i < plan_.geo.Dk && j < columns ? from[i * plan_.geo.Dv + j] : T(0);
  }
  void store_gradient(index_t prep, index_t panel, const GradientSpace<T>& g) {
    if (!start_) return;
    T* to = start_ + state_at(prep, panel);
    const T* dS = g.dS + panel * plan_.panel();
    for (index_t i = 0; i < plan_.geo.Dk; ++i)
      for (index_t j = 0; j < plan_.columns(panel % plan_.tiles); ++j) to[i * plan_.geo.Dv + j] = dS[plan_.in_strips(plan_.width(panel % plan_.tiles), j, i)];
  }

  void prepare_chunk(index_t prep, index_t block, index_t chunk, Room& room, index_t place) {
    const int rows = rows_of(prep, block, chunk);
    if (rows == 0) return;
    const index_t token = block * kBlock + chunk * kRows;
    const GradientSpace<T> g = gradients(room, place);
    kernels_.prepare(prep_source(in_, options_, plan_, prep), plan_.decay, plan_.erase, token, rows, room.space.of(place).factors(plan_, chunk),
                     g.token_rows + chunk * rows_size());
    ValueSource<T> source;
    source.Dv = plan_.geo.Dv;
    source.v_stride = plan_.geo.HV * plan_.geo.Dv;
    const auto& span = plan_.span(prep);
    for (index_t head = 0; head < plan_.heads; ++head) {
      T* dO = g.dO + head * plan_.tiles * kBlockChunks * plan_.rows() + chunk * plan_.rows();
      source.v = d_o_.defined() ? d_o_.row(span.batch, span.begin, plan_.first_head(prep) + head) : nullptr;
      kernels_.values(source, token, d_o_.defined() ? rows : 0, dO, kBlockChunks * plan_.rows(), 0, plan_.tiles);
    }
  }

  void run_tile(index_t prep, index_t block, index_t panel, Room& room, index_t place, T* scratch) {
    const index_t left = plan_.span(prep).length - block * kBlock;
    if (left <= 0) return;
    const BlockSpace<T> factors = room.space.of(place);
    const GradientSpace<T> g = gradients(room, place);
    const index_t copy = (room.copies > 1 ? panel : 0) * g.copy_step, rows = panel * kBlockChunks * plan_.rows();
    BackwardTile<T> tile{};
    if (plan_.erase != Erase::none) tile.E = factors.E;
    tile.Q = factors.Q;
    tile.Kt = factors.Kt;
    if (plan_.decay != Decay::none) tile.gamma = factors.gamma;
    tile.A_ek = factors.A_ek;
    tile.A_qk = factors.A_qk;
    tile.Kp = plan_.Kp;
    tile.chunks = static_cast<int>((std::min<index_t>(left, kBlock) + kRows - 1) / kRows);
    tile.vectors = plan_.vectors(panel % plan_.tiles);
    tile.S = saved_.states.data() + layout_.state(prep, block, panel);
    tile.R = saved_.rows.data() + layout_.rows(prep, block, panel);
    tile.dO = g.dO + rows;
    tile.dS = g.dS + panel * plan_.panel();
    tile.states = scratch;
    tile.dZ = g.dZ + rows;
    tile.dE = g.dE + copy;
    tile.dQ = g.dQ + copy;
    tile.dKt = g.dKt + copy;
    tile.dgamma = g.dgamma + copy;
    tile.dA_ek = g.dA_ek + copy;
    tile.dA_qk = g.dA_qk + copy;
    tile.add = room.copies == 1 && panel > 0;
    ask_ahead(prep, block, panel, tile.errands);
    kernels_.backward_tile(tile);
  }

  /// What phase C of this block and phase A of the one before it will touch.
  void ask_ahead(index_t prep, index_t block, index_t panel, Errands& errands) {
    const index_t begin = block * kBlock, tokens = std::min<index_t>(plan_.span(prep).length - begin, kBlock), head = panel / plan_.tiles;
    const PrepSource<T> source = prep_source(in_, options_, plan_, prep);
    const ValueSource<T> value = value_source(in_, options_, plan_, prep, head);
    const auto& span = plan_.span(prep);
    const index_t hv = plan_.first_head(prep) + head, before = begin - kBlock, coming = block > 0 ? kBlock : 0;
    const Share share{panel % plan_.tiles, plan_.tiles};
    const auto row = [&](const Tensor<T>& x, index_t h) { return x.defined() ? x.row(span.batch, span.begin, h) : nullptr; };
    ask_for(errands, share, value, begin, tokens);
    if (!plan_.stream || preps_per_unit_ > 1) {
      const Geometry& geo = plan_.geo;
      ask_for(errands, share, row(grad_.dv, hv), value.v_stride, value.Dv, begin, tokens, true);
      if (plan_.write == Write::channel) ask_for(errands, share, row(grad_.dw, hv), value.w_stride, value.Dv, begin, tokens, true);
      ask_for(errands, share, row(grad_.dq, geo.key_head(hv)), source.k_stride, source.Dk, begin, tokens, true);
      ask_for(errands, share, row(grad_.dk, geo.key_head(hv)), source.k_stride, source.Dk, begin, tokens, true);
      if (plan_.decay == Decay::channel) ask_for(errands, share, row(grad_.dg, geo.head_of(geo.g_heads, hv)), source.g_stride, source.Dk, begin, tokens, true);
      if (plan_.erase == Erase::channel) ask_for(errands, share, row(grad_.db, geo.head_of(geo.b_heads, hv)), source.b_stride, source.Dk, begin, tokens, true);
    }
    ask_for(errands, share, source, plan_, before, coming);
    ask_for(errands, share, row(d_o_, hv), value.v_stride, value.Dv, before, coming);
    if (block > 0) {  // the panels of a head lie together: an equal share of them with every token
      const index_t first_panel = head * plan_.tiles, state = plan_.tiles * plan_.panel() / kBlock, rows = plan_.tiles * plan_.tile;
      ask_for(errands, share, saved_.states.data() + layout_.state(prep, block - 1, first_panel), state, state, 0, kBlock);
      ask_for(errands, share, saved_.rows.data() + layout_.rows(prep, block - 1, first_panel), rows, rows, 0, kBlock);
    }
  }

  void finish_chunk(index_t first, index_t unit, index_t block, index_t chunk, Room& room, T* scratch) {
    for (index_t j = 0; j < preps_per_unit_; ++j) finish_prep(first, unit * preps_per_unit_ + j, j > 0, block, chunk, room, scratch);
  }

  void finish_prep(index_t first, index_t place, bool add, index_t block, index_t chunk, Room& room, T* scratch) {
    const index_t prep = first + place, token = block * kBlock + chunk * kRows;
    const int rows = rows_of(prep, block, chunk);
    if (rows == 0) return;
    const GradientSpace<T> g = gradients(room, place);
    const auto& span = plan_.span(prep);
    const Geometry& geo = plan_.geo;
    for (index_t head = 0; head < plan_.heads; ++head) {
      const index_t hv = plan_.first_head(prep) + head;
      T* dw = plan_.write == Write::one ? nullptr
              : plan_.write == Write::scalar ? grad_.dbeta.row(span.batch, span.begin, hv) : grad_.dw.row(span.batch, span.begin, hv);
      kernels_.values_backward(value_source(in_, options_, plan_, prep, head), token, rows,
                               g.dZ + head * plan_.tiles * kBlockChunks * plan_.rows() + chunk * plan_.rows(), kBlockChunks * plan_.rows(),
                               grad_.dv.row(span.batch, span.begin, hv), dw, plan_.stream);
    }
    const index_t factor = chunk * kRows * plan_.Kp, square = chunk * kRows * kRows;
    add_copies(room, g.dE + factor, g.copy_step, kRows * plan_.Kp);
    add_copies(room, g.dQ + factor, g.copy_step, kRows * plan_.Kp);
    add_copies(room, g.dKt + factor, g.copy_step, kRows * plan_.Kp);
    add_copies(room, g.dgamma + chunk * plan_.Kp, g.copy_step, plan_.Kp);
    add_copies(room, g.dA_ek + square, g.copy_step, kRows * kRows);
    add_copies(room, g.dA_qk + square, g.copy_step, kRows * kRows);
    PrepGradient<T> d{g.dE + factor, g.dQ + factor, g.dKt + factor, g.dgamma + chunk * plan_.Kp, g.dA_ek + square, g.dA_qk + square,
                      nullptr, nullptr, nullptr, nullptr, add, false, false, plan_.stream && preps_per_unit_ == 1, nullptr, nullptr};
    const index_t hv = plan_.first_head(prep), h = geo.key_head(hv);
    d.dq = grad_.dq.row(span.batch, span.begin, h);
    d.dk = grad_.dk.row(span.batch, span.begin, h);
    if (plan_.decay != Decay::none) {
      const index_t head = geo.head_of(geo.g_heads, hv);
      d.dg = grad_.dg.data() + ((span.batch * geo.T + span.begin) * geo.g_heads + head) * (geo.g_channels ? geo.Dk : 1);
      d.add_g = add && geo.g_heads == geo.H;
    }
    if (plan_.erase == Erase::scalar) {
      d.db = grad_.dbeta.row(span.batch, span.begin, hv);
      d.add_b = plan_.write == Write::scalar;  // values_backward has written there
    } else if (plan_.erase != Erase::none) {
      d.db = grad_.db.row(span.batch, span.begin, geo.head_of(geo.b_heads, hv));
      d.add_b = add && geo.b_heads == geo.H;
    }
    if (!sums_.empty()) {
      double* sums = room.sums.data() + (place * kBlockChunks + chunk) * sums_width_;
      std::fill_n(sums, sums_width_, 0.0);
      d.dA_log = sums;
      if (in_.dt_bias.defined()) d.dbias = sums + 1;
    }
    kernels_.prepare_backward(prep_source(in_, options_, plan_, prep), plan_.decay, plan_.erase, token, rows,
                              g.token_rows + chunk * rows_size(), d, scratch);
  }

  /// The copies of the panels into the first one, in order.
  static void add_copies(const Room& room, T* x, index_t step, index_t count) {
    for (index_t copy = 1; copy < room.copies; ++copy)
      for (index_t i = 0; i < count; ++i) x[i] += x[copy * step + i];
  }

  void add_block_sums(index_t prep, index_t block, const Room& room, index_t place) {
    double* sums = sums_.data() + prep * sums_width_;
    for (index_t chunk = kBlockChunks - 1; chunk >= 0; --chunk) {
      if (rows_of(prep, block, chunk) == 0) continue;
      const double* more = room.sums.data() + (place * kBlockChunks + chunk) * sums_width_;
      for (index_t i = 0; i < sums_width_; ++i) sums[i] += more[i];
    }
  }

  void add_up_sums() {
    if (!in_.A_log.defined()) return;
    const Geometry& geo = plan_.geo;
    const index_t width = !in_.dt_bias.defined() ? 0 : in_.dt_bias.shape().rank() == 2 ? geo.Dk : 1;
    std::vector<double> totals(static_cast<std::size_t>(geo.g_heads * sums_width_), 0.0);
    for (index_t prep = 0; prep < plan_.preps; ++prep)
      for (index_t i = 0; i < sums_width_; ++i)
        totals[static_cast<std::size_t>(geo.head_of(geo.g_heads, plan_.first_head(prep)) * sums_width_ + i)] +=
            sums_[static_cast<std::size_t>(prep * sums_width_ + i)];
    for (index_t head = 0; head < geo.g_heads; ++head) {
      const double* total = totals.data() + head * sums_width_;
      grad_.dA_log[head] = T(total[0]);
      for (index_t i = 0; i < width; ++i) grad_.ddt_bias[head * width + i] = T(total[1 + i]);
    }
  }

  const Inputs<T>& in_;
  const Tensor<T>& d_o_;
  const Options& options_;
  const Plan& plan_;
  const Kernels<T>& kernels_;
  const Saved<T>& saved_;
  SavedLayout layout_;
  const T* final_;
  T* start_;
  Gradients<T>& grad_;
  index_t preps_per_unit_, sums_width_;
  std::vector<double> sums_;  ///< [prep][1 + Dk] over all blocks
};

/// Throws unless `saved` has the sizes of a forward of this plan.
template <class T>
void check_saved(const Saved<T>& saved, const Plan& plan, index_t segments) {
  const SavedLayout layout(plan);
  const index_t states = layout.slot(plan.preps, 0, 0) * plan.panel(), maps = segments > 1 ? plan.preps * plan.Kp * plan.Kp : 0;
  if (saved.states.size() == static_cast<std::size_t>(states) && (segments == 1 || saved.maps.size() == static_cast<std::size_t>(maps))) return;
  throw Error("omp backward: saved must come from forward on the same inputs, options and settings, expected " + std::to_string(states) +
              " numbers of states and " + std::to_string(maps) + " of maps, got " + std::to_string(saved.states.size()) + " and " +
              std::to_string(saved.maps.size()));
}

}  // namespace fw::omp
