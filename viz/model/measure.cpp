// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/measure.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

#include "core/error.h"
#include "viz/model/lineage.h"
#include "viz/model/quantities.h"

namespace fw::viz {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kEqual = 1e-6;

/// What a quantity is taken from.
struct Where {
  const ViewModel& view;
  const Run& run;
  bool b;
  int t;
  const std::vector<std::string>& arguments;

  const Timeline& line() const { return run.timeline(); }
  const Fact* fact(std::size_t n = 0) const {
    const int f = line().find_fact(arguments[n]);
    return f < 0 ? nullptr : &line().facts[static_cast<std::size_t>(f)];
  }
  Vec answer(const Fact& fact) const { return transposed_times(run.state(t), fact.k); }
  int number(std::size_t n) const {
    int x = -1;
    const std::string& text = arguments[n];
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), x);
    return code == std::errc() && end == text.data() + text.size() ? x : -1;
  }
};

double of_recall(const Where& at, double RecallNow::*what) {
  const Fact* fact = at.fact();
  const Intent* intent = fact == nullptr ? nullptr : fact->at(at.t);
  return intent == nullptr ? kNone : recall_of(at.answer(*fact), intent->value).*what;
}

/// Mean over the facts of these numbers (1-based, in order of first use), or over all.
double mean_recall(const Where& at, double RecallNow::*what) {
  const auto& facts = at.line().facts;
  const int F = static_cast<int>(facts.size());
  const int first = at.arguments.empty() ? 1 : at.number(0), last = at.arguments.size() < 2 ? F : std::min(F, at.number(1));
  double sum = 0.0;
  for (int f = first; f <= last; ++f) {
    if (f < 1) return kNone;
    const Fact& fact = facts[static_cast<std::size_t>(f - 1)];
    const Intent* intent = fact.at(at.t);
    if (intent == nullptr) return kNone;
    sum += recall_of(at.answer(fact), intent->value).*what;
  }
  return last < first ? kNone : sum / (last - first + 1);
}

double part(const Where& at) {
  const Fact* fact = at.fact();
  for (const Codeword& word : at.line().codebook)
    if (fact != nullptr && word.text == at.arguments[1]) return dot(at.answer(*fact), word.value) / dot(word.value, word.value);
  return kNone;
}

double of_origin(const Where& at, const std::function<double(const Origin&, double)>& what) {
  const Fact* fact = at.fact();
  const Intent* intent = fact == nullptr ? nullptr : fact->at(at.t);
  if (intent == nullptr) return kNone;
  return what(origin_of(at.run, at.t, at.line().find_fact(at.arguments[0])), norm(intent->value));
}

double of_step(const Where& at, const std::function<double(const Step&)>& what) { return at.t < 1 ? kNone : what(at.run.step(at.t)); }

double of_series(const Where& at, Vec Series::*what) {
  return at.t < 1 ? kNone : (at.run.series().*what)[static_cast<std::size_t>(at.t - 1)];
}

double of_gate(const Where& at, const std::function<const Vec&(const Gates&)>& which, bool decay) {
  if (at.t < 1) return kNone;
  Vec gate = which(at.run.gates(at.t));
  if (decay)
    for (double& x : gate) x = std::exp(x);
  if (at.arguments.empty()) return mean_of(gate);
  const int channel = at.number(0);
  return channel < 0 || channel >= static_cast<int>(gate.size()) ? kNone : gate[static_cast<std::size_t>(channel)];
}

double apart(const Where& at) {
  const Vec& d = at.view.divergence();
  return at.t < static_cast<int>(d.size()) ? d[static_cast<std::size_t>(at.t)] : kNone;
}

double by_hand(const Where& at) {
  const auto& e = at.line().entries;
  return static_cast<double>(std::count_if(e.begin(), e.end(), [](const Entry& x) { return x.kind == EntryKind::surgery; }));
}

double is_rule(const Where& at) { return !at.run.head().morph && info(at.run.head().variant).name == at.arguments[0] ? 1.0 : 0.0; }

struct Known {
  QuantityName name;
  std::size_t least, most;  ///< arguments
  std::function<double(const Where&)> value;
};

const std::vector<Known>& known() {
  static const std::vector<Known> all = {
      {{"cos", "(F)", "cosine of what memory answers at the key of F with the value last meant"},
       1,
       1,
       [](const Where& at) { return of_recall(at, &RecallNow::cosine); }},
      {{"norm", "(F)", "length of that answer over the length of the value"},
       1,
       1,
       [](const Where& at) { return of_recall(at, &RecallNow::norm_ratio); }},
      {{"part", "(F, V)", "how much of the value V is in the answer at the key of F: 1 all of it, 0 none, negative its opposite"},
       2,
       2,
       part},
      {{"signal", "(F)", "length of the part of the answer that stems from the fact's own writes, over the value's"},
       1,
       1,
       [](const Where& at) { return of_origin(at, [](const Origin& o, double v) { return norm(o.signal) / v; }); }},
      {{"crosstalk", "(F)", "of the part that stems from all other writes"},
       1,
       1,
       [](const Where& at) { return of_origin(at, [](const Origin& o, double v) { return norm(o.crosstalk) / v; }); }},
      {{"retained", "(F)", "how much of the key of its last write survives"},
       1,
       1,
       [](const Where& at) { return of_origin(at, [](const Origin& o, double) { return o.retained; }); }},
      {{"impact", "(F)", "length of the change this token makes to the answer at the key of F"},
       1,
       1,
       [](const Where& at) {
         const Fact* fact = at.fact();
         return fact == nullptr ? kNone : of_step(at, [&](const Step& s) { return impact_on(s, fact->k).total; });
       }},
      {{"key_cos", "(F, G)", "cosine of two keys"},
       2,
       2,
       [](const Where& at) {
         const Fact *f = at.fact(0), *g = at.fact(1);
         return f == nullptr || g == nullptr ? kNone : cosine(f->k, g->k);
       }},
      {{"mean_cos", "(m, n)", "mean cosine of facts m to n in order of first use; of all without arguments"},
       0,
       2,
       [](const Where& at) { return mean_recall(at, &RecallNow::cosine); }},
      {{"mean_norm", "(m, n)", "mean norm, likewise"}, 0, 2, [](const Where& at) { return mean_recall(at, &RecallNow::norm_ratio); }},
      {{"memory", "", "Frobenius norm of S"}, 0, 0, [](const Where& at) { return norm(at.run.state(at.t)); }},
      {{"decay", "", "Frobenius norm of what this token's decay takes away"},
       0,
       0,
       [](const Where& at) { return of_series(at, &Series::decay); }},
      {{"erase", "", "of what it erases"}, 0, 0, [](const Where& at) { return of_series(at, &Series::erase); }},
      {{"write", "", "of what it writes"}, 0, 0, [](const Where& at) { return of_series(at, &Series::write); }},
      {{"change", "", "of all it changes"}, 0, 0, [](const Where& at) { return of_series(at, &Series::total); }},
      {{"beta", "", "k.e: how much of the addressed slot this token erases"},
       0,
       0,
       [](const Where& at) { return of_series(at, &Series::beta); }},
      {{"oblique", "", "length of the part of e that is orthogonal to k"},
       0,
       0,
       [](const Where& at) { return of_step(at, [](const Step& s) { return erase_gauge(s.k, s.e).oblique; }); }},
      {{"sigma_max", "", "largest singular value of the erase I - k e'"},
       0,
       0,
       [](const Where& at) { return of_series(at, &Series::growth); }},
      {{"growth", "", "largest singular value of the whole transition (I - k e') D"},
       0,
       0,
       [](const Where& at) { return of_step(at, [](const Step& s) { return transition_growth(s); }); }},
      {{"rank", "", "effective rank of S"}, 0, 0, [](const Where& at) { return spectrum_of(at.run.state(at.t)).effective_rank; }},
      {{"stable_rank", "", "stable rank of S"}, 0, 0, [](const Where& at) { return spectrum_of(at.run.state(at.t)).stable_rank; }},
      {{"b", "(i)", "erase gate of key channel i, from 0; the mean without one"},
       0,
       1,
       [](const Where& at) {
         return of_gate(
             at, [](const Gates& g) -> const Vec& { return g.b; }, false);
       }},
      {{"w", "(j)", "write gate of a value channel, likewise"},
       0,
       1,
       [](const Where& at) {
         return of_gate(
             at, [](const Gates& g) -> const Vec& { return g.w; }, false);
       }},
      {{"alpha", "(i)", "decay of a key channel, likewise"},
       0,
       1,
       [](const Where& at) {
         return of_gate(
             at, [](const Gates& g) -> const Vec& { return g.g; }, true);
       }},
      {{"apart", "", "|S_A - S_B| / |S_A|"}, 0, 0, apart},
      {{"tokens", "", "length of the run"}, 0, 0, [](const Where& at) { return static_cast<double>(at.run.length()); }},
      {{"by_hand", "", "number of tokens that change S by hand"}, 0, 0, by_hand},
      {{"rule", "(R)", "1 when the run follows the rule of this name (gdn2, kda, gdn, delta, linear, ...), else 0"}, 1, 1, is_rule},
  };
  return all;
}

const Known& find(const std::string& name) {
  std::string names;
  for (const Known& k : known()) {
    if (k.name.name == name) return k;
    names += (names.empty() ? "" : " ") + std::string(k.name.name);
  }
  throw Error("quantity: expected one of " + names + ", got \"" + name + "\"");
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

[[noreturn]] void refuse(std::string_view text, const std::string& expected, std::string_view got) {
  throw Error("quantity: \"" + std::string(text) + "\": expected " + expected + ", got \"" + std::string(got) + "\"");
}

}  // namespace

Quantity parse_quantity(std::string_view whole) {
  Quantity q;
  std::string_view rest = trimmed(whole);
  if (rest.rfind("A.", 0) == 0 || rest.rfind("B.", 0) == 0) q.b = rest[0] == 'B', rest.remove_prefix(2);
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view digits = trimmed(rest.substr(at + 1));
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), q.t);
    if (code != std::errc() || end != digits.data() + digits.size() || q.t < 0) refuse(whole, "a token after @", digits);
    rest = trimmed(rest.substr(0, at));
  }
  const std::size_t open = rest.find('(');
  q.name = trimmed(rest.substr(0, open));
  if (open != std::string_view::npos) {
    if (rest.back() != ')') refuse(whole, "\")\" after the arguments", rest.substr(open));
    std::string_view inside = rest.substr(open + 1, rest.size() - open - 2);
    for (bool more = true; more;) {
      const std::size_t comma = inside.find(',');
      const std::string_view argument = trimmed(inside.substr(0, comma));
      if (argument.empty()) refuse(whole, "an argument", inside);
      q.arguments.emplace_back(argument);
      more = comma != std::string_view::npos;
      if (more) inside.remove_prefix(comma + 1);
    }
  }
  const Known& k = find(q.name);
  if (q.arguments.size() < k.least || q.arguments.size() > k.most)
    refuse(whole, std::string(k.name.name) + std::string(k.name.arguments), std::to_string(q.arguments.size()) + " arguments");
  return q;
}

Condition parse_condition(std::string_view whole) {
  const std::size_t at = whole.find_first_of("<>=");
  if (at == std::string_view::npos) refuse(whole, "<, <=, >, >= or =", whole);
  Condition c;
  const bool wide = at + 1 < whole.size() && whole[at] != '=' && whole[at + 1] == '=';
  c.relation = whole[at] == '='   ? Relation::equal
               : whole[at] == '<' ? (wide ? Relation::at_most : Relation::less)
                                  : (wide ? Relation::at_least : Relation::more);
  c.quantity = parse_quantity(whole.substr(0, at));
  const std::string_view number = trimmed(whole.substr(at + (wide ? 2 : 1)));
  const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), c.number);
  if (code != std::errc() || end != number.data() + number.size() || !std::isfinite(c.number)) refuse(whole, "a number at the end", number);
  return c;
}

std::string text_of(const Quantity& q) {
  std::string text = (q.b ? "B." : "") + q.name;
  for (std::size_t i = 0; i < q.arguments.size(); ++i) text += (i == 0 ? "(" : ", ") + q.arguments[i];
  if (!q.arguments.empty()) text += ")";
  return q.t < 0 ? text : text + "@" + std::to_string(q.t);
}

double measure(const ViewModel& view, const Quantity& q) {
  const Run* run = q.b ? view.b() : &view.a();
  if (run == nullptr || q.t > run->length()) return kNone;
  const int t = q.t >= 0 ? q.t : std::min(view.transport.t(), run->length());
  return find(q.name).value({view, *run, q.b, t, q.arguments});
}

bool holds(double value, const Condition& c) {
  switch (c.relation) {
    case Relation::less: return value < c.number;
    case Relation::at_most: return value <= c.number + kEqual;
    case Relation::more: return value > c.number;
    case Relation::at_least: return value >= c.number - kEqual;
    case Relation::equal: return std::fabs(value - c.number) <= kEqual;
  }
  return false;
}

const std::vector<QuantityName>& quantity_names() {
  static const std::vector<QuantityName> names = [] {
    std::vector<QuantityName> out;
    for (const Known& k : known()) out.push_back(k.name);
    return out;
  }();
  return names;
}

}  // namespace fw::viz
