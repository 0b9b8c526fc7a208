// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Mistakes in what stands in front of the rule: L2 normalisation and gate activations, forward and backward.
#include <algorithm>
#include <cmath>

#include "naive/gates.h"
#include "naive/reference.h"
#include "verify/mistake.h"

namespace fw::verify {
namespace {

bool norm(const Bench& b) { return b.problem.options.l2norm_qk; }
bool softplus_decay(const Bench& b) { return b.problem.options.decay_activation == DecayActivation::softplus; }
bool active_decay(const Bench& b) { return b.problem.options.decay_activation != DecayActivation::none; }
bool biased(const Bench& b) { return active_decay(b) && b.problem.in.dt_bias.defined(); }
bool sigmoids(const Bench& b) { return b.problem.options.sigmoid_gates && (b.problem.in.b.defined() || b.problem.in.beta.defined() || b.problem.in.w.defined()); }
bool doubled(const Bench& b) { return sigmoids(b) && b.problem.options.erase_times_two && (b.problem.in.b.defined() || b.problem.in.beta.defined()); }

/// x -> x / (sqrt(x.x) + eps), row by row, in place of the rule's own normalisation.
void normalise_outside(Tensor<double>& t, double eps) {
  const index_t D = t.shape()[-1];
  for (index_t row = 0; row < t.numel(); row += D) {
    double squares = 0;
    for (index_t i = 0; i < D; ++i) squares += t[row + i] * t[row + i];
    for (index_t i = 0; i < D; ++i) t[row + i] /= std::sqrt(squares) + eps;
  }
}

/// Decay activated element by element with f(raw, A_log, bias), the rule's own activation switched off.
template <class F>
void activate(Problem& p, const Bench& b, F&& f) {
  const index_t heads = b.geo.g_heads, channels = b.geo.g_channels ? b.geo.Dk : 1;
  for (index_t i = 0; i < p.in.g.numel(); ++i) {
    const index_t head = i / channels % heads, channel = i % channels;
    double bias = 0;
    if (p.in.dt_bias.defined()) bias = p.in.dt_bias.shape().rank() == 1 ? p.in.dt_bias(head) : p.in.dt_bias(head, channel);
    p.in.g[i] = f(p.in.g[i], p.in.A_log(head), bias);
  }
  p.in.A_log = {};
  p.in.dt_bias = {};
  p.options.decay_activation = DecayActivation::none;
}

/// Gradients of the right problem with respect to the activated gates and normalised q, k.
Gradients<double> inner_gradients(const Bench& b) {
  Problem p = b.problem;
  p.options.check_ranges = false;
  const Options right = p.options;
  if (norm(b)) {
    for (Tensor<double>* t : {&p.in.q, &p.in.k}) {
      const index_t D = t->shape()[-1];
      for (index_t row = 0; row < t->numel(); row += D) {
        Eigen::Map<Vec> x(t->data() + row, D);
        x = naive::l2_normalised(Vec(x), right.l2norm_eps);
      }
    }
    p.options.l2norm_qk = false;
  }
  if (active_decay(b))
    activate(p, b, [&](double raw, double A_log, double bias) {
      return right.decay_activation == DecayActivation::softplus ? -std::exp(A_log) * naive::softplus(raw + bias)
                                                                 : right.decay_lower_bound * naive::sigmoid(std::exp(A_log) * (raw + bias));
    });
  if (right.sigmoid_gates) {
    const double gain = right.erase_times_two ? 2.0 : 1.0;
    for (index_t i = 0; i < p.in.b.numel(); ++i) p.in.b[i] = gain * naive::sigmoid(p.in.b[i]);
    for (index_t i = 0; i < p.in.w.numel(); ++i) p.in.w[i] = naive::sigmoid(p.in.w[i]);
    for (index_t i = 0; i < p.in.beta.numel(); ++i) p.in.beta[i] = gain * naive::sigmoid(p.in.beta[i]);
    p.options.sigmoid_gates = false;
    p.options.erase_times_two = false;
  }
  return naive::backward(p.in, p.up, p.options);
}

}  // namespace

void add_activation_mistakes(std::vector<Mistake>& bank) {
  const auto forward = [&](const char* id, const char* title, const char* advice, bool (*applies)(const Bench&), EditProblem edit) {
    bank.push_back({id, Direction::forward, title, advice, false, applies, forward_of_problem(std::move(edit))});
  };
  const auto backward = [&](const char* id, const char* title, const char* advice, std::function<bool(const Bench&)> applies,
                            std::function<void(Gradients<double>&, const Bench&)> edit) {
    bank.push_back({id, Direction::backward, title, advice, false, [applies](const Bench& b) { return b.gradients && applies(b); }, gradients_of_truth(std::move(edit))});
  };
  forward("l2norm-missing", "q and k are not normalised", "unit q and k make the error vanish", norm, [](Problem& p, const Bench&) { p.options.l2norm_qk = false; });
  forward("l2norm-key-only", "q is not normalised", "unit q makes the error vanish", norm, [](Problem& p, const Bench& b) {
    normalise_outside(p.in.k, 0.5 * b.problem.options.l2norm_eps);
    p.options.l2norm_qk = false;
  });
  forward("l2norm-eps-outside", "x / (sqrt(x.x) + eps) instead of x / sqrt(x.x + eps)", "only tiny vectors show it", norm, [](Problem& p, const Bench& b) {
    normalise_outside(p.in.q, b.problem.options.l2norm_eps);
    normalise_outside(p.in.k, b.problem.options.l2norm_eps);
    p.options.l2norm_qk = false;
  });
  forward("decay-bias-ignored", "dt_bias is not added", "dt_bias = 0 makes the error vanish", biased, [](Problem& p, const Bench&) { p.in.dt_bias = {}; });
  forward("decay-rate-not-exponentiated", "A_log is used as the rate instead of exp(A_log)", "", softplus_decay,
          [](Problem& p, const Bench& b) { activate(p, b, [](double raw, double A_log, double bias) { return -A_log * naive::softplus(raw + bias); }); });
  forward("decay-softplus-log", "softplus as log(1 + exp(x)) in float32: 0 below x = -16.6", "only very negative x show it", softplus_decay, [](Problem& p, const Bench& b) {
    activate(p, b, [](double raw, double A_log, double bias) {
      const float e = std::exp(static_cast<float>(raw + bias));
      return -std::exp(A_log) * static_cast<double>(std::log(1.0f + e));
    });
  });
  forward("decay-softplus-linear", "the softplus is missing: g = -exp(A_log) (raw + dt_bias)", "", softplus_decay,
          [](Problem& p, const Bench& b) { activate(p, b, [](double raw, double A_log, double bias) { return -std::exp(A_log) * (raw + bias); }); });
  forward("erase-doubling-missing", "the erase gate is sigmoid(raw), not 2 sigmoid(raw)", "", doubled, [](Problem& p, const Bench&) { p.options.erase_times_two = false; });

  backward("dqk-norm-missing", "dq and dk are those of the normalised vectors: the reverse of the norm is missing", "", norm, [](Gradients<double>& g, const Bench& b) {
    const Gradients<double> inner = inner_gradients(b);
    g.dq = inner.dq;
    g.dk = inner.dk;
  });
  backward("dg-activation-missing", "dg is that of the activated decay: the derivative of the activation is missing", "", active_decay,
           [](Gradients<double>& g, const Bench& b) { g.dg = inner_gradients(b).dg; });
  backward("dA_log-without-rate", "dA_log lacks the factor exp(A_log)", "A_log = 0 makes the error vanish", active_decay, [](Gradients<double>& g, const Bench& b) {
    for (index_t i = 0; i < g.dA_log.numel(); ++i) g.dA_log[i] /= std::exp(b.problem.in.A_log[i]);
  });
  backward("ddt_bias-wrong-axis", "ddt_bias is summed over the heads and put on each", "one head hides it",
           [](const Bench& b) { return biased(b) && b.geo.g_heads > 1; }, [](Gradients<double>& g, const Bench& b) {
             const index_t heads = b.geo.g_heads, width = g.ddt_bias.numel() / heads;
             for (index_t i = 0; i < width; ++i) {
               double sum = 0;
               for (index_t h = 0; h < heads; ++h) sum += g.ddt_bias[h * width + i];
               for (index_t h = 0; h < heads; ++h) g.ddt_bias[h * width + i] = sum;
             }
           });
  backward("gate-sigmoid-missing", "gate gradients are those of the activated gates: the derivative of the sigmoid is missing", "", sigmoids,
           [](Gradients<double>& g, const Bench& b) {
             Gradients<double> inner = inner_gradients(b);
             std::swap(g.db, inner.db);
             std::swap(g.dw, inner.dw);
             std::swap(g.dbeta, inner.dbeta);
           });
  backward("erase-doubling-gradient-missing", "the erase-gate gradient lacks the factor 2 of 2 sigmoid(raw)", "", doubled, [](Gradients<double>& g, const Bench&) {
    for (index_t i = 0; i < g.db.numel(); ++i) g.db[i] *= 0.5;
    for (index_t i = 0; i < g.dbeta.numel(); ++i) g.dbeta[i] *= 0.5;
  });
}

}  // namespace fw::verify
