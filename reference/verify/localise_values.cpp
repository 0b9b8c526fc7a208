// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Right shape, wrong size: the wrong elements are all zero, all one number, or the truth times or plus a constant.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "verify/localise_rows.h"

namespace fw::verify::detail {
namespace {

constexpr double kExplained = 0.9;
constexpr index_t kFewest = 8;  // elements for a constant without a name

struct Constant {
  double value;
  std::string name;
};

/// The first name that fits within `tolerance`; "" if none.
std::string name_of(double c, double tolerance, const Geometry& geo) {
  const double dk = static_cast<double>(geo.Dk), dv = static_cast<double>(geo.Dv), group = static_cast<double>(geo.group);
  const double ln2 = std::log(2.0);
  std::vector<Constant> known = {{0.5, "1/2"}, {2.0, "2"},     {-1.0, "-1, the sign"},         {-0.5, "-1/2"},
                                 {-2.0, "-2"}, {ln2, "ln 2"},  {1.0 / ln2, "1/ln 2 = log2 e"}, {0.25, "1/4"},
                                 {4.0, "4"},   {-ln2, "-ln 2"}};
  if (geo.Dk > 1) {
    known.push_back({std::sqrt(dk), "sqrt(Dk)"});
    known.push_back({1.0 / std::sqrt(dk), "1/sqrt(Dk)"});
    known.push_back({dk, "Dk"});
    known.push_back({1.0 / dk, "1/Dk"});
  }
  if (geo.Dv > 1 && geo.Dv != geo.Dk) {
    known.push_back({std::sqrt(dv), "sqrt(Dv)"});
    known.push_back({1.0 / std::sqrt(dv), "1/sqrt(Dv)"});
  }
  if (geo.group > 1) {
    known.push_back({group, "HV/H"});
    known.push_back({1.0 / group, "H/HV"});
  }
  if (geo.scale != 0.0 && geo.scale != 1.0) {
    known.push_back({geo.scale, "the scale"});
    known.push_back({1.0 / geo.scale, "1/scale"});
  }
  std::string names;
  for (const Constant& k : known)
    if (std::abs(c / k.value - 1.0) <= tolerance) names += (names.empty() ? "" : " or ") + k.name;
  return names;
}

/// Weighted sums over a set of elements: candidate y, truth x, their difference, the yardstick's noise.
struct Sums {
  double w = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0, error = 0, noise = 0;
  index_t n = 0, zeros = 0, same = 0;
  bool have_first = false;
  double first = 0;
};

Sums sum(const RowTable& table, const ErrorMap* only) {
  Sums s;
  for (index_t r = 0; r < table.count(); ++r) {
    if (only && !only->row_bad[static_cast<std::size_t>(r)]) continue;
    const RowError& e = table.row[static_cast<std::size_t>(r)];
    const double w = 1.0 / e.sigma2;
    for (index_t c = 0; c < table.width; ++c) {
      const index_t f = r * table.width + c;
      if (!table.counts(f) || (only && !only->channel_bad[static_cast<std::size_t>(c)])) continue;
      const double x = table.tensor.truth[f], y = table.tensor.candidate[f];
      if (!s.have_first) {
        s.have_first = true;
        s.first = y;
      }
      ++s.n;
      s.zeros += y == 0.0;
      s.same += y == s.first;
      s.w += w;
      s.x += w * x;
      s.y += w * y;
      s.xx += w * x * x;
      s.xy += w * x * y;
      s.yy += w * y * y;
      s.error += w * (y - x) * (y - x);
      s.noise += w * e.noise;
    }
  }
  return s;
}

/// A factor or an offset, if it removes nearly all of the error beyond noise.
std::vector<Finding> fit(const Sums& s, const std::string& where, const Geometry& geo) {
  const double excess = s.error - s.noise;
  if (!(s.xx > 0) || s.n < 2 || !(excess > s.noise)) return {};
  std::vector<Finding> out;
  const double c = s.xy / s.xx;
  const double left = std::max(s.yy - c * s.xy, 0.0);
  const double share = std::min((s.error - left) / excess, 1.0);
  const double uncertainty = std::sqrt(left / static_cast<double>(s.n) / s.xx);
  const std::string name = name_of(c, std::min(0.01 + 3.0 * uncertainty / std::abs(c), 0.03), geo);
  if (share >= kExplained && (!name.empty() || s.n >= kFewest)) {
    const std::string text =
        name.empty() ? fmt::format("candidate = {:.4g} x truth", c) : fmt::format("candidate = {:.4g} x truth ({})", c, name);
    out.push_back({c < 0.0 && std::abs(c + 1.0) < 0.02 ? "sign" : "factor",
                   fmt::format("{}{}: explains {:.1f} % of the error", text, where, 100.0 * share), share, 1.0});
  }
  const double offset = (s.y - s.x) / s.w;
  const double offset_share = std::min(offset * offset * s.w / excess, 1.0);
  if (offset_share >= kExplained && offset_share > share && s.n >= kFewest)
    out.push_back({"offset",
                   fmt::format("candidate = truth + {:.4g}{}: explains {:.1f} % of the error", offset, where, 100.0 * offset_share),
                   offset_share, 1.0});
  return out;
}

}  // namespace

std::vector<Finding> find_values(const RowTable& table, const ErrorMap& map) {
  const bool everywhere = map.bad_rows >= table.count();
  if (map.bad_rows > 0) {
    const Sums s = sum(table, &map);
    if (s.n == 0) return {};
    const bool all_channels = std::find(map.channel_bad.begin(), map.channel_bad.end(), 0) == map.channel_bad.end();
    const std::string where = everywhere && all_channels ? "" : " where it is wrong";
    const double n = static_cast<double>(s.n);
    if (static_cast<double>(s.zeros) >= 0.999 * n) return {{"zero", "candidate is zero" + where, static_cast<double>(s.zeros) / n, 1.0}};
    if (s.n >= kFewest && static_cast<double>(s.same) >= 0.99 * n)
      return {{"fill", fmt::format("candidate is {:.6g} throughout{}: a fill value, never written", s.first, where),
               static_cast<double>(s.same) / n, 1.0}};
    std::vector<Finding> found = fit(s, where, table.geo);
    if (!found.empty()) return found;
  }
  // an error too small to lift single rows out of the noise can still be one constant
  return everywhere ? std::vector<Finding>{} : fit(sum(table, nullptr), "", table.geo);
}

}  // namespace fw::verify::detail
