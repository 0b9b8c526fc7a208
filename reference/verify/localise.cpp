// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "verify/localise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "verify/localise_rows.h"

namespace fw::verify {
namespace {

using detail::ErrorMap;
using detail::RowError;
using detail::RowPlace;
using detail::RowTable;

void append(std::vector<Finding>& to, std::vector<Finding> more) {
  for (Finding& f : more) to.push_back(std::move(f));
}

index_t first_nonfinite(const RowTable& table, index_t r) {
  for (index_t c = 0; c < table.width; ++c)
    if (table.nonfinite(r * table.width + c)) return c;
  return 0;
}

index_t worst_channel(const RowTable& table, index_t r) {
  const RowError& e = table.row[static_cast<std::size_t>(r)];
  return e.nonfinite ? first_nonfinite(table, r) : e.worst;
}

/// Order of "first": sequence, then token, then the order in memory.
bool earlier(const RowPlace& a, const RowPlace& b) { return a.sequence != b.sequence ? a.sequence < b.sequence : a.token < b.token; }

NonFinite count_nonfinite(const RowTable& table) {
  NonFinite out;
  index_t first = -1, last = -1;
  for (index_t r = 0; r < table.count(); ++r) {
    for (index_t c = 0; c < table.width; ++c) {
      const index_t f = r * table.width + c;
      out.in_truth += !std::isfinite(table.tensor.truth[f]);
      if (!table.nonfinite(f)) continue;
      out.nan += std::isnan(table.tensor.candidate[f]);
      out.infinite += std::isinf(table.tensor.candidate[f]);
    }
    const RowError& e = table.row[static_cast<std::size_t>(r)];
    if (e.nonfinite == 0) continue;
    ++out.rows;
    out.whole_rows += e.nonfinite == table.width;
    const RowPlace& here = table.place[static_cast<std::size_t>(r)];
    if (first < 0 || earlier(here, table.place[static_cast<std::size_t>(first)])) first = r;
    if (last < 0 || !earlier(here, table.place[static_cast<std::size_t>(last)])) last = r;
  }
  if (first >= 0) out.first = table.describe(first, first_nonfinite(table, first));
  if (last >= 0) out.last = table.describe(last, first_nonfinite(table, last));
  return out;
}

void find_places(const RowTable& table, const ErrorMap& errors, const ErrorMap& nonfinite, Localisation& out) {
  std::set<index_t> heads, sequences, batches, keys;
  index_t first = -1, worst = -1;
  double worst_error = -1;
  out.rows_total = table.count();
  if (table.has(Axis::time)) out.first_bad_token.assign(table.geo.sequences.size(), -1);
  for (index_t r = 0; r < table.count(); ++r) {
    const auto i = static_cast<std::size_t>(r);
    if (!errors.row_bad[i] && !nonfinite.row_bad[i]) continue;
    const RowPlace& p = table.place[i];
    ++out.rows_bad;
    if (p.head >= 0) heads.insert(p.head);
    if (p.sequence >= 0) sequences.insert(p.sequence);
    if (p.batch >= 0) batches.insert(p.batch);
    if (p.key_channel >= 0) keys.insert(p.key_channel);
    if (p.token >= 0) {
      index_t& at = out.first_bad_token[static_cast<std::size_t>(p.sequence)];
      at = at < 0 ? p.token : std::min(at, p.token);
    }
    if (first < 0 || earlier(p, table.place[static_cast<std::size_t>(first)])) first = r;
    const double here = table.relative_error(r);
    if (here > worst_error) {
      worst_error = here;
      worst = r;
    }
  }
  if (first >= 0) {
    out.first = table.describe(first, worst_channel(table, first));
    out.worst = table.describe(worst, worst_channel(table, worst));
  }
  out.bad_heads.assign(heads.begin(), heads.end());
  out.bad_sequences.assign(sequences.begin(), sequences.end());
  out.bad_batches.assign(batches.begin(), batches.end());
  out.bad_key_channels.assign(keys.begin(), keys.end());
  if (!table.has_channels) return;
  for (index_t c = 0; c < table.width; ++c)
    if (errors.channel_bad[static_cast<std::size_t>(c)] || nonfinite.channel_bad[static_cast<std::size_t>(c)])
      out.bad_channels.push_back(c);
}

using Align = std::vector<Finding> (*)(const RowTable&, const ErrorMap&);

/// What the weaker errors hide, the strong ones may show.
std::vector<Finding> aligned(Align align, const RowTable& table, const ErrorMap& errors, const ErrorMap& strong) {
  std::vector<Finding> found = align(table, errors);
  if (!found.empty() || strong.bad_rows == 0 || 2 * strong.bad_rows > errors.bad_rows) return found;
  double all = 0, held = 0;
  for (double w : errors.row) all += w;
  for (double w : strong.row) held += w;
  if (held < 0.95 * all) return {};
  found = align(table, strong);
  for (Finding& f : found) f.text += " (much weaker errors lie elsewhere)";
  return found;
}

bool drifts(const std::string& shape) {
  return shape == "linear" || shape == "power" || shape == "exponential" || shape == "fading" || shape == "backward-linear";
}

}  // namespace

Localisation localise(const TensorUnderTest& tensor, const Geometry& geometry, double relative_noise) {
  const RowTable table(tensor, geometry, relative_noise);
  const ErrorMap errors = detail::finite_errors(table, 1.0), nonfinite = detail::nonfinite_errors(table);
  Localisation out;
  out.error_over_noise = table.error_over_noise;
  out.nonfinite = count_nonfinite(table);
  find_places(table, errors, nonfinite, out);
  out.profile = detail::time_profile(table, errors);
  out.time_profile = out.profile.text;

  append(out.findings, detail::find_values(table, errors));
  append(out.findings, detail::find_permutations(table, errors));
  std::stable_sort(out.findings.begin(), out.findings.end(), [](const Finding& a, const Finding& b) { return a.share > b.share + 0.01; });
  const ErrorMap strong = detail::finite_errors(table, detail::strong_bar(table, errors));
  std::vector<Finding> classes;
  if (drifts(out.profile.shape)) {
    // where a drift leaves the noise is no class of its own
    for (Finding& f : detail::align_time(table, errors))
      if (f.kind != "time-range") classes.push_back(std::move(f));
  } else {
    classes = aligned(detail::align_time, table, errors, strong);
  }
  append(classes, aligned(detail::align_channels, table, errors, strong));
  append(classes, aligned(detail::align_heads, table, errors, strong));
  append(classes, aligned(detail::align_sequences, table, errors, strong));
  for (const Align align : {detail::align_time, detail::align_channels, detail::align_heads, detail::align_sequences})
    append(classes, align(table, nonfinite));
  std::stable_sort(classes.begin(), classes.end(), [](const Finding& a, const Finding& b) { return a.lift > b.lift; });
  append(out.findings, std::move(classes));
  if (100 * out.rows_bad <= out.rows_total && out.findings.empty() && out.error_over_noise > 1.5) {
    out.findings.push_back(
        {"noise-level", fmt::format("no place stands out: the error is {:.2g}x the yardstick's and spread like it", out.error_over_noise),
         1.0, 1.0});
  }
  return out;
}

}  // namespace fw::verify
