// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "core/problem.h"

#include <cmath>
#include <complex>
#include <cstdio>
#include <string>


namespace fw {
namespace {

double real_part(double x) { return x; }
double real_part(float x) { return x; }
double real_part(const std::complex<double>& x) { return x.real(); }

/// A size with its name, for "[B,T,H,Dk] = [2,64,4,128]".
struct Axis {
  const char* name;
  index_t size;
};

class Checker {
 public:
  explicit Checker(const char* who) : who_(who) {}

  [[noreturn]] void refuse(const std::string& text) const { throw Error(std::string(who_) + ": " + text); }

  template <class T>
  void present(const char* name, const Tensor<T>& tensor) const {
    if (!tensor.defined()) refuse(std::string(name) + " is required by this variant, got none");
  }
  template <class T>
  void absent(const char* name, const Tensor<T>& tensor) const {
    if (tensor.defined()) refuse(std::string(name) + " is not used by this variant, got " + tensor.shape().str());
  }
  template <class T>
  void rank(const char* name, const Tensor<T>& tensor, index_t expected, const char* axes) const {
    if (tensor.shape().rank() != expected) refuse(std::string(name) + " must be " + axes + ", got " + tensor.shape().str());
  }
  bool matches(const Shape& shape, const std::vector<Axis>& axes) const {
    if (shape.rank() != static_cast<index_t>(axes.size())) return false;
    for (std::size_t i = 0; i < axes.size(); ++i)
      if (shape[static_cast<index_t>(i)] != axes[i].size) return false;
    return true;
  }
  static std::string describe(const std::vector<Axis>& axes) {
    std::string names = "[", sizes = "[";
    for (std::size_t i = 0; i < axes.size(); ++i) {
      names += (i ? "," : "") + std::string(axes[i].name);
      sizes += (i ? "," : "") + std::to_string(axes[i].size);
    }
    return names + "] = " + sizes + "]";
  }
  template <class T>
  void shape(const char* name, const Tensor<T>& tensor, const std::vector<Axis>& axes) const {
    if (!matches(tensor.shape(), axes)) refuse(std::string(name) + " must be " + describe(axes) + ", got " + tensor.shape().str());
  }
  template <class T>
  void range(const char* name, const Tensor<T>& tensor, double low, double high) const {
    for (index_t i = 0; i < tensor.numel(); ++i) {
      const double x = real_part(tensor[i]);
      if (!(x >= low && x <= high)) {
        refuse(std::string(name) + " must lie in [" + number(low) + ", " + number(high) + "], got " + number(x) + " at flat index " +
               std::to_string(i));
      }
    }
  }
  template <class T>
  void finite(const char* name, const Tensor<T>& tensor, bool minus_infinity_is_legal) const {
    for (index_t i = 0; i < tensor.numel(); ++i) {
      const double x = real_part(tensor[i]);
      if (std::isfinite(x) || (minus_infinity_is_legal && x < 0 && std::isinf(x))) continue;
      refuse(std::string(name) + " must be finite, got " + number(x) + " at flat index " + std::to_string(i));
    }
  }
  static std::string number(double x) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", x);
    return text;
  }

 private:
  const char* who_;
};

/// Which inputs the gate structure asks for; anything else given is a mistake of the caller.
struct Needs {
  bool g, b, w, beta, mamba3, state;
};

Needs needs_of(const VariantInfo& row) {
  return {row.decay != Decay::none,
          row.erase == Erase::channel || row.erase == Erase::mean,
          row.write == Write::channel || row.write == Write::mean,
          row.family == Family::delta_rule && (row.erase == Erase::scalar || row.write == Write::scalar),
          row.family == Family::mamba3, row.family != Family::attention};
}

}  // namespace

template <class T>
Geometry check_inputs(const char* who, const Inputs<T>& in, const Options& options) {
  const Checker check(who);
  const VariantInfo& row = info(options.variant);
  const Needs needs = needs_of(row);
  const bool mimo = options.variant == Variant::mamba3_mimo;
  const index_t rank = mimo ? 5 : 4;

  Geometry geo;
  check.present("q", in.q);
  check.present("k", in.k);
  check.present("v", in.v);
  check.rank("q", in.q, rank, mimo ? "[B,T,H,M,Dk]" : "[B,T,H,Dk]");
  check.rank("v", in.v, rank, mimo ? "[B,T,HV,M,Dv]" : "[B,T,HV,Dv]");
  geo.B = in.q.shape()[0];
  geo.T = in.q.shape()[1];
  geo.H = in.q.shape()[2];
  geo.M = mimo ? in.q.shape()[3] : 1;
  geo.Dk = in.q.shape()[-1];
  geo.HV = in.v.shape()[2];
  geo.Dv = in.v.shape()[-1];
  if (geo.H < 1 || geo.Dk < 1 || geo.Dv < 1 || geo.M < 1 || geo.HV < 1 || geo.B < 0)
    check.refuse("heads and widths must be at least 1, got q " + in.q.shape().str() + " and v " + in.v.shape().str());
  const Axis B{"B", geo.B}, T_{"T", geo.T}, H{"H", geo.H}, HV{"HV", geo.HV}, Dk{"Dk", geo.Dk}, Dv{"Dv", geo.Dv}, M{"M", geo.M};
  check.shape("k", in.k, mimo ? std::vector<Axis>{B, T_, H, M, Dk} : std::vector<Axis>{B, T_, H, Dk});
  check.shape("v", in.v, mimo ? std::vector<Axis>{B, T_, HV, M, Dv} : std::vector<Axis>{B, T_, HV, Dv});
  if (geo.HV % geo.H != 0)
    check.refuse("HV must be a multiple of H, got HV = " + std::to_string(geo.HV) + ", H = " + std::to_string(geo.H));
  geo.group = geo.HV / geo.H;

  if (needs.g) {
    check.present("g", in.g);
    const bool channels = row.decay == Decay::channel;
    const auto per = [&](Axis heads) { return channels ? std::vector<Axis>{B, T_, heads, Dk} : std::vector<Axis>{B, T_, heads}; };
    if (check.matches(in.g.shape(), per(HV))) geo.g_heads = geo.HV;
    else if (check.matches(in.g.shape(), per(H))) geo.g_heads = geo.H;
    else check.refuse("g must be " + Checker::describe(per(H)) + " or " + Checker::describe(per(HV)) + ", got " + in.g.shape().str());
    geo.g_channels = channels;
  } else {
    check.absent("g", in.g);
  }
  if (needs.b) {
    check.present("b", in.b);
    if (check.matches(in.b.shape(), {B, T_, HV, Dk})) geo.b_heads = geo.HV;
    else if (check.matches(in.b.shape(), {B, T_, H, Dk})) geo.b_heads = geo.H;
    else check.refuse("b must be " + Checker::describe({B, T_, H, Dk}) + " or per value head, got " + in.b.shape().str());
  } else {
    check.absent("b", in.b);
  }
  if (needs.w) {
    check.present("w", in.w);
    check.shape("w", in.w, {B, T_, HV, Dv});
  } else {
    check.absent("w", in.w);
  }
  if (needs.beta) {
    check.present("beta", in.beta);
    check.shape("beta", in.beta, {B, T_, HV});
  } else {
    check.absent("beta", in.beta);
  }
  if (needs.mamba3) {
    check.present("dt", in.dt);
    check.present("lambda", in.lambda);
    check.shape("dt", in.dt, {B, T_, HV});
    check.shape("lambda", in.lambda, {B, T_, HV});
    if (in.theta.defined()) {
      check.rank("theta", in.theta, 4, "[B,T,HV,P]");
      geo.P = in.theta.shape()[3];
      check.shape("theta", in.theta, {B, T_, HV, {"P", geo.P}});
      if (2 * geo.P > geo.Dk)
        check.refuse("theta must rotate at most Dk/2 = " + std::to_string(geo.Dk / 2) + " pairs, got " + std::to_string(geo.P));
    }
  } else {
    check.absent("dt", in.dt);
    check.absent("lambda", in.lambda);
    check.absent("theta", in.theta);
  }
  if (options.decay_activation != DecayActivation::none) {
    if (!needs.g) check.refuse("decay activation needs a variant with decay");
    check.present("A_log", in.A_log);
    check.shape("A_log", in.A_log, {{"Hg", geo.g_heads}});
    if (in.dt_bias.defined()) {
      const Axis Hg{"Hg", geo.g_heads};
      if (!(check.matches(in.dt_bias.shape(), {Hg}) || (geo.g_channels && check.matches(in.dt_bias.shape(), {Hg, Dk}))))
        check.refuse("dt_bias must be " + Checker::describe({Hg}) + (geo.g_channels ? " or " + Checker::describe({Hg, Dk}) : "") + ", got " +
                     in.dt_bias.shape().str());
    }
    if (options.decay_activation == DecayActivation::bounded && !(options.decay_lower_bound >= -5.0 && options.decay_lower_bound < 0.0))
      check.refuse("decay_lower_bound must lie in [-5, 0), got " + Checker::number(options.decay_lower_bound));
  } else {
    check.absent("A_log", in.A_log);
    check.absent("dt_bias", in.dt_bias);
  }
  if (options.variant == Variant::swa && options.window < 1)
    check.refuse("window must be at least 1 token, got " + std::to_string(options.window));

  if (in.cu_seqlens.empty()) {
    geo.N = geo.B;
    for (index_t n = 0; n < geo.B; ++n) geo.sequences.push_back({n, 0, geo.T});
  } else {
    const auto& cu = in.cu_seqlens;
    if (geo.B != 1) check.refuse("cu_seqlens packs sequences along T and needs B = 1, got B = " + std::to_string(geo.B));
    if (cu.size() < 2 || cu.front() != 0 || cu.back() != geo.T)
      check.refuse("cu_seqlens must start at 0 and end at T = " + std::to_string(geo.T) + ", got " + std::to_string(cu.size()) +
                   " offsets from " + std::to_string(cu.front()) + " to " + std::to_string(cu.back()));
    for (std::size_t n = 0; n + 1 < cu.size(); ++n) {
      if (cu[n + 1] < cu[n])
        check.refuse("cu_seqlens must not decrease, got " + std::to_string(cu[n]) + " then " + std::to_string(cu[n + 1]) + " at index " +
                     std::to_string(n + 1));
      geo.sequences.push_back({0, cu[n], cu[n + 1] - cu[n]});
    }
    geo.N = static_cast<index_t>(cu.size()) - 1;
  }
  const Axis N{"N", geo.N}, P{"P", geo.P};
  if (in.initial_state.defined()) {
    if (!needs.state) check.refuse("initial_state is not used by attention, got " + in.initial_state.shape().str());
    check.shape("initial_state", in.initial_state, {N, HV, Dk, Dv});
  }
  if (needs.mamba3) {
    if (in.initial_angle.defined()) check.shape("initial_angle", in.initial_angle, {N, HV, P});
    if (in.initial_key.defined() != in.initial_value.defined()) check.refuse("initial_key and initial_value must be given together");
    if (in.initial_key.defined()) {
      check.shape("initial_key", in.initial_key, mimo ? std::vector<Axis>{N, HV, M, Dk} : std::vector<Axis>{N, HV, Dk});
      check.shape("initial_value", in.initial_value, mimo ? std::vector<Axis>{N, HV, M, Dv} : std::vector<Axis>{N, HV, Dv});
    }
  } else {
    check.absent("initial_angle", in.initial_angle);
    check.absent("initial_key", in.initial_key);
    check.absent("initial_value", in.initial_value);
  }

  geo.scale = std::isnan(options.scale) ? 1.0 / std::sqrt(static_cast<double>(geo.Dk)) : options.scale;
  if (!std::isfinite(geo.scale)) check.refuse("scale must be finite, got " + Checker::number(geo.scale));
  if (!(options.l2norm_eps >= 0.0 && std::isfinite(options.l2norm_eps)))
    check.refuse("l2norm_eps must be finite and >= 0, got " + Checker::number(options.l2norm_eps));
  if (options.check_finite)
    for_each_input(in, [&](const char* name, const Tensor<T>& t) {
      check.finite(name, t, name[0] == 'g' && options.decay_activation == DecayActivation::none);
    });
  if (options.check_ranges) {
    if (options.decay_activation == DecayActivation::none) check.range("g", in.g, -HUGE_VAL, 0.0);
    if (!options.sigmoid_gates) {
      check.range("b", in.b, 0.0, 2.0);
      check.range("w", in.w, 0.0, 2.0);
      check.range("beta", in.beta, 0.0, 2.0);
    }
    check.range("lambda", in.lambda, 0.0, 1.0);
    check.range("dt", in.dt, 0.0, HUGE_VAL);
  }
  return geo;
}

template <class T>
void check_upstream(const char* who, const Geometry& geo, const Upstream<T>& up, const Options& options) {
  const Checker check(who);
  const bool mimo = options.variant == Variant::mamba3_mimo;
  const Axis B{"B", geo.B}, T_{"T", geo.T}, HV{"HV", geo.HV}, Dk{"Dk", geo.Dk}, Dv{"Dv", geo.Dv}, M{"M", geo.M}, N{"N", geo.N};
  if (up.d_o.defined()) check.shape("do", up.d_o, mimo ? std::vector<Axis>{B, T_, HV, M, Dv} : std::vector<Axis>{B, T_, HV, Dv});
  if (up.dfinal_state.defined()) {
    if (info(options.variant).family == Family::attention) check.refuse("dfinal_state is not used by attention");
    check.shape("dfinal_state", up.dfinal_state, {N, HV, Dk, Dv});
  }
  if (info(options.variant).family == Family::mamba3) {
    if (up.dfinal_angle.defined()) check.shape("dfinal_angle", up.dfinal_angle, {N, HV, {"P", geo.P}});
    if (up.dfinal_key.defined())
      check.shape("dfinal_key", up.dfinal_key, mimo ? std::vector<Axis>{N, HV, M, Dk} : std::vector<Axis>{N, HV, Dk});
    if (up.dfinal_value.defined())
      check.shape("dfinal_value", up.dfinal_value, mimo ? std::vector<Axis>{N, HV, M, Dv} : std::vector<Axis>{N, HV, Dv});
  } else {
    check.absent("dfinal_angle", up.dfinal_angle);
    check.absent("dfinal_key", up.dfinal_key);
    check.absent("dfinal_value", up.dfinal_value);
  }
  if (options.check_finite)
    for_each_upstream(up, [&](const char* name, const Tensor<T>& t) { check.finite(name, t, false); });
}

template Geometry check_inputs(const char*, const Inputs<double>&, const Options&);
template Geometry check_inputs(const char*, const Inputs<float>&, const Options&);
template Geometry check_inputs(const char*, const Inputs<std::complex<double>>&, const Options&);
template void check_upstream(const char*, const Geometry&, const Upstream<double>&, const Options&);
template void check_upstream(const char*, const Geometry&, const Upstream<float>&, const Options&);
template void check_upstream(const char*, const Geometry&, const Upstream<std::complex<double>>&, const Options&);

}  // namespace fw
