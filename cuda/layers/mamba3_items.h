// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What one thread or one warp of mamba3.cu computes, for the device and for tests without one. A warp's lanes share the channels of a
// head and add up with `lanes.sum`; OneLane does the work of all of them. Every item writes places that no other one writes.
//   forward    gates, angles, factors, [the engine], own_read
//   backward   [the engine], values_backward, keys_backward, angles_backward, gates_backward, angle_columns_backward
// Gradients, from dq~_t, dk~_{t-1}, d(w_t v_{t-1}), dg of the engine:
//   dw_t = v_{t-1} . d(w_t v_{t-1}),   dv_t = w_{t+1} d(w_{t+1} v_t) + scale zeta (q . k) do,   zeta = lambda dt
//   dzeta_t = scale (q . k) (v . do) + alpha_{t+1} dw_{t+1},   dc_t = alpha_t dw_t,   c = (1 - lambda) dt,   dg_t += w_t dw_t
//   dlambda = dt (dzeta - dc),   ddt = lambda dzeta + (1 - lambda) dc - (-g / dt) dg + sum pi tanh(angle) dtheta
//   a turned pair (x,y) moves along (-y,x): dTheta = x dy - y dx over q~ and k~;   dtheta_t = dTheta_t + dTheta_{t+1} + ...
#pragma once

#include <cmath>

#include "cuda/layers/mamba3.h"

#ifdef __CUDACC__
#define FW_ITEM __host__ __device__ __forceinline__
#else
#define FW_ITEM inline
#endif

namespace fw::cuda::layers::mamba3 {

inline constexpr double kPi = 3.14159265358979323846, kDecayFloor = 1e-4;

struct OneLane {
  int lane = 0, count = 1;
  template <class X>
  FW_ITEM X sum(X x) const {
    return x;
  }
};

template <class X>
FW_ITEM X sigmoid_of(X x) {
  return X(1) / (X(1) + std::exp(-x));
}
template <class X>
FW_ITEM X softplus_of(X x) {
  return (x > X(0) ? x : X(0)) + std::log1p(std::exp(-std::fabs(x)));
}
template <class X>
FW_ITEM X decay_rate(X raw) {
  const X rate = softplus_of(raw);
  return rate > static_cast<X>(kDecayFloor) ? rate : static_cast<X>(kDecayFloor);
}
/// Rotation by pi a.
template <class X>
struct Turn {
  X c, s;
  FW_ITEM explicit Turn(X a) {
#ifdef __CUDA_ARCH__
    sincospif(a, &s, &c);
#else
    c = std::cos(static_cast<X>(kPi) * a), s = std::sin(static_cast<X>(kPi) * a);
#endif
  }
};

template <class X>
FW_ITEM index_t side_width(const Mamba3<X>& p) {
  return 2 * p.HV + p.P;
}
/// Row, value head and key head of item i of [rows,HV].
template <class X>
struct Head {
  index_t row, hv, h;
  bool first, last;  ///< of its sequence
  FW_ITEM Head(const Mamba3<X>& p, index_t i)
      : row(i / p.HV), hv(i % p.HV), h(hv / (p.HV / p.H)), first(row % p.T == 0), last(row % p.T == p.T - 1) {}
};
/// w of (L2), of a token that is not the first of its sequence; i of [rows,HV].
template <class X>
FW_ITEM X late_write(const Mamba3<X>& p, index_t i) {
  const index_t before = i - p.HV;
  return std::exp(p.g[i]) * (p.lambda[before] * p.dt[before] + (X(1) - p.lambda[i]) * p.dt[i]);
}
template <class X>
struct Norms {
  X q = 1, k = 1, alike = 0;  ///< 1 / |q|, 1 / |k|, q . k of the raw rows
};
template <class X, class Lanes>
FW_ITEM Norms<X> norms_of(const Mamba3<X>& p, const X* q, const X* k, const Lanes& lanes) {
  X qq = 0, kk = 0, qk = 0;
  for (index_t c = lanes.lane; c < p.K; c += lanes.count) qq += q[c] * q[c], kk += k[c] * k[c], qk += q[c] * k[c];
  Norms<X> norms;
  norms.alike = lanes.sum(qk);
  if (!p.l2norm) return norms;
  qq = lanes.sum(qq) + p.l2norm_eps, kk = lanes.sum(kk) + p.l2norm_eps;
  norms.q = qq > X(0) ? X(1) / std::sqrt(qq) : X(0), norms.k = kk > X(0) ? X(1) / std::sqrt(kk) : X(0);
  return norms;
}

/// Item i of [rows,HV]: dt, g, lambda.
template <class X>
FW_ITEM void gates(const Mamba3<X>& p, index_t i) {
  const index_t row = i / p.HV, hv = i % p.HV;
  const X* side = p.side + row * side_width(p);
  const X dt = softplus_of(side[hv] + p.bias[row / p.replica_rows * p.bias_stride + hv]);
  p.dt[i] = dt;
  p.g[i] = -decay_rate(p.decay[i]) * dt;
  p.lambda[i] = sigmoid_of(side[p.HV + hv]);
}

/// Item i of [rows/T,HV,P]: (L1), in half turns so that whole turns go exactly, summed in double.
template <class X>
FW_ITEM void angles(const Mamba3<X>& p, index_t i) {
  const index_t pair = i % p.P, hv = i / p.P % p.HV, sequence = i / p.P / p.HV, width = side_width(p);
  const X* raw = p.side + 2 * p.HV + pair;
  double angle = 0;
  for (index_t row = sequence * p.T; row < (sequence + 1) * p.T; ++row) {
    angle += static_cast<double>(std::tanh(raw[row * width])) * static_cast<double>(p.dt[row * p.HV + hv]);
    angle -= 2.0 * std::rint(0.5 * angle);
    p.angle[(row * p.HV + hv) * p.P + pair] = static_cast<X>(angle);
  }
}

/// Warp i of [rows,HV]: what (L3) reads of this token, at this row (q~) and at the next (k~, w v); zeros at the first row.
template <class X, class Lanes>
FW_ITEM void factors(const Mamba3<X>& p, index_t i, const Lanes& lanes) {
  const Head<X> at(p, i);
  const X *q = p.q + (at.row * p.H + at.h) * p.K, *k = p.k + (at.row * p.H + at.h) * p.K, *v = p.v + i * p.V, *angle = p.angle + i * p.P;
  const Norms<X> norms = norms_of(p, q, k, lanes);
  if (lanes.lane == 0) p.alike[i] = p.scale * norms.alike * norms.q * norms.k;
  X *to_q = p.q_turned + i * p.K, *to_k = p.k_before + (i + p.HV) * p.K, *to_v = p.v_before + (i + p.HV) * p.V;
  for (index_t pair = lanes.lane; pair < p.P; pair += lanes.count) {
    const Turn<X> turn(angle[pair]);
    const index_t x = 2 * pair, y = x + 1;
    to_q[x] = norms.q * (q[x] * turn.c - q[y] * turn.s), to_q[y] = norms.q * (q[x] * turn.s + q[y] * turn.c);
    if (at.last) continue;
    to_k[x] = norms.k * (k[x] * turn.c - k[y] * turn.s), to_k[y] = norms.k * (k[x] * turn.s + k[y] * turn.c);
  }
  for (index_t c = 2 * p.P + lanes.lane; c < p.K; c += lanes.count) {
    to_q[c] = norms.q * q[c];
    if (!at.last) to_k[c] = norms.k * k[c];
  }
  if (!at.last) {
    const X write = late_write(p, i + p.HV);
    for (index_t c = lanes.lane; c < p.V; c += lanes.count) to_v[c] = write * v[c];
  }
  if (!at.first) return;
  for (index_t c = lanes.lane; c < p.K; c += lanes.count) p.k_before[i * p.K + c] = X(0);
  for (index_t c = lanes.lane; c < p.V; c += lanes.count) p.v_before[i * p.V + c] = X(0);
}

/// Item i of [rows,HV,V]: (L4).
template <class X>
FW_ITEM void own_read(const Mamba3<X>& p, index_t i) {
  const index_t head = i / p.V;
  p.o[i] += p.alike[head] * p.lambda[head] * p.dt[head] * p.v[i];
}

/// Warp i of [rows,HV]: dv, and what the gates need.
template <class X, class Lanes>
FW_ITEM void values_backward(const Mamba3<X>& p, const Mamba3Gradients<X>& d, index_t i, const Lanes& lanes) {
  const Head<X> at(p, i);
  const X *v = p.v + i * p.V, *d_o = d.d_o + i * p.V, *dv_next = d.dv_before + (i + p.HV) * p.V;
  const X own = p.alike[i] * p.lambda[i] * p.dt[i], write = at.last ? X(0) : late_write(p, i + p.HV);
  X read = 0, written = 0;
  for (index_t c = lanes.lane; c < p.V; c += lanes.count) {
    const X next = at.last ? X(0) : dv_next[c];
    read += v[c] * d_o[c], written += v[c] * next;
    d.dv[i * p.V + c] = own * d_o[c] + write * next;
  }
  read = lanes.sum(read), written = lanes.sum(written);
  if (lanes.lane == 0) d.dread[i] = read, d.dwrite[i] = written;
}

/// Warp i of [rows,H]: dq, dk through rotation and norm, summed over the value heads of the key head in order; dTheta of each.
template <class X, class Lanes>
FW_ITEM void keys_backward(const Mamba3<X>& p, const Mamba3Gradients<X>& d, index_t i, const Lanes& lanes) {
  const index_t group = p.HV / p.H, first = i / p.H * p.HV + i % p.H * group;
  const bool last = i / p.H % p.T == p.T - 1;
  const X *q = p.q + i * p.K, *k = p.k + i * p.K;
  X *dq = d.dq + i * p.K, *dk = d.dk + i * p.K;
  const Norms<X> norms = norms_of(p, q, k, lanes);
  X own = 0;
  for (index_t head = first; head < first + group; ++head) own += p.lambda[head] * p.dt[head] * d.dread[head];
  own *= p.scale;
  // gradients of the normalised rows; along: their parts along these rows
  X along_q = 0, along_k = 0;
  const auto put = [&](index_t c, X turned_q, X turned_k) {
    const X unit_q = norms.q * q[c], unit_k = norms.k * k[c], of_q = turned_q + own * unit_k, of_k = turned_k + own * unit_q;
    dq[c] = of_q, dk[c] = of_k;
    along_q += unit_q * of_q, along_k += unit_k * of_k;
  };
  for (index_t pair = lanes.lane; pair < p.P; pair += lanes.count) {
    X qx = 0, qy = 0, kx = 0, ky = 0;
    for (index_t head = first; head < first + group; ++head) {
      const Turn<X> turn(p.angle[head * p.P + pair]);
      const index_t x = head * p.K + 2 * pair, y = x + 1;
      const X dx = d.dq_turned[x], dy = d.dq_turned[y];
      X dangle = p.q_turned[x] * dy - p.q_turned[y] * dx;
      qx += turn.c * dx + turn.s * dy, qy += turn.c * dy - turn.s * dx;
      if (!last) {
        const index_t next_x = x + p.HV * p.K, next_y = next_x + 1;
        const X dkx = d.dk_before[next_x], dky = d.dk_before[next_y];
        dangle += p.k_before[next_x] * dky - p.k_before[next_y] * dkx;
        kx += turn.c * dkx + turn.s * dky, ky += turn.c * dky - turn.s * dkx;
      }
      d.dangle[head * p.P + pair] = dangle;
    }
    put(2 * pair, qx, kx), put(2 * pair + 1, qy, ky);
  }
  for (index_t c = 2 * p.P + lanes.lane; c < p.K; c += lanes.count) {
    X of_q = 0, of_k = 0;
    for (index_t head = first; head < first + group; ++head) {
      of_q += d.dq_turned[head * p.K + c];
      if (!last) of_k += d.dk_before[(head + p.HV) * p.K + c];
    }
    put(c, of_q, of_k);
  }
  if (!p.l2norm) return;
  along_q = lanes.sum(along_q), along_k = lanes.sum(along_k);
  const auto through_norm = [&](index_t c) {  // of channels that this lane has put
    dq[c] = norms.q * (dq[c] - norms.q * q[c] * along_q), dk[c] = norms.k * (dk[c] - norms.k * k[c] * along_k);
  };
  for (index_t pair = lanes.lane; pair < p.P; pair += lanes.count) through_norm(2 * pair), through_norm(2 * pair + 1);
  for (index_t c = 2 * p.P + lanes.lane; c < p.K; c += lanes.count) through_norm(c);
}

/// Item i of [rows/T,HV,P]: dTheta to the gradients of the increments, in place.
template <class X>
FW_ITEM void angles_backward(const Mamba3<X>& p, const Mamba3Gradients<X>& d, index_t i) {
  const index_t pair = i % p.P, hv = i / p.P % p.HV, sequence = i / p.P / p.HV;
  double sum = 0;
  for (index_t row = (sequence + 1) * p.T - 1; row >= sequence * p.T; --row) {
    X& at = d.dangle[(row * p.HV + hv) * p.P + pair];
    sum += static_cast<double>(at);
    at = static_cast<X>(sum);
  }
}

/// Warp i of [rows,HV]: gradients of the raw decay, step and trapezoid.
template <class X, class Lanes>
FW_ITEM void gates_backward(const Mamba3<X>& p, const Mamba3Gradients<X>& d, index_t i, const Lanes& lanes) {
  const Head<X> at(p, i);
  const X* side = p.side + at.row * side_width(p);
  X turned = 0;
  for (index_t pair = lanes.lane; pair < p.P; pair += lanes.count) turned += d.dangle[i * p.P + pair] * std::tanh(side[2 * p.HV + pair]);
  turned = lanes.sum(turned);
  if (lanes.lane != 0) return;
  const X dt = p.dt[i], lambda = p.lambda[i], dw = at.first ? X(0) : d.dwrite[i - p.HV];
  const X dc = std::exp(p.g[i]) * dw, dzeta = p.alike[i] * d.dread[i] + (at.last ? X(0) : std::exp(p.g[i + p.HV]) * d.dwrite[i]);
  const X dg = d.dg[i] + (at.first ? X(0) : late_write(p, i) * dw);
  const X ddt = lambda * dzeta + (X(1) - lambda) * dc - decay_rate(p.decay[i]) * dg + static_cast<X>(kPi) * turned;
  X* dside = d.dside + at.row * side_width(p);
  dside[at.hv] = ddt * sigmoid_of(side[at.hv] + p.bias[at.row / p.replica_rows * p.bias_stride + at.hv]);
  dside[p.HV + at.hv] = dt * (dzeta - dc) * lambda * (X(1) - lambda);
  d.ddecay[i] = softplus_of(p.decay[i]) > static_cast<X>(kDecayFloor) ? -dt * dg * sigmoid_of(p.decay[i]) : X(0);
}

/// Item i of [rows,P]: gradient of the raw angle, which the value heads share.
template <class X>
FW_ITEM void angle_columns_backward(const Mamba3<X>& p, const Mamba3Gradients<X>& d, index_t i) {
  const index_t row = i / p.P, pair = i % p.P, column = row * side_width(p) + 2 * p.HV + pair;
  const X turn = std::tanh(p.side[column]);
  X sum = 0;
  for (index_t head = row * p.HV; head < (row + 1) * p.HV; ++head) sum += d.dangle[head * p.P + pair] * p.dt[head];
  d.dside[column] = static_cast<X>(kPi) * sum * (X(1) - turn * turn);
}

}  // namespace fw::cuda::layers::mamba3
