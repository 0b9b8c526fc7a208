// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/timeline.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/error.h"
#include "core/portable_math.h"
#include "core/random.h"

namespace fw::viz {
namespace {

constexpr int kMostTokens = 1 << 17;
constexpr int kMostChannels = 256;

[[noreturn]] void refuse(const std::string& what, const std::string& expected, const std::string& got) {
  throw Error("timeline: " + what + ": expected " + expected + ", got " + got);
}

double log_of(double alpha) { return alpha == 0.0 ? -std::numeric_limits<double>::infinity() : portable::log(alpha); }

/// Policy values of one kind of token before channels differ.
struct Level {
  double b, w;
};
Level level_of(Verb verb) {
  switch (verb) {
    case Verb::write: return {1.0, 1.0};
    case Verb::append: return {0.0, 1.0};
    case Verb::erase: return {1.0, 0.0};
    case Verb::filler: return {0.05, 0.05};
    default: return {0.0, 0.0};
  }
}

/// gate commands in force: one optional value per channel.
struct Overrides {
  std::vector<std::optional<double>> b, w, a;
};

class Builder {
 public:
  explicit Builder(const Settings& s)
      : s_(s), keys_(s.seed, "key", s.dk, s.keys, s.shared), values_(s.seed, "value", s.signal > 0 ? s.signal : s.dv, s.values) {
    if (s.dk < 1 || s.dk > kMostChannels) refuse("dk", "1 to 256 channels", std::to_string(s.dk));
    if (s.dv < 1 || s.dv > kMostChannels) refuse("dv", "1 to 256 channels", std::to_string(s.dv));
    if (!(s.alpha >= 0.0 && s.alpha <= 1.0)) refuse("alpha", "a decay in [0,1]", shortest(s.alpha));
    if (!(s.alpha_fast >= 0.0 && s.alpha_fast <= 1.0)) refuse("alpha_fast", "a decay in [0,1]", shortest(s.alpha_fast));
    if (s.signal < 0 || s.signal > s.dv) refuse("signal", "0 to " + std::to_string(s.dv) + " channels", std::to_string(s.signal));
    if (!(s.shared >= 0.0 && s.shared <= 1.0)) refuse("shared", "a part in [0,1]", shortest(s.shared));
    if (s.values == Scheme::shared) refuse("values", "random or orthonormal", "shared");
    out_.dk = s.dk;
    out_.dv = s.dv;
    out_.seed = s.seed;
    out_.S0 = Grid(s.dk, s.dv);
    clear_overrides();
  }

  void add(const Command& c) {
    if (c.verb == Verb::gate_off) return clear_overrides();
    if (c.verb == Verb::gate) return override_from_here(c);
    if (c.verb == Verb::key_shape || c.verb == Verb::key_near) return shape_key(c);
    for (int n = 0; n < (is_counted(c.verb) ? c.count : 1); ++n) c.verb == Verb::facts ? add_token(next_fact()) : add_token(c);
  }
  Timeline take() { return std::move(out_); }

 private:
  void clear_overrides() {
    overrides_.b.assign(static_cast<std::size_t>(s_.dk), std::nullopt);
    overrides_.a = overrides_.b;
    overrides_.w.assign(static_cast<std::size_t>(s_.dv), std::nullopt);
  }
  void override_from_here(const Command& c) {
    auto& gate = c.gate == 'b' ? overrides_.b : c.gate == 'w' ? overrides_.w : overrides_.a;
    const int size = static_cast<int>(gate.size()), last = c.last < 0 ? size : c.last;
    if (c.first < 0 || last > size)
      refuse(text_of(c), "channels inside 0:" + std::to_string(size), std::to_string(c.first) + ":" + std::to_string(last));
    for (int i = c.first; i < last; ++i) gate[static_cast<std::size_t>(i)] = c.number;
  }

  void shape_key(const Command& c) {
    if (keys_.knows(c.key)) refuse(text_of(c), "a key that was not used before", "\"" + c.key + "\"");
    for (const Band& band : c.bands)
      if (band.last > s_.dk)
        refuse(text_of(c), "channels inside 0:" + std::to_string(s_.dk), std::to_string(band.first) + ":" + std::to_string(band.last));
    if (c.verb == Verb::key_near)
      keys_.near(c.key, c.value, c.number);
    else if (c.key == "...")
      filler_shape_ = c.bands;
    else
      keys_.shape(c.key, c.bands);
  }
  Command next_fact() {
    Command c;
    c.verb = Verb::write;
    const std::string number = std::to_string(++numbered_);
    c.key = "f" + number;
    c.value = "v" + number;
    return c;
  }

  void add_token(const Command& c) {
    if (out_.length() >= kMostTokens) refuse("commands", "at most " + std::to_string(kMostTokens) + " tokens", "more");
    Entry e;
    e.label = c.verb == Verb::filler ? "..." : text_of(c);
    e.label = e.label.substr(0, e.label.find(" @"));
    switch (c.verb) {
      case Verb::write: write(c, e); break;
      case Verb::append: append(c, e); break;
      case Verb::erase: erase(c, e); break;
      case Verb::query: query(c, e); break;
      case Verb::filler: filler(e); break;
      default: surgery(c, e);
    }
    if (e.kind != EntryKind::surgery) set_gates(c, e);
    out_.entries.push_back(std::move(e));
  }

  void write(const Command& c, Entry& e) {
    e.kind = EntryKind::write;
    e.fact = fact_of(c.key);
    e.k = e.q = key(c.key);
    e.v = codeword(c.value, value(c.value));
    intend(e.fact, {out_.length(), e.v, c.value, false});
    add_noise(e);
  }
  void append(const Command& c, Entry& e) {
    e.kind = EntryKind::append;
    e.fact = fact_of(c.key);
    e.k = e.q = key(c.key);
    const std::string name = c.attribute + ":" + c.value;
    e.v = codeword(name, block_value(c.attribute, name));
    Intent both{out_.length(), e.v, name, false};
    auto& intents = out_.facts[static_cast<std::size_t>(e.fact)].intents;
    if (!intents.empty() && !intents.back().deleted) {
      for (std::size_t j = 0; j < both.value.size(); ++j) both.value[j] += intents.back().value[j];
      both.text = intents.back().text + " + " + name;
    }
    intend(e.fact, std::move(both));
  }
  void erase(const Command& c, Entry& e) {
    e.kind = EntryKind::erase;
    const auto known = fact_index_.find(c.key);
    if (known == fact_index_.end()) refuse(text_of(c), "a key that was written before", "\"" + c.key + "\"");
    e.fact = known->second;
    e.k = e.q = key(c.key);
    e.v = value("del");
    add_noise(e);
    const Intent& last = out_.facts[static_cast<std::size_t>(e.fact)].intents.back();
    intend(e.fact, {out_.length(), last.value, last.text, true});
  }
  void query(const Command& c, Entry& e) {
    e.kind = EntryKind::query;
    const auto known = fact_index_.find(c.key);
    e.fact = known == fact_index_.end() ? -1 : known->second;
    e.q = key(c.key);
    e.k = key("?");
    e.v = value("?");
    add_noise(e);
  }
  void filler(Entry& e) {
    const std::string name = "..." + std::to_string(fillers_++);
    if (!filler_shape_.empty()) keys_.shape(name, filler_shape_);
    e.k = e.q = key(name);
    e.v = value(name);
    add_noise(e);
  }
  void surgery(const Command& c, Entry& e) {
    if ((c.verb == Verb::set_cell || c.verb == Verb::zero_row) && c.row >= s_.dk)
      refuse(text_of(c), "a row below " + std::to_string(s_.dk), std::to_string(c.row));
    if ((c.verb == Verb::set_cell || c.verb == Verb::zero_col) && c.col >= s_.dv)
      refuse(text_of(c), "a column below " + std::to_string(s_.dv), std::to_string(c.col));
    e.kind = EntryKind::surgery;
    e.command = c;
    e.q = e.k = e.b = e.g = Vec(static_cast<std::size_t>(s_.dk), 0.0);
    e.v = e.w = Vec(static_cast<std::size_t>(s_.dv), 0.0);
  }

  void set_gates(const Command& c, Entry& e) {
    const Level level = level_of(c.verb);
    const bool banded = s_.policy == Policy::banded;
    e.b.resize(static_cast<std::size_t>(s_.dk));
    e.g = e.b;
    e.w.resize(static_cast<std::size_t>(s_.dv));
    for (int i = 0; i < s_.dk; ++i) {
      const bool fast = banded && 4 * i >= 3 * s_.dk;
      const auto at = static_cast<std::size_t>(i);
      const double b = level.b * (fast ? 0.35 : 1.0) * (1.0 - jitter(b_, i));
      const double a = 1.0 - (1.0 - (fast ? s_.alpha_fast : s_.alpha)) * (1.0 + 5.0 * jitter(a_, i));
      e.b[at] = c.gates.b.value_or(overrides_.b[at].value_or(b));
      e.g[at] = log_of(c.gates.a.value_or(overrides_.a[at].value_or(std::max(a, 0.0))));
    }
    const auto [first, last] = c.verb == Verb::append ? block_of(c.attribute) : std::pair{0, s_.dv};
    for (int j = 0; j < s_.dv; ++j) {
      const bool fast = banded && c.verb != Verb::append && 4 * j >= 3 * s_.dv;
      const auto at = static_cast<std::size_t>(j);
      const double w = j < first || j >= last ? 0.0 : level.w * (fast ? 0.7 : 1.0) * (1.0 - jitter(w_, j));
      e.w[at] = c.gates.w && j >= first && j < last ? *c.gates.w : overrides_.w[at].value_or(w);
    }
  }
  /// In [0, 0.06), zero for the uniform policy.
  double jitter(const Random& random, int channel) const {
    return s_.policy == Policy::uniform ? 0.0 : 0.06 * random.uniform(Position{0, out_.length(), 0, channel});
  }

  int fact_of(const std::string& name) {
    const auto [at, added] = fact_index_.try_emplace(name, static_cast<int>(out_.facts.size()));
    if (added) out_.facts.push_back({name, key(name), {}});
    return at->second;
  }
  void intend(int fact, Intent intent) { out_.facts[static_cast<std::size_t>(fact)].intents.push_back(std::move(intent)); }
  Vec codeword(const std::string& text, Vec v) {
    if (codewords_.try_emplace(text, 0).second) out_.codebook.push_back({text, v});
    return v;
  }
  Vec key(const std::string& name) { return keys_.of(name); }
  Vec value(const std::string& name) {
    Vec v = values_.of(name);
    v.resize(static_cast<std::size_t>(s_.dv), 0.0);
    return v;
  }
  void add_noise(Entry& e) {
    if (s_.signal == 0) return;
    const double size = 1.0 / std::sqrt(static_cast<double>(s_.signal));
    for (int j = s_.signal; j < s_.dv; ++j) e.v[static_cast<std::size_t>(j)] += size * noise_.normal(Position{0, out_.length(), 0, j});
  }

  std::pair<int, int> block_of(const std::string& attribute) {
    const int blocks = attribute_blocks(s_.dv),
              n = attributes_.try_emplace(attribute, static_cast<int>(attributes_.size())).first->second % blocks;
    return {n * s_.dv / blocks, (n + 1) * s_.dv / blocks};
  }
  Vec block_value(const std::string& attribute, const std::string& name) {
    const auto [first, last] = block_of(attribute);
    const Vec inside = unit_vector(s_.seed, "value", name, last - first);
    Vec v(static_cast<std::size_t>(s_.dv), 0.0);
    std::copy(inside.begin(), inside.end(), v.begin() + first);
    return v;
  }

  Settings s_;
  Timeline out_;
  Overrides overrides_;
  std::map<std::string, int> fact_index_, codewords_, attributes_;
  int fillers_ = 0, numbered_ = 0;
  Names keys_, values_;
  std::vector<Band> filler_shape_;
  Random b_{s_.seed, "gate b"}, w_{s_.seed, "gate w"}, a_{s_.seed, "gate a"}, noise_{s_.seed, "noise"};
};

}  // namespace

const Intent* Fact::at(int t) const {
  const Intent* last = nullptr;
  for (const Intent& intent : intents)
    if (intent.from < t) last = &intent;
  return last;
}

int Timeline::find_fact(const std::string& key) const {
  for (std::size_t f = 0; f < facts.size(); ++f)
    if (facts[f].key == key) return static_cast<int>(f);
  return -1;
}

int attribute_blocks(int dv) { return std::min(4, dv); }

Timeline build_timeline(const Settings& settings, const std::vector<Command>& commands) {
  Builder builder(settings);
  for (const Command& command : commands) builder.add(command);
  return builder.take();
}

}  // namespace fw::viz
