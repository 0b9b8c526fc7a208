// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/frame.h"

#include <algorithm>

namespace fw::viz {
namespace {

/// Before the first token and after the last: a step that does nothing to S.
Step no_step(const Run& run, const Grid& S) {
  const Timeline& line = run.timeline();
  Step s;
  s.before = s.decayed = s.after = S;
  s.b = s.q = s.k = s.e = Vec(static_cast<std::size_t>(line.dk), 0.0);
  s.alpha = Vec(static_cast<std::size_t>(line.dk), 1.0);
  s.w = s.v = s.r = s.z = s.delta = s.o = Vec(static_cast<std::size_t>(line.dv), 0.0);
  return s;
}

Grid at_phase(const Step& step, const Split& split, Phase phase) {
  if (step.surgery || phase == Phase::write) return step.after;
  Grid S = step.decayed;
  if (phase == Phase::erase)
    for (std::size_t i = 0; i < S.a.size(); ++i) S.a[i] += split.erase.a[i];
  return S;
}

}  // namespace

Side side_at(const Run& run, int at, Phase phase, const Vec* query, Survivors* survivors) {
  const Timeline& line = run.timeline();
  const int t = std::clamp(at, 0, run.length());
  Side out;
  out.idle = at <= 0 || at > run.length();
  out.step = out.idle ? no_step(run, run.state(t)) : run.step(t);
  out.split = split_of(out.step);
  out.shown = at_phase(out.step, out.split, t == at ? phase : Phase::write);
  out.gates = out.idle ? Gates{out.step.b, out.step.w, Vec(out.step.alpha.size(), 0.0)} : run.gates(t);
  out.erase = erase_gauge(out.step.k, out.step.e);
  out.growth = transition_growth(out.step);
  out.collapse = collapse_gauge(out.gates);
  out.spectrum = spectrum_of(out.step.after);
  const std::vector<Origin> origins = survivors != nullptr ? survivors->origins(t) : std::vector<Origin>();
  for (int f = 0; f < static_cast<int>(line.facts.size()); ++f) {
    const Fact& fact = line.facts[static_cast<std::size_t>(f)];
    Association row;
    row.fact = f;
    row.intent = fact.at(t);
    row.impact = impact_on(out.step, out.split, fact.k);
    if (row.intent != nullptr) {
      const Origin origin = survivors != nullptr ? origins[static_cast<std::size_t>(f)] : origin_of(run, t, f);
      const double whole = norm(row.intent->value);
      row.recall = recall_of(origin.answer, row.intent->value);
      row.signal = norm(origin.signal) / whole;
      row.crosstalk = norm(origin.crosstalk) / whole;
      row.retained = origin.retained;
    }
    out.associations.push_back(row);
  }
  const Vec& q = query != nullptr ? *query : out.step.q;
  out.query = transposed_times(out.step.after, q);
  const double length = norm(out.query);
  for (int c = 0; c < static_cast<int>(line.codebook.size()); ++c)
    out.answers.push_back({c, length == 0.0 ? 0.0 : cosine(out.query, line.codebook[static_cast<std::size_t>(c)].value)});
  std::stable_sort(out.answers.begin(), out.answers.end(), [](const Answer& x, const Answer& y) { return x.cosine > y.cosine; });
  return out;
}

std::string query_text(const Run& run, int t, int query) {
  if (query >= 0 && query < static_cast<int>(run.timeline().facts.size()))
    return "key(" + run.timeline().facts[static_cast<std::size_t>(query)].key + ")";
  return t == 0 ? "nothing yet" : "q of token " + std::to_string(std::min(t, run.length()));
}

}  // namespace fw::viz
