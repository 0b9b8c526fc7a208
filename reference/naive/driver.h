// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The loop around a rule's step(): every sequence, every value head, one token after the other. Nothing clever.
#pragma once

#include <limits>

#include "core/parallel.h"
#include "naive/token.h"

namespace fw::naive {

/// A tensor whose every element must still be written.
template <class T>
Tensor<T> poisoned(Shape shape) {
  return Tensor<T>(std::move(shape), T(std::numeric_limits<double>::quiet_NaN()));
}

/// State of sequence n, value head hv before its first token (zero when none was given). [Dk,Dv]
template <class T>
Matrix<T> initial_state(const Inputs<T>& in, const Geometry& geo, index_t n, index_t hv) {
  if (!in.initial_state.defined()) return Matrix<T>::Zero(geo.Dk, geo.Dv);
  return ConstMatrixMap<T>(in.initial_state.row(n, hv), geo.Dk, geo.Dv);
}

template <class Rule, class T>
Outputs<T> run_forward(const char* who, const Inputs<T>& in, const Options& options) {
  const Geometry geo = check_inputs(who, in, options);
  Outputs<T> out;
  out.o = poisoned<T>({geo.B, geo.T, geo.HV, geo.Dv});
  out.final_state = poisoned<T>({geo.N, geo.HV, geo.Dk, geo.Dv});
  parallel_for(geo.N * geo.HV, options.threads, [&](index_t piece) {
    const index_t n = piece / geo.HV, hv = piece % geo.HV;
    const Geometry::Sequence& seq = geo.sequences[static_cast<std::size_t>(n)];
    Matrix<T> S = initial_state(in, geo, n, hv);
    Token<T> x;
    Vector<T> o(geo.Dv);
    for (index_t t = seq.begin; t < seq.begin + seq.length; ++t) {
      read_token(in, geo, options, seq.batch, t, hv, x);
      Rule::step(S, x, T(geo.scale), o);
      VectorMap<T>(out.o.row(seq.batch, t, hv), geo.Dv) = o;
    }
    MatrixMap<T>(out.final_state.row(n, hv), geo.Dk, geo.Dv) = S;
  });
  return out;
}

}  // namespace fw::naive
