// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Needle in a haystack, in miniature (after RULER, Hsieh et al. 2024).
//   w3 w8 ! k7 v2 w1 w1 w9 ! k4 v6 w5 ... ? k7       target  v2
// `needles` needles "! key value" lie anywhere between random words, all arrangements equally likely; the keys differ. At the
// end `queries` different keys out of them are asked for. A value may be several tokens long (`digits`): then the question is
// "? k7 v2 v9 v1" and each token of the value is the target one position before it. "needle" has one needle, "needles" four
// of which one is asked for: the others are distractors.
// Training and evaluation may use any T, so the state has to keep a few pairs through any amount of words: what is not
// written need not be forgotten, a gate has to learn to leave the words out.
#include "model/tasks/makers.h"

namespace fw::model {
namespace {

class Needle final : public Task {
 public:
  Needle(const TaskInfo& row, index_t needles, index_t T)
      : Task(row, {Parameter::whole("T", T, 4, 1048576, "tokens"), Parameter::whole("needles", needles, 1, 4096, "pairs of key and value"),
                   Parameter::whole("queries", 1, 1, 4096, "keys asked for"), Parameter::whole("digits", 1, 1, 64, "tokens of a value"),
                   Parameter::whole("keys", 128, 1, 65536, "keys to choose from"),
                   Parameter::whole("values", 126, 2, 65536, "tokens a value is made of"),
                   Parameter::whole("words", 256, 1, 65536, "words of the haystack")}) {}

  Vocabulary vocabulary() const override {
    Vocabulary words;
    words.word("?");
    words.word("!");
    words.kind("k", parameters().whole("keys"));
    words.kind("v", parameters().whole("values"));
    words.kind("w", parameters().whole("words"));
    return words;
  }
  double chance() const override { return 1.0 / static_cast<double>(parameters().whole("values")); }

  std::vector<std::string> harder() const override {
    const index_t T = parameters().whole("T"), needles = parameters().whole("needles"), least = least_length(parameters());
    std::vector<std::string> settings;
    for (index_t length : {T / 2, T, 2 * T, 4 * T})
      if (length >= least) settings.push_back("T=" + std::to_string(length) + " needles=" + std::to_string(needles));
    return settings;
  }

 private:
  static index_t block(const Parameters& p) { return 2 + p.whole("digits"); }
  static index_t question(const Parameters& p) { return 1 + p.whole("digits"); }
  static index_t least_length(const Parameters& p) { return p.whole("needles") * block(p) + p.whole("queries") * question(p); }

  void check(const Parameters& p) override {
    p.demand(p.whole("queries") <= p.whole("needles"), "queries", "at most needles = " + std::to_string(p.whole("needles")));
    p.demand(p.whole("keys") >= p.whole("needles"), "keys", "at least needles = " + std::to_string(p.whole("needles")));
    p.demand(p.whole("T") >= least_length(p), "T",
             "at least needles (2 + digits) + queries (1 + digits) = " + std::to_string(least_length(p)));
  }
  index_t length(const Parameters& p) const override { return p.whole("T"); }

  void fill(const Parameters& p, Split, Draws& draw, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const override {
    const index_t needles = p.whole("needles"), digits = p.whole("digits"), keys = p.whole("keys"), values = p.whole("values");
    const index_t kinds_of_word = p.whole("words");
    const auto key = [](index_t i) { return static_cast<std::int32_t>(2 + i); };
    const auto value = [&](index_t i) { return static_cast<std::int32_t>(2 + keys + i); };
    const auto word = [&](index_t i) { return value(values + i); };
    const std::vector<index_t> name = draw.distinct(needles, keys);
    std::vector<std::int32_t> digit;  // [needles,digits]
    for (index_t i = 0; i < needles * digits; ++i) digit.push_back(value(draw.below(values)));

    // Words and needles in one row of items; which items are needles is a choice of positions.
    const index_t words = p.whole("T") - least_length(p), items = words + needles;
    std::vector<index_t> needle_of(static_cast<std::size_t>(items), -1);
    const std::vector<index_t> place = draw.distinct(needles, items);
    for (std::size_t i = 0; i < place.size(); ++i) needle_of[static_cast<std::size_t>(place[i])] = static_cast<index_t>(i);
    std::size_t t = 0;
    for (index_t needle : needle_of) {
      if (needle < 0) {
        tokens[t++] = word(draw.below(kinds_of_word));
        continue;
      }
      tokens[t++] = 1;
      tokens[t++] = key(name[static_cast<std::size_t>(needle)]);
      for (index_t d = 0; d < digits; ++d) tokens[t++] = digit[static_cast<std::size_t>(needle * digits + d)];
    }
    for (index_t needle : draw.distinct(p.whole("queries"), needles)) {
      tokens[t++] = 0;
      tokens[t] = key(name[static_cast<std::size_t>(needle)]);
      for (index_t d = 0; d < digits; ++d) {
        targets[t++] = digit[static_cast<std::size_t>(needle * digits + d)];
        if (d + 1 < digits) tokens[t] = digit[static_cast<std::size_t>(needle * digits + d)];
      }
    }
  }
};

}  // namespace

std::unique_ptr<Task> make_needle(const TaskInfo& row) { return std::make_unique<Needle>(row, 1, 256); }
std::unique_ptr<Task> make_needles(const TaskInfo& row) { return std::make_unique<Needle>(row, 4, 512); }

}  // namespace fw::model
