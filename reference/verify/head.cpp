// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/head.h"

#include "naive/vjp/driver.h"

namespace fw::verify {
namespace {

void gather(const Problem& problem, const Geometry& geo, index_t n, index_t hv, Head& head) {
  const VariantInfo& row = info(problem.options.variant);
  const auto& seq = geo.sequences[static_cast<std::size_t>(n)];
  head.n = n;
  head.hv = hv;
  head.T = seq.length;
  head.Dk = geo.Dk;
  head.Dv = geo.Dv;
  head.scale = geo.scale;
  head.Q.resize(head.T, geo.Dk);
  head.K.resize(head.T, geo.Dk);
  head.G.setZero(head.T, geo.Dk);
  head.B.setZero(head.T, geo.Dk);
  head.V.resize(head.T, geo.Dv);
  head.W.setOnes(head.T, geo.Dv);
  head.dO.setZero(head.T, geo.Dv);
  head.dST.setZero(geo.Dk, geo.Dv);
  head.S0 = naive::initial_state(problem.in, geo, n, hv);
  naive::Token<double> x;
  for (index_t t = 0; t < head.T; ++t) {
    naive::read_token(problem.in, geo, problem.options, seq.batch, seq.begin + t, hv, x);
    head.Q.row(t) = x.q;
    head.K.row(t) = x.k;
    head.V.row(t) = x.v;
    if (row.decay == Decay::scalar) head.G.row(t).setConstant(x.g[0]);
    if (row.decay == Decay::channel) head.G.row(t) = x.g;
    if (row.erase == Erase::scalar) head.B.row(t).setConstant(x.beta);
    if (row.erase == Erase::channel) head.B.row(t) = x.b;
    if (row.erase == Erase::mean) head.B.row(t).setConstant(x.b.mean());
    if (row.write == Write::scalar) head.W.row(t).setConstant(x.beta);
    if (row.write == Write::channel) head.W.row(t) = x.w;
    if (row.write == Write::mean) head.W.row(t).setConstant(x.w.mean());
    if (problem.up.d_o.defined()) head.dO.row(t) = naive::ConstVectorMap<double>(problem.up.d_o.row(seq.batch, seq.begin + t, hv), geo.Dv);
  }
  if (problem.up.dfinal_state.defined())
    head.dST = naive::ConstMatrixMap<double>(problem.up.dfinal_state.row(n, hv), geo.Dk, geo.Dv);
  head.rebuild();
}

}  // namespace

void Head::rebuild() {
  E = B.cwiseProduct(K);
  KW = K;
  Z = W.cwiseProduct(V);
}

std::vector<Head> gather_heads(const Problem& problem, const Geometry& geo) {
  std::vector<Head> heads(static_cast<std::size_t>(geo.N * geo.HV));
  for (index_t i = 0; i < geo.N * geo.HV; ++i) gather(problem, geo, i / geo.HV, i % geo.HV, heads[static_cast<std::size_t>(i)]);
  return heads;
}

Results scatter_outputs(const Geometry& geo, const std::vector<HeadOutput>& heads) {
  Results results;
  results.out.o = naive::poisoned<double>({geo.B, geo.T, geo.HV, geo.Dv});
  results.out.final_state = naive::poisoned<double>({geo.N, geo.HV, geo.Dk, geo.Dv});
  for (index_t i = 0; i < geo.N * geo.HV; ++i) {
    const index_t n = i / geo.HV, hv = i % geo.HV;
    const auto& seq = geo.sequences[static_cast<std::size_t>(n)];
    const HeadOutput& head = heads[static_cast<std::size_t>(i)];
    for (index_t t = 0; t < seq.length; ++t)
      naive::VectorMap<double>(results.out.o.row(seq.batch, seq.begin + t, hv), geo.Dv) = head.O.row(t).transpose();
    naive::MatrixMap<double>(results.out.final_state.row(n, hv), geo.Dk, geo.Dv) = head.ST;
  }
  return results;
}

Results scatter_gradients(const Problem& problem, const Geometry& geo, const std::vector<HeadGradient>& heads) {
  const VariantInfo& row = info(problem.options.variant);
  Results results;
  results.grad = naive::zero_gradients(problem.in);
  naive::DecayParameterGradients<double> decay = naive::decay_parameter_gradients(problem.in, geo);
  naive::Token<double> dx;
  for (index_t i = 0; i < geo.N * geo.HV; ++i) {
    const index_t n = i / geo.HV, hv = i % geo.HV;
    const auto& seq = geo.sequences[static_cast<std::size_t>(n)];
    const HeadGradient& d = heads[static_cast<std::size_t>(i)];
    for (index_t t = 0; t < seq.length; ++t) {
      dx.q = d.dQ.row(t);
      dx.k = d.dK.row(t);
      dx.v = d.dV.row(t);
      if (row.decay == Decay::scalar) dx.g = Vec::Constant(1, d.dG.row(t).sum());
      if (row.decay == Decay::channel) dx.g = d.dG.row(t);
      dx.beta = 0.0;
      if (row.erase == Erase::scalar) dx.beta += d.dB.row(t).sum();
      if (row.erase == Erase::channel) dx.b = d.dB.row(t);
      if (row.erase == Erase::mean) dx.b = Vec::Constant(geo.Dk, d.dB.row(t).mean());
      if (row.write == Write::scalar) dx.beta += d.dW.row(t).sum();
      if (row.write == Write::channel) dx.w = d.dW.row(t);
      if (row.write == Write::mean) dx.w = Vec::Constant(geo.Dv, d.dW.row(t).mean());
      naive::add_token_gradient(problem.in, geo, problem.options, n, seq.batch, seq.begin + t, hv, dx, results.grad, decay);
    }
    if (problem.in.initial_state.defined())
      naive::MatrixMap<double>(results.grad.dinitial_state.row(n, hv), geo.Dk, geo.Dv) = d.dS0;
  }
  naive::sum_sequences(decay, results.grad);
  return results;
}

}  // namespace fw::verify
