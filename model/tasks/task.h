// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A task: an endless stream of sequences with known answers, made on the fly. Sequence b of step s is a function of
// (seed, split, s, b) and of the parameters; training and evaluation read two independent streams. A curriculum is a rule
// that says with which parameters a training step is made (stage); evaluation always uses the parameters as they are set.
//
//   auto task = make_task("edit", "live=16 writes=96");
//   Batch batch = task->make(seed, step, 64);                  // training
//   Batch fresh = task->make(seed, 0, 256, Split::eval);       // never trained on
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/tasks/batch.h"
#include "model/tasks/draws.h"
#include "model/tasks/parameters.h"
#include "model/tasks/vocabulary.h"

namespace fw::model {

enum class Split { train, eval };

/// One row of the table of tasks.
struct TaskInfo {
  std::string_view name;      ///< as on the command line, e.g. "needle"
  std::string_view summary;   ///< the rule in one line
  std::string_view isolates;  ///< what it takes to solve it, and which rules have it
};

class Task {
 public:
  virtual ~Task() = default;
  std::string_view name() const { return info_.name; }
  std::string_view summary() const { return info_.summary; }
  std::string_view isolates() const { return info_.isolates; }

  const Parameters& parameters() const { return parameters_; }
  /// "T=64 pairs=8", all or nothing; throws when a value is out of range or the values do not fit each other.
  void set(std::string_view settings);
  /// Settings in the order in which an evaluation should try them, easiest first; the vocabulary stays the same. Where
  /// length is the question they go far beyond the length that is trained.
  std::vector<std::string> evaluations() const;

  virtual Vocabulary vocabulary() const = 0;
  index_t vocabulary_size() const { return vocabulary().size(); }
  /// The name of a token for people; "." for kNotScored.
  std::string show(std::int32_t token) const;
  /// A sequence as one line.
  virtual std::string show(std::span<const std::int32_t> tokens) const;

  /// Accuracy over the scored positions of the best constant answer: what a model that has learned nothing but the
  /// frequencies of the answers gets. Exact; for the parameters as they are set.
  virtual double chance() const = 0;
  /// What kind of answer `predicted` is at the scored position t of one sequence: "right", or "wrong", or a word that says
  /// more, e.g. "stale" (an overwritten value).
  virtual std::string_view explain(std::span<const std::int32_t> tokens, std::span<const std::int32_t> targets, index_t t,
                                   std::int32_t predicted) const;

  /// The parameters with which the given training step is made.
  virtual Parameters stage(std::uint64_t seed, std::int64_t step) const;
  /// Tokens of a sequence as the parameters are set.
  index_t length() const { return length(parameters_); }
  /// Throws unless step >= 0 and 1 <= batch_size < 2^31. The result does not depend on `threads` (0: all cores).
  Batch make(std::uint64_t seed, std::int64_t step, index_t batch_size, Split split = Split::train, int threads = 1) const;

 protected:
  Task(const TaskInfo& info, std::vector<Parameter> parameters)
      : info_(info), parameters_("task " + std::string(info.name), std::move(parameters)) {}
  /// What evaluations() gives, not yet cut to the ranges of the parameters.
  virtual std::vector<std::string> harder() const = 0;
  /// Do the values fit each other? Throws with Parameters::demand. Called before they are taken over, by set() alone: the
  /// place to read what they name.
  virtual void check(const Parameters&) {}
  virtual index_t length(const Parameters&) const = 0;
  /// Writes one sequence; tokens and targets have the length asked for, targets are all kNotScored before.
  virtual void fill(const Parameters&, Split, Draws&, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) const = 0;
  /// Numbers for choices that belong to a whole step.
  Draws step_draws(std::uint64_t seed, std::int64_t step) const;

 private:
  std::string stream(std::string_view part) const { return "task/" + std::string(info_.name) + "/" + std::string(part); }
  const TaskInfo& info_;  ///< a row of the table, which lives as long as the program
  Parameters parameters_;
};

}  // namespace fw::model
