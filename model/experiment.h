// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// A model on a task: what an experiment consists of, as data; its training, step by step; its scores on sequences that were never
// trained on. Step s of the training sees batch s of the task's training stream, so that an experiment is a function of its description: the same
// bits on the same kind of CPU, whatever the number of threads, interrupted and resumed or not.
#pragma once

#include <functional>
#include <map>

#include "model/checkpoint.h"
#include "model/tasks/registry.h"

namespace fw::model {

struct Experiment {
  std::string task = "edit";
  std::string settings;        ///< of the task, "live=8 writes=24"; empty: its defaults
  ModelConfig model;           ///< vocab_size is set from the task
  OptimizerOptions optimizer;  ///< steps: of the whole training
  index_t batch = 64;
  std::uint64_t seed = 0;      ///< of the first parameters and of the data
};

/// The task with its settings, and the model's vocabulary made to fit. Throws on what cannot be.
std::unique_ptr<Task> prepare(Experiment& experiment);
/// Everything that decides about the numbers, for a checkpoint: task, settings, seed, batch.
Notes notes_of(const Experiment& experiment);

/// How a model does on `sequences` of the task's evaluation stream.
struct Scores {
  std::string settings;                   ///< of the task while they were made
  index_t sequences = 0, length = 0, scored = 0, right = 0;
  double loss = 0;                        ///< mean cross entropy of the scored targets
  double chance = 0;                      ///< accuracy of the best constant answer
  std::map<std::string, index_t> wrong;   ///< by kind (Task::explain)
  double accuracy() const { return scored ? static_cast<double>(right) / static_cast<double>(scored) : 0.0; }
};
/// seed: of the evaluation stream. Sequences go through the model in pieces of at most `batch`.
Scores evaluate(LanguageModel<float>& model, const Task& task, std::uint64_t seed, index_t sequences, index_t batch = 64);

/// What a model says at a scored position: `at` = b T + t.
struct Prediction {
  index_t at = 0;
  std::int32_t token = 0;
  double loss = 0;
};
/// For evaluations of other models than a LanguageModel: scores without answers; throws on sizes and vocabularies that cannot be. Then each
/// answer is added, the loss as a sum.
Scores start_scores(const Task& task, index_t vocab, index_t sequences, index_t batch);
void add_answer(Scores& scores, const Task& task, const Batch& data, const Prediction& prediction);

/// What is told after a step.
struct TrainingProgress {
  StepResult step;
  double tokens_per_second = 0, seconds_left = 0;
};
/// Trains from training.step() up to the optimizer's steps, or until `told` says false.
void train(Training& training, const Task& task, const Experiment& experiment, const std::function<bool(const TrainingProgress&)>& told);

}  // namespace fw::model
