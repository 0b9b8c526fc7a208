// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Drawing a problem. A family is a choice of four laws: of the decay, of the gates, of the keys, and a gain on v and the
// initial state. Families about one thing draw the others like this: decay mixed (so that the memory lives and dies on all
// scales), gates sigmoid(randn), keys and queries random unit vectors.
//
// Why nothing explodes. With a tied step size and unit keys each step is a contraction for beta in [0,2]. With an erase gate
// per channel it is not: I - k (b*k)^T is an oblique projector of norm up to 1.15 (b <= 1) or 1.41 (b <= 2). For random
// keys the mean square of the state still shrinks, by 1 - (2 E[b] - E[b^2]) / Dk a step, which is below 1 for all the gate
// laws here; for one key repeated the state moves along that key only and stays bounded. Keys of norm 3 have their erase
// gates divided by 9. "positive" expands by up to 5 % a step but by -0.5 % on average.
#include <algorithm>
#include <cmath>

#include "core/families.h"
#include "core/families_gates.h"
#include "core/families_keys.h"
#include "core/parallel.h"
#include "core/random.h"

namespace fw {
namespace {

constexpr double kPi = 3.14159265358979323846;

constexpr Recipe kRecipes[] = {
    {"typical", DecayLaw::typical},
    {"mixed"},
    {"weak", DecayLaw::weak},
    {"zero", DecayLaw::zero},
    {"zero-half", DecayLaw::zero_half},
    {"strong", DecayLaw::strong},
    {"hard-mask", DecayLaw::hard_mask},
    {"positive", DecayLaw::positive},
    {"gates-extreme", DecayLaw::mixed, GateLaw::extreme},
    {"gates-wide", DecayLaw::mixed, GateLaw::wide},
    {"gates-constant", DecayLaw::mixed, GateLaw::constant},
    {"keys-correlated", DecayLaw::mixed, GateLaw::typical, KeyLaw::correlated},
    {"keys-duplicate", DecayLaw::mixed, GateLaw::typical, KeyLaw::duplicate},
    {"keys-identical", DecayLaw::mixed, GateLaw::typical, KeyLaw::identical},
    {"keys-orthonormal", DecayLaw::zero, GateLaw::one, KeyLaw::orthonormal},
    {"keys-positive", DecayLaw::mixed, GateLaw::typical, KeyLaw::positive},
    {"keys-zero", DecayLaw::mixed, GateLaw::typical, KeyLaw::zero},
    {"keys-long", DecayLaw::mixed, GateLaw::typical, KeyLaw::longer},
    {"magnitude-large", DecayLaw::mixed, GateLaw::typical, KeyLaw::independent, 1e4},
    {"magnitude-tiny", DecayLaw::mixed, GateLaw::typical, KeyLaw::independent, 1e-20},
};

const Recipe& recipe_of(std::string_view family) {
  const std::string_view name = input_family(family).name;
  return *std::find_if(std::begin(kRecipes), std::end(kRecipes), [&](const Recipe& recipe) { return recipe.name == name; });
}

/// [B,T,H,...,D]: value(position) for every element; rows of a MIMO token are told apart in the channel number.
template <class F>
Tensor<double> per_token(Shape shape, index_t width, const F& value) {
  Tensor<double> out(shape);
  const index_t T = shape[1], H = shape[2], inner = T * H > 0 && shape[0] > 0 ? out.numel() / (shape[0] * T * H) : 0;
  parallel_for(shape[0] * T, 0, [&](index_t token) {
    for (index_t h = 0; h < H; ++h)
      for (index_t e = 0; e < inner; ++e)
        out[(token * H + h) * inner + e] = value(Position{token / T, token % T, h, e % width + ((e / width) << 20)});
  });
  return out;
}

/// [N,HV,rows,width]: value(position) with the row in place of the token.
template <class F>
Tensor<double> per_sequence(Shape shape, index_t width, const F& value) {
  Tensor<double> out(shape);
  const index_t heads = shape[0] * shape[1], inner = heads > 0 ? out.numel() / heads : 0;
  for (index_t head = 0; head < heads; ++head)
    for (index_t e = 0; e < inner; ++e)
      out[head * inner + e] = value(Position{head / shape[1], e / width, head % shape[1], e % width});
  return out;
}

void require_sizes(const ProblemShape& s) {
  const auto refuse = [&](const std::string& text) { throw Error("make_problem: " + text + ", got " + s.str()); };
  if (s.B < 0 || s.T < 0) refuse("B and T must be >= 0");
  if (s.H < 1 || s.HV < 1 || s.Dk < 1 || s.Dv < 1 || s.M < 1) refuse("heads, widths and M must be >= 1");
  if (s.HV % s.H != 0) refuse("HV must be a multiple of H");
  if (s.P < -1 || 2 * s.P > s.Dk) refuse("P must lie in [0, Dk/2]");
  if (s.cu_seqlens.empty()) return;
  if (s.B != 1 || s.cu_seqlens.size() < 2 || s.cu_seqlens.front() != 0 || s.cu_seqlens.back() != s.T)
    refuse("cu_seqlens needs B = 1 and must run from 0 to T");
}

}  // namespace

Problem make_problem(Variant variant, const ProblemShape& s, std::string_view family, std::uint64_t seed) {
  require_sizes(s);
  const Recipe& recipe = recipe_of(family);
  const VariantInfo& row = info(variant);
  const bool mimo = variant == Variant::mamba3_mimo, mamba3 = row.family == Family::mamba3, attention = row.family == Family::attention;
  const index_t N = s.cu_seqlens.empty() ? s.B : static_cast<index_t>(s.cu_seqlens.size()) - 1;
  const index_t group = s.HV / s.H, P = s.P < 0 ? s.Dk / 2 : s.P;
  const double state_size = 1.0 / std::sqrt(static_cast<double>(s.Dk));
  const Gates gates(recipe, s, row, seed);
  const auto normals = [seed](std::string_view stream, double gain) {
    return [random = Random(seed, stream), gain](const Position& at) { return gain * random.normal(at); };
  };
  const auto with_rank = [&](index_t first, index_t second, index_t heads, index_t width) {
    return mimo ? Shape{first, second, heads, s.M, width} : Shape{first, second, heads, width};
  };
  const auto of_sequence = [&](index_t width) { return mimo ? Shape{N, s.HV, s.M, width} : Shape{N, s.HV, width}; };

  Problem out;
  out.options.variant = variant;
  out.options.l2norm_qk = s.l2norm_qk;
  out.options.decay_activation = row.decay == Decay::none ? DecayActivation::none : s.decay_activation;
  out.options.sigmoid_gates = s.sigmoid_gates;
  out.options.erase_times_two = s.erase_times_two;
  out.options.window = variant == Variant::swa ? s.window : 0;
  out.options.check_ranges = recipe.decay != DecayLaw::positive;

  Inputs<double>& in = out.in;
  in.cu_seqlens = s.cu_seqlens;
  // Attention and rules that normalise get norms about sqrt(Dk), so that scores have unit variance.
  Directions directions(recipe.keys, seed, s.Dk, attention || s.l2norm_qk ? std::sqrt(static_cast<double>(s.Dk)) : 1.0, s.l2norm_qk);
  in.q = directions.drawn(with_rank(s.B, s.T, s.H, s.Dk), true);
  in.k = directions.drawn(with_rank(s.B, s.T, s.H, s.Dk), false);
  in.v = per_token(with_rank(s.B, s.T, s.HV, s.Dv), s.Dv, normals("v", recipe.gain));

  if (row.decay != Decay::none) {
    const bool by_key_head = row.decay == Decay::channel && variant != Variant::kda;
    const index_t heads = s.g_per_value_head.value_or(!by_key_head) ? s.HV : s.H;
    const bool channels = row.decay == Decay::channel;
    in.g = per_token(channels ? Shape{s.B, s.T, heads, s.Dk} : Shape{s.B, s.T, heads}, channels ? s.Dk : 1,
                     [&](const Position& at) { return gates.g(at); });
    if (out.options.decay_activation != DecayActivation::none) {
      in.A_log = Tensor<double>(Shape{heads});
      in.dt_bias = Tensor<double>(channels ? Shape{heads, s.Dk} : Shape{heads});
      const index_t width = channels ? s.Dk : 1;
      for (index_t h = 0; h < heads; ++h) {
        in.A_log[h] = gates.A_log(h);
        for (index_t i = 0; i < width; ++i) in.dt_bias[h * width + i] = gates.dt_bias(h, i);
      }
    }
  }
  if (row.erase == Erase::channel || row.erase == Erase::mean) {
    const bool per_value_head = s.b_per_value_head.value_or(false);
    in.b = per_token({s.B, s.T, per_value_head ? s.HV : s.H, s.Dk}, s.Dk,
                     [&](const Position& at) { return gates.b(at, per_value_head ? group : 1); });
  }
  if (row.write == Write::channel || row.write == Write::mean)
    in.w = per_token({s.B, s.T, s.HV, s.Dv}, s.Dv, [&](const Position& at) { return gates.w(at, group); });
  if (row.family == Family::delta_rule && (row.erase == Erase::scalar || row.write == Write::scalar))
    in.beta = per_token({s.B, s.T, s.HV}, 1, [&](const Position& at) { return gates.beta(at, group); });
  if (mamba3) {
    in.dt = per_token({s.B, s.T, s.HV}, 1, [&](const Position& at) { return gates.dt(at); });
    in.lambda = per_token({s.B, s.T, s.HV}, 1, [&](const Position& at) { return gates.lambda(at); });
    if (P > 0) in.theta = per_token({s.B, s.T, s.HV, P}, P, normals("theta", 0.3));
  }
  if (s.initial_state && !attention) {
    in.initial_state = per_sequence({N, s.HV, s.Dk, s.Dv}, s.Dv, normals("initial_state", recipe.gain * state_size));
    if (mamba3) {
      if (P > 0)
        in.initial_angle = per_sequence({N, s.HV, P}, P, [random = Random(seed, "initial_angle")](const Position& at) {
          return kPi * (2.0 * random.uniform(at) - 1.0);
        });
      in.initial_key = per_sequence(of_sequence(s.Dk), s.Dk, normals("initial_key", state_size));
      in.initial_value = per_sequence(of_sequence(s.Dv), s.Dv, normals("initial_value", recipe.gain));
    }
  }

  out.up.d_o = per_token(with_rank(s.B, s.T, s.HV, s.Dv), s.Dv, normals("do", 1.0));
  if (!attention) out.up.dfinal_state = per_sequence({N, s.HV, s.Dk, s.Dv}, s.Dv, normals("dfinal_state", state_size));
  if (mamba3) {
    if (P > 0) out.up.dfinal_angle = per_sequence({N, s.HV, P}, P, normals("dfinal_angle", 1.0));
    out.up.dfinal_key = per_sequence(of_sequence(s.Dk), s.Dk, normals("dfinal_key", 1.0));
    out.up.dfinal_value = per_sequence(of_sequence(s.Dv), s.Dv, normals("dfinal_value", 1.0));
  }
  check_inputs("make_problem", in, out.options);
  return out;
}

}  // namespace fw
