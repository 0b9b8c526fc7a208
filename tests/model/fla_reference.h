// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// What flash-linear-attention computes from a checkpoint of its DeltaNet, Gated DeltaNet, KDA and GDN-2 models, and its hybrids
// with sliding-window attention: written down token by token in double from the definitions, sharing nothing with model/. Names of
// tensors are that library's; sizes are taken from the tensors' shapes and from the few settings below.
#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/safetensors.h"

namespace fw::test {

class FlaReference {
 public:
  using Row = std::vector<double>;
  using Rows = std::vector<Row>;  ///< one per token
  std::string type;               ///< delta_net, gated_deltanet, kda, gdn2
  index_t heads = 1, value_heads = 1, attention_heads = 1, kv_heads = 1, window = 1;
  bool negative = false, gate = true, sigmoid_gate = false;
  double eps = 1e-6;
  const TensorFile* file = nullptr;

  /// Logits of one sequence.
  Rows logits(const std::vector<std::int32_t>& tokens, index_t layers) const {
    Rows x;
    const AnyTensor& table = get("model.embeddings.weight");
    for (const std::int32_t token : tokens) {
      Row row;
      for (index_t j = 0; j < table.shape()[1]; ++j) row.push_back(table.at(token * table.shape()[1] + j));
      x.push_back(row);
    }
    for (index_t n = 0; n < layers; ++n) {
      const std::string layer = "model.layers." + std::to_string(n) + ".";
      const Rows normed = each(x, [&](const Row& r) { return rms(r, layer + "attn_norm.weight"); });
      add(x, has(layer + "attn.o_norm.weight") ? recurrent(normed, layer + "attn.") : attention(normed, layer + "attn."));
      add(x, each(x, [&](const Row& r) {
            const Row h = rms(r, layer + "mlp_norm.weight"), u = times(layer + "mlp.up_proj.weight", h);
            Row a = times(layer + "mlp.gate_proj.weight", h);
            for (std::size_t i = 0; i < a.size(); ++i) a[i] = silu(a[i]) * u[i];
            return times(layer + "mlp.down_proj.weight", a);
          }));
    }
    const std::string head = has("lm_head.weight") ? "lm_head.weight" : "model.embeddings.weight";
    return each(x, [&](const Row& r) { return times(head, rms(r, "model.norm.weight")); });
  }

 private:
  const AnyTensor& get(const std::string& name) const { return file->tensors.at(name); }
  bool has(const std::string& name) const { return file->tensors.count(name) > 0; }
  static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
  static double silu(double x) { return x * sigmoid(x); }
  static Rows each(const Rows& x, const std::function<Row(const Row&)>& f) {
    Rows y;
    for (const Row& r : x) y.push_back(f(r));
    return y;
  }
  static void add(Rows& x, const Rows& y) {
    for (std::size_t t = 0; t < x.size(); ++t)
      for (std::size_t i = 0; i < x[t].size(); ++i) x[t][i] += y[t][i];
  }
  Row times(const std::string& name, const Row& x) const {
    const AnyTensor& W = get(name);
    Row y(static_cast<std::size_t>(W.shape()[0]), 0.0);
    for (std::size_t i = 0; i < y.size(); ++i)
      for (std::size_t j = 0; j < x.size(); ++j) y[i] += W.at(static_cast<index_t>(i * x.size() + j)) * x[j];
    const std::string bias = name.substr(0, name.size() - 6) + "bias";
    if (has(bias))
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += get(bias).at(static_cast<index_t>(i));
    return y;
  }
  Row rms(const Row& x, const std::string& weight) const {
    double squares = 0;
    for (const double v : x) squares += v * v;
    Row y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      y[i] = x[i] / std::sqrt(squares / static_cast<double>(x.size()) + eps) * get(weight).at(static_cast<index_t>(i));
    return y;
  }
  /// SiLU of the causal depthwise convolution, tap W-1 on the current token.
  Rows convolved(const Rows& x, const std::string& name) const {
    const AnyTensor& w = get(name);
    const index_t W = w.shape()[2];
    Rows y = x;
    for (index_t t = 0; t < static_cast<index_t>(x.size()); ++t)
      for (index_t c = 0; c < static_cast<index_t>(x[0].size()); ++c) {
        double sum = 0;
        for (index_t j = 0; j < W; ++j)
          if (t - (W - 1) + j >= 0) sum += w.at(c * W + j) * x[static_cast<std::size_t>(t - (W - 1) + j)][static_cast<std::size_t>(c)];
        y[static_cast<std::size_t>(t)][static_cast<std::size_t>(c)] = silu(sum);
      }
    return y;
  }
  static Row head_of(const Row& x, index_t h, index_t width, bool unit) {
    Row y(x.begin() + h * width, x.begin() + (h + 1) * width);
    double squares = 0;
    for (const double v : y) squares += v * v;
    if (unit)
      for (double& v : y) v /= std::sqrt(squares + 1e-6);
    return y;
  }

  Rows recurrent(const Rows& x, const std::string& at) const {
    const auto project = [&](const char* name) { return each(x, [&](const Row& r) { return times(at + name + ".weight", r); }); };
    const auto low_rank = [&](const std::string& name) {
      return each(x, [&](const Row& r) { return times(at + name + ".1.weight", times(at + name + ".0.weight", r)); });
    };
    const Rows q = convolved(project("q_proj"), at + "q_conv1d.weight"), k = convolved(project("k_proj"), at + "k_conv1d.weight");
    const Rows v = convolved(project("v_proj"), at + "v_conv1d.weight"), b = project("b_proj");
    const bool two_gates = type == "gdn2", channels = two_gates || type == "kda";
    const Rows w = two_gates ? project("w_proj") : Rows(), raw = channels                   ? low_rank("f_proj")
                                                                 : type == "gated_deltanet" ? project("a_proj")
                                                                                            : Rows();
    const Rows z = !gate ? Rows() : channels ? low_rank("g_proj") : project("g_proj");
    const index_t K = static_cast<index_t>(q[0].size()) / heads, V = static_cast<index_t>(v[0].size()) / value_heads;
    const double erase = negative ? 2 : 1;
    Rows out(x.size(), Row(v[0].size()));
    for (index_t j = 0; j < value_heads; ++j) {
      const index_t h = j / (value_heads / heads), gh = two_gates ? h : j;  // whose decay
      Rows S(static_cast<std::size_t>(K), Row(static_cast<std::size_t>(V), 0.0));
      for (std::size_t t = 0; t < x.size(); ++t) {
        const Row q_t = head_of(q[t], h, K, true), k_t = head_of(k[t], h, K, true), v_t = head_of(v[t], j, V, false);
        Row r(static_cast<std::size_t>(V), 0.0), o = r;
        for (index_t i = 0; i < K; ++i) {
          double g = 0;
          if (!raw.empty()) {
            const auto channel = static_cast<index_t>(channels ? gh * K + i : gh);
            const double s = raw[t][static_cast<std::size_t>(channel)] + get(at + "dt_bias").at(channel);
            g = -std::exp(get(at + "A_log").at(gh)) * std::log1p(std::exp(s));
          }
          const double b_i = erase * sigmoid(b[t][static_cast<std::size_t>(two_gates ? h * K + i : j)]);
          for (std::size_t c = 0; c < r.size(); ++c) {
            S[static_cast<std::size_t>(i)][c] *= std::exp(g);
            r[c] += S[static_cast<std::size_t>(i)][c] * b_i * k_t[static_cast<std::size_t>(i)];
          }
        }
        for (std::size_t c = 0; c < r.size(); ++c) {
          const double write =
              two_gates ? sigmoid(w[t][static_cast<std::size_t>(j * V) + c]) : erase * sigmoid(b[t][static_cast<std::size_t>(j)]);
          for (std::size_t i = 0; i < k_t.size(); ++i) {
            S[i][c] += k_t[i] * (write * v_t[c] - r[c]);
            o[c] += S[i][c] * q_t[i] / std::sqrt(static_cast<double>(K));
          }
        }
        o = rms(o, at + "o_norm.weight");
        for (std::size_t c = 0; c < o.size(); ++c) {
          const std::size_t to = static_cast<std::size_t>(j * V) + c;
          out[t][to] = o[c] * (!gate ? 1.0 : sigmoid_gate ? sigmoid(z[t][to]) : silu(z[t][to]));
        }
      }
    }
    return each(out, [&](const Row& r) { return times(at + "o_proj.weight", r); });
  }

  static Row turned(Row x, std::size_t t) {
    const std::size_t half = x.size() / 2;
    for (std::size_t i = 0; i < half; ++i) {
      const double a = static_cast<double>(t) * std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(x.size()));
      const double first = x[i], second = x[i + half];
      x[i] = first * std::cos(a) - second * std::sin(a);
      x[i + half] = first * std::sin(a) + second * std::cos(a);
    }
    return x;
  }
  Rows attention(const Rows& x, const std::string& at) const {
    const auto project = [&](const char* name) { return each(x, [&](const Row& r) { return times(at + name + ".weight", r); }); };
    const Rows q = project("q_proj"), k = project("k_proj"), v = project("v_proj");
    const index_t D = static_cast<index_t>(q[0].size()) / attention_heads;
    Rows out(x.size());
    for (index_t h = 0; h < attention_heads; ++h) {
      const index_t kv = h / (attention_heads / kv_heads);
      for (std::size_t t = 0; t < x.size(); ++t) {
        const Row q_t = turned(head_of(q[t], h, D, false), t);
        Row o(static_cast<std::size_t>(D), 0.0);
        double sum = 0;
        for (std::size_t s = t + 1 > static_cast<std::size_t>(window) ? t + 1 - static_cast<std::size_t>(window) : 0; s <= t; ++s) {
          const Row k_s = turned(head_of(k[s], kv, D, false), s), v_s = head_of(v[s], kv, D, false);
          double a = 0;
          for (std::size_t i = 0; i < q_t.size(); ++i) a += q_t[i] * k_s[i] / std::sqrt(static_cast<double>(D));
          sum += std::exp(a);
          for (std::size_t i = 0; i < o.size(); ++i) o[i] += std::exp(a) * v_s[i];
        }
        for (const double o_i : o) out[t].push_back(o_i / sum);
      }
    }
    return each(out, [&](const Row& r) { return times(at + "o_proj.weight", r); });
  }
};

}  // namespace fw::test
