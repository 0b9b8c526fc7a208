// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The arithmetic of the device's Mamba-3 (cuda/layers/mamba3_items.h) on the host: with the naive decayed linear attention in the place of
// the engine, output and all gradients down to the raw gates are those of the naive Mamba-3 and of model/recurrent_gates.h.
#include "cuda/layers/mamba3_items.h"

#include <algorithm>
#include <array>
#include <barrier>
#include <cmath>
#include <limits>
#include <thread>

#include "model/model_fixture.h"
#include "model/ops.h"
#include "model/recurrent_gates.h"
#include "naive/reference.h"
#include "support/results.h"

namespace fw::test {
namespace {

namespace items = cuda::layers::mamba3;

struct Sizes {
  index_t B, T, H, HV, K, V, P;
  bool l2norm = true;
};
constexpr Sizes kSizes[] = {{2, 7, 2, 4, 6, 5, 2},        {1, 70, 1, 1, 4, 3, 2}, {3, 1, 2, 2, 5, 3, 2},   {2, 5, 1, 3, 5, 4, 1, false},
                            {2, 6, 2, 2, 4, 3, 0, false}, {1, 8, 2, 4, 7, 33, 3}, {1, 4, 1, 2, 70, 2, 35}, {2, 2, 3, 3, 6, 2, 0}};
constexpr index_t kReplicas = 2;

/// Outputs and gradients of a replica.
template <class T>
using All = std::vector<Named<T>>;

template <class T>
Tensor<T> random_tensor(Shape shape, std::uint64_t seed, const char* name) {
  Tensor<T> x(std::move(shape));
  const Random random(seed, name);
  for (index_t i = 0; i < x.numel(); ++i) x[i] = static_cast<T>(static_cast<float>(random.normal(static_cast<std::uint64_t>(i))));
  return x;
}
template <class T>
Tensor<T> poisoned_tensor(Shape shape) {
  Tensor<T> x(std::move(shape));
  x.fill(std::numeric_limits<T>::quiet_NaN());
  return x;
}

/// One replica: the layer's own arithmetic on the CPU.
template <class T>
struct Replica {
  model::ModelConfig config;
  model::ParameterLayout layout;
  std::vector<T> parameters;
  Inputs<T> in;
  Upstream<T> up;
  model::GateCache<T> cache;
  Options options;
  All<T> expected;

  Replica(const Sizes& s, std::uint64_t seed) : config(config_of(s)), layout(model::layout_parameters(config)) {
    const model::MixerSlots& slots = layout.slots.layers.front().mixer;
    const index_t n = s.B * s.T, d = config.hidden_size;
    const Tensor<T> numbers = random_tensor<T>({layout.table.size()}, seed, "parameters"), x = random_tensor<T>({n, d}, seed, "x");
    for (index_t i = 0; i < numbers.numel(); ++i) parameters.push_back(T(0.5) * numbers[i]);
    in.q = random_tensor<T>({s.B, s.T, s.H, s.K}, seed, "q"), in.k = random_tensor<T>({s.B, s.T, s.H, s.K}, seed, "k");
    in.v = random_tensor<T>({s.B, s.T, s.HV, s.V}, seed, "v");
    up.d_o = random_tensor<T>({s.B, s.T, s.HV, s.V}, seed, "do");
    model::linear(parameters.data(), slots.decay, {}, x.data(), n, model::shaped(in.g, {s.B, s.T, s.HV}));
    in.g[0] = T(-12);  // a rate below its floor
    model::make_gates(config, Variant::mamba3, slots, parameters.data(), x.data(), n, cache, in);
    options.variant = Variant::mamba3, options.l2norm_qk = s.l2norm;
    const Outputs<T> out = naive::forward(in, options);
    Gradients<T> grad = naive::backward(in, up, options);
    std::vector<T> grads(parameters.size(), T(0)), dx(static_cast<std::size_t>(n * d), T(0));
    model::gates_backward(config, Variant::mamba3, slots, parameters.data(), x.data(), n, cache, in, grad, grads.data(), dx.data());
    expected = {{"o", out.o},
                {"dq", grad.dq},
                {"dk", grad.dk},
                {"dv", grad.dv},
                {"decay", grad.dg},
                {"step", cache.draw},
                {"trapezoid", grad.dlambda}};
    if (s.P > 0) expected.push_back({"angle", cache.dother});
    if (s.P > 0 && s.T == 1)
      expected.back().value.fill(T(0));  // what turns queries and keys alike changes nothing; the naive rule says so to rounding
  }
  static model::ModelConfig config_of(const Sizes& s) {
    model::ModelConfig c = tiny_config({Variant::mamba3});
    c.num_heads = s.H, c.num_v_heads = s.HV, c.head_k_dim = s.K, c.head_v_dim = s.V, c.rotary_pairs = s.P, c.qk_l2norm = s.l2norm;
    return c;
  }
};

/// A warp of a few threads.
struct TeamLane {
  static constexpr int kLanes = 4;
  struct Shared {
    std::array<double, kLanes> numbers{};
    std::barrier<> barrier{kLanes};
  };
  int lane, count = kLanes;
  Shared* shared;
  template <class X>
  X sum(X x) const {
    shared->numbers[static_cast<std::size_t>(lane)] = static_cast<double>(x);
    shared->barrier.arrive_and_wait();
    X all = 0;
    for (const double number : shared->numbers) all += static_cast<X>(number);
    shared->barrier.arrive_and_wait();
    return all;
  }
};
struct AsWarps {
  template <class Item>
  void operator()(index_t count, const Item& item) const {
    TeamLane::Shared shared;
    std::vector<std::thread> team;
    for (int lane = 0; lane < TeamLane::kLanes; ++lane)
      team.emplace_back([&, lane] {
        for (index_t i = 0; i < count; ++i) item(i, TeamLane{lane, TeamLane::kLanes, &shared});
      });
    for (std::thread& t : team) t.join();
  }
};
struct OneByOne {
  template <class Item>
  void operator()(index_t count, const Item& item) const {
    for (index_t i = count; i-- > 0;) item(i, items::OneLane{});  // backwards: no item may wait for another
  }
};

/// The device's kernels, one after another. tilt: changes what is named by a thousandth, for "fails when broken".
template <class T, class Warps>
std::vector<All<T>> run(const Sizes& s, const std::vector<Replica<T>>& replicas, const Warps& warps, const std::string& tilt = "") {
  const index_t n = s.B * s.T, rows = kReplicas * n, width = 2 * s.HV + s.P, sequences = kReplicas * s.B;
  const auto joined = [&](auto&& of, index_t columns) {
    Tensor<T> all({rows, columns});
    for (index_t r = 0; r < kReplicas; ++r)
      std::copy_n(of(replicas[static_cast<std::size_t>(r)]).data(), n * columns, all.data() + r * n * columns);
    return all;
  };
  const Tensor<T> q = joined(
                      [](const auto&r) -> const auto& { return r.in.q; }, s.H*s.K),
                  k = joined(
                      [](const auto&r) -> const auto& { return r.in.k; }, s.H*s.K);
  const Tensor<T> v = joined(
                      [](const auto&r) -> const auto& { return r.in.v; }, s.HV*s.V),
                  d_o = joined(
                      [](const auto&r) -> const auto& { return r.up.d_o; }, s.HV*s.V);
  const Tensor<T> decay = joined(
      [](const auto& r) -> const auto& { return r.cache.decay_raw; }, s.HV);
  Tensor<T> side({rows, width}), bias({kReplicas, s.HV + 3});
  for (index_t row = 0; row < rows; ++row) {
    const Replica<T>& r = replicas[static_cast<std::size_t>(row / n)];
    for (index_t h = 0; h < s.HV; ++h)
      side(row, h) = r.cache.raw[row % n * s.HV + h], side(row, s.HV + h) = r.cache.trap_raw[row % n * s.HV + h];
    for (index_t p = 0; p < s.P; ++p) side(row, 2 * s.HV + p) = r.cache.angle_raw[row % n * s.P + p];
    for (index_t h = 0; h < s.HV; ++h)
      bias(row / n, h) = r.parameters[static_cast<std::size_t>(r.layout.slots.layers.front().mixer.dt_bias.offset + h)];
  }
  Inputs<T> shifted;
  Options linear;
  linear.variant = Variant::mamba2;
  shifted.q = poisoned_tensor<T>({sequences, s.T, s.HV, s.K}), shifted.k = poisoned_tensor<T>({sequences, s.T, s.HV, s.K});
  shifted.v = poisoned_tensor<T>({sequences, s.T, s.HV, s.V}), shifted.g = poisoned_tensor<T>({sequences, s.T, s.HV});
  Tensor<T> dt = poisoned_tensor<T>({rows, s.HV}), lambda = dt, alike = dt, dread = dt, dwrite = dt, ddecay = dt;
  Tensor<T> angle = poisoned_tensor<T>({rows, s.HV, std::max<index_t>(s.P, 1)}), dangle = angle, dside = poisoned_tensor<T>({rows, width});
  Tensor<T> dq = poisoned_tensor<T>({rows, s.H, s.K}), dk = dq, dv = poisoned_tensor<T>({rows, s.HV, s.V});

  cuda::layers::Mamba3<T> p;
  p.rows = rows, p.replica_rows = n, p.T = s.T, p.H = s.H, p.HV = s.HV, p.K = s.K, p.V = s.V, p.P = s.P;
  p.scale = T(1) / std::sqrt(static_cast<T>(s.K)), p.l2norm_eps = static_cast<T>(linear.l2norm_eps), p.l2norm = s.l2norm;
  p.q = q.data(), p.k = k.data(), p.v = v.data(), p.decay = decay.data(), p.side = side.data(), p.bias = bias.data(),
  p.bias_stride = s.HV + 3;
  p.dt = dt.data(), p.g = shifted.g.data(), p.lambda = lambda.data(), p.angle = angle.data(), p.alike = alike.data();
  p.q_turned = shifted.q.data(), p.k_before = shifted.k.data(), p.v_before = shifted.v.data();
  const OneByOne threads;
  threads(rows * s.HV, [&](index_t i, auto) { items::gates(p, i); });
  threads(sequences * s.HV * s.P, [&](index_t i, auto) { items::angles(p, i); });
  warps(rows * s.HV, [&](index_t i, const auto& lanes) { items::factors(p, i, lanes); });
  Outputs<T> out = naive::forward(shifted, linear);
  p.o = out.o.data();
  threads(rows * s.HV * s.V, [&](index_t i, auto) { items::own_read(p, i); });

  Gradients<T> grad = naive::backward(shifted, Upstream<T>{d_o.reshaped({sequences, s.T, s.HV, s.V}), {}, {}, {}, {}}, linear);
  const auto tilted = [&](const char* name, Tensor<T>& x) {
    if (tilt == name) x[5 * x.numel() / 8] *= T(1.001);  // in the middle of a sequence
  };
  tilted("dq", grad.dq), tilted("dk", grad.dk), tilted("dv", grad.dv), tilted("dg", grad.dg), tilted("alike", alike);
  cuda::layers::Mamba3Gradients<T> d;
  d.d_o = d_o.data(), d.dq_turned = grad.dq.data(), d.dk_before = grad.dk.data(), d.dv_before = grad.dv.data(), d.dg = grad.dg.data();
  d.dread = dread.data(), d.dwrite = dwrite.data(), d.dangle = dangle.data(), d.dq = dq.data(), d.dk = dk.data(), d.dv = dv.data();
  d.ddecay = ddecay.data(), d.dside = dside.data();
  warps(rows * s.HV, [&](index_t i, const auto& lanes) { items::values_backward(p, d, i, lanes); });
  warps(rows * s.H, [&](index_t i, const auto& lanes) { items::keys_backward(p, d, i, lanes); });
  threads(sequences * s.HV * s.P, [&](index_t i, auto) { items::angles_backward(p, d, i); });
  warps(rows * s.HV, [&](index_t i, const auto& lanes) { items::gates_backward(p, d, i, lanes); });
  threads(rows * s.P, [&](index_t i, auto) { items::angle_columns_backward(p, d, i); });

  std::vector<All<T>> all;
  for (index_t r = 0; r < kReplicas; ++r) {
    const auto part = [&](const Tensor<T>& x, const Shape& shape) {
      Tensor<T> one(shape);
      std::copy_n(x.data() + r * one.numel(), one.numel(), one.data());
      return one;
    };
    const auto columns = [&](index_t first, index_t count, Shape shape) {
      Tensor<T> some(std::move(shape));
      for (index_t i = 0; i < some.numel(); ++i) some[i] = dside(r * n + i / count, first + i % count);
      return some;
    };
    all.push_back({{"o", part(out.o, {s.B, s.T, s.HV, s.V})},
                   {"dq", part(dq, {s.B, s.T, s.H, s.K})},
                   {"dk", part(dk, {s.B, s.T, s.H, s.K})},
                   {"dv", part(dv, {s.B, s.T, s.HV, s.V})},
                   {"decay", part(ddecay, {s.B, s.T, s.HV})},
                   {"step", columns(0, s.HV, {n, s.HV})},
                   {"trapezoid", columns(s.HV, s.HV, {s.B, s.T, s.HV})}});
    if (s.P > 0) all.back().push_back({"angle", columns(2 * s.HV, s.P, {n, s.P})});
  }
  return all;
}

template <class T>
std::vector<Replica<T>> replicas_of(const Sizes& s) {
  std::vector<Replica<T>> all;
  for (index_t r = 0; r < kReplicas; ++r) all.emplace_back(s, 3 + static_cast<std::uint64_t>(r));
  return all;
}
template <class Warps>
std::string why_wrong(const Sizes& s, const Warps& warps, const std::string& tilt = "") {
  const auto replicas = replicas_of<double>(s);
  const auto got = run(s, replicas, warps, tilt);
  std::string why;
  for (std::size_t r = 0; r < got.size(); ++r) why += why_results_differ(got[r], replicas[r].expected);
  return why;
}

TEST_SUITE("model") {
  TEST_CASE("mamba3 items: output and every gradient are those of the naive rule") {
    for (const Sizes& s : kSizes) {
      CAPTURE(s.T);
      CAPTURE(s.K);
      CHECK(why_wrong(s, OneByOne{}) == "");
    }
  }

  TEST_CASE("mamba3 items: lanes share a head") {
    for (const Sizes& s : kSizes) {
      CAPTURE(s.T);
      CAPTURE(s.K);
      CHECK(why_wrong(s, AsWarps{}) == "");
    }
  }

  TEST_CASE("mamba3 items: fails when broken") {
    for (const char* name : {"dq", "dk", "dv", "dg", "alike"}) {
      CAPTURE(std::string(name));
      CHECK(why_wrong(kSizes[0], OneByOne{}, name) != "");
    }
  }

  TEST_CASE("mamba3 items: in float as accurate as the naive rule in float") {
    for (const Sizes& s : {Sizes{2, 300, 2, 2, 16, 16, 8}, Sizes{2, 60, 1, 2, 16, 20, 3}}) {
      const auto single = replicas_of<float>(s);
      const auto exact = replicas_of<double>(s);
      const auto got = run(s, single, OneByOne{});
      for (std::size_t r = 0; r < got.size(); ++r)
        for (std::size_t i = 0; i < got[r].size(); ++i) {
          CAPTURE(got[r][i].name);
          const auto error = [&](const Tensor<float>& x) { return compare(x.cast<double>(), exact[r].expected[i].value, {}).rel_l2; };
          CHECK(error(got[r][i].value) <= 2 * error(single[r].expected[i].value));
        }
    }
  }
}

}  // namespace
}  // namespace fw::test
