// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Right numbers in the wrong place: the candidate compared with the truth read through many index maps, over the bad
// rows. A map explains the share 1 - E(candidate - truth o map) / E(candidate - truth).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "verify/localise_slices.h"

namespace fw::verify::detail {
namespace {

constexpr double kExplained = 0.9;

class Finder {
 public:
  Finder(const RowTable& table, const ErrorMap& map) : table_(table), rows_(rows_to_look_at(table, map)) {}

  void try_map(const std::string& kind, const std::string& text, const std::function<index_t(index_t)>& source) {
    const Explained e = explain(table_, rows_, source);
    if (e.share >= kExplained && e.covered >= 0.75)
      found_.push_back({kind, fmt::format("{}: explains {:.1f} % of the error", text, 100.0 * e.share), e.share, 1.0});
  }
  const std::vector<index_t>& rows() const { return rows_; }
  std::vector<Finding> result() {
    std::stable_sort(found_.begin(), found_.end(), [](const Finding& a, const Finding& b) { return a.share > b.share + 1e-3; });
    return std::move(found_);
  }
  void add(std::vector<Finding> more) {
    for (Finding& f : more) found_.push_back(std::move(f));
  }

 private:
  const RowTable& table_;
  std::vector<index_t> rows_;
  std::vector<Finding> found_;
};

void try_time(Finder& finder, const RowTable& table) {
  const auto token_map = [&](auto&& token) {
    const index_t stride = table.stride_of(Axis::time);
    return [&table, token, stride](index_t flat) -> index_t {
      const RowPlace& p = table.place[static_cast<std::size_t>(flat / table.width)];
      if (p.token < 0) return -1;
      const index_t to = token(p);
      return to < 0 || to >= p.length ? -1 : flat + (to - p.token) * stride;
    };
  };
  for (index_t by : {1, -1, 2, -2, 16, -16, 32, -32, 64, -64}) {
    finder.try_map(by > 0 ? "token-late" : "token-early",
                   fmt::format("each token holds the numbers of the token {} {} it", std::abs(by), by > 0 ? "before" : "after"),
                   token_map([by](const RowPlace& p) { return p.token - by; }));
  }
  finder.try_map("time-reversed", "time runs backward inside each sequence",
                 token_map([](const RowPlace& p) { return p.length - 1 - p.token; }));
  finder.try_map("chunk-first-for-all", "every row of a chunk of 64 holds its first row",
                 token_map([](const RowPlace& p) { return p.token / 64 * 64; }));
  if (table.geo.N < 2 || table.geo.B != 1) return;
  const auto sequence_map = [&](bool first_for_all) {
    const index_t stride = table.stride_of(Axis::time);
    return [&table, stride, first_for_all](index_t flat) -> index_t {
      const RowPlace& p = table.place[static_cast<std::size_t>(flat / table.width)];
      if (p.sequence < 0 || (p.sequence == 0 && !first_for_all)) return -1;
      const auto& from = table.geo.sequences[static_cast<std::size_t>(p.sequence)];
      const auto& to = table.geo.sequences[static_cast<std::size_t>(first_for_all ? 0 : p.sequence - 1)];
      return p.token >= to.length ? -1 : flat + (to.begin - from.begin) * stride;
    };
  };
  finder.try_map("sequence-previous", "sequence n holds the numbers of sequence n-1", sequence_map(false));
  finder.try_map("sequence-first-for-all", "every sequence holds the numbers of sequence 0", sequence_map(true));
}

/// Memory written in one order of two adjacent axes and read in the other: position y * A + x of the block [A][B] read
/// holds the truth's (x, y) pair of the block written.
std::function<index_t(index_t)> reread(index_t first, index_t second, index_t inner, bool written_swapped) {
  return [=](index_t flat) {
    const index_t rest = flat % inner, block = flat / inner / (first * second), at = flat / inner % (first * second);
    const index_t from = written_swapped ? at % first * second + at / first : at % second * first + at / second;
    return (block * first * second + from) * inner + rest;
  };
}

void try_layouts(Finder& finder, const RowTable& table) {
  const bool state = table.has(Axis::key_channel) && table.has(Axis::value_channel);
  if (state) {
    const index_t Dk = table.size_of(Axis::key_channel), Dv = table.size_of(Axis::value_channel);
    if (Dk > 1 && Dv > 1) {
      finder.try_map("transposed",
                     Dk == Dv ? "the state is transposed: [V,K] for [K,V]" : "the state's memory is ordered [V,K] and was read as [K,V]",
                     reread(Dk, Dv, 1, true));
    }
    if (Dk > 1 && Dv > 1 && Dk != Dv)
      finder.try_map("transposed-reversed", "a [K,V] state was read as [V,K] and stored so", reread(Dk, Dv, 1, false));
  }
  if (table.has(Axis::time) && table.has(table.head_axis())) {
    const index_t T = table.size_of(Axis::time), H = table.size_of(table.head_axis()), inner = table.stride_of(table.head_axis());
    if (T < 2 || H < 2) return;
    finder.try_map("layout-bhtd", "memory ordered [B,H,T,...] was read as [B,T,H,...]", reread(T, H, inner, true));
    if (T != H)
      finder.try_map("layout-bthd", "memory ordered [B,T,H,...] was read as [B,H,T,...], then transposed", reread(T, H, inner, false));
  }
}

}  // namespace

std::vector<index_t> rows_to_look_at(const RowTable& table, const ErrorMap& map) {
  const index_t enough = std::max<index_t>(64, 2'000'000 / std::max<index_t>(table.width, 1));
  const index_t step = 1 + map.bad_rows / enough;
  std::vector<index_t> rows;
  index_t seen = 0;
  for (index_t r = 0; r < table.count(); ++r)
    if (map.row_bad[static_cast<std::size_t>(r)] && seen++ % step == 0) rows.push_back(r);
  return rows;
}

Explained explain(const RowTable& table, const std::vector<index_t>& rows, const std::function<index_t(index_t)>& source) {
  double before = 0, after = 0, all = 0;
  index_t elements = 0;
  for (index_t r : rows) {
    const double weight = 1.0 / table.row[static_cast<std::size_t>(r)].sigma2;
    for (index_t c = 0; c < table.width; ++c) {
      const index_t f = r * table.width + c;
      if (!table.counts(f)) continue;
      const double d = table.difference(f);
      all += weight * d * d;
      const index_t from = source(f);
      if (from < 0 || !std::isfinite(table.tensor.truth[from])) continue;
      const double e = table.tensor.candidate[f] - table.tensor.truth[from];
      before += weight * d * d;
      after += weight * e * e;
      ++elements;
    }
  }
  if (!(before > 0) || elements < 8) return {};
  return {1.0 - after / before, before / all};
}

std::vector<Finding> find_permutations(const RowTable& table, const ErrorMap& map) {
  if (map.bad_rows == 0) return {};
  Finder finder(table, map);
  if (table.has(Axis::time)) try_time(finder, table);
  try_layouts(finder, table);
  for (const Axis axis : table.tensor.axes)
    if (axis != Axis::time) finder.add(match_slices(table, finder.rows(), axis));
  return finder.result();
}

}  // namespace fw::verify::detail
