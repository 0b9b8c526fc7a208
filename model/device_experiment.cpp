// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/device_experiment.h"

#include <algorithm>
#include <chrono>

#include "core/error.h"
#include "core/parallel.h"
#include "model/batch_stream.h"

namespace fw::model {

std::vector<Scores> evaluate(DeviceTraining& training, const Task& task, std::span<const std::uint64_t> seeds, index_t sequences, index_t batch) {
  if (static_cast<index_t>(seeds.size()) != training.replicas())
    throw Error("evaluate: seeds must be one for each of " + std::to_string(training.replicas()) + " replicas, got " + std::to_string(seeds.size()));
  std::vector<Scores> scores(seeds.size(), start_scores(task, training.config().vocab_size, sequences, batch));
  for (index_t first = 0, piece = 0; first < sequences; first += batch, ++piece) {
    std::vector<Batch> data(seeds.size());
    parallel_for(training.replicas(), 0, [&](index_t r) {
      data[static_cast<std::size_t>(r)] = task.make(seeds[static_cast<std::size_t>(r)], piece, std::min(batch, sequences - first), Split::eval);
    });
    const auto predictions = training.predict(data);
    for (std::size_t r = 0; r < seeds.size(); ++r)
      for (const Prediction& p : predictions[r]) add_answer(scores[r], task, data[r], p);
  }
  for (Scores& s : scores) s.loss = s.scored ? s.loss / static_cast<double>(s.scored) : 0.0;
  return scores;
}

void train(DeviceTraining& training, const Task& task, const DeviceRun& run, const std::function<bool(const DeviceProgress&)>& told) {
  using Clock = std::chrono::steady_clock;
  const index_t steps = training.options().steps;
  if (static_cast<index_t>(run.seeds.size()) != training.replicas())
    throw Error("train: seeds must be one for each of " + std::to_string(training.replicas()) + " replicas, got " + std::to_string(run.seeds.size()));
  if (run.first >= steps) return;
  BatchStream stream(task, run.seeds, run.batch, run.first, steps, run.threads);
  const auto begin = Clock::now();
  std::vector<double> on_their_way;  // tokens of the steps enqueued, oldest first
  double tokens = 0;
  for (index_t done = run.first; done < steps;) {
    const index_t stop = run.pause ? std::clamp(run.pause(done), done + 1, steps) : steps;
    for (index_t sent = done; done < stop;) {
      for (; sent < stop && training.in_flight() < DeviceTraining::kInFlight; ++sent) {
        const std::vector<Batch> batches = stream.next();
        double count = 0;
        for (const Batch& b : batches) count += static_cast<double>(b.B * b.T);
        training.enqueue(batches);
        on_their_way.push_back(count);
      }
      DeviceProgress progress;
      progress.steps = training.wait();
      tokens += on_their_way.front();
      on_their_way.erase(on_their_way.begin());
      ++done;
      const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
      progress.tokens_per_second = seconds > 0 ? tokens / seconds : 0.0;
      progress.seconds_left = seconds / static_cast<double>(done - run.first) * static_cast<double>(steps - done);
      if (told(progress)) continue;
      while (training.in_flight() > 0) training.wait();
      return;
    }
  }
}

}  // namespace fw::model
