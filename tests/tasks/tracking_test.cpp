// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "tasks/reader.h"

TEST_SUITE_BEGIN("tasks");

using fw::index_t;
using fw::model::make_task;
using fw::model::Parameters;
using fw::test::check_solved;
using fw::test::number;
using fw::test::score;
using fw::test::Sequence;
using fw::test::sequences;
using fw::test::Words;

namespace {

/// The water in all cups, moved with the matrices of the page: pour [[0,0],[1,1]], swap [[0,1],[1,0]] on channels i and j,
/// written as the edit x' = x - k (e.x) of Gated DeltaNet-2 with erase gate (2,0) or (2,2).
Words solve_cups(const Words& words, const Parameters& p) {
  std::vector<double> x(static_cast<std::size_t>(p.whole("cups")), 0.0);
  Words answers;
  for (const std::string& word : words) {
    const std::size_t arrow = word.find_first_of("-<");
    if (arrow == std::string::npos) {
      x.at(number(word)) = 1;
    } else {
      const std::size_t i = std::stoul(word), j = std::stoul(word.substr(arrow + 2));
      const double root = std::sqrt(0.5), b_j = word[arrow] == '-' ? 0.0 : 2.0;
      const double read = 2.0 * root * x[i] - b_j * root * x[j];  // e.x with e = b * k, k = (1,-1)/sqrt 2
      x[i] -= root * read;
      x[j] += root * read;
    }
    answers.push_back("cup" + std::to_string(std::max_element(x.begin(), x.end()) - x.begin()));
    double sum = 0;
    for (double water : x) sum += water;
    REQUIRE(std::abs(sum - 1) < 1e-9);
  }
  return answers;
}

Words solve_parity(const Words& words, const Parameters& p) {
  Words answers(words.size(), ".");
  const std::size_t first = p.whole("everywhere") == 1 ? 0 : words.size() - 1;
  for (std::size_t t = first; t < words.size(); ++t)
    answers[t] = std::count(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(t) + 1, "1") % 2 == 1 ? "1" : "0";
  return answers;
}

/// Multiplies permutation matrices, P_g with a one in row g[x], column x.
Words solve_group(const Words& words, const Parameters&) {
  const std::size_t n = words[0].size();
  using Matrix = std::vector<std::vector<int>>;
  Matrix product(n, std::vector<int>(n, 0));
  for (std::size_t i = 0; i < n; ++i) product[i][i] = 1;
  Words answers;
  for (const std::string& word : words) {
    Matrix next(n, std::vector<int>(n, 0));
    for (std::size_t row = 0; row < n; ++row)
      for (std::size_t column = 0; column < n; ++column)
        for (std::size_t i = 0; i < n; ++i) next[row][column] += product[row][i] * (static_cast<std::size_t>(word[column] - '1') == i);
    product = next;
    std::string name(n, ' ');
    for (std::size_t column = 0; column < n; ++column)
      for (std::size_t row = 0; row < n; ++row)
        if (product[row][column] == 1) name[column] = static_cast<char>('1' + row);
    answers.push_back(name);
  }
  return answers;
}

}  // namespace

TEST_CASE("tasks pour, cups: match the edits of the page") {
  check_solved("pour", {"", "T=256", "cups=2 T=40", "cups=7", "T=1"}, 500, solve_cups);
  check_solved("cups", {"", "cups=2 T=40", "cups=7", "T=1"}, 500, solve_cups);
  CHECK(make_task("pour")->vocabulary_size() == 16);
  CHECK(make_task("cups")->vocabulary_size() == 10);
}

TEST_CASE("tasks pour: what a fool scores") {
  const auto all = sequences(*make_task("pour", "T=128"), 2, 0, 2000);
  CHECK(make_task("pour")->chance() == 0.25);
  CHECK(std::abs(score(all, [](const Sequence&, std::size_t) { return std::string("cup1"); }) - 0.25) < 0.01);
  // The cup that was poured into last: 2/n at every move, and right at the put.
  const double last = score(
      all, [](const Sequence& s, std::size_t t) { return t == 0 ? s.words[0] : "cup" + s.words[t].substr(s.words[t].find('>') + 1); });
  CHECK(std::abs(last - (1 + 127 * 0.5) / 128) < 0.01);
  // The first cup named: never left before it is poured out.
  std::map<std::string, int> moves;
  for (const Sequence& sequence : all)
    for (std::size_t t = 1; t < sequence.words.size(); ++t) ++moves[sequence.words[t]];
  REQUIRE(moves.size() == 12);
  for (const auto& [move, count] : moves) CHECK(std::abs(count / (2000.0 * 127) - 1.0 / 12) < 0.004);
}

TEST_CASE("tasks parity: matches counting, at chance for constants, bits are fair") {
  check_solved("parity", {"", "T=1", "T=256 everywhere=0", "T=300"}, 500, solve_parity);
  const auto all = sequences(*make_task("parity"), 2, 0, 4000);
  CHECK(std::abs(score(all, [](const Sequence&, std::size_t) { return std::string("1"); }) - 0.5) < 0.01);
  // The last bit is right where the bits before it are even: at the first place always, later half of the time.
  CHECK(std::abs(score(all, [](const Sequence& s, std::size_t t) { return s.words[t]; }) - (1 + 31 * 0.5) / 32) < 0.01);
}

TEST_CASE("tasks s3, s5: match products of permutation matrices") {
  check_solved("s3", {"", "full=1", "T=1", "T=256"}, 500, solve_group);
  check_solved("s5", {"T=64", "T=64 full=1"}, 200, solve_group);
  CHECK(make_task("s3")->vocabulary_size() == 6);
  CHECK(make_task("s5")->vocabulary_size() == 120);
}

TEST_CASE("tasks s3, s5: tokens are the identity and swaps, or all; the chance of constants is as computed") {
  const auto tokens = [](const char* name, const char* settings) {
    std::map<std::string, int> seen;
    for (const Sequence& sequence : sequences(*make_task(name, settings), 2, 0, 100))
      for (const std::string& word : sequence.words) ++seen[word];
    return seen;
  };
  CHECK(tokens("s3", "").size() == 4);
  CHECK(tokens("s3", "full=1").size() == 6);
  CHECK(tokens("s5", "").size() == 11);
  CHECK(tokens("s5", "full=1").size() == 120);
  CHECK(tokens("s3", "").count("231") == 0);
  CHECK(make_task("s3", "full=1")->chance() == 1.0 / 6);
  CHECK(make_task("s3", "T=1")->chance() == 0.25);
  for (const auto& [name, T, count] : {std::tuple{"s3", 32, 4000}, std::tuple{"s3", 5, 20000}, std::tuple{"s5", 16, 10000}}) {
    const auto task = make_task(name, "T=" + std::to_string(T));
    double best = 0;
    const auto all = sequences(*task, 3, 0, count);
    for (const char* constant : {"123", "213", "132", "12345", "21345"})
      best = std::max(best, score(all, [&](const Sequence&, std::size_t) { return std::string(constant); }));
    CHECK(std::abs(best - task->chance()) < 0.01);
  }
}
