// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>

#include "tasks/reader.h"

TEST_SUITE_BEGIN("tasks");

using fw::index_t;
using fw::model::make_task;
using fw::model::Parameters;
using fw::test::check_solved;
using fw::test::number;
using fw::test::score;
using fw::test::scored;
using fw::test::Sequence;
using fw::test::sequences;
using fw::test::Words;

namespace {

/// Reads the pairs, then takes every known key as a question.
Words solve_mqar(const Words& words, const Parameters& p) {
  std::map<std::string, std::string> memory;
  Words answers(words.size(), ".");
  const auto context = static_cast<std::size_t>(2 * p.whole("pairs"));
  for (std::size_t t = 0; t < context; t += 2) memory[words[t]] = words[t + 1];
  for (std::size_t t = context; t < words.size(); ++t) {
    const auto found = memory.find(words[t]);
    if (found != memory.end()) answers[t] = found->second;
  }
  return answers;
}

/// The grammar of needles: "!" key value..., "?" key value...; everything else is hay.
Words solve_needle(const Words& words, const Parameters&) {
  std::map<std::string, Words> memory;
  Words answers(words.size(), ".");
  for (std::size_t t = 0; t < words.size(); ++t) {
    if (words[t] == "!")
      for (std::size_t i = t + 2; i < words.size() && words[i][0] == 'v'; ++i) memory[words[t + 1]].push_back(words[i]);
    if (words[t] == "?") {
      const Words& value = memory.at(words[t + 1]);
      for (std::size_t i = 0; i < value.size(); ++i) answers.at(t + 1 + i) = value[i];
    }
  }
  return answers;
}

Words solve_copy(const Words& words, const Parameters& p) {
  Words front, answers(words.size(), ".");
  std::size_t t = 0;
  for (; words[t] != "="; ++t)
    if (words[t] != "_") front.push_back(words[t]);
  for (; t < words.size(); ++t) {
    const bool back = p.whole("reversed") == 1;
    answers[t] = back ? front.back() : front.front();
    front.erase(back ? front.end() - 1 : front.begin());
  }
  return answers;
}

}  // namespace

TEST_CASE("tasks mqar: matches a solver") {
  check_solved("mqar",
               {"curriculum=0", "T=64 pairs=16 keys=16 values=16 curriculum=0", "T=62 pairs=15 spread=1 keys=40 values=20 curriculum=0"},
               1000, solve_mqar);
  check_solved("mqar", {"T=4 pairs=1 keys=2 values=2", "T=2048 pairs=512 curriculum=0", "T=4096 pairs=4 curriculum=0"}, 20, solve_mqar);
}

TEST_CASE("tasks mqar: keys and values differ, every pair is asked for once, most of them early") {
  const auto task = make_task("mqar", "T=256 pairs=16 keys=100 values=64");
  double early = 0;
  for (const Sequence& sequence : sequences(*task, 1, 0, 500)) {
    std::set<std::string> keys, values, asked;
    for (std::size_t t = 0; t < 32; t += 2) keys.insert(sequence.words[t]), values.insert(sequence.words[t + 1]);
    REQUIRE(keys.size() == 16);
    REQUIRE(values.size() == 16);
    for (std::size_t t = 0; t < 256; ++t) {
      if (sequence.answers[t] == ".") continue;
      REQUIRE(t >= 32);
      REQUIRE(t % 2 == 0);
      asked.insert(sequence.words[t]);
      early += t < 32 + 2 * 28;  // the first quarter of the 112 slots
    }
    REQUIRE(asked == keys);
    REQUIRE(scored(sequence) == 16);
  }
  CHECK(early / (500 * 16) > 0.6);
  CHECK(early / (500 * 16) < 0.9);
  double even = 0;
  task->set("spread=1");
  for (const Sequence& sequence : sequences(*task, 1, 0, 500))
    for (std::size_t t = 32; t < 88; ++t) even += sequence.answers[t] != ".";
  CHECK(std::abs(even / (500 * 16) - 0.25) < 0.03);
}

TEST_CASE("tasks mqar: the order of the questions does not follow the order of the pairs") {
  double later = 0, count = 0;
  for (const Sequence& sequence : sequences(*make_task("mqar", "T=64 pairs=8"), 1, 0, 1000)) {
    std::map<std::string, std::size_t> at;
    for (std::size_t t = 0; t < 16; t += 2) at[sequence.words[t]] = t;
    std::size_t last = 99;
    for (std::size_t t = 16; t < 64; ++t) {
      if (sequence.answers[t] == ".") continue;
      if (last != 99) later += at.at(sequence.words[t]) > last, ++count;
      last = at.at(sequence.words[t]);
    }
  }
  CHECK(std::abs(later / count - 0.5) < 0.03);
}

TEST_CASE("tasks mqar: the curriculum opens level after level and ends as an even mix") {
  const auto task = make_task("mqar", "ramp=1000");
  std::map<index_t, int> seen;
  for (std::int64_t step = 0; step < 3000; ++step) {
    const Parameters now = task->stage(5, step);
    const index_t n = now.whole("pairs");
    REQUIRE((n == 4 || n == 8 || n == 16 || n == 32 || n == 64));
    REQUIRE(now.whole("T") == std::min<index_t>(256, 16 * n));
    if (step < 200) REQUIRE(n == 4);
    if (step < 800) REQUIRE(n <= 32);
    if (step >= 1000) ++seen[n];
  }
  REQUIRE(seen.size() == 5);
  for (const auto& [n, count] : seen) CHECK(std::abs(count - 400) < 80);
  CHECK(task->make(5, 0, 2).T == 64);
  CHECK(task->make(5, 0, 2, fw::model::Split::eval).T == 256);
  task->set("curriculum=0");
  CHECK(task->make(5, 0, 2).T == 256);
}

TEST_CASE("tasks needle: matches a solver") {
  check_solved("needle", {"", "T=5", "T=9 digits=3 words=1", "T=64 keys=1 values=2"}, 1000, solve_needle);
  check_solved("needles", {"T=256", "T=128 needles=16 queries=16", "T=128 needles=5 queries=3 digits=4", "T=20 queries=4"}, 1000,
               solve_needle);
  check_solved("needles", {"T=2048 needles=64", "T=16384"}, 20, solve_needle);
}

TEST_CASE("tasks needle: needles lie anywhere, their keys differ, any of them is asked for") {
  std::map<std::size_t, double> rank;
  double depth = 0;
  for (const Sequence& sequence : sequences(*make_task("needles"), 3, 0, 2000)) {
    std::vector<std::string> keys;
    for (std::size_t t = 0; t < sequence.words.size(); ++t)
      if (sequence.words[t] == "!") keys.push_back(sequence.words[t + 1]), depth += static_cast<double>(t);
    REQUIRE(std::set<std::string>(keys.begin(), keys.end()).size() == 4);
    for (std::size_t i = 0; i < 4; ++i) rank[i] += keys[i] == sequence.words.back();
  }
  for (const auto& [i, count] : rank) CHECK(std::abs(count / 2000 - 0.25) < 0.04);
  CHECK(std::abs(depth / 8000 - 253.5) < 8);  // half of the 510 tokens before the question, less half a needle
}

TEST_CASE("tasks copy: matches a solver") {
  check_solved("copy", {"", "n=1", "reversed=1", "blanks=20", "n=7 blanks=3 reversed=1 symbols=2", "n=100"}, 1000, solve_copy);
}

TEST_CASE("tasks recall: guessing without reading and guessing by place are at chance") {
  const auto constant = [](const char* word) { return [word](const Sequence&, std::size_t) { return std::string(word); }; };
  const auto mqar = make_task("mqar", "values=80"), needle = make_task("needle", "T=12 values=80"), copy = make_task("copy", "symbols=10");
  const auto needles = make_task("needles", "T=40 values=80");
  CHECK(mqar->chance() == 1.0 / 80);
  CHECK(needles->chance() == 1.0 / 80);
  CHECK(copy->chance() == 0.1);
  CHECK(std::abs(score(sequences(*mqar, 11, 0, 500), constant("v3")) - 1.0 / 80) < 0.002);
  CHECK(std::abs(score(sequences(*needle, 11, 0, 20000), constant("v3")) - 1.0 / 80) < 0.004);
  CHECK(std::abs(score(sequences(*needles, 11, 0, 20000), constant("v3")) - 1.0 / 80) < 0.004);
  CHECK(std::abs(score(sequences(*copy, 11, 0, 1000), constant("s3")) - 0.1) < 0.01);
  // The value of any one pair is right for one key in n.
  CHECK(std::abs(score(sequences(*mqar, 11, 0, 500), [](const Sequence& s, std::size_t) { return s.words[1]; }) - 1.0 / 64) < 1e-9);
  // The value read last is that of one needle in four, or equal to it by chance.
  const double last = score(sequences(*needles, 11, 0, 20000), [](const Sequence& s, std::size_t t) {
    while (s.words[t][0] != 'v') --t;
    return s.words[t];
  });
  CHECK(std::abs(last - (0.25 + 0.75 / 80)) < 0.015);
}
