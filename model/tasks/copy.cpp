// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Copying: n symbols, the sign "=", then the same symbols once more, each predicted from those before it.
//   s4 s1 s7 = s4 s1        targets  . . . s4 s1 s7            reversed=1:  s4 s1 s7 = s7 s1, targets s7 s1 s4
//   s4 _ s1 _ _ s7 = s4 s1  blanks=3: blanks anywhere between the symbols, to be left out (selective copying)
// Symbols are uniform and may repeat, so an answer needs the place and not only the last symbol. Every rule learns it while
// n is small against its state: a smoke test, no evidence. Backwards the last comes first: the palindrome task.
#include "model/tasks/makers.h"

namespace fw::model {
namespace {

class Copy final : public Task {
 public:
  explicit Copy(const TaskInfo& row)
      : Task(row,
             {Parameter::whole("n", 16, 1, 65536, "symbols to copy"), Parameter::whole("symbols", 62, 2, 65536, "symbols to choose from"),
              Parameter::whole("reversed", 0, 0, 1, "1: last symbol first"),
              Parameter::whole("blanks", 0, 0, 65536, "blanks among the symbols")}) {}

  Vocabulary vocabulary() const override {
    Vocabulary words;
    words.word("=");
    words.word("_");
    words.kind("s", parameters().whole("symbols"));
    return words;
  }
  double chance() const override { return 1.0 / static_cast<double>(parameters().whole("symbols")); }

  std::vector<std::string> harder() const override {
    const index_t n = parameters().whole("n");
    std::vector<std::string> settings;
    for (index_t length : {(n + 1) / 2, n, 2 * n, 4 * n}) settings.push_back("n=" + std::to_string(length));
    return settings;
  }

 private:
  index_t length(const Parameters& p) const override { return 2 * p.whole("n") + p.whole("blanks"); }

  void fill(const Parameters& p, Split, Draws& draw, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const override {
    const index_t n = p.whole("n");
    const auto front = static_cast<std::size_t>(n + p.whole("blanks"));
    for (std::size_t t = 0; t < front; ++t) tokens[t] = 1;
    for (index_t place : draw.distinct(n, static_cast<index_t>(front)))
      tokens[static_cast<std::size_t>(place)] = static_cast<std::int32_t>(2 + draw.below(p.whole("symbols")));
    std::vector<std::int32_t> symbols;
    for (std::size_t t = 0; t < front; ++t)
      if (tokens[t] != 1) symbols.push_back(tokens[t]);
    if (p.whole("reversed") == 1) symbols = {symbols.rbegin(), symbols.rend()};
    tokens[front] = 0;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      targets[front + i] = symbols[i];
      if (i > 0) tokens[front + i] = symbols[i - 1];
    }
  }
};

}  // namespace

std::unique_ptr<Task> make_copy(const TaskInfo& row) { return std::make_unique<Copy>(row); }

}  // namespace fw::model
