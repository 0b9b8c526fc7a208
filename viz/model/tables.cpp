// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/tables.h"

#include <cmath>
#include <initializer_list>
#include <utility>

#include "core/error.h"

namespace fw::viz {
namespace {

/// A field of a CSV file; names come from users and may hold anything.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

class Table {
 public:
  /// layer: of a model; empty for typed facts.
  Table(int t, std::string layer) : t_(t), layer_(std::move(layer)) {}
  void head(const char* letter) { head_ = letter; }
  void row(int t, const char* quantity, const std::string& row, const std::string& column, double value) {
    if (!std::isfinite(value)) return;
    text_ += std::to_string(t) + "," + layer_ + "," + head_ + "," + quantity + "," + field(row) + "," + field(column) + "," +
             shortest(value) + "\n";
  }
  void now(const char* quantity, const std::string& r, const std::string& c, double value) { row(t_, quantity, r, c, value); }
  void now(const char* quantity, double value) { row(t_, quantity, "", "", value); }
  void grid(const char* quantity, const Grid& g) {
    for (int i = 0; i < g.rows; ++i)
      for (int j = 0; j < g.cols; ++j) now(quantity, std::to_string(i), std::to_string(j), g(i, j));
  }
  void vec(const char* quantity, const Vec& x) {
    for (std::size_t i = 0; i < x.size(); ++i) now(quantity, std::to_string(i), "", x[i]);
  }
  std::string take() { return std::move(text_); }

 private:
  int t_;
  std::string layer_, head_ = "A", text_ = "t,layer,head,quantity,row,column,value\n";
};

using Fill = void (*)(Table&, const Run&, const Side&);

void memory(Table& out, const Run&, const Side& side) { out.grid("S", side.shown); }

void step(Table& out, const Run&, const Side& side) {
  out.grid("decay", side.split.decay);
  out.grid("erase", side.split.erase);
  out.grid("write", side.split.write);
  if (side.step.surgery) out.grid("by_hand", side.split.surgery);
  out.grid("change", side.split.total);
  for (const auto& [name, vec] : std::initializer_list<std::pair<const char*, const Vec*>>{{"k", &side.step.k},
                                                                                           {"q", &side.step.q},
                                                                                           {"e", &side.step.e},
                                                                                           {"r", &side.step.r},
                                                                                           {"z", &side.step.z},
                                                                                           {"v", &side.step.v},
                                                                                           {"o", &side.step.o}})
    out.vec(name, *vec);
}

void gates(Table& out, const Run& run, const Side&) {
  for (int t = 1; t <= run.length(); ++t) {
    if (run.timeline().entries[static_cast<std::size_t>(t - 1)].kind == EntryKind::surgery) continue;
    const Gates& g = run.gates(t);
    for (std::size_t i = 0; i < g.b.size(); ++i) {
      out.row(t, "b", std::to_string(i), "", g.b[i]);
      out.row(t, "alpha", std::to_string(i), "", std::exp(g.g[i]));
      if (g.g[i] < 0) out.row(t, "half_life", std::to_string(i), "", std::log(0.5) / g.g[i]);
    }
    for (std::size_t j = 0; j < g.w.size(); ++j) out.row(t, "w", "", std::to_string(j), g.w[j]);
  }
}

void associations(Table& out, const Run& run, const Side& side) {
  for (const Association& a : side.associations) {
    if (a.intent == nullptr) continue;
    const std::string& key = run.timeline().facts[static_cast<std::size_t>(a.fact)].key;
    const std::string value = a.intent->text + (a.intent->deleted ? " (deleted)" : "");
    for (const auto& [name, x] : std::initializer_list<std::pair<const char*, double>>{{"cosine", a.recall.cosine},
                                                                                       {"norm", a.recall.norm_ratio},
                                                                                       {"residual", a.recall.residual},
                                                                                       {"signal", a.signal},
                                                                                       {"crosstalk", a.crosstalk},
                                                                                       {"retained", a.retained}})
      out.now(name, key, value, x);
  }
}

void recall(Table& out, const Run& run, const Side&) {
  for (int f = 0; f < static_cast<int>(run.timeline().facts.size()); ++f) {
    const Recall& r = run.recall(f);
    const std::string& key = run.timeline().facts[static_cast<std::size_t>(f)].key;
    for (std::size_t i = 0; i < r.cosine.size(); ++i) {
      const int t = (static_cast<int>(i) + 1) * run.recall_stride();
      out.row(t, "cosine", key, "", r.cosine[i]);
      out.row(t, "norm", key, "", r.norm_ratio[i]);
      out.row(t, "residual", key, "", r.residual[i]);
    }
  }
}

void impact(Table& out, const Run& run, const Side& side) {
  for (const Association& a : side.associations) {
    const std::string& key = run.timeline().facts[static_cast<std::size_t>(a.fact)].key;
    out.now("impact_edit", key, "", a.impact.edit);
    out.now("impact_decay", key, "", a.impact.decay);
    out.now("impact_total", key, "", a.impact.total);
  }
}

void readout(Table& out, const Run& run, const Side& side) {
  for (const Answer& a : side.answers) out.now("cosine", run.timeline().codebook[static_cast<std::size_t>(a.codeword)].text, "", a.cosine);
  out.vec("answer", side.query);
}

void spectrum(Table& out, const Run&, const Side& side) {
  out.vec("sigma", side.spectrum.sigma);
  out.now("effective_rank", side.spectrum.effective_rank);
  out.now("stable_rank", side.spectrum.stable_rank);
}

/// Over time, as far as it is known.
void ranks(Table& out, const Ranks& of) {
  for (int n = 0; n < of.points(); ++n) {
    out.row((n + 1) * of.stride(), "effective_rank_at", "", "", of.effective()[static_cast<std::size_t>(n)]);
    out.row((n + 1) * of.stride(), "stable_rank_at", "", "", of.stable()[static_cast<std::size_t>(n)]);
  }
}

void gauges(Table& out, const Run&, const Side& side) {
  out.now("beta_eff", side.erase.beta);
  out.now("oblique", side.erase.oblique);
  out.now("erase_sigma_max", side.erase.sigma_max);
  out.now("step_sigma_max", side.growth);
  out.now("state_norm", norm(side.step.after));
  out.now("distance_from_kda", side.collapse.kda);
  out.now("distance_from_gdn", side.collapse.gdn);
  out.now("distance_from_deltanet", side.collapse.delta);
}

void ribbon(Table& out, const Run& run, const Side&) {
  const Series& s = run.series();
  for (int t = 1; t <= run.length(); ++t) {
    const auto i = static_cast<std::size_t>(t - 1);
    const std::string& label = run.timeline().entries[i].label;
    out.row(t, "decay_norm", label, "", s.decay[i]);
    out.row(t, "erase_norm", label, "", s.erase[i]);
    out.row(t, "write_norm", label, "", s.write[i]);
    out.row(t, "state_norm", label, "", s.state[i]);
  }
}

struct Named {
  const char* panel;
  Fill fill;
};
constexpr Named kTables[] = {
    {"ribbon", ribbon}, {"memory", memory}, {"step", step},       {"gates", gates},       {"associations", associations},
    {"recall", recall}, {"impact", impact}, {"readout", readout}, {"spectrum", spectrum}, {"gauges", gauges}};
/// A's alone: the token x token pictures, and the keys, which both share.
constexpr const char* kSquares[] = {"attention", "retention", "interference"};

void squares(Table& out, ViewModel& view, std::string_view panel) {
  if (panel == "interference") {
    const Timeline& line = view.a().timeline();
    const Grid cosines = key_cosines(line);
    for (int i = 0; i < cosines.rows; ++i)
      for (int j = 0; j < cosines.cols; ++j)
        out.now("key_cosine", line.facts[static_cast<std::size_t>(i)].key, line.facts[static_cast<std::size_t>(j)].key, cosines(i, j));
    return;
  }
  const ViewModel::Square& square = panel == "attention" ? view.attention_a() : view.retention_a();
  for (int i = 0; i < square.grid.rows; ++i)
    for (int j = 0; j <= i; ++j)
      out.row(square.first + i, panel == "attention" ? "attention" : "retention", std::to_string(square.first + j), "", square.grid(i, j));
}

/// What a model expects next, the likeliest first.
void forecast(Table& out, const ViewModel& view, const Forecast* next) {
  if (next == nullptr) return;
  for (const Forecast::Chance& c : next->best) out.now("next_probability", view.word(c.token), std::to_string(c.token), c.probability);
  if (next->target >= 0) out.now("answer_probability", view.word(next->target), std::to_string(next->target), next->right.probability);
  out.now("next_entropy", next->entropy);
}

}  // namespace

bool has_table(std::string_view panel) {
  for (const Named& t : kTables)
    if (panel == t.panel) return true;
  for (const char* name : kSquares)
    if (panel == name) return true;
  return false;
}

std::string table_of(ViewModel& view, std::string_view panel) {
  const Stack stack = view.stack();
  Table out(view.transport.t(), stack.layers.empty() ? std::string() : std::to_string(stack.layer));
  for (const char* name : kSquares)
    if (panel == name) return squares(out, view, panel), out.take();
  for (const Named& t : kTables) {
    if (panel != t.panel) continue;
    const bool next = panel == "readout", over_time = panel == "spectrum";
    if (over_time) view.measure_ranks(kRankWork);
    t.fill(out, view.a(), view.side_a());
    if (over_time) ranks(out, view.ranks_a());
    if (next) forecast(out, view, view.forecast_a());
    out.head("B");
    if (const Side* b = view.side_b()) t.fill(out, *view.b(), *b);
    if (over_time && view.ranks_b()) ranks(out, *view.ranks_b());
    if (next) forecast(out, view, view.forecast_b());
    return out.take();
  }
  std::string names;
  for (const Named& t : kTables) names += std::string(names.empty() ? "" : ", ") + t.panel;
  for (const char* name : kSquares) names += std::string(", ") + name;
  throw Error("csv: panel: expected one of " + names + ", got \"" + std::string(panel) + "\"");
}

}  // namespace fw::viz
