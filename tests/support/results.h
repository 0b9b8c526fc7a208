// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Everything a call returns, by name, so that two ways to the same numbers are compared in one line; problems in another
// element type; the text of a refusal.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "core/families.h"
#include "naive/reference.h"
#include "support/check.h"

namespace fw::test {

/// Agreement of two exact ways to the same numbers, relative to the tensor and to each row.
inline constexpr Tolerance kExact{1e-12, 1e-12};

inline std::vector<Variant> delta_variants() {
  std::vector<Variant> ids;
  for (const VariantInfo& row : variants())
    if (row.family == Family::delta_rule) ids.push_back(row.id);
  return ids;
}

/// Everything a call returns, by name.
template <class T>
struct Named {
  std::string name;
  Tensor<T> value;
};

template <class T>
std::vector<Named<T>> results(const Outputs<T>& out, const Gradients<T>& grad) {
  std::vector<Named<T>> all;
  const auto add = [&](const char* name, const Tensor<T>& t) {
    if (t.defined()) all.push_back({name, t});
  };
  for_each_output(out, add);
  for_each_gradient(grad, add);
  return all;
}
template <class T>
std::vector<Named<T>> naive_results(const Inputs<T>& in, const Upstream<T>& up, const Options& options) {
  return results(naive::forward(in, options), naive::backward(in, up, options));
}
inline std::vector<Named<double>> naive_results(const Problem& p) { return naive_results(p.in, p.up, p.options); }

/// Empty when all tensors agree, else the first that does not.
inline std::string why_results_differ(const std::vector<Named<double>>& candidate, const std::vector<Named<double>>& reference,
                                      const Tolerance& tolerance = kExact) {
  if (candidate.size() != reference.size()) return "another number of results";
  for (std::size_t i = 0; i < reference.size(); ++i) {
    if (candidate[i].name != reference[i].name) return candidate[i].name + " in place of " + reference[i].name;
    const std::string why = why_not_close(candidate[i].value, reference[i].value, tolerance);
    if (!why.empty()) return reference[i].name + ": " + why;
  }
  return {};
}

/// Largest relative error over all tensors.
inline double largest_error(const std::vector<Named<double>>& candidate, const std::vector<Named<double>>& reference) {
  double largest = 0;
  for (std::size_t i = 0; i < reference.size(); ++i)
    largest = std::fmax(largest, compare(candidate[i].value, reference[i].value, kExact).rel_l2);
  return largest;
}

template <class T>
std::string why_results_not_bitwise(const std::vector<Named<T>>& a, const std::vector<Named<T>>& b) {
  if (a.size() != b.size()) return "another number of results";
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::string why = why_not_bitwise_equal(a[i].value, b[i].value);
    if (!why.empty()) return a[i].name + ": " + why;
  }
  return {};
}

template <class T>
const Tensor<T>& result(const std::vector<Named<T>>& all, const std::string& name) {
  for (const Named<T>& one : all)
    if (one.name == name) return one.value;
  throw Error("result: no tensor called " + name);
}

/// The tensors of a struct in another element type.
template <class To, class From>
Inputs<To> cast_inputs(const Inputs<From>& in) {
  Inputs<To> out;
  std::vector<Tensor<To>> casts;
  for_each_input(in, [&](const char*, const Tensor<From>& t) { casts.push_back(t.template cast<To>()); });
  std::size_t i = 0;
  for_each_input(out, [&](const char*, Tensor<To>& t) { t = casts[i++]; });
  out.cu_seqlens = in.cu_seqlens;
  return out;
}
template <class To, class From>
Upstream<To> cast_upstream(const Upstream<From>& up) {
  return {up.d_o.template cast<To>(), up.dfinal_state.template cast<To>(), {}, {}, {}};
}

/// The message of the refusal; empty when there was none.
template <class F>
std::string refusal(F&& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

}  // namespace fw::test
