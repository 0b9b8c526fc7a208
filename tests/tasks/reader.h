// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Sequences as people read them: words and answers. The solvers of these tests work on the words alone, so they know nothing
// of how a generator numbers its tokens or draws its choices.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "model/tasks/registry.h"

namespace fw::test {

using Words = std::vector<std::string>;

/// One sequence: the words, and at each position the answer, "." where none is scored.
struct Sequence {
  Words words, answers;
};

inline std::vector<Sequence> sequences(const model::Task& task, std::uint64_t seed, std::int64_t step, index_t batch_size,
                                       model::Split split = model::Split::eval) {
  const model::Vocabulary vocabulary = task.vocabulary();
  Words names;
  for (index_t token = 0; token < vocabulary.size(); ++token) names.push_back(vocabulary.show(token));
  const model::Batch batch = task.make(seed, step, batch_size, split);
  std::vector<Sequence> all(static_cast<std::size_t>(batch.B));
  for (std::size_t i = 0; i < batch.tokens.size(); ++i) {
    Sequence& sequence = all[i / static_cast<std::size_t>(batch.T)];
    sequence.words.push_back(names.at(static_cast<std::size_t>(batch.tokens[i])));
    sequence.answers.push_back(batch.targets[i] < 0 ? "." : names.at(static_cast<std::size_t>(batch.targets[i])));
  }
  return all;
}

/// All of a task's sequences, `count` for each of several settings, must be solved: the solver's answers are the targets.
template <class Solver>
void check_solved(std::string_view name, const std::vector<std::string>& settings, index_t count, const Solver& solver) {
  for (const std::string& setting : settings) {
    const auto task = model::make_task(name, setting);
    for (const auto split : {model::Split::train, model::Split::eval}) {
      index_t unsolved = 0;
      for (const Sequence& sequence : sequences(*task, 7, 3, count, split))
        unsolved += solver(sequence.words, task->parameters()) != sequence.answers;
      CHECK_MESSAGE(unsolved == 0, task->name(), " ", setting, ": ", unsolved, " of ", count, " sequences differ");
    }
  }
}

/// Share of scored positions at which the guess is right. guess(sequence, t) gives a word.
template <class Guess>
double score(const std::vector<Sequence>& all, const Guess& guess) {
  index_t right = 0, scored = 0;
  for (const Sequence& sequence : all)
    for (std::size_t t = 0; t < sequence.words.size(); ++t) {
      if (sequence.answers[t] == ".") continue;
      ++scored;
      right += guess(sequence, t) == sequence.answers[t];
    }
  return static_cast<double>(right) / static_cast<double>(scored);
}

inline index_t scored(const Sequence& sequence) {
  index_t count = 0;
  for (const std::string& answer : sequence.answers) count += answer != ".";
  return count;
}

/// The number behind the prefix: 17 of "k17".
inline std::size_t number(const std::string& word) { return std::stoul(word.substr(word.find_first_of("0123456789"))); }

}  // namespace fw::test
