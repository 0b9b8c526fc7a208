// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "omp/backward.h"

#include "omp/door.h"
#include "omp/segments.h"

namespace fw::omp {
namespace {

/// One gradient per input that was given.
template <class T>
void fit_gradients(const Inputs<T>& in, Gradients<T>& grad) {
  const auto like = [](Tensor<T>& d, const Tensor<T>& x) {
    if (x.defined()) fit(d, x.shape());
    else d = {};
  };
  like(grad.dq, in.q);
  like(grad.dk, in.k);
  like(grad.dv, in.v);
  like(grad.dg, in.g);
  like(grad.db, in.b);
  like(grad.dw, in.w);
  like(grad.dbeta, in.beta);
  like(grad.dA_log, in.A_log);
  like(grad.ddt_bias, in.dt_bias);
  like(grad.dinitial_state, in.initial_state);
}

}  // namespace

template <class T>
void backward(const Inputs<T>& in, const Upstream<T>& up, const Options& options, Gradients<T>& grad, const Saved<T>* saved,
              const Settings& settings) {
  const Kernels<T>& k = kernels<T>(resolve_isa(settings.isa));
  const Geometry geo = enter("backward", k, in, options, settings);
  check_upstream((std::string(info(options.variant).name) + " omp backward").c_str(), geo, up, options);
  const Plan plan = make_plan(geo, options, k.lanes);
  Saved<T> own;
  if (!saved) {
    Outputs<T> out;
    Options unchecked = options;
    unchecked.check_finite = unchecked.check_ranges = false;
    forward(in, unchecked, out, &own, settings);
    saved = &own;
  }
  fit_gradients(in, grad);
  const T* final = up.dfinal_state.defined() ? up.dfinal_state.data() : nullptr;
  T* start = grad.dinitial_state.defined() ? grad.dinitial_state.data() : nullptr;
  if (settings.segments > 1) return backward_in_segments(in, up.d_o, options, plan, k, *saved, final, start, grad, settings.segments);
  check_saved(*saved, plan, 1);
  BackwardPass<T>(in, up.d_o, options, plan, k, *saved, final, start, grad).run();
}

template void backward(const Inputs<float>&, const Upstream<float>&, const Options&, Gradients<float>&, const Saved<float>*, const Settings&);
template void backward(const Inputs<double>&, const Upstream<double>&, const Options&, Gradients<double>&, const Saved<double>*, const Settings&);

}  // namespace fw::omp
