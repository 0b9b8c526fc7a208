// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/tasks/task.h"

#include "core/error.h"
#include "core/parallel.h"

namespace fw::model {

void Task::set(std::string_view settings) {
  Parameters changed = parameters_;
  changed.set_all(settings);
  check(changed);
  parameters_ = std::move(changed);
}

std::vector<std::string> Task::evaluations() const {
  std::vector<std::string> within;
  for (std::string& settings : harder()) {
    Parameters trial = parameters_;
    try {
      trial.set_all(settings);
    } catch (const Error&) {
      continue;  // longer than the task goes
    }
    within.push_back(std::move(settings));
  }
  return within;
}

std::string Task::show(std::int32_t token) const { return token == kNotScored ? "." : vocabulary().show(token); }

std::string Task::show(std::span<const std::int32_t> tokens) const {
  const Vocabulary words = vocabulary();
  std::string line;
  for (std::int32_t token : tokens) line += (line.empty() ? "" : " ") + (token == kNotScored ? "." : words.show(token));
  return line;
}

std::string_view Task::explain(std::span<const std::int32_t>, std::span<const std::int32_t> targets, index_t t,
                               std::int32_t predicted) const {
  return predicted == targets[static_cast<std::size_t>(t)] ? "right" : "wrong";
}

Parameters Task::stage(std::uint64_t, std::int64_t) const { return parameters_; }

Draws Task::step_draws(std::uint64_t seed, std::int64_t step) const { return Draws(Random(seed, stream("step")), step, 0); }

Batch Task::make(std::uint64_t seed, std::int64_t step, index_t batch_size, Split split, int threads) const {
  const auto refuse = [&](std::string_view what, std::string_view expected, std::int64_t got) {
    throw Error("task " + std::string(info_.name) + " make: " + std::string(what) + " must be " + std::string(expected) + ", got " +
                std::to_string(got));
  };
  if (step < 0) refuse("step", "at least 0", step);
  if (batch_size < 1 || batch_size > 0x7fffffff) refuse("batch_size", "in [1,2147483647]", batch_size);

  const Parameters parameters = split == Split::train ? stage(seed, step) : parameters_;
  const Random random(seed, stream(split == Split::train ? "train" : "eval"));
  Batch batch{batch_size, length(parameters), {}, {}};
  const auto B = static_cast<std::size_t>(batch.B), T = static_cast<std::size_t>(batch.T);
  batch.tokens.assign(B * T, 0);
  batch.targets.assign(B * T, kNotScored);
  parallel_for(batch.B, threads, [&](index_t row) {
    Draws draws(random, step, row);
    const std::size_t at = static_cast<std::size_t>(row) * T;
    fill(parameters, split, draws, std::span(batch.tokens).subspan(at, T), std::span(batch.targets).subspan(at, T));
  });
  return batch;
}

}  // namespace fw::model
