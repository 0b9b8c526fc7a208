// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Cups and a ball.
//   pour   cup2  2->0  3->1  0->3 ...   whatever is in cup i goes to cup j        targets  cup2 cup0 cup0 cup3
//   cups   cup2  2<>0  1<>3  0<>3 ...   cups i and j change places                targets  cup2 cup0 cup0 cup3
// The first token puts the ball under a cup, every later one is an ordered (pour) or unordered (cups) pair of different cups,
// uniform; the target is the ball's cup, at every position.
//
// What is provable. Let the state be a vector x with one number per cup, one token one linear step x' = M x.
// * Gated DeltaNet-2 with erase in [0,2] pours exactly, in one step: k = (u_i - u_j)/sqrt 2, b = 2 on channel i and 0 on
//   channel j give e = sqrt 2 u_i and M = I - k e^T, which takes x_i away from i and adds it to j. In a pair of channels
//   M = [[0,0],[1,1]], of norm sqrt 2. b = (2,2) is the swap [[0,1],[1,0]]: what `cups` needs, and so can any delta rule
//   whose scalar beta reaches 2.
// * No rule whose steps are all contractions in one inner product can (DeltaNet, Gated DeltaNet and KDA, beta in [0,2], decay
//   in (0,1]). The pour i->j leaves every x with x_i = 0 as it is and takes d_ij = u_i - u_j to 0. For such x and any t,
//   |x| = |M (x + t d_ij)| <= |x + t d_ij|, hence x is orthogonal to d_ij: d_ij lies in the complement of {x_i = 0}, a line.
//   With three cups d_ij and d_il are independent and both lie in that line: contradiction. With two cups, d_01 = -d_10 is
//   orthogonal to both {x_0 = 0} and {x_1 = 0}, which span everything: contradiction.
// * Nor can Gated DeltaNet-2 with erase in [0,1]: a full erase is 1 = sum b_i k_i^2 with sum k_i^2 = 1, so b = 1 wherever
//   k is not 0, so e = k, and M is an orthogonal projection, a contraction.
// This is about exact linear steps on a state of that size: approximations (which score around 90 %), wider states and more
// layers are outside of it.
#include "model/tasks/makers.h"

namespace fw::model {
namespace {

class Pour final : public Task {
 public:
  Pour(const TaskInfo& row, bool swap)
      : Task(row, {Parameter::whole("cups", 4, 2, 64, "cups"), Parameter::whole("T", 32, 1, 1048576, "tokens: one put, T-1 moves")}),
        swap_(swap) {}

  Vocabulary vocabulary() const override {
    Vocabulary words;
    const index_t cups = parameters().whole("cups");
    words.kind("cup", cups);
    for (index_t move = 0; move < moves(cups); ++move) {
      const auto [i, j] = pair(move, cups);
      words.word(std::to_string(i) + (swap_ ? "<>" : "->") + std::to_string(j));
    }
    return words;
  }
  double chance() const override { return 1.0 / static_cast<double>(parameters().whole("cups")); }

  std::vector<std::string> harder() const override {
    const index_t T = parameters().whole("T");
    std::vector<std::string> settings;
    for (index_t length : {T, 2 * T, 4 * T, 8 * T}) settings.push_back("T=" + std::to_string(length));
    return settings;
  }

 private:
  index_t moves(index_t cups) const { return swap_ ? cups * (cups - 1) / 2 : cups * (cups - 1); }

  /// Moves in the order 0->1, 0->2, ..., 1->0, ...; swaps with i < j only.
  std::pair<index_t, index_t> pair(index_t move, index_t cups) const {
    if (!swap_) {
      const index_t i = move / (cups - 1), j = move % (cups - 1);
      return {i, j < i ? j : j + 1};
    }
    index_t i = 0;
    for (; move >= cups - 1 - i; ++i) move -= cups - 1 - i;
    return {i, i + 1 + move};
  }

  index_t length(const Parameters& p) const override { return p.whole("T"); }

  void fill(const Parameters& p, Split, Draws& draw, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const override {
    const index_t cups = p.whole("cups");
    index_t ball = draw.below(cups);
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      if (t == 0) {
        tokens[t] = static_cast<std::int32_t>(ball);
      } else {
        const index_t move = draw.below(moves(cups));
        const auto [i, j] = pair(move, cups);
        tokens[t] = static_cast<std::int32_t>(cups + move);
        if (ball == i)
          ball = j;
        else if (swap_ && ball == j)
          ball = i;
      }
      targets[t] = static_cast<std::int32_t>(ball);
    }
  }

  bool swap_;
};

}  // namespace

std::unique_ptr<Task> make_pour(const TaskInfo& row) { return std::make_unique<Pour>(row, false); }
std::unique_ptr<Task> make_cups(const TaskInfo& row) { return std::make_unique<Pour>(row, true); }

}  // namespace fw::model
