// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/breakpoints.h"

#include "viz/model/fact_language.h"
#include "viz/model/view_model.h"

namespace fw::viz {
namespace {

/// NaN (before the first write, a thinned-out recall) is below nothing.
bool below(const Run& run, int fact, int t, double limit) {
  if (t < 1 || t % run.recall_stride() != 0) return false;
  const Intent* intent = run.timeline().facts[static_cast<std::size_t>(fact)].at(t);
  const Vec& cosine = run.recall(fact).cosine;
  const auto at = static_cast<std::size_t>(t / run.recall_stride() - 1);
  return intent != nullptr && !intent->deleted && at < cosine.size() && cosine[at] < limit;
}

}  // namespace

std::string reason_to_stop(const Breakpoints& points, const ViewModel& view, int t) {
  const Run& run = view.a();
  if (t < 1) return {};
  if (points.recall_below && t <= run.length())
    for (int f = 0; f < static_cast<int>(run.timeline().facts.size()); ++f) {
      const std::string& key = run.timeline().facts[static_cast<std::size_t>(f)].key;
      if (!points.fact.empty() && points.fact != key) continue;
      const int before = t - run.recall_stride();
      if (below(run, f, t, *points.recall_below) && !below(run, f, before, *points.recall_below))
        return "recall of " + key + " fell below " + shortest(*points.recall_below) + " at token " + std::to_string(t);
    }
  const auto above = [&](const Vec& series, int at, double limit) {
    return at >= 0 && at < static_cast<int>(series.size()) && series[static_cast<std::size_t>(at)] > limit;
  };
  if (points.erase_above && above(run.series().erase, t - 1, *points.erase_above) && !above(run.series().erase, t - 2, *points.erase_above))
    return "|erase| above " + shortest(*points.erase_above) + " at token " + std::to_string(t);
  if (points.apart_above && above(view.divergence(), t, *points.apart_above) && !above(view.divergence(), t - 1, *points.apart_above))
    return "A and B more than " + shortest(*points.apart_above) + " apart at token " + std::to_string(t);
  return {};
}

std::string text_of(const Breakpoints& points) {
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (points.recall_below)
    add("recall of " + (points.fact.empty() ? "any fact" : points.fact) + " below " + shortest(*points.recall_below));
  if (points.erase_above) add("|erase| above " + shortest(*points.erase_above));
  if (points.apart_above) add("A and B more than " + shortest(*points.apart_above) + " apart");
  return out.empty() ? "none" : out;
}

}  // namespace fw::viz
