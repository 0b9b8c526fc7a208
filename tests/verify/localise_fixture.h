// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A random truth with rows of very different size, and bf16-like noise around it: a part relative to each element and a
// part relative to its row. The candidate starts as right as the yardstick is; each test then breaks it in one way.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/random.h"
#include "verify/localise.h"

namespace fw::verify::test {

inline Geometry geometry(index_t B, index_t T, index_t H, index_t HV, index_t Dk, index_t Dv, const std::vector<index_t>& cu = {}) {
  Geometry geo;
  geo.B = B;
  geo.T = T;
  geo.H = H;
  geo.HV = HV;
  geo.Dk = Dk;
  geo.Dv = Dv;
  geo.group = HV / H;
  geo.g_heads = HV;
  geo.g_channels = true;
  geo.scale = 1.0 / std::sqrt(static_cast<double>(Dk));
  if (cu.empty()) {
    for (index_t n = 0; n < B; ++n) geo.sequences.push_back({n, 0, T});
  } else {
    for (std::size_t n = 0; n + 1 < cu.size(); ++n) geo.sequences.push_back({0, cu[n], cu[n + 1] - cu[n]});
  }
  geo.N = static_cast<index_t>(geo.sequences.size());
  return geo;
}

struct Bench {
  std::string name;
  Geometry geo;
  Tensor<double> truth, yardstick, candidate;

  Bench(std::string tensor_name, const Shape& shape, Geometry g, std::uint64_t seed = 1, double noise = 1.0)
      : name(std::move(tensor_name)), geo(std::move(g)), truth(shape) {
    const Random numbers(seed, "truth"), sizes(seed, "row size");
    const index_t width = shape.rank() > 2 ? std::max<index_t>(shape[-1], 1) : 1;
    for (index_t i = 0; i < truth.numel(); ++i)
      truth[i] = numbers.normal(static_cast<std::uint64_t>(i)) * std::exp(0.7 * sizes.normal(static_cast<std::uint64_t>(i / width)));
    yardstick = noisy(seed, "yardstick", 1.0);
    candidate = noisy(seed, "candidate", noise);
  }

  index_t at(std::initializer_list<index_t> index) const {
    index_t flat = 0, axis = 0;
    for (index_t i : index) flat = flat * truth.shape()[axis++] + i;
    return flat;
  }
  /// f(index of the element, candidate element, noisy truth) for every element.
  void each(const std::function<void(const std::vector<index_t>&, double&)>& f) {
    std::vector<index_t> index(static_cast<std::size_t>(truth.shape().rank()));
    for (index_t flat = 0; flat < truth.numel(); ++flat) {
      index_t rest = flat;
      for (std::size_t i = index.size(); i-- > 0;) {
        index[i] = rest % truth.shape()[static_cast<index_t>(i)];
        rest /= truth.shape()[static_cast<index_t>(i)];
      }
      f(index, candidate[flat]);
    }
  }
  /// Add an error of 30 % of the tensor's RMS wherever `hit` holds.
  void spoil(const std::function<bool(const std::vector<index_t>&)>& hit, double size = 0.3) {
    const Random numbers(77, "fault");
    std::uint64_t i = 0;
    each([&](const std::vector<index_t>& index, double& x) {
      const double fault = size * numbers.normal(i++);
      if (hit(index)) x += fault;
    });
  }
  TensorUnderTest under_test() const { return {name, axes_of(name, truth.shape(), geo), candidate.view(), truth.view(), yardstick.view()}; }
  Localisation run() const { return localise(under_test(), geo, 5e-3); }
  Localisation run_without_yardstick(double noise = 5e-3) const {
    TensorUnderTest t = under_test();
    t.yardstick = {};
    return localise(t, geo, noise);
  }

 private:
  Tensor<double> noisy(std::uint64_t seed, const char* stream, double level) const {
    const Random numbers(seed, stream), more(seed + 1000, stream);
    Tensor<double> out = truth;
    const index_t width = truth.shape().rank() > 2 ? std::max<index_t>(truth.shape()[-1], 1) : truth.numel();
    for (index_t r = 0; width > 0 && r < truth.numel() / width; ++r) {
      double ms = 0;
      for (index_t c = 0; c < width; ++c) ms += truth[r * width + c] * truth[r * width + c] / static_cast<double>(width);
      for (index_t c = 0; c < width; ++c) {
        const index_t f = r * width + c;
        out[f] += level * (3e-3 * truth[f] * numbers.normal(static_cast<std::uint64_t>(f)) +
                           4e-3 * std::sqrt(ms) * more.normal(static_cast<std::uint64_t>(f)));
      }
    }
    return out;
  }
};

inline const Finding* find(const Localisation& result, const std::string& kind) {
  for (const Finding& f : result.findings)
    if (f.kind == kind) return &f;
  return nullptr;
}

inline std::string kinds(const Localisation& result) {
  std::string text = "[" + result.profile.shape + ": " + result.time_profile + "]";
  for (const Finding& f : result.findings) text += "\n  " + f.kind + ": " + f.text;
  return text;
}

}  // namespace fw::verify::test
