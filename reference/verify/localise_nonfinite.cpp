// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Why non-finite values may have appeared. Kernels that factor the decay exp(G_i - G_j) = exp(G_i - a) exp(a - G_j) inside
// a chunk overflow when the cumulative log-decay G spans more than the exponent of their arithmetic can hold:
//   exp in float32 and bfloat16: 88.7    exp2 clamped at 126 or 127.5: 87.3 or 88.4 in natural units    exp in float16: 11.1
// The exact formula never sees a positive exponent, so the truth stays finite.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "naive/gates.h"
#include "verify/localise_rows.h"

namespace fw::verify {
namespace {

using detail::RowTable;

constexpr index_t kChunk = 64;
constexpr double kLn2 = 0.69314718055994530942;
constexpr double kExp32 = 88.722839;       // exp overflows float32
constexpr double kExp16 = 11.089866;       // exp overflows float16
constexpr double kExp2Low = 126.0 * kLn2;  // usual clamps of exp2's argument
constexpr double kExp2High = 127.5 * kLn2;
constexpr double kNoise = 0.02;  // of the finite rest, where there is no yardstick
constexpr double kHalfMax = 65504.0;
constexpr double kFloatMax = 3.4028234663852886e38;

/// Log-decay at flat index `flat` of g, which is head `head` of g and channel `channel`.
double log_decay(const Inputs<double>& in, const Options& options, index_t flat, index_t head, index_t channel, index_t channels) {
  const double raw = in.g[flat];
  if (options.decay_activation == DecayActivation::none) return raw;
  const double slope = std::exp(in.A_log[head]);
  double bias = 0.0;
  if (in.dt_bias.defined()) bias = in.dt_bias.shape().rank() == 2 ? in.dt_bias[head * channels + channel] : in.dt_bias[head];
  if (options.decay_activation == DecayActivation::softplus) return -slope * naive::softplus(raw + bias);
  return options.decay_lower_bound * naive::sigmoid(slope * (raw + bias));
}

struct Spans {
  double widest = 0;            ///< |G_i - G_j| over channels inside the chunk
  bool minus_infinity = false;  ///< an exact zero of the decay
  bool positive = false;
};

/// The chunk of 64 that starts at token `begin` of a sequence, for one head of g.
Spans span_of_chunk(const Inputs<double>& in, const Options& options, const Geometry& geo, const Geometry::Sequence& seq, index_t begin,
                    index_t head) {
  Spans out;
  const index_t channels = geo.g_channels ? geo.Dk : 1;
  const index_t end = std::min(seq.length, begin + kChunk);
  for (index_t c = 0; c < channels; ++c) {
    double cumulative = 0, low = 0, high = 0;
    for (index_t s = begin; s < end; ++s) {
      const index_t token = seq.batch * geo.T + seq.begin + s;
      const double g = log_decay(in, options, (token * geo.g_heads + head) * channels + c, head, c, channels);
      if (std::isinf(g)) {
        out.minus_infinity = true;
        continue;
      }
      out.positive = out.positive || g > 0;
      cumulative += g;
      low = std::min(low, cumulative);
      high = std::max(high, cumulative);
    }
    out.widest = std::max(out.widest, high - low);
  }
  return out;
}

Finding span_finding(double here, double before, bool in_time) {
  const std::string where =
      in_time ? fmt::format("in the chunk of 64 where it begins, {:.4g} at most before", before) : "in the widest chunk of 64";
  const std::string measured = fmt::format("the log-decay spans {:.4g} (exp) = {:.4g} (exp2) {}", here, here / kLn2, where);
  const auto fit = [&](double limit, double crossed_here, double otherwise) {
    return in_time && before <= limit ? crossed_here : otherwise;
  };
  if (here > kExp32) {
    return {
        "exp-overflow",
        measured + ": past 88.7, where exp of a factored decay overflows float32 and bfloat16 (and past exp2's clamps at 126 and 127.5)",
        fit(kExp32, 1.0, 0.7), 1.0};
  }
  if (here > kExp2Low) {
    return {"exp2-clamp", fmt::format("{}: past a clamp of exp2's argument at 126{}", measured, here > kExp2High ? " or 127.5" : ""),
            fit(kExp2Low, 0.9, 0.6), 1.0};
  }
  if (here > kExp16) {
    return {"exp-overflow-f16", measured + ": past 11.1, where exp of a factored decay overflows float16, but not float32's 88.7",
            fit(kExp16, 0.8, 0.4), 1.0};
  }
  return {"exp-fits", measured + ": even float16's exp (11.1) holds that, so the decay's span is not the cause", 0.3, 1.0};
}

/// Heads of g that feed head `head` of the tensor; -1: all.
std::vector<index_t> heads_of_g(const Geometry& geo, index_t head, bool head_is_key_head) {
  std::vector<index_t> heads;
  for (index_t h = 0; h < geo.g_heads; ++h) {
    const bool g_per_value_head = geo.g_heads == geo.HV;
    const index_t key_head = g_per_value_head ? h / geo.group : h;
    const bool same = head_is_key_head ? key_head == head : g_per_value_head ? h == head : h == head / geo.group;
    if (head < 0 || same) heads.push_back(h);
  }
  return heads;
}

/// Spans of the chunk where it begins, and of the chunks that the computation has passed before. A tensor without a time
/// axis may owe its fault to any chunk.
void explain_decay(const Place& origin, bool backward, const Inputs<double>& in, const Geometry& geo, const Options& options,
                   const RowTable& table, std::vector<Finding>& out) {
  if (!in.g.defined() || geo.g_heads == 0 || in.g.numel() == 0) return;
  Spans here, before;
  for (std::size_t n = 0; n < geo.sequences.size(); ++n) {
    if (origin.sequence >= 0 && origin.sequence != static_cast<index_t>(n)) continue;
    const auto& seq = geo.sequences[n];
    for (index_t h : heads_of_g(geo, origin.head, table.has(Axis::key_head)))
      for (index_t begin = 0; begin < seq.length; begin += kChunk) {
        const index_t passed = origin.token < 0 ? 0 : (begin / kChunk - origin.token / kChunk) * (backward ? -1 : 1);
        if (passed > 0) continue;
        const Spans s = span_of_chunk(in, options, geo, seq, begin, h);
        Spans& to = passed == 0 ? here : before;
        to.widest = std::max(to.widest, s.widest);
        to.minus_infinity = to.minus_infinity || s.minus_infinity;
        to.positive = to.positive || s.positive;
      }
  }
  out.push_back(span_finding(here.widest, before.widest, origin.token >= 0));
  if (here.minus_infinity) {
    out.push_back({"decay-minus-infinity",
                   "a log-decay of -inf lies in that chunk: differences of its cumulative sum become inf - inf = NaN",
                   before.minus_infinity ? 0.5 : 0.95, 1.0});
  }
  if (here.positive) out.push_back({"decay-positive", "a log-decay above 0 lies in that chunk: the state grows", 0.4, 1.0});
}

void explain_sizes(const RowTable& table, const Inputs<double>& in, const NonFinite& found, std::vector<Finding>& out) {
  double truth_there = 0, truth_max = 0;
  for (index_t f = 0; f < table.tensor.truth.numel(); ++f) {
    if (!std::isfinite(table.tensor.truth[f])) continue;
    truth_max = std::max(truth_max, std::abs(table.tensor.truth[f]));
    if (table.nonfinite(f)) truth_there = std::max(truth_there, std::abs(table.tensor.truth[f]));
  }
  if (truth_max > kFloatMax) {
    out.push_back(
        {"float-range", fmt::format("the truth reaches {:.4g}, past what float32 and bfloat16 hold (3.4e38)", truth_max), 1.0, 1.0});
  } else if (truth_max > kHalfMax) {
    out.push_back({"half-range",
                   fmt::format("the truth reaches {:.4g} ({:.4g} at the non-finite places), past float16's 65504", truth_max, truth_there),
                   found.infinite > 0 && truth_there > kHalfMax ? 1.0 : 0.6, 1.0});
  }
  for_each_input(in, [&](const char* name, const Tensor<double>& t) {
    double largest = 0;
    index_t bad = 0;
    for (index_t i = 0; i < t.numel(); ++i) {
      const double x = t[i];
      if (std::isfinite(x))
        largest = std::max(largest, std::abs(x));
      else
        bad += !(std::string_view(name) == "g" && x < 0);
    }
    if (bad > 0) out.push_back({"input-nonfinite", fmt::format("the input {} itself holds {} non-finite values", name, bad), 1.0, 1.0});
    if (largest > kHalfMax)
      out.push_back({"input-half-range", fmt::format("the input {} reaches {:.4g}, past float16's 65504", name, largest), 0.5, 1.0});
  });
}

}  // namespace

std::vector<Finding> explain_nonfinite(const TensorUnderTest& tensor, const Inputs<double>& inputs, const Geometry& geometry,
                                       const Options& options) {
  const RowTable table(tensor, geometry, kNoise);
  const Localisation where = localise(tensor, geometry, kNoise);
  const NonFinite& found = where.nonfinite;
  if (found.rows == 0) return {};
  std::vector<Finding> out;
  const index_t total = found.nan + found.infinite;
  const double share = static_cast<double>(found.rows) / static_cast<double>(table.count());
  std::string counts =
      fmt::format("{} NaN and {} Inf in {} of {} rows ({} of them whole); first at {}, where the truth is {:.4g}", found.nan,
                  found.infinite, found.rows, table.count(), found.whole_rows, found.first.text, found.first.truth);
  if (found.in_truth > 0) counts += fmt::format("; the truth itself has {} non-finite values", found.in_truth);
  out.push_back({"nonfinite-count", counts, share, 1.0});
  if (total == 0) out.push_back({"truth-nonfinite", "the candidate is finite where the truth is not", 1.0, 1.0});
  for (const Finding& f : where.findings)
    if (f.kind.starts_with("nonfinite-")) out.push_back(f);
  const bool whole = found.whole_rows == found.rows && found.infinite == 0;
  if (whole && where.rows_bad == found.rows && found.rows < table.count()) {
    out.push_back({"never-written", "whole rows of NaN and every other row is right: these rows look never written",
                   static_cast<double>(found.whole_rows) / static_cast<double>(found.rows), 1.0});
  }
  const bool backward = tensor.name.starts_with("d") && tensor.name != "dt" && tensor.name != "dt_bias";
  explain_decay(backward ? found.last : found.first, backward, inputs, geometry, options, table, out);
  explain_sizes(table, inputs, found, out);
  std::stable_sort(out.begin() + 1, out.end(), [](const Finding& a, const Finding& b) { return a.share > b.share; });
  return out;
}

}  // namespace fw::verify
