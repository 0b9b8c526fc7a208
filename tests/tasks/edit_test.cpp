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
using fw::test::score;
using fw::test::scored;
using fw::test::Sequence;
using fw::test::sequences;
using fw::test::Words;

namespace {

/// All values that each key has had, oldest first; keys of `parts` words. Questions stand behind a sign.
struct History {
  std::map<std::string, Words> of;
  std::size_t questions = 0;
  History(const Words& words, std::size_t parts) {
    std::size_t t = 0;
    for (; words[t] != "?" && words[t] != "<"; t += parts + 1) of[key(words, t, parts)].push_back(words[t + parts]);
    questions = t;
  }
  static std::string key(const Words& words, std::size_t t, std::size_t parts) { return words[t] + (parts == 2 ? words[t + 1] : ""); }
};

Words solve(const Words& words, std::size_t parts, std::size_t back) {
  History history(words, parts);
  Words answers(words.size(), ".");
  for (std::size_t t = history.questions; t < words.size(); t += parts + 1) {
    const Words& values = history.of.at(History::key(words, t + 1, parts));
    answers[t + parts] = values.at(values.size() - 1 - back);
  }
  return answers;
}

}  // namespace

TEST_CASE("tasks edit, previous, compositional: match a solver") {
  check_solved(
      "edit",
      {"", "live=16 writes=96", "live=1 writes=1 values=2 keys=1", "live=8 writes=8", "live=2 writes=100", "live=8 writes=64 steady=4"},
      1000, [](const Words& words, const Parameters&) { return solve(words, 1, 0); });
  check_solved("previous", {"", "live=1 writes=2", "live=8 writes=16", "live=3 writes=90"}, 1000,
               [](const Words& words, const Parameters&) { return solve(words, 1, 1); });
  check_solved("compositional",
               {"", "entities=1 attributes=1 writes=1", "entities=2 attributes=7 writes=60", "entities=5 attributes=2 writes=10"}, 1000,
               [](const Words& words, const Parameters&) { return solve(words, 2, 0); });
}

TEST_CASE("tasks edit: every live key is written and asked for once, values all differ, rewrites are mixed") {
  for (const char* name : {"edit", "previous", "compositional"}) {
    const auto task = make_task(name);
    const std::size_t parts = std::string(name) == "compositional" ? 2 : 1, keys = parts == 2 ? 16 : 8;
    const std::size_t least = std::string(name) == "previous" ? 2 : 1;
    double place = 0;
    for (const Sequence& sequence : sequences(*task, 9, 0, 1000)) {
      const History history(sequence.words, parts);
      REQUIRE(history.of.size() == keys);
      std::set<std::string> values, asked;
      for (const auto& [key, held] : history.of) {
        REQUIRE(held.size() >= least);
        values.insert(held.begin(), held.end());
      }
      REQUIRE(values.size() == 24);
      for (std::size_t t = history.questions; t < sequence.words.size(); t += parts + 1)
        asked.insert(History::key(sequence.words, t + 1, parts));
      REQUIRE(asked.size() == keys);
      REQUIRE(scored(sequence) == static_cast<index_t>(keys));
      // Where the last write of the first key asked for stands: anywhere, and not at the end only.
      const std::string answer = history.of.at(History::key(sequence.words, history.questions + 1, parts)).back();
      for (std::size_t t = 0; t < history.questions; ++t)
        if (sequence.words[t] == answer) place += static_cast<double>(t) / static_cast<double>(history.questions) / 1000;
    }
    CHECK(place > 0.6);  // the last of about three (16 cells: of one to two) uniform places
    CHECK(place < 0.85);
  }
}

TEST_CASE("tasks edit: steady keys are written no more than they must be, anywhere; the others take the rest") {
  for (const auto& [name, least] : {std::pair<const char*, std::size_t>{"edit", 1}, {"previous", 2}}) {
    double place = 0, taken = 0;
    for (const Sequence& sequence : sequences(*make_task(name, "live=6 writes=40 steady=4"), 9, 0, 500)) {
      const History history(sequence.words, 1);
      REQUIRE(history.of.size() == 6);
      std::size_t steady = 0;
      for (const auto& [key, held] : history.of) {
        if (held.size() != least) {
          taken += static_cast<double>(held.size()) / 1000;
          continue;
        }
        ++steady;
        for (std::size_t t = 0; t < history.questions; ++t)
          if (sequence.words[t] == held.front()) place += static_cast<double>(t) / static_cast<double>(history.questions) / 2000;
      }
      REQUIRE(steady == 4);
    }
    CHECK(std::abs(taken - (40.0 - 4.0 * static_cast<double>(least)) / 2) < 1e-9);
    CHECK(std::abs(place - (least == 1 ? 0.5 : 1.0 / 3)) < 0.04);
  }
}

TEST_CASE("tasks edit: what needs no memory of keys stays near chance") {
  const auto all = sequences(*make_task("edit"), 4, 0, 4000);
  CHECK(make_task("edit")->chance() == 1.0 / 128);
  CHECK(std::abs(score(all, [](const Sequence&, std::size_t) { return std::string("v5"); }) - 1.0 / 128) < 0.002);
  // The value written last is the answer to one of the eight questions; the one written first to fewer.
  CHECK(std::abs(score(all, [](const Sequence& s, std::size_t) { return s.words[47]; }) - 1.0 / 8) < 1e-9);
  CHECK(score(all, [](const Sequence& s, std::size_t) { return s.words[1]; }) < 0.05);
  const auto cells = sequences(*make_task("compositional"), 4, 0, 2000);
  CHECK(std::abs(score(cells, [](const Sequence&, std::size_t) { return std::string("v5"); }) - 1.0 / 128) < 0.002);
}

TEST_CASE("tasks edit: the kind of an answer is told") {
  const auto kinds = [](const char* name, const char* settings) {
    const auto task = make_task(name, settings);
    const auto batch = task->make(1, 0, 1);
    const auto words = sequences(*task, 1, 0, 1, fw::model::Split::train)[0];
    std::map<std::string, std::set<std::string_view>> kind;  // of each value, over all questions
    std::size_t right = 0;
    for (index_t t = 0; t < batch.T; ++t) {
      if (batch.targets[static_cast<std::size_t>(t)] < 0) continue;
      for (index_t token = 0; token < task->vocabulary_size(); ++token) {
        const auto told = task->explain(batch.tokens, batch.targets, t, static_cast<std::int32_t>(token));
        kind[std::string(told)].insert("x");
        REQUIRE((told == "right") == (token == batch.targets[static_cast<std::size_t>(t)]));
        right += told == "right";
      }
    }
    std::string all;
    for (const auto& [name_of, unused] : kind) all += name_of + " ";
    return all;
  };
  CHECK(kinds("edit", "") == "never other right stale ");
  CHECK(kinds("edit", "live=1 writes=3") == "never right stale ");
  CHECK(kinds("edit", "live=4 writes=4") == "never other right ");
  CHECK(kinds("previous", "") == "early never other right stale ");
  CHECK(kinds("previous", "live=1 writes=2") == "early never right ");
  CHECK(kinds("compositional", "") == "never other right same attribute same entity stale ");
  CHECK(kinds("compositional", "entities=1 writes=4") == "never right same entity ");
  CHECK(kinds("compositional", "attributes=1 writes=9") == "never right same attribute stale ");
  CHECK(kinds("parity", "") == "right wrong ");
}
