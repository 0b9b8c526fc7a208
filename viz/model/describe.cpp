// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace fw::viz {
namespace {

using Out = std::back_insert_iterator<std::string>;

void describe_side(Out out, const char* letter, const Run& run, const Side& side, const Ranks& ranks, FactOrder order, int t) {
  const Timeline& line = run.timeline();
  fmt::format_to(out, "\n## {}: {}\n\n", letter, short_name(run.head()));
  if (t > run.length()) fmt::format_to(out, "This run ends at token {}; shown as it ended.\n\n", run.length());
  const Split& s = side.split;
  fmt::format_to(out, "- step: |decay| {:.4f}, |erase| {:.4f}, |write| {:.4f}{}, |change| {:.4f}, |S| {:.4f}\n", norm(s.decay),
                 norm(s.erase), norm(s.write), side.step.surgery ? fmt::format(", |by hand| {:.4f}", norm(s.surgery)) : "", norm(s.total),
                 norm(side.step.after));
  const CollapseGauge& c = side.collapse;
  fmt::format_to(out, "- gates (mean, sd over channels): erase b {:.4f} {:.4f}, write w {:.4f} {:.4f}, decay alpha {:.4f} {:.4f}\n",
                 c.mean_b, c.sd_b, c.mean_w, c.sd_w, c.mean_alpha, c.sd_alpha);
  fmt::format_to(out, "- erase: beta_eff {:.4f}, |e_perp| {:.4f}, sigma_max {:.4f}; whole transition {:.4f}\n", side.erase.beta,
                 side.erase.oblique, side.erase.sigma_max, side.growth);
  fmt::format_to(out, "- distance from KDA {:.4f}, GDN {:.4f}, DeltaNet {:.4f}\n", c.kda, c.gdn, c.delta);
  fmt::format_to(out, "- spectrum: effective rank {:.3f}, stable rank {:.3f}, sigma_1 {:.4f}\n", side.spectrum.effective_rank,
                 side.spectrum.stable_rank, side.spectrum.sigma.empty() ? 0.0 : side.spectrum.sigma[0]);
  const auto [least, most] = std::minmax_element(ranks.effective().begin(), ranks.effective().end());
  if (ranks.done() && ranks.points() > 1)
    fmt::format_to(out, "- effective rank over time: {:.3f} after token {}, least {:.3f} at {}, most {:.3f} at {}\n",
                   ranks.effective().back(), ranks.points() * ranks.stride(), *least,
                   (least - ranks.effective().begin() + 1) * ranks.stride(), *most,
                   (most - ranks.effective().begin() + 1) * ranks.stride());
  std::string answers;
  for (std::size_t i = 0; i < side.answers.size() && i < 3; ++i)
    answers += fmt::format("{}{} {:+.4f}", i ? ", " : "", line.codebook[static_cast<std::size_t>(side.answers[i].codeword)].text,
                           side.answers[i].cosine);
  if (!answers.empty()) fmt::format_to(out, "- answer: {}; |S^T q| {:.4f}\n", answers, norm(side.query));
  bool heading = false;
  for (const int n : fact_order(side, order)) {
    const Association& row = side.associations[static_cast<std::size_t>(n)];
    if (row.intent == nullptr) continue;
    if (!heading)
      fmt::format_to(
          out, "\n| fact | cosine | norm ratio | signal | crosstalk | retained | impact of this step |\n|---|---|---|---|---|---|---|\n");
    heading = true;
    fmt::format_to(out, "| {} = {}{} | {:.4f} | {:.4f} | {:.4f} | {:.4f} | {:.4f} | {:.4f} |\n",
                   line.facts[static_cast<std::size_t>(row.fact)].key, row.intent->text, row.intent->deleted ? " (deleted)" : "",
                   row.recall.cosine, row.recall.norm_ratio, row.signal, row.crosstalk, row.retained, row.impact.total);
  }
}

void rows(std::string& out, const char* head, const char* quantity, const Vec& values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{},{},{},,{}\n", i + 1, head, quantity, shortest(values[i]));
}

void csv_of_run(std::string& out, const char* head, const Run& run) {
  const Series& s = run.series();
  rows(out, head, "state_norm", s.state);
  rows(out, head, "decay_norm", s.decay);
  rows(out, head, "erase_norm", s.erase);
  rows(out, head, "write_norm", s.write);
  rows(out, head, "change_norm", s.total);
  rows(out, head, "beta_eff", s.beta);
  rows(out, head, "erase_sigma_max", s.growth);
  rows(out, head, "distance_from_kda", s.kda);
  rows(out, head, "distance_from_gdn", s.gdn);
  rows(out, head, "distance_from_deltanet", s.delta);
  for (int f = 0; f < static_cast<int>(run.timeline().facts.size()); ++f) {
    const Recall& r = run.recall(f);
    const std::string& key = run.timeline().facts[static_cast<std::size_t>(f)].key;
    for (std::size_t i = 0; i < r.cosine.size(); ++i) {
      const int t = (static_cast<int>(i) + 1) * run.recall_stride();
      if (run.timeline().facts[static_cast<std::size_t>(f)].at(t) == nullptr) continue;
      fmt::format_to(std::back_inserter(out),
                     "{0},{1},recall_cosine,{2},{3}\n{0},{1},recall_norm,{2},{4}\n{0},{1},recall_residual,{2},{5}\n", t, head, key,
                     shortest(r.cosine[i]), shortest(r.norm_ratio[i]), shortest(r.residual[i]));
    }
  }
}

}  // namespace

namespace {

std::string model_text(const ViewModel& view) {
  const ModelSource& m = *view.document().model;
  const Stack stack = view.stack();
  std::string text = fmt::format("checkpoint {}, layer {}, head {}", m.path, stack.layer, stack.head);
  if (!m.prompt) return text + fmt::format(", sequence {} of its task", m.example);
  return text + fmt::format(", {} of the tokens drawn at temperature {}", m.drawn, shortest(m.temperature));
}

/// What the model says after the token shown.
void describe_forecast(Out out, const ViewModel& view, const char* letter, const Forecast* next) {
  if (next == nullptr) return;
  fmt::format_to(out, "\nNext token, {}:", letter);
  for (std::size_t n = 0; n < next->best.size() && n < 5; ++n)
    fmt::format_to(out, "{} {} {:.4f}", n ? "," : "", view.word(next->best[n].token), next->best[n].probability);
  if (next->target >= 0)
    fmt::format_to(out, "; {}: the answer is {} ({:.4f})", next->target == next->best[0].token ? "right" : "wrong", view.word(next->target),
                   next->right.probability);
  fmt::format_to(out, "; entropy {:.4f} nats.\n", next->entropy);
}

/// How it is looked at, where that is not as at the start.
void describe_view(Out out, ViewModel& view) {
  if (view.options.zoom.any()) fmt::format_to(out, "\nShown: {}.\n", text_of(view.options.zoom));
  if (view.breakpoints.any()) fmt::format_to(out, "\nPlaying stops at: {}.\n", text_of(view.breakpoints));
  if (const auto& rows = view.key_rows(); !rows.empty()) {
    fmt::format_to(out, "\nKey channels by {}:", view.options.rows == RowOrder::norm ? "norm" : "decay");
    for (std::size_t i = 0; i < rows.size() && i < 16; ++i) fmt::format_to(out, " {}", rows[i]);
    fmt::format_to(out, "{}.\n", rows.size() > 16 ? " ..." : "");
  }
}

}  // namespace

std::string describe(ViewModel& view) {
  std::string text;
  const Out out(text);
  const Timeline& line = view.a().timeline();
  const int t = view.transport.t();
  const Document& d = view.document();
  const std::string source = d.model   ? model_text(view)
                             : d.trace ? fmt::format("trace {}, sequence {}, head {}", d.trace->path, d.trace->sequence, d.trace->head)
                                       : fmt::format("seed {}", d.settings.seed);
  fmt::format_to(out, "# t = {} of {}{}\n\n", t, view.length(),
                 t == 0 || view.transport.phase() == Phase::write ? "" : fmt::format(", phase {}", name_of(view.transport.phase())));
  if (t == 0)
    fmt::format_to(out, "Before the first token.");
  else if (t <= line.length())
    fmt::format_to(out, "Token: {}.", line.entries[static_cast<std::size_t>(t - 1)].label);
  fmt::format_to(out, " State {} x {} (key x value channels), {}. Query: {}.\n", line.dk, line.dv, source,
                 query_text(view.a(), t, view.tracked_fact()));
  describe_forecast(out, view, "A", view.forecast_a());
  describe_forecast(out, view, "B, all layers run again with its gates", view.forecast_b());
  view.measure_ranks(kRankWork);
  describe_side(out, "A", view.a(), view.side_a(), view.ranks_a(), view.options.facts, t);
  if (const Side* b = view.side_b()) {
    describe_side(out, "B", *view.b(), *b, *view.ranks_b(), view.options.facts, t);
    if (t < static_cast<int>(view.divergence().size()))
      fmt::format_to(out, "\n|S_A - S_B| / |S_A| = {:.4f}", view.divergence()[static_cast<std::size_t>(t)]);
    const int first = view.first_divergence();
    fmt::format_to(out, "{}\n",
                   first < 0 ? "; A and B never differ by more than 1e-3." : fmt::format("; first above 1e-3 at t = {}.", first));
  }
  const Interference keys = interference_of(key_cosines(line));
  if (keys.i >= 0)
    fmt::format_to(out, "\nKeys: mean |cos| {:.4f}, largest {:.4f} ({} and {}).\n", keys.mean, keys.most,
                   line.facts[static_cast<std::size_t>(keys.i)].key, line.facts[static_cast<std::size_t>(keys.j)].key);
  describe_view(out, view);
  return text;
}

std::string csv_of(const ViewModel& view) {
  std::string out = "t,head,quantity,item,value\n";
  csv_of_run(out, "A", view.a());
  if (view.b()) csv_of_run(out, "B", *view.b());
  for (std::size_t t = 0; t < view.divergence().size(); ++t)
    fmt::format_to(std::back_inserter(out), "{},A-B,relative_difference,,{}\n", t, shortest(view.divergence()[t]));
  return out;
}

}  // namespace fw::viz
