// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "chunkwise/chunkwise.h"
#include "chunkwise/door.h"
#include "chunkwise/stages.h"
#include "core/parallel.h"

namespace fw::chunkwise {
namespace {

template <class T>
using TensorRows = Eigen::Map<Matrix<T>, Eigen::Unaligned, Eigen::OuterStride<>>;

}  // namespace

template <class T>
Outputs<T> forward(const Inputs<T>& in, const Options& options, const Settings& settings) {
  const Geometry geo = enter("forward", in, options, settings);
  constexpr T kUnwritten = std::numeric_limits<T>::quiet_NaN();
  Outputs<T> out;
  out.o = Tensor<T>({geo.B, geo.T, geo.HV, geo.Dv}, kUnwritten);
  out.final_state = Tensor<T>({geo.N, geo.HV, geo.Dk, geo.Dv}, kUnwritten);
  parallel_for(geo.N * geo.HV, options.threads, [&](index_t piece) {
    const Head<T> head{in, geo, options, piece / geo.HV, piece % geo.HV};
    Matrix<T> S = head.initial_state(), O;
    ChunkFactors<T> f;
    for (index_t first = 0; first < head.sequence().length; first += settings.chunk) {
      prepare_chunk(head, first, settings, f);
      chunk_forward(f, S, O, settings);
      TensorRows<T>(out.o.row(head.batch(), head.token(first), head.hv), f.rows(), geo.Dv, Eigen::OuterStride<>(geo.HV * geo.Dv)) = O;
    }
    Eigen::Map<Matrix<T>>(out.final_state.row(head.n, head.hv), geo.Dk, geo.Dv) = S;
  });
  return out;
}

template <class T>
HeadTrace<T> trace_head(const Inputs<T>& in, const Options& options, const Settings& settings, index_t sequence, index_t value_head) {
  const Geometry geo = enter("trace_head", in, options, settings);
  if (sequence < 0 || sequence >= geo.N || value_head < 0 || value_head >= geo.HV)
    throw Error("chunkwise trace_head: sequence and value_head must be below N = " + std::to_string(geo.N) +
                " and HV = " + std::to_string(geo.HV) + ", got " + std::to_string(sequence) + " and " + std::to_string(value_head));
  const Head<T> head{in, geo, options, sequence, value_head};
  HeadTrace<T> trace;
  trace.states.push_back(head.initial_state());
  for (index_t first = 0; first < head.sequence().length; first += settings.chunk) {
    ChunkFactors<T>& f = trace.chunks.emplace_back();
    Matrix<T> S = trace.states.back();
    prepare_chunk(head, first, settings, f);
    chunk_forward(f, S, trace.outputs.emplace_back(), settings);
    trace.states.push_back(std::move(S));
  }
  return trace;
}

template Outputs<double> forward(const Inputs<double>&, const Options&, const Settings&);
template Outputs<float> forward(const Inputs<float>&, const Options&, const Settings&);
template HeadTrace<double> trace_head(const Inputs<double>&, const Options&, const Settings&, index_t, index_t);
template HeadTrace<float> trace_head(const Inputs<float>&, const Options&, const Settings&, index_t, index_t);

}  // namespace fw::chunkwise
