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

/// Which heads, channels and sequences of a tensor a mistake acts in.
struct Mask {
  std::vector<char> head, channel, sequence;
};

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

double similarity(const std::vector<float>& a, const std::vector<float>& b) {
  double aa = 0, bb = 0, ab = 0;
  index_t both = 0, either = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool fa = std::isfinite(a[i]), fb = std::isfinite(b[i]);
    if (!fa || !fb) {
      ++either;
      both += !fa && !fb;
      continue;
    }
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
    ab += static_cast<double>(a[i]) * b[i];
  }
  if (either > 0) return static_cast<double>(both) / static_cast<double>(either);
  return aa > 0 && bb > 0 ? ab * ab / (aa * bb) : 0.0;
}

namespace {

/// Places where the result is not finite: how well the mistake's pattern covers them, over the heads and channels hit.
Match match_nonfinite(const SignatureSpace& space, const std::vector<float>& e, const std::vector<float>& s) {
  Match m;
  m.nonfinite = true;
  std::vector<Mask> hit;
  for (const auto& t : space.tensors())
    hit.push_back({std::vector<char>(static_cast<std::size_t>(t.heads)), std::vector<char>(static_cast<std::size_t>(t.channels)), std::vector<char>(static_cast<std::size_t>(t.sequences))});
  for (std::size_t i = 0; i < e.size(); ++i)
    if (!std::isfinite(e[i])) {
      const auto& b = space.blocks()[i];
      hit[b.tensor].head[b.head] = hit[b.tensor].channel[b.channel] = 1;
    }
  index_t both = 0, either = 0, all = 0;
  for (std::size_t i = 0; i < e.size(); ++i) {
    const auto& b = space.blocks()[i];
    const bool fe = std::isfinite(e[i]), fs = std::isfinite(s[i]);
    all += !fs;
    if ((fe && fs) || !hit[b.tensor].head[b.head] || !hit[b.tensor].channel[b.channel]) continue;
    ++either;
    both += !fe && !fs;
  }
  m.score = either ? static_cast<double>(both) / static_cast<double>(either) : 0.0;
  m.amplitude = 1.0;
  m.extent = all ? static_cast<double>(both) / static_cast<double>(all) : 0.0;
  return m;
}

/// Per block sums of e.s and s.s along one of its coordinates, over what the masks let through.
struct Sums {
  std::vector<double> es, ss;
};

template <class Coordinate>
void choose(const SignatureSpace& space, const std::vector<float>& e, const std::vector<float>& s, std::vector<Mask>& masks, std::vector<char> Mask::*part,
            Coordinate coordinate) {
  std::vector<Sums> sums;
  for (const Mask& mask : masks) sums.push_back({std::vector<double>((mask.*part).size()), std::vector<double>((mask.*part).size())});
  for (std::size_t i = 0; i < e.size(); ++i) {
    const auto& b = space.blocks()[i];
    const Mask& mask = masks[b.tensor];
    if (!mask.head[b.head] || !mask.channel[b.channel] || !mask.sequence[b.sequence] || !std::isfinite(e[i]) || !std::isfinite(s[i])) continue;
    Sums& sum = sums[b.tensor];
    sum.es[coordinate(b)] += static_cast<double>(e[i]) * s[i];
    sum.ss[coordinate(b)] += static_cast<double>(s[i]) * s[i];
  }
  for (std::size_t t = 0; t < masks.size(); ++t)
    for (std::size_t c = 0; c < sums[t].ss.size(); ++c)
      if (sums[t].ss[c] > 0 && sums[t].es[c] < 0.5 * sums[t].ss[c]) (masks[t].*part)[c] = 0;
}

}  // namespace

Match match(const SignatureSpace& space, const std::vector<float>& e, const std::vector<float>& s, const std::vector<float>& noise) {
  const auto broken = [](const std::vector<float>& v) { return std::any_of(v.begin(), v.end(), [](float x) { return !std::isfinite(x); }); };
  const bool e_broken = broken(e), s_broken = broken(s);
  if (e_broken && s_broken) return match_nonfinite(space, e, s);
  if (e_broken || s_broken) return {};

  const double ee = dot(e, e), quiet = noise.empty() ? 0.0 : dot(noise, noise);
  const double explained_of = std::max(ee - quiet, 0.02 * ee);
  const double ss = dot(s, s), es = dot(e, s);
  Match whole;
  if (!(ss > 0) || !(ee > 0)) return whole;
  whole.amplitude = es / ss;
  whole.score = std::min(1.0, es * es / (ss * explained_of));

  std::vector<Mask> masks;
  for (const auto& t : space.tensors())
    masks.push_back({std::vector<char>(static_cast<std::size_t>(t.heads), 1), std::vector<char>(static_cast<std::size_t>(t.channels), 1), std::vector<char>(static_cast<std::size_t>(t.sequences), 1)});
  using Block = SignatureSpace::Block;
  choose(space, e, s, masks, &Mask::sequence, [](const Block& b) { return b.sequence; });
  choose(space, e, s, masks, &Mask::head, [](const Block& b) { return b.head; });
  choose(space, e, s, masks, &Mask::channel, [](const Block& b) { return b.channel; });
  double part_ss = 0, part_es = 0;
  for (std::size_t i = 0; i < e.size(); ++i) {
    const Block& b = space.blocks()[i];
    const Mask& mask = masks[b.tensor];
    if (!mask.head[b.head] || !mask.channel[b.channel] || !mask.sequence[b.sequence]) continue;
    part_ss += static_cast<double>(s[i]) * s[i];
    part_es += static_cast<double>(e[i]) * s[i];
  }
  if (!(part_ss > 0)) return whole;
  Match part;
  part.amplitude = part_es / part_ss;
  part.score = std::min(1.0, part_es * part_es / (part_ss * explained_of));
  part.extent = part_ss / ss;
  if (part.extent > 0.97 || part.score < whole.score + 0.03) return whole;
  for (std::size_t t = 0; t < masks.size(); ++t) {
    const auto& tensor = space.tensors()[t];
    const auto partial = [](const std::vector<char>& in) { return std::count(in.begin(), in.end(), 0) > 0; };
    std::string text;
    const auto say = [&](const char* what, const std::vector<char>& in) {
      if (!partial(in)) return;
      const std::string list = ranges(in);
      text += (text.empty() ? "" : ", ") + std::string(what) + " " + (list.empty() ? "none" : list.size() > 60 ? list.substr(0, 57) + "..." : list);
    };
    say("sequences", masks[t].sequence);
    say("heads", masks[t].head);
    say("channels", masks[t].channel);
    if (!text.empty()) part.where += (part.where.empty() ? "" : "; ") + tensor.name + ": " + text;
  }
  return part;
}

}  // namespace fw::verify
