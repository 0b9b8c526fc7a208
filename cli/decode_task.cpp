// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight decode --task: a sequence of the evaluation stream with the model's answers beside the right ones, and the
// accuracy over several sequences.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "decode.h"
#include "progress.h"

namespace fw::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr index_t kMostSequences = 1'000'000, kMostLogits = index_t{1} << 24;

struct Answers {
  index_t scored = 0, right = 0;
  std::map<std::string, index_t> kinds;  ///< as Task::explain calls them
  double accuracy() const { return scored ? static_cast<double>(right) / static_cast<double>(scored) : 0.0; }
};

/// One sequence of a batch.
struct Sequence {
  std::vector<std::int32_t> tokens, targets, predictions;
};

std::vector<std::int32_t> likeliest(const Tensor<float>& logits, index_t row, index_t T, index_t vocab) {
  std::vector<std::int32_t> out;
  for (index_t t = 0; t < T; ++t) out.push_back(model::sample(logits.row(row, t), vocab, {0.0, 0, 0}, 0, 0));
  return out;
}

Sequence sequence_of(const model::Batch& batch, index_t row) {
  const auto cut = [&](const std::vector<std::int32_t>& all) {
    return std::vector<std::int32_t>(all.begin() + row * batch.T, all.begin() + (row + 1) * batch.T);
  };
  return {cut(batch.tokens), cut(batch.targets), {}};
}

void count(const model::Task& task, const Sequence& s, Answers& answers) {
  for (std::size_t t = 0; t < s.targets.size(); ++t) {
    if (s.targets[t] == model::kNotScored) continue;
    ++answers.scored;
    answers.right += s.predictions[t] == s.targets[t];
    ++answers.kinds[std::string(task.explain(s.tokens, s.targets, static_cast<index_t>(t), s.predictions[t]))];
  }
}

void print_sequence(const Subject& subject, const Sequence& s, const Answers& answers, index_t index) {
  const model::Task& task = *subject.task;
  std::cout << task.show(s.tokens) << "\n\n" << fmt::format("{:>6}  {:<10} {:<10} {:<10} {}\n", "t", "token", "right", "model", "kind");
  for (std::size_t t = 0; t < s.targets.size(); ++t)
    if (s.targets[t] != model::kNotScored)
      std::cout << fmt::format("{:>6}  {:<10} {:<10} {:<10} {}\n", t, task.show(s.tokens[t]), task.show(s.targets[t]),
                               subject.show(s.predictions[t]),
                               task.explain(s.tokens, s.targets, static_cast<index_t>(t), s.predictions[t]));
  std::cout << fmt::format("\nsequence {}: {} of {} right\n", index, answers.right, answers.scored);
}

Json sequence_json(const Subject& subject, const Sequence& s, index_t index) {
  const model::Task& task = *subject.task;
  Json answers = Json::array();
  for (std::size_t t = 0; t < s.targets.size(); ++t)
    if (s.targets[t] != model::kNotScored)
      answers.push_back({{"t", t},
                         {"token", task.show(s.tokens[t])},
                         {"right", task.show(s.targets[t])},
                         {"model", subject.show(s.predictions[t])},
                         {"kind", task.explain(s.tokens, s.targets, static_cast<index_t>(t), s.predictions[t])}});
  return {{"index", index}, {"tokens", s.tokens}, {"text", task.show(s.tokens)}, {"answers", answers}};
}

std::string mistakes(const Answers& answers) {
  std::string text;
  for (const auto& [kind, number] : answers.kinds)
    if (kind != "right") text += (text.empty() ? "; " : ", ") + kind + " " + std::to_string(number);
  return text;
}

}  // namespace

void answer_task(const DecodeOptions& options, Subject& subject) {
  const model::Task& task = *subject.task;
  const index_t index = options.index.value_or(0), total = options.count.value_or(64), vocab = subject.model().config().vocab_size;
  if (total < 1 || total > kMostSequences) throw Error(fmt::format("decode: --count must be in [1,{}], got {}", kMostSequences, total));
  if (index < 0 || index > kMostSequences) throw Error(fmt::format("decode: --index must be in [0,{}], got {}", kMostSequences, index));
  const std::uint64_t seed = seed_from(options);
  const model::Batch batch = task.make(seed, 0, index + total, model::Split::eval, options.threads);

  Sequence shown = sequence_of(batch, index);
  {
    Recording recording(options, subject);
    shown.predictions = likeliest(subject.model().logits(shown.tokens, 1, batch.T), 0, batch.T, vocab);
    recording.write(shown.tokens, batch.T, shown.targets, shown.predictions);
  }
  Answers first, all;
  count(task, shown, first);
  all = first;
  Progress progress("decode");
  const index_t piece = std::clamp<index_t>(kMostLogits / (batch.T * vocab), 1, 64);
  for (index_t at = index + 1; at < index + total; at += piece) {
    progress.update(static_cast<double>(at - index) / static_cast<double>(total), std::to_string(at - index) + " sequences");
    const index_t rows = std::min(piece, index + total - at);
    const std::vector<std::int32_t> tokens(batch.tokens.begin() + at * batch.T, batch.tokens.begin() + (at + rows) * batch.T);
    const Tensor<float> logits = subject.model().logits(tokens, rows, batch.T);
    for (index_t row = 0; row < rows; ++row) {
      Sequence s = sequence_of(batch, at + row);
      s.predictions = likeliest(logits, row, batch.T, vocab);
      count(task, s, all);
    }
  }
  progress.finish();

  if (options.json) {
    Json json = {{"checkpoint", options.folder},
                 {"backend", subject.model().backend_name()},
                 {"task", task.name()},
                 {"settings", task.parameters().str()},
                 {"seed", seed},
                 {"sequences", total},
                 {"scored", all.scored},
                 {"right", all.right},
                 {"accuracy", all.accuracy()},
                 {"chance", task.chance()},
                 {"kinds", all.kinds},
                 {"sequence", sequence_json(subject, shown, index)}};
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return;
  }
  std::cout << fmt::format("{}: {}; evaluation stream, seed {}, sequence {}\n", task.name(), task.parameters().str(), seed, index);
  print_sequence(subject, shown, first, index);
  std::cout << fmt::format("accuracy over {} sequences: {:.4f} ({} of {}); chance {:.4f}{}\n", total, all.accuracy(), all.right, all.scored,
                           task.chance(), mistakes(all));
}

}  // namespace fw::cli
