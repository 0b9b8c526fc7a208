// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Parity: bits, fair and independent; the target is whether the number of ones so far is odd.
//   0 1 1 0 1        targets  0 1 0 0 1         with everywhere=0 only the last one
// One number that changes its sign at every 1 solves it at any length: eigenvalue -1. Rules with eigenvalues in [0,1] can fit
// the length they are trained on, so the evaluation goes to eight times that length. A decay below 1 shows there as well.
#include "model/tasks/makers.h"

namespace fw::model {
namespace {

class Parity final : public Task {
 public:
  explicit Parity(const TaskInfo& row)
      : Task(row,
             {Parameter::whole("T", 32, 1, 1048576, "bits"), Parameter::whole("everywhere", 1, 0, 1, "0: score the last position only")}) {}

  Vocabulary vocabulary() const override {
    Vocabulary words;
    words.word("0");
    words.word("1");
    return words;
  }
  double chance() const override { return 0.5; }

  std::vector<std::string> harder() const override {
    const index_t T = parameters().whole("T");
    std::vector<std::string> settings;
    for (index_t length : {T, 2 * T, 4 * T, 8 * T}) settings.push_back("T=" + std::to_string(length));
    return settings;
  }

 private:
  index_t length(const Parameters& p) const override { return p.whole("T"); }

  void fill(const Parameters& p, Split, Draws& draw, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const override {
    const bool everywhere = p.whole("everywhere") == 1;
    std::int32_t odd = 0;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      tokens[t] = static_cast<std::int32_t>(draw.below(2));
      odd ^= tokens[t];
      if (everywhere || t + 1 == tokens.size()) targets[t] = odd;
    }
  }
};

}  // namespace

std::unique_ptr<Task> make_parity(const TaskInfo& row) { return std::make_unique<Parity>(row); }

}  // namespace fw::model
