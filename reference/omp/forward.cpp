// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "omp/forward.h"

#include "omp/door.h"
#include "omp/engine.h"
#include "omp/segments.h"

namespace fw::omp {

template <class T>
void forward(const Inputs<T>& in, const Options& options, Outputs<T>& out, Saved<T>* saved, const Settings& settings) {
  const Kernels<T>& k = kernels<T>(resolve_isa(settings.isa));
  const Geometry geo = enter("forward", k, in, options, settings);
  Plan plan = make_plan(geo, options, k.lanes);
  plan.look_ahead = settings.look_ahead;
  fit(out.o, {geo.B, geo.T, geo.HV, geo.Dv});
  fit(out.final_state, {geo.N, geo.HV, geo.Dk, geo.Dv});
  if (settings.segments > 1) return forward_in_segments(in, options, plan, k, out, saved, settings.segments);
  forward_whole(in, options, plan, k, in.initial_state.defined() ? in.initial_state.data() : nullptr, out, saved);
}

template void forward(const Inputs<float>&, const Options&, Outputs<float>&, Saved<float>*, const Settings&);
template void forward(const Inputs<double>&, const Options&, Outputs<double>&, Saved<double>*, const Settings&);

}  // namespace fw::omp
