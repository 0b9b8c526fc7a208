// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "omp/rungs.h"

#include <algorithm>
#include <string>

#include "omp/door.h"
#include "omp/sources.h"

namespace fw::omp {
namespace {

constexpr Rung kRungs[] = {
    {0, "naive loop", "one matrix expression per equation, compiled for any CPU of the architecture"},
    {1, "plain vector loop", "the same four sweeps over the state per token, in this CPU's vectors"},
    {2, "two sweeps", "decay with the read, write with the output"},
    {3, "column tiles", "a panel of two vectors' width stays in the first-level cache for a block of tokens"},
    {4, "micro-chunks", "eight tokens per sweep: the chunk form, decays as running products"},
    {5, "memory in order", "coming rows asked for early, neighbouring heads together"},
    {6, "threads", "heads and tiles side by side"},
};
enum RungNumber { kFused = 2, kTiles = 3, kMicroChunks = 4, kInOrder = 5, kThreads = 6 };

/// Token by token: rungs 1 to 3.
template <class T>
void run_token_loops(int rung, const Inputs<T>& in, const Options& options, const Plan& plan, const Kernels<T>& kernels, Outputs<T>& out) {
  const Geometry& geo = plan.geo;
  const index_t whole = (geo.Dv + plan.lanes - 1) / plan.lanes * plan.lanes, width = rung >= kTiles ? plan.tile : whole;
  Aligned<T> rows(static_cast<std::size_t>(kBlock * 4 * plan.Kp)), S(static_cast<std::size_t>(plan.Kp * (whole + plan.tile))),
      scratch(static_cast<std::size_t>(2 * whole));
  for (index_t prep = 0; prep < plan.preps; ++prep) {
    const auto& span = plan.span(prep);
    for (index_t head = 0; head < plan.heads; ++head) {
      const index_t hv = plan.first_head(prep) + head, at = (plan.sequence(prep) * geo.HV + hv) * geo.Dk * geo.Dv;
      TokenLoop<T> loop{};
      loop.prep = prep_source(in, options, plan, prep);
      loop.value = value_source(in, options, plan, prep, head);
      loop.decay = plan.decay;
      loop.erase = plan.erase;
      loop.fused = rung >= kFused;
      loop.rows = rows.data();
      loop.scratch = scratch.data();
      loop.o_stride = geo.HV * geo.Dv;
      // panel of columns [from, from + width) at S + from * Kp, its rows as wide as the panel
      const auto width_at = [&](index_t from) { return std::min(width, whole - from); };
      const auto element = [&](index_t i, index_t j) -> T& {
        const index_t from = j / width * width;
        return S[static_cast<std::size_t>(from * plan.Kp + i * width_at(from) + j - from)];
      };
      S.zero();
      if (in.initial_state.defined())
        for (index_t i = 0; i < geo.Dk; ++i)
          for (index_t j = 0; j < geo.Dv; ++j) element(i, j) = in.initial_state[at + i * geo.Dv + j];
      for (index_t token = 0; token < span.length; token += kBlock) {
        loop.token = token;
        loop.tokens = static_cast<int>(std::min<index_t>(kBlock, span.length - token));
        kernels.read_tokens(loop);
        for (index_t from = 0; from < geo.Dv; from += width) {
          loop.S = S.data() + from * plan.Kp;
          loop.from = from;
          loop.width = width_at(from);
          loop.o = out.o.row(span.batch, span.begin + token, hv);
          kernels.token_loop(loop);
        }
      }
      for (index_t i = 0; i < geo.Dk; ++i)
        for (index_t j = 0; j < geo.Dv; ++j) out.final_state[at + i * geo.Dv + j] = element(i, j);
    }
  }
}

}  // namespace

std::span<const Rung> rungs() { return kRungs; }

template <class T>
void forward_rung(int rung, const Inputs<T>& in, const Options& options, Outputs<T>& out, const Settings& settings) {
  if (rung < 1 || rung > kThreads) throw Error("omp forward_rung: rung must lie in [1, " + std::to_string(kThreads) + "], got " + std::to_string(rung));
  Options alone = options;
  if (rung < kThreads) alone.threads = 1;
  if (rung >= kMicroChunks) {
    Settings as = settings;
    as.look_ahead = rung >= kInOrder;
    return forward(in, alone, out, static_cast<Saved<T>*>(nullptr), as);
  }
  const Kernels<T>& k = kernels<T>(resolve_isa(settings.isa));
  const Geometry geo = enter("forward", k, in, alone, settings);
  const Plan plan = make_plan(geo, alone, k.lanes);
  fit(out.o, {geo.B, geo.T, geo.HV, geo.Dv});
  fit(out.final_state, {geo.N, geo.HV, geo.Dk, geo.Dv});
  run_token_loops(rung, in, alone, plan, k, out);
}

template void forward_rung(int, const Inputs<float>&, const Options&, Outputs<float>&, const Settings&);
template void forward_rung(int, const Inputs<double>&, const Options&, Outputs<double>&, const Settings&);

}  // namespace fw::omp
