// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Multi-query associative recall (Arora et al. 2023, "Zoology"): n pairs, then every key once more.
//   k7 v3 k2 v9 | k2 k5 v1 k8 k7 v4 ...        targets  . . . .  v9 . . . v3 .
// The n keys differ and so do the n values. Behind the pairs lie (T-2n)/2 slots of two tokens. n of them, drawn without
// replacement with weight i^(spread-1) for slot i = 1, 2, ..., begin with a key; the small default puts most questions right
// behind the pairs and a few far away. All other tokens are noise: keys that are not in use, and any values.
//
// Curriculum: levels n = 4, 8, ... up to `pairs`, level n at length min(T, 16 n), the last one at T. Level l of L opens at
// step l ramp / L; a step takes one of the open levels at random. Without the easy levels small models do not leave chance.
#include <algorithm>

#include "core/portable_math.h"
#include "model/tasks/makers.h"

namespace fw::model {
namespace {

constexpr index_t kFirstLevel = 4, kTokensPerPair = 16;

class Mqar final : public Task {
 public:
  explicit Mqar(const TaskInfo& row)
      : Task(row,
             {Parameter::whole("T", 256, 4, 65536, "tokens, even"), Parameter::whole("pairs", 64, 1, 16384, "n, pairs of key and value"),
              Parameter::whole("keys", 1023, 2, 65536, "keys to choose from"),
              Parameter::whole("values", 1024, 2, 65536, "values to choose from"),
              Parameter::real("spread", 0.01, 0.01, 1, "1: questions anywhere; small: most of them early"),
              Parameter::whole("ramp", 1000, 0, 1000000000, "steps until all levels are open"),
              Parameter::whole("curriculum", 1, 0, 1, "0: always all the pairs")}) {}

  Vocabulary vocabulary() const override {
    Vocabulary words;
    words.word("-");  // never drawn: keeps the default at 2048 tokens
    words.kind("k", parameters().whole("keys"));
    words.kind("v", parameters().whole("values"));
    return words;
  }
  double chance() const override { return 1.0 / static_cast<double>(parameters().whole("values")); }

  std::vector<std::string> harder() const override {
    const index_t T = parameters().whole("T"), pairs = parameters().whole("pairs");
    std::vector<std::string> settings;
    for (index_t n = std::min(kFirstLevel, pairs); n < pairs; n *= 2) settings.push_back(setting(T, n));
    settings.push_back(setting(T, pairs));
    for (index_t longer : {2 * T, 4 * T}) settings.push_back(setting(longer, pairs));
    return settings;
  }

  Parameters stage(std::uint64_t seed, std::int64_t step) const override {
    Parameters now = parameters();
    if (now.whole("curriculum") == 0) return now;
    std::vector<index_t> levels;
    for (index_t n = kFirstLevel; n < now.whole("pairs"); n *= 2) levels.push_back(n);
    levels.push_back(now.whole("pairs"));
    const auto count = static_cast<index_t>(levels.size()), ramp = now.whole("ramp");
    const index_t open = step >= ramp ? count : 1 + step * count / ramp;
    const index_t level = step_draws(seed, step).below(open);
    if (level == count - 1) return now;
    const index_t n = levels[static_cast<std::size_t>(level)];
    now.set("pairs", n);
    now.set("T", std::min(now.whole("T"), kTokensPerPair * n));
    return now;
  }

 private:
  static std::string setting(index_t T, index_t pairs) { return "T=" + std::to_string(T) + " pairs=" + std::to_string(pairs); }

  void check(const Parameters& p) override {
    const index_t n = p.whole("pairs");
    p.demand(p.whole("T") % 2 == 0 && p.whole("T") >= 4 * n, "T", "even and at least 4 pairs = " + std::to_string(4 * n));
    p.demand(p.whole("keys") >= n, "keys", "at least pairs = " + std::to_string(n));
    p.demand(p.whole("values") >= n, "values", "at least pairs = " + std::to_string(n));
  }
  index_t length(const Parameters& p) const override { return p.whole("T"); }

  void fill(const Parameters& p, Split, Draws& draw, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const override {
    const index_t n = p.whole("pairs"), keys = p.whole("keys"), values = p.whole("values"), slots = (p.whole("T") - 2 * n) / 2;
    const auto key = [](index_t i) { return static_cast<std::int32_t>(1 + i); };
    const auto value = [keys](index_t i) { return static_cast<std::int32_t>(1 + keys + i); };
    const std::vector<index_t> name = draw.distinct(n, keys), answer = draw.distinct(n, values);
    std::vector<bool> live(static_cast<std::size_t>(keys + values), false);
    for (index_t i : name) live[static_cast<std::size_t>(i)] = true;
    for (auto t = static_cast<std::size_t>(2 * n); t < tokens.size(); ++t) {
      index_t noise = draw.below(keys + values);
      while (live[static_cast<std::size_t>(noise)]) noise = draw.below(keys + values);
      tokens[t] = key(noise);  // values follow the keys
    }
    std::vector<double> weight(static_cast<std::size_t>(slots));
    const double power = p.real("spread") - 1;
    for (index_t i = 0; i < slots; ++i)
      weight[static_cast<std::size_t>(i)] = portable::exp(power * portable::log(static_cast<double>(i + 1)));
    const std::vector<index_t> slot = draw.distinct_weighted(n, weight);
    // The heaviest slots come out first; which pair gets which slot must not follow the order of the pairs.
    const std::vector<index_t> pair = draw.distinct(n, n);
    for (std::size_t i = 0; i < slot.size(); ++i) {
      const auto of = static_cast<std::size_t>(pair[i]), at = static_cast<std::size_t>(2 * (n + slot[i]));
      tokens[2 * of] = tokens[at] = key(name[of]);
      tokens[2 * of + 1] = targets[at] = value(answer[of]);
    }
  }
};

}  // namespace

std::unique_ptr<Task> make_mqar(const TaskInfo& row) { return std::make_unique<Mqar>(row); }

}  // namespace fw::model
