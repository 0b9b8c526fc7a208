// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// The word problem of the symmetric groups S3 and S5: tokens are group elements, the target at every position is the product
// of all tokens so far. An element is written as the order of things that it makes of 123: "213" exchanges the first two
// places.   213 132 213   targets  213 231 321.   The arrangement a becomes a' with a'[x] = a[g[x]] at token g.
// The tokens are the identity and the exchanges of two places (full=0), or all n! elements (full=1); uniform.
// An exchange is a reflection: a rule with eigenvalue -1 (erase up to 2) does it in one step. A cycle of three has determinant
// 1; a step (I - k e^T) Diag(alpha) with e = b k, b >= 0, has (1 - e.k) prod alpha, which is 1 only where it erases and
// forgets nothing: full=1 needs two steps per token or a second layer. S5 is not solvable: no shortcut through abelian parts.
#include <algorithm>
#include <numeric>

#include "model/tasks/makers.h"

namespace fw::model {
namespace {

using Order = std::vector<index_t>;

class Permutations final : public Task {
 public:
  Permutations(const TaskInfo& row, index_t things, index_t T)
      : Task(row, {Parameter::whole("T", T, 1, 1048576, "tokens"),
                   Parameter::whole("full", 0, 0, 1, "0: identity and swaps; 1: all elements")}) {
    Order order(static_cast<std::size_t>(things));
    std::iota(order.begin(), order.end(), index_t{0});
    do elements_.push_back(order);
    while (std::next_permutation(order.begin(), order.end()));
    for (std::size_t g = 0; g < elements_.size(); ++g) {
      index_t moved = 0;
      for (index_t x = 0; x < things; ++x) moved += elements_[g][static_cast<std::size_t>(x)] != x;
      if (moved <= 2) swaps_.push_back(static_cast<index_t>(g));
    }
  }

  Vocabulary vocabulary() const override {
    Vocabulary words;
    for (const Order& order : elements_) {
      std::string name;
      for (index_t thing : order) name += static_cast<char>('1' + thing);
      words.word(name);
    }
    return words;
  }

  std::vector<std::string> harder() const override {
    const index_t T = parameters().whole("T");
    std::vector<std::string> settings;
    for (index_t length : {T, 2 * T, 4 * T, 8 * T}) settings.push_back("T=" + std::to_string(length));
    return settings;
  }

  /// Swaps reach the far elements late, so early products are not uniform: the distribution is stepped through the group.
  double chance() const override {
    const auto count = elements_.size();
    if (parameters().whole("full") == 1) return 1.0 / static_cast<double>(count);
    const index_t T = parameters().whole("T"), exact = std::min<index_t>(T, 1000);  // uniform to rounding long before that
    std::vector<double> now(count, 0.0), sum(count, 0.0);
    now[0] = 1.0;
    for (index_t t = 0; t < exact; ++t) {
      std::vector<double> next(count, 0.0);
      for (std::size_t a = 0; a < count; ++a)
        for (index_t g : swaps_)
          next[static_cast<std::size_t>(product(static_cast<index_t>(a), g))] += now[a] / static_cast<double>(swaps_.size());
      now = next;
      for (std::size_t a = 0; a < count; ++a) sum[a] += now[a];
    }
    const double rest = static_cast<double>(T - exact) / static_cast<double>(count);
    return (*std::max_element(sum.begin(), sum.end()) + rest) / static_cast<double>(T);
  }

 private:
  /// The element after `a` and then token `g`. Elements are numbered in alphabetical order, so a search finds the number.
  index_t product(index_t a, index_t g) const {
    const Order &left = elements_[static_cast<std::size_t>(a)], &right = elements_[static_cast<std::size_t>(g)];
    Order both;
    for (index_t x : right) both.push_back(left[static_cast<std::size_t>(x)]);
    return std::lower_bound(elements_.begin(), elements_.end(), both) - elements_.begin();
  }

  index_t length(const Parameters& p) const override { return p.whole("T"); }

  void fill(const Parameters& p, Split, Draws& draw, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const override {
    const bool full = p.whole("full") == 1;
    const auto inputs = static_cast<index_t>(full ? elements_.size() : swaps_.size());
    index_t state = 0;  // the identity is the first in alphabetical order
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      const index_t drawn = draw.below(inputs), g = full ? drawn : swaps_[static_cast<std::size_t>(drawn)];
      state = product(state, g);
      tokens[t] = static_cast<std::int32_t>(g);
      targets[t] = static_cast<std::int32_t>(state);
    }
  }

  std::vector<Order> elements_;
  std::vector<index_t> swaps_;  ///< elements that move at most two things
};

}  // namespace

std::unique_ptr<Task> make_s3(const TaskInfo& row) { return std::make_unique<Permutations>(row, 3, 32); }
std::unique_ptr<Task> make_s5(const TaskInfo& row) { return std::make_unique<Permutations>(row, 5, 128); }

}  // namespace fw::model
