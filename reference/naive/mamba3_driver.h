// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The loop around the step() of a Mamba-3 rule: as naive/driver.h, with a state of four parts.
#pragma once

#include "naive/driver.h"
#include "naive/mamba3_token.h"

namespace fw::naive {

/// [first,second,HV,width], with M before the width for MIMO.
inline Shape rows_shape(const Options& options, const Geometry& geo, std::vector<index_t> leading, index_t width) {
  if (options.variant == Variant::mamba3_mimo) leading.push_back(geo.M);
  leading.push_back(width);
  return Shape(std::move(leading));
}

template <class Rule, class T>
Outputs<T> run_mamba3_forward(const char* who, const Inputs<T>& in, const Options& options) {
  const Geometry geo = check_inputs(who, in, options);
  Outputs<T> out;
  out.o = poisoned<T>(rows_shape(options, geo, {geo.B, geo.T, geo.HV}, geo.Dv));
  out.final_state = poisoned<T>({geo.N, geo.HV, geo.Dk, geo.Dv});
  if (in.theta.defined()) out.final_angle = poisoned<T>({geo.N, geo.HV, geo.P});
  out.final_key = poisoned<T>(rows_shape(options, geo, {geo.N, geo.HV}, geo.Dk));
  out.final_value = poisoned<T>(rows_shape(options, geo, {geo.N, geo.HV}, geo.Dv));
  parallel_for(geo.N * geo.HV, options.threads, [&](index_t piece) {
    const index_t n = piece / geo.HV, hv = piece % geo.HV;
    const Geometry::Sequence& seq = geo.sequences[static_cast<std::size_t>(n)];
    typename Rule::template State<T> state;
    typename Rule::template Token<T> x;
    typename Rule::template Output<T> o;
    read_state(in, geo, n, hv, state);
    resize_rows(o, geo.M, geo.Dv);
    const auto write = [](const auto& rows, T* to) { std::copy_n(rows.data(), rows.size(), to); };
    for (index_t t = seq.begin; t < seq.begin + seq.length; ++t) {
      read_token(in, geo, options, seq.batch, t, hv, x);
      Rule::step(state, x, T(geo.scale), o);
      write(o, out.o.row(seq.batch, t, hv));
    }
    write(state.S, out.final_state.row(n, hv));
    if (out.final_angle.defined()) write(state.angle, out.final_angle.row(n, hv));
    write(state.key, out.final_key.row(n, hv));
    write(state.value, out.final_value.row(n, hv));
  });
  return out;
}

}  // namespace fw::naive
