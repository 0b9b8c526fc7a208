// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The loop around the step() of an attention rule: every sequence, every value head, every token with the keys and values
// it sees. Nothing of size T x T is kept.
#pragma once

#include "naive/driver.h"
#include "naive/softmax.h"

namespace fw::naive {

/// One sequence as one value head sees it: q k [T,Dk], normalised where the rule does so, v [T,Dv].
template <class T>
struct AttentionSequence {
  Matrix<T> q, k, v;
};

template <class T>
AttentionSequence<T> read_sequence(const Inputs<T>& in, const Geometry& geo, const Options& options, index_t n, index_t hv) {
  const Geometry::Sequence& seq = geo.sequences[static_cast<std::size_t>(n)];
  AttentionSequence<T> out{Matrix<T>(seq.length, geo.Dk), Matrix<T>(seq.length, geo.Dk), Matrix<T>(seq.length, geo.Dv)};
  Token<T> x;
  for (index_t t = 0; t < seq.length; ++t) {
    read_token(in, geo, options, seq.batch, seq.begin + t, hv, x);
    out.q.row(t) = x.q.transpose();
    out.k.row(t) = x.k.transpose();
    out.v.row(t) = x.v.transpose();
  }
  return out;
}

template <class Rule, class T>
Outputs<T> run_attention_forward(const char* who, const Inputs<T>& in, const Options& options) {
  const Geometry geo = check_inputs(who, in, options);
  Outputs<T> out;
  out.o = poisoned<T>({geo.B, geo.T, geo.HV, geo.Dv});
  parallel_for(geo.N * geo.HV, options.threads, [&](index_t piece) {
    const index_t n = piece / geo.HV, hv = piece % geo.HV;
    const Geometry::Sequence& seq = geo.sequences[static_cast<std::size_t>(n)];
    const AttentionSequence<T> s = read_sequence(in, geo, options, n, hv);
    Vector<T> o(geo.Dv);
    for (index_t t = 0; t < seq.length; ++t) {
      const index_t first = Rule::first_seen(t, options.window), seen = t - first + 1;
      const Vector<T> q = s.q.row(t);
      Rule::template step<T>(s.k.middleRows(first, seen), s.v.middleRows(first, seen), q, T(geo.scale), o);
      VectorMap<T>(out.o.row(seq.batch, seq.begin + t, hv), geo.Dv) = o;
    }
  });
  return out;
}

}  // namespace fw::naive
