// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "chunkwise/chunkwise.h"
#include "chunkwise/door.h"
#include "chunkwise/vjp/stages.h"
#include "core/parallel.h"

namespace fw::chunkwise {
namespace {

/// Zero gradients shaped like the inputs that were given.
template <class T>
Gradients<T> zero_gradients(const Inputs<T>& in) {
  std::vector<Shape> shapes;
  std::vector<bool> given;
  for_each_input(in, [&](const char*, const Tensor<T>& t) {
    shapes.push_back(t.shape());
    given.push_back(t.defined());
  });
  Gradients<T> grad;
  std::size_t i = 0;
  for_each_gradient(grad, [&](const char*, Tensor<T>& d) {
    if (given[i]) d = Tensor<T>(shapes[i]);
    ++i;
  });
  return grad;
}

template <class T>
Tensor<T> zero_per_sequence(const Tensor<T>& parameter, index_t sequences) {
  if (!parameter.defined()) return {};
  std::vector<index_t> sizes = parameter.shape().sizes();
  sizes.insert(sizes.begin(), sequences);
  return Tensor<T>(Shape(sizes));
}

template <class T>
void add_sequences(const Tensor<T>& parts, Tensor<T>& total) {
  for (index_t i = 0; i < parts.numel(); ++i) total[i % total.numel()] += parts[i];
}

/// The state at each chunk's start. Scores of the queries are not needed for it.
template <class T>
std::vector<Matrix<T>> chunk_starts(const Head<T>& head, const Settings& settings, ChunkFactors<T>& f) {
  std::vector<Matrix<T>> starts;
  Matrix<T> S = head.initial_state();
  for (index_t first = 0; first < head.sequence().length; first += settings.chunk) {
    starts.push_back(S);
    if (first + settings.chunk >= head.sequence().length) break;
    prepare_chunk(head, first, settings, f, false);
    residual_rows(f, S, settings);
    carry_state(f, S, settings);
  }
  return starts;
}

template <class T>
void head_backward(const Head<T>& head, const Upstream<T>& up, const Settings& settings, GradientSums<T>& sums) {
  const Geometry& geo = head.geo;
  ChunkFactors<T> f;
  ChunkGradients<T> d;
  const std::vector<Matrix<T>> starts = chunk_starts(head, settings, f);
  Matrix<T> dS = Matrix<T>::Zero(geo.Dk, geo.Dv), dO;
  if (up.dfinal_state.defined()) dS = Eigen::Map<const Matrix<T>>(up.dfinal_state.row(head.n, head.hv), geo.Dk, geo.Dv);
  for (index_t c = static_cast<index_t>(starts.size()) - 1; c >= 0; --c) {
    const Matrix<T>& S0 = starts[static_cast<std::size_t>(c)];
    prepare_chunk(head, c * settings.chunk, settings, f);
    residual_rows(f, S0, settings);
    dO.setZero(f.rows(), geo.Dv);
    if (up.d_o.defined())
      for (index_t r = 0; r < f.rows(); ++r)
        dO.row(r) = Eigen::Map<const Row<T>>(up.d_o.row(head.batch(), head.token(f.first + r), head.hv), geo.Dv);
    chunk_backward(f, S0, dO, dS, settings, d);
    scatter_rows(head, f, d, sums);
  }
  if (head.in.initial_state.defined()) Eigen::Map<Matrix<T>>(sums.grad.dinitial_state.row(head.n, head.hv), geo.Dk, geo.Dv) = dS;
}

}  // namespace

template <class T>
Gradients<T> backward(const Inputs<T>& in, const Upstream<T>& up, const Options& options, const Settings& settings) {
  const Geometry geo = enter("backward", in, options, settings);
  check_upstream((std::string(info(options.variant).name) + " chunkwise backward").c_str(), geo, up, options);
  Gradients<T> grad = zero_gradients(in);
  GradientSums<T> sums{grad, zero_per_sequence(in.A_log, geo.N), zero_per_sequence(in.dt_bias, geo.N)};
  // one piece of work per key head: the value heads that share it add to the same rows, one after the other
  parallel_for(geo.N * geo.H, options.threads, [&](index_t piece) {
    const index_t n = piece / geo.H, h = piece % geo.H;
    for (index_t hv = h * geo.group; hv < (h + 1) * geo.group; ++hv) head_backward(Head<T>{in, geo, options, n, hv}, up, settings, sums);
  });
  add_sequences(sums.dA_log, grad.dA_log);
  add_sequences(sums.ddt_bias, grad.ddt_bias);
  return grad;
}

template Gradients<double> backward(const Inputs<double>&, const Upstream<double>&, const Options&, const Settings&);
template Gradients<float> backward(const Inputs<float>&, const Upstream<float>&, const Options&, const Settings&);

}  // namespace fw::chunkwise
