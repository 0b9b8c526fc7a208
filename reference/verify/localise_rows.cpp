// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/localise_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fw::verify::detail {
namespace {

constexpr double kPeak = 10.0;     // noise multiples one element may reach
constexpr double kUnknown = 0.02;  // least noise assumed where even the yardstick's error is infinite
constexpr index_t kChunk = 64;     // chunk length named in texts

/// Of the tensor's RMS, below which a row's own size counts no more; as in core/compare.h.
double floor_of(index_t width) { return width >= 16 ? 0.1 : 1.0; }

bool is_channel(Axis axis) { return axis == Axis::key_channel || axis == Axis::value_channel || axis == Axis::pair; }

}  // namespace

RowTable::RowTable(const TensorUnderTest& t, const Geometry& geometry, double relative_noise) : tensor(t), geo(geometry) {
  const auto need = [&](bool ok, const std::string& text) {
    if (!ok) throw Error("localise: " + t.name + text);
  };
  need(t.candidate.defined() && t.truth.defined(), " needs a candidate and a truth");
  need(t.candidate.shape() == t.truth.shape(),
       fmt::format(" candidate must be {}, got {}", t.truth.shape().str(), t.candidate.shape().str()));
  need(!t.yardstick.defined() || t.yardstick.shape() == t.truth.shape(),
       " yardstick must have the shape of the truth " + t.truth.shape().str());
  need(!t.axes.empty() && static_cast<index_t>(t.axes.size()) == t.truth.shape().rank(),
       fmt::format(" must have one axis name per axis of {}, got {}", t.truth.shape().str(), t.axes.size()));
  need(relative_noise >= 0.0, " needs a noise level >= 0");
  has_channels = is_channel(t.axes.back());
  width = has_channels ? t.truth.shape()[-1] : 1;
  place_rows();
  measure(relative_noise);
  measure_channels();
}

bool RowTable::has(Axis axis) const { return std::find(tensor.axes.begin(), tensor.axes.end(), axis) != tensor.axes.end(); }

index_t RowTable::size_of(Axis axis) const {
  return tensor.truth.shape()[std::find(tensor.axes.begin(), tensor.axes.end(), axis) - tensor.axes.begin()];
}

index_t RowTable::stride_of(Axis axis) const {
  index_t stride = 1;
  for (std::size_t i = tensor.axes.size(); i-- > 0 && tensor.axes[i] != axis;) stride *= tensor.truth.shape()[static_cast<index_t>(i)];
  return stride;
}

void RowTable::place_rows() {
  const index_t rows = width > 0 ? tensor.truth.numel() / width : 0;
  place.resize(static_cast<std::size_t>(rows));
  row.resize(static_cast<std::size_t>(rows));
  // sequence of each (batch, t)
  std::vector<index_t> owner(has(Axis::time) ? static_cast<std::size_t>(size_of(Axis::batch) * size_of(Axis::time)) : 0, -1);
  const index_t T = has(Axis::time) ? size_of(Axis::time) : 0;
  for (std::size_t n = 0; has(Axis::time) && n < geo.sequences.size(); ++n) {
    const auto& seq = geo.sequences[n];
    for (index_t s = 0; s < seq.length; ++s) owner[static_cast<std::size_t>(seq.batch * T + seq.begin + s)] = static_cast<index_t>(n);
  }
  const std::size_t outer = tensor.axes.size() - (has_channels ? 1 : 0);
  for (index_t r = 0; r < rows; ++r) {
    RowPlace& p = place[static_cast<std::size_t>(r)];
    index_t rest = r;
    index_t t = -1;
    for (std::size_t i = outer; i-- > 0;) {
      const index_t size = tensor.truth.shape()[static_cast<index_t>(i)];
      const index_t at = rest % size;
      rest /= size;
      switch (tensor.axes[i]) {
        case Axis::batch: p.batch = at; break;
        case Axis::time: t = at; break;
        case Axis::sequence: p.sequence = at; break;
        case Axis::key_head:
        case Axis::value_head: p.head = at; break;
        case Axis::rank: p.rank = at; break;
        default: p.key_channel = at; break;
      }
    }
    if (t >= 0) {
      p.sequence = owner[static_cast<std::size_t>(p.batch * T + t)];
      if (p.sequence >= 0) {
        p.token = t - geo.sequences[static_cast<std::size_t>(p.sequence)].begin;
        p.length = geo.sequences[static_cast<std::size_t>(p.sequence)].length;
      }
    }
  }
}

bool RowTable::counts(index_t flat) const { return std::isfinite(tensor.candidate[flat]) && std::isfinite(tensor.truth[flat]); }

bool RowTable::nonfinite(index_t flat) const {
  const double a = tensor.candidate[flat], b = tensor.truth[flat];
  if (std::isfinite(a) && std::isfinite(b)) return false;
  return !(std::isnan(a) && std::isnan(b)) && a != b;
}

void RowTable::measure(double relative_noise) {
  double truth_all = 0, error_all = 0, noise_all = 0, noise_truth = 0, largest = 0;
  index_t counted = 0;
  std::vector<char> yardstick_ok(row.size(), 0);
  for (index_t r = 0; r < count(); ++r) {
    RowError& e = row[static_cast<std::size_t>(r)];
    double truth = 0, noise = 0;
    bool ok = tensor.yardstick.defined();
    for (index_t c = 0; c < width; ++c) {
      const index_t f = r * width + c;
      if (!counts(f)) {
        if (nonfinite(f)) ++e.nonfinite;
        if (!std::isfinite(tensor.truth[f])) continue;
      } else {
        ++e.finite;
        e.error += difference(f) * difference(f);
        largest = std::max(largest, std::abs(tensor.candidate[f]));
      }
      truth += tensor.truth[f] * tensor.truth[f];
      ++counted;
      if (ok && std::isfinite(tensor.yardstick[f]))
        noise += (tensor.yardstick[f] - tensor.truth[f]) * (tensor.yardstick[f] - tensor.truth[f]);
      else
        ok = false;
    }
    truth_all += truth;
    error_all += e.error;
    const double n = static_cast<double>(std::max<index_t>(width, 1));
    e.error /= static_cast<double>(std::max<index_t>(e.finite, 1));
    e.truth = truth / n;
    e.noise = ok ? noise / n : 0.0;
    yardstick_ok[static_cast<std::size_t>(r)] = ok;
    if (ok) {
      noise_all += noise;
      noise_truth += truth;
    }
  }
  const double ms = counted ? truth_all / static_cast<double>(counted) : 0.0;
  truth_rms = std::sqrt(ms);
  const double measured = noise_truth > 0 ? std::sqrt(noise_all / noise_truth) : 0.0;
  const bool have_yardstick = std::any_of(yardstick_ok.begin(), yardstick_ok.end(), [](char ok) { return ok != 0; });
  const double smallest = std::numeric_limits<double>::min() + 1e-30 * largest * largest;
  const double floor = floor_of(width);
  const double fallback = std::isfinite(relative_noise) ? relative_noise : std::max(measured, kUnknown);
  double expected = 0;
  for (std::size_t r = 0; r < row.size(); ++r) {
    RowError& e = row[r];
    const double rho = std::max(have_yardstick && yardstick_ok[r] ? measured : fallback, 1e-15);
    if (!yardstick_ok[r]) e.noise = rho * rho * e.truth;
    e.sigma2 = e.noise + rho * rho * std::max(e.truth, floor * floor * ms) + smallest;
    expected += e.noise * static_cast<double>(e.finite);
  }
  if (!has_channels) share_noise();
  error_over_noise = error_all > 0 ? std::sqrt(error_all / std::max(expected, smallest)) : 0.0;
}

void RowTable::share_noise() {
  const auto line = static_cast<std::size_t>(tensor.truth.shape()[-1]);
  for (std::size_t begin = 0; line > 0 && begin < row.size(); begin += line) {
    double mean = 0;
    for (std::size_t i = 0; i < line; ++i) mean += row[begin + i].sigma2 / static_cast<double>(line);
    for (std::size_t i = 0; i < line; ++i) row[begin + i].sigma2 = std::max(row[begin + i].sigma2, mean);
  }
}

void RowTable::measure_channels() {
  channel_noise.assign(static_cast<std::size_t>(width), 0.0);
  const TensorView<const double>& level = tensor.yardstick;
  for (index_t r = 0; r < count(); ++r)
    for (index_t c = 0; c < width; ++c) {
      const index_t f = r * width + c;
      const double x = level.defined() ? level[f] - tensor.truth[f] : tensor.truth[f];
      const double scale = level.defined() ? row[static_cast<std::size_t>(r)].sigma2 : truth_rms * truth_rms;
      if (std::isfinite(x) && scale > 0) channel_noise[static_cast<std::size_t>(c)] += x * x / scale;
    }
  double mean = 0;
  for (double x : channel_noise) mean += x / static_cast<double>(width);
  for (double& x : channel_noise) x = mean > 0 ? std::max(0.25, x / mean) : 1.0;
  for (index_t r = 0; r < count(); ++r) {
    RowError& e = row[static_cast<std::size_t>(r)];
    for (index_t c = 0; c < width; ++c) {
      const index_t f = r * width + c;
      if (!counts(f)) continue;
      const double z = difference(f) * difference(f) / (e.sigma2 * channel_noise[static_cast<std::size_t>(c)]);
      if (z > e.peak) {
        e.peak = z;
        e.worst = c;
      }
    }
  }
}

double noise_limit(index_t samples) { return 3.0 + 5.0 / std::sqrt(static_cast<double>(std::max<index_t>(samples, 1))); }

bool RowTable::bad(index_t r, double bar) const {
  const RowError& e = row[static_cast<std::size_t>(r)];
  if (e.finite == 0) return false;
  const double limit = bar * noise_limit(e.finite);
  return e.error > limit * limit * e.sigma2 || (e.finite >= 8 && e.peak > bar * bar * kPeak * kPeak);
}

const char* axis_noun(const RowTable& table, Axis axis) {
  switch (axis) {
    case Axis::batch: return "batch row";
    case Axis::time: return "token";
    case Axis::key_head: return table.geo.group > 1 ? "key head" : "head";
    case Axis::value_head: return table.geo.group > 1 ? "value head" : "head";
    case Axis::rank: return "rank";
    case Axis::key_channel: return table.has(Axis::value_channel) ? "key channel" : "channel";
    case Axis::value_channel: return table.has(Axis::key_channel) ? "value channel" : "channel";
    case Axis::sequence: return "sequence";
    case Axis::pair: return "pair";
  }
  return "";
}

double RowTable::relative_error(index_t r) const {
  const RowError& e = row[static_cast<std::size_t>(r)];
  const double size = std::max(std::sqrt(e.truth), floor_of(width) * truth_rms);
  if (e.nonfinite > 0) return std::numeric_limits<double>::infinity();
  if (e.error == 0) return 0.0;
  return size > 0 ? std::sqrt(e.error) / size : std::numeric_limits<double>::infinity();
}

Place RowTable::describe(index_t r, index_t channel) const {
  Place at;
  const RowPlace& p = place[static_cast<std::size_t>(r)];
  const RowError& e = row[static_cast<std::size_t>(r)];
  const index_t flat = r * width + channel;
  at.defined = true;
  at.sequence = p.sequence;
  at.token = p.token;
  at.head = p.head;
  at.channel = has_channels ? channel : -1;
  at.candidate = tensor.candidate[flat];
  at.truth = tensor.truth[flat];
  index_t rest = flat;
  at.index.resize(tensor.axes.size());
  for (std::size_t i = tensor.axes.size(); i-- > 0;) {
    const index_t size = tensor.truth.shape()[static_cast<index_t>(i)];
    at.index[i] = rest % size;
    rest /= size;
  }
  std::vector<std::string> parts;
  if (p.sequence >= 0) parts.push_back(fmt::format("sequence {}", p.sequence));
  if (p.token >= 0) parts.push_back(fmt::format("token {} (chunk {}, row {})", p.token, p.token / kChunk, p.token % kChunk));
  if (p.head >= 0) parts.push_back(fmt::format("{} {}", axis_noun(*this, head_axis()), p.head));
  if (p.rank >= 0) parts.push_back(fmt::format("rank {}", p.rank));
  if (p.key_channel >= 0) parts.push_back(fmt::format("key channel {}", p.key_channel));
  if (has_channels) parts.push_back(fmt::format("{} {}", axis_noun(*this, channel_axis()), channel));
  at.text = fmt::format("{}", fmt::join(parts, ", "));
  const double size = std::max(std::sqrt(e.truth), floor_of(width) * truth_rms);
  at.row_error = relative_error(r);
  at.row_noise = size > 0 ? std::sqrt(e.noise) / size : 0.0;
  return at;
}

}  // namespace fw::verify::detail
