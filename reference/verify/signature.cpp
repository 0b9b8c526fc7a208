// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/signature.h"

#include <algorithm>
#include <cmath>

namespace fw::verify {
namespace {

/// A hash that spreads consecutive rows evenly over [0, 1).
double hashed(index_t row) {
  auto x = static_cast<std::uint64_t>(row) * 0x9e3779b97f4a7c15ull;
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9ull;
  return static_cast<double>(x >> 11) * 0x1.0p-53;
}

constexpr index_t kEnds = 130;  // tokens at either end of a sequence that are always kept

enum class Kind { per_token, per_sequence, per_head };
Kind kind_of(std::string_view name) {
  if (name.starts_with("dinitial_") || name.starts_with("final_")) return Kind::per_sequence;
  return name == "dA_log" || name == "ddt_bias" ? Kind::per_head : Kind::per_token;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::isfinite(a[i]) && std::isfinite(b[i])) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

/// "2", "2-3", "0,2,4"
std::string ranges(const std::vector<char>& in) {
  std::string text;
  for (std::size_t i = 0; i < in.size();) {
    if (!in[i]) {
      ++i;
      continue;
    }
    std::size_t j = i;
    while (j + 1 < in.size() && in[j + 1]) ++j;
    text += (text.empty() ? "" : ",") + std::to_string(i) + (j > i ? "-" + std::to_string(j) : "");
    i = j + 1;
  }
  return text;
}

}  // namespace

SignatureSpace::SignatureSpace(const Geometry& geo, const Results& truth, const Results& judged, Direction direction, index_t max_elements)
    : truth_(truth) {
  index_t total = 0;
  std::vector<const char*> names;
  for_each_result(truth, [&](const char* name, const Tensor<double>& t, Direction d) {
    if (d != direction || !t.defined() || t.numel() == 0) return;
    const Tensor<double>* candidate = find(judged, name);
    if (!candidate || !candidate->defined() || candidate->shape() != t.shape()) return;
    names.push_back(name);
    total += t.numel();
  });
  const double share = total > max_elements ? static_cast<double>(max_elements) / static_cast<double>(total) : 1.0;
  std::vector<std::uint32_t> sequence_of(static_cast<std::size_t>(geo.B * geo.T));
  std::vector<char> near_end(sequence_of.size(), 0);
  for (std::size_t n = 0; n < geo.sequences.size(); ++n) {
    const auto& seq = geo.sequences[n];
    for (index_t t = 0; t < seq.length; ++t) {
      const auto at = static_cast<std::size_t>(seq.batch * geo.T + seq.begin + t);
      sequence_of[at] = static_cast<std::uint32_t>(n);
      near_end[at] = n < 8 && (t < kEnds || t >= seq.length - kEnds);
    }
  }
  for (const char* name : names) {
    const Tensor<double>& t = *find(truth, name);
    const Kind kind = kind_of(name);
    Tensor_ tensor;
    tensor.name = name;
    tensor.first = size();
    const index_t head_axis = kind == Kind::per_token ? 2 : kind == Kind::per_sequence ? 1 : 0;
    const bool channels = t.shape().rank() > head_axis + 1;
    tensor.heads = t.shape()[head_axis];
    tensor.channels = channels ? t.shape()[-1] : 1;
    tensor.sequences = kind == Kind::per_head ? 1 : geo.N;
    double squares = 0;
    for (index_t i = 0; i < t.numel(); ++i)
      if (std::isfinite(t[i])) squares += t[i] * t[i];
    tensor.rms = std::sqrt(squares / static_cast<double>(t.numel()));
    if (!(tensor.rms > 0)) tensor.rms = 1.0;
    const index_t width = tensor.channels, rows = t.numel() / width;
    index_t rows_per_head = 1;  // rows of one head at one token or sequence: Dk for states, M for MIMO
    for (index_t axis = head_axis + 1; axis + (channels ? 1 : 0) < t.shape().rank(); ++axis) rows_per_head *= t.shape()[axis];
    for (index_t row = 0; row < rows; ++row) {
      const index_t front = row / (rows_per_head * tensor.heads);
      const bool keep = share >= 1.0 || kind == Kind::per_head || (kind == Kind::per_token && near_end[static_cast<std::size_t>(front)]) || hashed(row) < share;
      if (!keep) continue;
      const auto head = static_cast<std::uint32_t>(row / rows_per_head % tensor.heads);
      const std::uint32_t sequence = kind == Kind::per_token ? sequence_of[static_cast<std::size_t>(front)] : kind == Kind::per_sequence ? static_cast<std::uint32_t>(front) : 0;
      for (index_t j = 0; j < width; ++j) {
        blocks_.push_back({static_cast<std::uint32_t>(tensors_.size()), sequence, head, static_cast<std::uint32_t>(j)});
        flat_.push_back(row * width + j);
      }
    }
    tensor.count = size() - tensor.first;
    tensors_.push_back(tensor);
  }
}

std::vector<float> SignatureSpace::residual(const Results& result) const {
  std::vector<float> out(blocks_.size(), 0.0f);
  for (const Tensor_& tensor : tensors_) {
    const Tensor<double>* r = find(result, tensor.name);
    if (!r || !r->defined()) continue;
    const Tensor<double>& t = *find(truth_, tensor.name);
    for (index_t i = tensor.first; i < tensor.first + tensor.count; ++i) {
      const index_t at = flat_[static_cast<std::size_t>(i)];
      out[static_cast<std::size_t>(i)] = static_cast<float>(((*r)[at] - t[at]) / tensor.rms);
    }
  }
  return out;
}

namespace {

bool any_nonfinite(const std::vector<float>& v) {
  return std::any_of(v.begin(), v.end(), [](float x) { return !std::isfinite(x); });
}

/// f(i) for every place the masks let through.
template <class F>
void for_each_place(const SignatureSpace& space, const std::vector<Mask>& masks, F&& f) {
  const auto& blocks = space.blocks();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (!masks.empty()) {
      const Mask& m = masks[blocks[i].tensor];
      if (!m.head[blocks[i].head] || !m.channel[blocks[i].channel] || !m.sequence[blocks[i].sequence]) continue;
    }
    f(i);
  }
}

std::vector<Mask> full_masks(const SignatureSpace& space, char value) {
  std::vector<Mask> masks;
  for (const auto& t : space.tensors())
    masks.push_back({std::vector<char>(static_cast<std::size_t>(t.heads), value), std::vector<char>(static_cast<std::size_t>(t.channels), value),
                     std::vector<char>(static_cast<std::size_t>(t.sequences), value)});
  return masks;
}

/// Places where the result is not finite: how well the mistake's pattern covers them, over the heads and channels hit.
Match match_nonfinite(const SignatureSpace& space, const std::vector<float>& e, const std::vector<float>& s) {
  Match m;
  m.nonfinite = true;
  m.masks = full_masks(space, 0);
  for (std::size_t i = 0; i < e.size(); ++i)
    if (!std::isfinite(e[i])) {
      const auto& b = space.blocks()[i];
      m.masks[b.tensor].head[b.head] = m.masks[b.tensor].channel[b.channel] = m.masks[b.tensor].sequence[b.sequence] = 1;
    }
  index_t both = 0, either = 0;
  for_each_place(space, m.masks, [&](std::size_t i) {
    const bool fe = std::isfinite(e[i]), fs = std::isfinite(s[i]);
    either += !fe || !fs;
    both += !fe && !fs;
  });
  const auto all = std::count_if(s.begin(), s.end(), [](float x) { return !std::isfinite(x); });
  m.score = either ? static_cast<double>(both) / static_cast<double>(either) : 0.0;
  m.amplitude = 1.0;
  m.extent = all ? static_cast<double>(both) / static_cast<double>(all) : 0.0;
  return m;
}

/// Drops the blocks along one coordinate in which the residual follows the signature much less than in the best block.
template <class Coordinate>
void narrow(const SignatureSpace& space, const std::vector<float>& e, const std::vector<float>& s, std::vector<Mask>& masks, std::vector<char> Mask::*part,
            Coordinate coordinate) {
  struct Sums {
    std::vector<double> es, ss;
  };
  std::vector<Sums> sums;
  for (const Mask& mask : masks) sums.push_back({std::vector<double>((mask.*part).size()), std::vector<double>((mask.*part).size())});
  for_each_place(space, masks, [&](std::size_t i) {
    const auto& b = space.blocks()[i];
    sums[b.tensor].es[coordinate(b)] += static_cast<double>(e[i]) * s[i];
    sums[b.tensor].ss[coordinate(b)] += static_cast<double>(s[i]) * s[i];
  });
  for (std::size_t t = 0; t < masks.size(); ++t) {
    double strongest = 0, total = 0;
    for (double ss : sums[t].ss) total += ss;
    for (std::size_t c = 0; c < sums[t].ss.size(); ++c)
      if (sums[t].ss[c] > 0.02 * total / static_cast<double>(sums[t].ss.size())) strongest = std::max(strongest, sums[t].es[c] / sums[t].ss[c]);
    for (std::size_t c = 0; c < sums[t].ss.size(); ++c)
      if (sums[t].ss[c] > 0 && sums[t].es[c] < 0.4 * strongest * sums[t].ss[c]) (masks[t].*part)[c] = 0;
  }
}

std::string describe(const SignatureSpace& space, const std::vector<Mask>& masks) {
  std::string where;
  for (std::size_t t = 0; t < masks.size(); ++t) {
    std::string text;
    const auto say = [&](const char* what, const std::vector<char>& in) {
      if (std::count(in.begin(), in.end(), 0) == 0) return;
      const std::string list = ranges(in);
      text += (text.empty() ? "" : ", ") + std::string(what) + " " + (list.size() > 60 ? list.substr(0, 57) + "..." : list);
    };
    say("sequences", masks[t].sequence);
    say("heads", masks[t].head);
    say("channels", masks[t].channel);
    if (!text.empty()) where += (where.empty() ? "" : "; ") + space.tensors()[t].name + ": " + text;
  }
  return where;
}

}  // namespace

Residual::Residual(std::vector<float> residual, const std::vector<float>& noise)
    : values(std::move(residual)), energy(dot(values, values)), excess(energy), nonfinite(any_nonfinite(values)) {
  if (!noise.empty()) excess = std::max(energy - dot(noise, noise), 0.02 * energy);
}

Match match_everywhere(const Residual& residual, const std::vector<float>& s) {
  Match m;
  const double ss = dot(s, s), es = dot(residual.values, s);
  if (!(ss > 0) || !(residual.excess > 0)) return m;
  m.amplitude = es / ss;
  m.score = std::min(1.0, es * es / (ss * residual.excess));
  return m;
}

Match match(const SignatureSpace& space, const Residual& residual, const std::vector<float>& s) {
  const std::vector<float>& e = residual.values;
  const bool broken = any_nonfinite(s);
  if (residual.nonfinite && broken) return match_nonfinite(space, e, s);
  if (residual.nonfinite || broken) return {};
  const Match whole = match_everywhere(residual, s);

  std::vector<Mask> masks = full_masks(space, 1);
  using Block = SignatureSpace::Block;
  narrow(space, e, s, masks, &Mask::sequence, [](const Block& b) { return b.sequence; });
  narrow(space, e, s, masks, &Mask::head, [](const Block& b) { return b.head; });
  narrow(space, e, s, masks, &Mask::channel, [](const Block& b) { return b.channel; });
  double ss = 0, es = 0;
  for_each_place(space, masks, [&](std::size_t i) {
    ss += static_cast<double>(s[i]) * s[i];
    es += static_cast<double>(e[i]) * s[i];
  });
  if (!(ss > 0)) return whole;
  Match part;
  part.amplitude = es / ss;
  part.score = std::min(1.0, es * es / (ss * residual.excess));
  part.extent = ss / dot(s, s);
  const bool own_size = part.amplitude > 0.7 && part.amplitude < 1.4;  // a part of a mistake has the mistake's own size there
  if (!own_size || part.extent > 0.97 || part.score < whole.score + 0.03) return whole;
  part.where = describe(space, masks);
  part.masks = std::move(masks);
  return part;
}

double similarity(const SignatureSpace& space, const std::vector<float>& a, const Match& match_a, const std::vector<float>& b, const Match& match_b) {
  std::vector<char> in_a(a.size(), 0), in_b(b.size(), 0);
  for_each_place(space, match_a.masks, [&](std::size_t i) { in_a[i] = 1; });
  for_each_place(space, match_b.masks, [&](std::size_t i) { in_b[i] = 1; });
  double aa = 0, bb = 0, ab = 0;
  index_t both = 0, either = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool fa = std::isfinite(a[i]) || !in_a[i], fb = std::isfinite(b[i]) || !in_b[i];
    either += !fa || !fb;
    both += !fa && !fb;
    if (!fa || !fb) continue;
    const double x = in_a[i] ? a[i] : 0.0, y = in_b[i] ? b[i] : 0.0;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  if (either > 0) return static_cast<double>(both) / static_cast<double>(either);
  return aa > 0 && bb > 0 ? ab * ab / (aa * bb) : 0.0;
}

}  // namespace fw::verify
