// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/recurrent_gates.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "model/ops.h"

namespace fw::model {
namespace {

constexpr double kGlaTemperature = 16.0, kDecayFloor = 1e-4;

template <class T>
T sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}
template <class T>
T softplus(T x) {
  return std::max(x, T(0)) + std::log1p(std::exp(-std::abs(x)));
}

template <class T>
void gla_gates(Inputs<T>& in, GateCache<T>& c) {
  c.decay_raw = in.g;
  for (index_t i = 0; i < in.g.numel(); ++i) in.g[i] = -softplus(-c.decay_raw[i]) / static_cast<T>(kGlaTemperature);
}

template <class T>
void mamba2_gates(const MixerSlots& slots, const T* params, index_t n, GateCache<T>& c, Inputs<T>& in) {
  const index_t HV = slots.A_log.rows, V = in.v.shape()[-1];
  c.raw = in.g;
  c.v = in.v;
  shaped(c.dt, {n, HV});
  for (index_t i = 0; i < n * HV; ++i) {
    const T dt = softplus(c.raw[i] + params[slots.dt_bias.offset + i % HV]);
    c.dt[i] = dt;
    in.g[i] = -std::exp(params[slots.A_log.offset + i % HV]) * dt;
    for (index_t j = 0; j < V; ++j) in.v[i * V + j] *= dt;
  }
}
template <class T>
void mamba2_backward(const MixerSlots& slots, const T* params, index_t n, const GateCache<T>& c, const Inputs<T>& in, Gradients<T>& grad,
                     T* grads) {
  const index_t HV = slots.A_log.rows, V = in.v.shape()[-1];
  for (index_t i = 0; i < n * HV; ++i) {
    const T rate = std::exp(params[slots.A_log.offset + i % HV]), dt = c.dt[i], dg = grad.dg[i];
    T ddt = -rate * dg;
    for (index_t j = 0; j < V; ++j) {
      ddt += grad.dv[i * V + j] * c.v[i * V + j];
      grad.dv[i * V + j] *= dt;
    }
    const T draw = ddt * sigmoid(c.raw[i] + params[slots.dt_bias.offset + i % HV]);
    grads[slots.A_log.offset + i % HV] += -rate * dt * dg;
    grads[slots.dt_bias.offset + i % HV] += draw;
    grad.dg[i] = draw;
  }
}

template <class T>
void mamba3_gates(const ModelConfig& config, const MixerSlots& slots, const T* params, const T* x, index_t n, GateCache<T>& c,
                  Inputs<T>& in) {
  const index_t B = in.q.shape()[0], T_ = in.q.shape()[1], HV = config.value_heads(), P = config.pairs();
  c.decay_raw = in.g;
  linear(params, slots.dt, {}, x, n, shaped(c.raw, {n, HV}));
  linear(params, slots.trapezoid, {}, x, n, shaped(c.trap_raw, {n, HV}));
  if (P > 0) linear(params, slots.angle, {}, x, n, shaped(c.angle_raw, {n, P}));
  shaped(in.dt, {B, T_, HV});
  shaped(in.lambda, {B, T_, HV});
  if (P > 0) shaped(in.theta, {B, T_, HV, P});
  for (index_t i = 0; i < n * HV; ++i) {
    const T dt = softplus(c.raw[i] + params[slots.dt_bias.offset + i % HV]);
    in.dt[i] = dt;
    in.g[i] = -std::max(softplus(c.decay_raw[i]), static_cast<T>(kDecayFloor)) * dt;
    in.lambda[i] = sigmoid(c.trap_raw[i]);
    for (index_t p = 0; p < P; ++p) in.theta[i * P + p] = std::numbers::pi_v<T> * std::tanh(c.angle_raw[i / HV * P + p]) * dt;
  }
}
template <class T>
void mamba3_backward(const ModelConfig& config, const MixerSlots& slots, const T* params, const T* x, index_t n, GateCache<T>& c,
                     const Inputs<T>& in, Gradients<T>& grad, T* grads, T* dx) {
  const index_t HV = config.value_heads(), P = config.pairs();
  T* dangle = P > 0 ? shaped(c.dother, {n, P}) : nullptr;
  if (P > 0) c.dother.fill(T(0));
  shaped(c.draw, {n, HV});
  for (index_t i = 0; i < n * HV; ++i) {
    const T dt = in.dt[i], plain = softplus(c.decay_raw[i]), rate = std::max(plain, static_cast<T>(kDecayFloor)), lambda = in.lambda[i];
    T ddt = grad.ddt[i] - rate * grad.dg[i];
    for (index_t p = 0; p < P; ++p) {
      const T turn = std::tanh(c.angle_raw[i / HV * P + p]), dtheta = std::numbers::pi_v<T> * grad.dtheta[i * P + p];
      ddt += dtheta * turn;
      dangle[i / HV * P + p] += dtheta * dt * (T(1) - turn * turn);
    }
    c.draw[i] = ddt * sigmoid(c.raw[i] + params[slots.dt_bias.offset + i % HV]);
    grads[slots.dt_bias.offset + i % HV] += c.draw[i];
    grad.dg[i] = plain > static_cast<T>(kDecayFloor) ? -dt * grad.dg[i] * sigmoid(c.decay_raw[i]) : T(0);
    grad.dlambda[i] *= lambda * (T(1) - lambda);
  }
  linear_backward(params, grads, slots.dt, {}, x, c.draw.data(), n, dx, Into::add);
  linear_backward(params, grads, slots.trapezoid, {}, x, grad.dlambda.data(), n, dx, Into::add);
  if (P > 0) linear_backward(params, grads, slots.angle, {}, x, dangle, n, dx, Into::add);
}

}  // namespace

template <class T>
void make_gates(const ModelConfig& config, Variant variant, const MixerSlots& slots, const T* params, const T* x, index_t n,
                GateCache<T>& cache, Inputs<T>& in) {
  if (variant == Variant::gla)
    gla_gates(in, cache);
  else if (variant == Variant::mamba2)
    mamba2_gates(slots, params, n, cache, in);
  else if (variant == Variant::mamba3)
    mamba3_gates(config, slots, params, x, n, cache, in);
}

template <class T>
void gates_backward(const ModelConfig& config, Variant variant, const MixerSlots& slots, const T* params, const T* x, index_t n,
                    GateCache<T>& cache, const Inputs<T>& in, Gradients<T>& grad, T* grads, T* dx) {
  if (variant == Variant::gla)
    for (index_t i = 0; i < in.g.numel(); ++i) grad.dg[i] *= sigmoid(-cache.decay_raw[i]) / static_cast<T>(kGlaTemperature);
  else if (variant == Variant::mamba2)
    mamba2_backward(slots, params, n, cache, in, grad, grads);
  else if (variant == Variant::mamba3)
    mamba3_backward(config, slots, params, x, n, cache, in, grad, grads, dx);
}

#define FW_INSTANTIATE(T)                                                                                                           \
  template void make_gates(const ModelConfig&, Variant, const MixerSlots&, const T*, const T*, index_t, GateCache<T>&, Inputs<T>&); \
  template void gates_backward(const ModelConfig&, Variant, const MixerSlots&, const T*, const T*, index_t, GateCache<T>&,          \
                               const Inputs<T>&, Gradients<T>&, T*, T*);
FW_INSTANTIATE(float)
FW_INSTANTIATE(double)

}  // namespace fw::model
