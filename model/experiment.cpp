// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/experiment.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/error.h"

namespace fw::model {

std::unique_ptr<Task> prepare(Experiment& experiment) {
  if (experiment.batch < 1) throw Error("experiment: batch must be at least 1, got " + std::to_string(experiment.batch));
  std::unique_ptr<Task> task = make_task(experiment.task, experiment.settings);
  experiment.model.vocab_size = task->vocabulary_size();
  check_config(experiment.model);
  check_options(experiment.optimizer);
  return task;
}

Notes notes_of(const Experiment& experiment) {
  return {{"task", experiment.task}, {"settings", experiment.settings}, {"seed", std::to_string(experiment.seed)}, {"batch", std::to_string(experiment.batch)}};
}

Scores start_scores(const Task& task, index_t vocab, index_t sequences, index_t batch) {
  if (sequences < 1 || batch < 1) throw Error("evaluate: sequences and batch must be at least 1, got " + std::to_string(sequences) + " and " + std::to_string(batch));
  if (vocab != task.vocabulary_size())
    throw Error("evaluate: the model's vocabulary must be that of task " + std::string(task.name()) + ", " + std::to_string(task.vocabulary_size()) + " tokens, got " +
                std::to_string(vocab));
  Scores scores;
  scores.settings = task.parameters().str(), scores.sequences = sequences, scores.length = task.length(), scores.chance = task.chance();
  return scores;
}

void add_answer(Scores& scores, const Task& task, const Batch& data, const Prediction& p) {
  ++scores.scored;
  scores.loss += p.loss;
  if (p.token == data.targets[static_cast<std::size_t>(p.at)]) {
    ++scores.right;
    return;
  }
  const index_t b = p.at / data.T, t = p.at % data.T;
  const auto sequence = [&](const std::vector<std::int32_t>& of) { return std::span(of).subspan(static_cast<std::size_t>(b * data.T), static_cast<std::size_t>(data.T)); };
  ++scores.wrong[std::string(task.explain(sequence(data.tokens), sequence(data.targets), t, p.token))];
}

Scores evaluate(LanguageModel<float>& model, const Task& task, std::uint64_t seed, index_t sequences, index_t batch) {
  const index_t vocab = model.config().vocab_size, T = task.length();
  Scores scores = start_scores(task, vocab, sequences, batch);
  for (index_t first = 0, piece = 0; first < sequences; first += batch, ++piece) {
    const index_t B = std::min(batch, sequences - first);
    const Batch data = task.make(seed, piece, B, Split::eval);
    const Tensor<float> logits = model.logits(data.tokens, B, T);
    for (index_t at = 0; at < B * T; ++at) {
      const std::int32_t target = data.targets[static_cast<std::size_t>(at)];
      if (target == kNotScored) continue;
      const float* row = logits.data() + at * vocab;
      const float* best = std::max_element(row, row + vocab);
      double sum = 0;
      for (index_t i = 0; i < vocab; ++i) sum += std::exp(static_cast<double>(row[i]) - static_cast<double>(*best));
      add_answer(scores, task, data, {at, static_cast<std::int32_t>(best - row), std::log(sum) + static_cast<double>(*best) - static_cast<double>(row[target])});
    }
  }
  scores.loss = scores.scored ? scores.loss / static_cast<double>(scores.scored) : 0.0;
  return scores;
}

void train(Training& training, const Task& task, const Experiment& experiment, const std::function<bool(const TrainingProgress&)>& told) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const index_t first = training.step(), steps = training.options().steps;
  double tokens = 0;
  while (training.step() < steps) {
    const Batch batch = task.make(experiment.seed, training.step(), experiment.batch);
    TrainingProgress progress;
    progress.step = training.train_step(batch);
    tokens += static_cast<double>(batch.B * batch.T);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count(), done = static_cast<double>(training.step() - first);
    progress.tokens_per_second = seconds > 0 ? tokens / seconds : 0.0;
    progress.seconds_left = seconds / done * static_cast<double>(steps - training.step());
    if (!told(progress)) return;
  }
}

}  // namespace fw::model
