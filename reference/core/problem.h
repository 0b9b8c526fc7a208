// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// One call of a rule: what goes in, what comes out, what the gradients are. The same structs serve every variant and
// every scalar; tensors a variant does not use stay absent. Shapes (row-major, last axis contiguous):
//
//   q k            [B,T,H,Dk]        MIMO: [B,T,H,M,Dk]
//   v              [B,T,HV,Dv]       MIMO: [B,T,HV,M,Dv]     value head j uses key head j / (HV/H)
//   g              [B,T,H|HV,Dk] or [B,T,H|HV]   natural-log decay, <= 0, -inf legal
//   b              [B,T,H|HV,Dk]     erase gate in [0,2]
//   w              [B,T,HV,Dv]       write gate in [0,1]
//   beta           [B,T,HV]          step size of the tied rules, in [0,2]
//   A_log dt_bias  [Hg], [Hg] or [Hg,Dk]         with decay activation, Hg = heads of g
//   dt lambda      [B,T,HV]          Mamba-3: step > 0, trapezoid weight in [0,1]
//   theta          [B,T,HV,P]        Mamba-3: angle increments of the first P <= Dk/2 channel pairs (2i,2i+1)
//   initial_state  [N,HV,Dk,Dv]      N = B, or the number of packed sequences
//   initial_angle  [N,HV,P]          Mamba-3: cumulative angle before the first token
//   initial_key    [N,HV,(M,)Dk]     Mamba-3: the previous token's rotated key
//   initial_value  [N,HV,(M,)Dv]     Mamba-3: the previous token's value
//   o              [B,T,HV,Dv]       MIMO: [B,T,HV,M,Dv]
//   cu_seqlens     N+1 offsets into T, packed sequences, B = 1
#pragma once

#include <limits>
#include <vector>

#include "core/tensor.h"
#include "core/variant.h"

namespace fw {

template <class T>
struct Inputs {
  Tensor<T> q, k, v, g, b, w, beta, A_log, dt_bias, dt, lambda, theta;
  Tensor<T> initial_state, initial_angle, initial_key, initial_value;
  std::vector<index_t> cu_seqlens;  ///< empty: B dense sequences of length T
};

template <class T>
struct Outputs {
  Tensor<T> o, final_state;
  Tensor<T> final_angle, final_key, final_value;  ///< Mamba-3 only
};

/// Gradients of the loss with respect to the outputs; an absent one counts as zero.
template <class T>
struct Upstream {
  Tensor<T> d_o, dfinal_state;
  Tensor<T> dfinal_angle, dfinal_key, dfinal_value;
};

/// One gradient per input that was given, of the same shape.
template <class T>
struct Gradients {
  Tensor<T> dq, dk, dv, dg, db, dw, dbeta, dA_log, ddt_bias, ddt, dlambda, dtheta;
  Tensor<T> dinitial_state, dinitial_angle, dinitial_key, dinitial_value;
};

/// f(name, tensor) for every tensor of the struct, in this order, absent ones included. `In` may be const.
template <class In, class F>
void for_each_input(In& in, F&& f) {
  f("q", in.q); f("k", in.k); f("v", in.v); f("g", in.g); f("b", in.b); f("w", in.w); f("beta", in.beta);
  f("A_log", in.A_log); f("dt_bias", in.dt_bias); f("dt", in.dt); f("lambda", in.lambda); f("theta", in.theta);
  f("initial_state", in.initial_state); f("initial_angle", in.initial_angle);
  f("initial_key", in.initial_key); f("initial_value", in.initial_value);
}
template <class Out, class F>
void for_each_output(Out& out, F&& f) {
  f("o", out.o); f("final_state", out.final_state); f("final_angle", out.final_angle);
  f("final_key", out.final_key); f("final_value", out.final_value);
}
template <class Up, class F>
void for_each_upstream(Up& up, F&& f) {
  f("do", up.d_o); f("dfinal_state", up.dfinal_state); f("dfinal_angle", up.dfinal_angle);
  f("dfinal_key", up.dfinal_key); f("dfinal_value", up.dfinal_value);
}
template <class Grad, class F>
void for_each_gradient(Grad& grad, F&& f) {
  f("dq", grad.dq); f("dk", grad.dk); f("dv", grad.dv); f("dg", grad.dg); f("db", grad.db); f("dw", grad.dw);
  f("dbeta", grad.dbeta); f("dA_log", grad.dA_log); f("ddt_bias", grad.ddt_bias); f("ddt", grad.ddt);
  f("dlambda", grad.dlambda); f("dtheta", grad.dtheta);
  f("dinitial_state", grad.dinitial_state); f("dinitial_angle", grad.dinitial_angle);
  f("dinitial_key", grad.dinitial_key); f("dinitial_value", grad.dinitial_value);
}

/// none: g is the log-decay. softplus: g = -exp(A_log) softplus(raw + dt_bias). bounded: g = lower sigmoid(exp(A_log) (raw + dt_bias)).
enum class DecayActivation { none, softplus, bounded };

struct Options {
  Variant variant = Variant::gdn2;
  double scale = std::numeric_limits<double>::quiet_NaN();  ///< NaN: 1/sqrt(Dk)
  bool l2norm_qk = false;                                   ///< normalise q and k inside the rule: x / sqrt(x.x + eps)
  double l2norm_eps = 1e-6;
  DecayActivation decay_activation = DecayActivation::none;
  double decay_lower_bound = -5.0;  ///< of the bounded form, in [-5, 0)
  bool sigmoid_gates = false;       ///< b, w, beta hold raw values: sigmoid inside the rule
  bool erase_times_two = false;     ///< with sigmoid_gates: erase gate (b, or beta of the tied rules) = 2 sigmoid(raw)
  index_t window = 0;               ///< sliding-window attention: tokens seen, itself included
  bool check_ranges = true;         ///< refuse g > 0, gates outside [0,2] and the like; off for ablations
  bool check_finite = true;         ///< refuse NaN and Inf in inputs (g = -inf stays legal)
  int threads = 1;                  ///< 0: all cores. Results do not depend on it
};

/// Sizes and sequences of a call, worked out and checked once at the door.
struct Geometry {
  index_t B = 0, T = 0, H = 0, HV = 0, Dk = 0, Dv = 0;
  index_t M = 1;          ///< MIMO rank
  index_t P = 0;          ///< rotated pairs
  index_t N = 0;          ///< sequences
  index_t group = 1;      ///< HV / H value heads share a key head
  index_t g_heads = 0;    ///< H or HV; 0: no g
  bool g_channels = false;
  index_t b_heads = 0;
  double scale = 1.0;
  struct Sequence {
    index_t batch, begin, length;  ///< tokens [begin, begin+length) of batch row `batch`
  };
  std::vector<Sequence> sequences;

  index_t key_head(index_t value_head) const { return value_head / group; }
  /// Head index into a tensor that has `heads` = H or HV heads, for this value head.
  index_t head_of(index_t heads, index_t value_head) const { return heads == HV ? value_head : value_head / group; }
};

/// Check every shape, range and finite value of `in` for the variant; `who` starts the message ("gdn2 forward").
/// Instantiated for double, float and std::complex<double> (ranges look at the real part).
template <class T>
Geometry check_inputs(const char* who, const Inputs<T>& in, const Options& options);
/// Check the shapes of the upstream gradients against the geometry.
template <class T>
void check_upstream(const char* who, const Geometry& geometry, const Upstream<T>& up, const Options& options);

}  // namespace fw
