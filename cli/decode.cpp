// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight decode: a checkpoint continues a prompt or answers a task, and writes down what its rules did.
#include "decode.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "model/checkpoint_notes.h"
#include "model/tasks/registry.h"

namespace fw::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr index_t kBytes = 256;

template <class N>
N whole(const std::string& text, const std::string& what, const std::string& expected) {
  N value{};
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || at != text.data() + text.size())
    throw Error(fmt::format("decode: {} must be {}, got \"{}\"", what, expected, text));
  return value;
}

/// "1,2,3"
std::vector<std::int32_t> tokens_from(const std::string& text) {
  std::vector<std::int32_t> tokens;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    tokens.push_back(whole<std::int32_t>(text.substr(at, end - at), "--tokens", "numbers with commas like 1,2,3"));
    at = end + 1;
  }
  return tokens;
}

/// The task that is asked for, or else the one in the notes; settings of the notes hold for the same task only. Null: none.
std::unique_ptr<model::Task> task_of(const DecodeOptions& options, const Subject& subject) {
  const auto note = [&](const char* key) {
    const auto found = subject.notes.find(key);
    return found == subject.notes.end() ? std::string() : found->second;
  };
  const std::string name = options.task.empty() ? note("task") : options.task;
  if (name.empty()) return nullptr;
  auto task = model::make_task(name, name == note("task") ? note("settings") : "");
  task->set(options.settings);
  const index_t vocab = subject.loaded.model.config().vocab_size;
  if (task->vocabulary_size() > vocab)
    throw Error(
        fmt::format("decode: the task {} has {} tokens and must have at most the {} of the model", name, task->vocabulary_size(), vocab));
  return task;
}

/// What a terminal shows of one byte; control characters as \x1b.
std::string byte_text(std::int32_t byte) {
  if ((byte < 32 && byte != '\n' && byte != '\t') || byte == 127) return fmt::format("\\x{:02x}", byte);
  return std::string(1, static_cast<char>(byte));
}

void continue_prompt(const DecodeOptions& options, Subject& subject) {
  model::LanguageModel<float>& m = subject.model();
  const index_t vocab = m.config().vocab_size, length = options.length.value_or(64);
  if (length < 0) throw Error(fmt::format("decode: --length must be at least 0, got {}", length));
  const bool bytes = options.prompt_given || (!subject.task && vocab == kBytes) || (subject.task && subject.task->name() == "text");
  std::vector<std::int32_t> ran;
  if (options.prompt_given) {
    if (vocab != kBytes)
      throw Error(fmt::format("decode: --prompt needs a model of bytes, with {} tokens, got one with {} (use --tokens)", kBytes, vocab));
    for (const char c : options.prompt) ran.push_back(static_cast<unsigned char>(c));
    if (ran.empty()) throw Error("decode: --prompt must hold at least one byte, got none");
  } else {
    ran = tokens_from(options.tokens);
  }
  const auto prompt = static_cast<index_t>(ran.size());
  const model::SamplerOptions sampler{options.temperature.value_or(1.0), options.top_k.value_or(0), seed_from(options)};
  const float nothing = 0;
  model::sample(&nothing, 1, sampler, 0, 0);  // refuses the options before anything is printed
  bool first = true;
  const auto print = [&](std::int32_t token) {
    if (options.json) return;
    if (bytes)
      std::cout << byte_text(token);
    else
      std::cout << (first ? "" : " ") << (subject.task ? subject.show(token) : std::to_string(token));
    first = false;
  };

  Recording recording(options, subject);
  model::DecodeState<float> state = m.new_state(1);
  std::vector<std::int32_t> predictions, drawn;
  const auto run = [&](const std::vector<std::int32_t>& tokens) {
    Tensor<float> logits = m.continued(tokens, 1, static_cast<index_t>(tokens.size()), state, !recording.active());
    for (index_t t = 0; recording.active() && t < logits.shape()[1]; ++t)
      predictions.push_back(model::sample(logits.row(0, t), vocab, {0.0, 0, 0}, 0, 0));
    return logits;
  };
  Tensor<float> logits = run(ran);
  for (const std::int32_t token : ran) print(token);
  for (index_t n = 0; n < length; ++n) {
    const std::int32_t token = model::sample(logits.row(0, logits.shape()[1] - 1), vocab, sampler, 0, n);
    drawn.push_back(token);
    print(token);
    if (!options.json) std::cout.flush();
    if (n + 1 == length) break;
    logits = run({token});
    ran.push_back(token);
  }
  if (!options.json) std::cout << '\n' << std::flush;
  recording.write(ran, prompt, {}, predictions);
  if (!options.json) return;
  const std::vector<std::int32_t> given(ran.begin(), ran.begin() + prompt);
  Json json = {{"checkpoint", options.folder},
               {"backend", m.backend_name()},
               {"seed", sampler.seed},
               {"temperature", sampler.temperature},
               {"top_k", sampler.top_k},
               {"prompt", given},
               {"tokens", drawn}};
  if (bytes) {
    json["text"] = std::string(drawn.begin(), drawn.end());
  } else if (subject.task) {
    Json names = Json::array();
    for (const std::int32_t token : drawn) names.push_back(subject.show(token));
    json["names"] = names;
  }
  std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

/// What does not go together, before anything is loaded.
void check_options(const DecodeOptions& o, bool task) {
  const auto refuse = [](const char* option, const char* needs) { throw Error(fmt::format("decode: {} needs {}", option, needs)); };
  if (task && (o.length || o.temperature || o.top_k))
    refuse(o.length ? "--length" : o.temperature ? "--temperature" : "--top-k", "--prompt or --tokens (a task is answered, not continued)");
  if (!task && !o.settings.empty()) refuse("--set", "--task (or a checkpoint that was trained on one, without --prompt and --tokens)");
  if (!task && (o.index || o.count))
    refuse(o.index ? "--index" : "--count", "--task (or a checkpoint that was trained on one, without --prompt and --tokens)");
  if (o.states_every && o.trace.empty()) refuse("--states-every", "--trace");
  if (o.states_every && *o.states_every < 0) throw Error(fmt::format("decode: --states-every must be at least 0, got {}", *o.states_every));
  if (o.layer && o.trace.empty() && o.case_file.empty()) refuse("--layer", "--trace or --case");
  if (!o.trace.empty() && o.trace == o.case_file)
    throw Error("decode: --trace and --case must be two files, got \"" + o.trace + "\" for both");
}

void run_decode(const DecodeOptions& options) {
  const bool prompted = options.prompt_given || options.tokens_given;
  if (prompted) check_options(options, false);
  Subject subject{model::load_model(options.folder, options.backend), model::read_notes(options.folder), nullptr};
  subject.model().threads = options.threads;
  try {
    subject.task = task_of(options, subject);
  } catch (const Error&) {
    if (!prompted) throw;  // a prompt needs the notes for the names of tokens alone: numbers will do
  }
  if (!prompted && !subject.task)
    throw Error("decode: expected --prompt, --tokens or --task (the checkpoint does not say what it was trained on), got none");
  if (!prompted) check_options(options, true);
  if (prompted)
    continue_prompt(options, subject);
  else
    answer_task(options, subject);
}

}  // namespace

std::string Subject::show(std::int32_t token) const {
  return task && token < task->vocabulary_size() ? task->show(token) : "#" + std::to_string(token);
}

std::uint64_t seed_from(const DecodeOptions& options) { return whole<std::uint64_t>(options.seed, "--seed", "a whole number below 2^64"); }

void add_decode(CLI::App& app, int& status) {
  auto options = std::make_shared<DecodeOptions>();
  DecodeOptions& o = *options;
  CLI::App* command = app.add_subcommand("decode", "let a checkpoint continue a prompt or answer a task, and record what its rules do");
  command->add_option("checkpoint", o.folder, "folder with config.json and model.safetensors")->required()->type_name("FOLDER");
  CLI::Option* prompt =
      command->add_option("--prompt", o.prompt, "text to continue, for models of bytes")->type_name("TEXT")->group("Input");
  CLI::Option* tokens =
      command->add_option("--tokens", o.tokens, "tokens to continue: 1,2,3")->type_name("LIST")->group("Input")->excludes(prompt);
  command->add_option("--task", o.task, "answer this task (default without a prompt: the one the checkpoint was trained on)")
      ->type_name("NAME")
      ->group("Input")
      ->excludes(prompt)
      ->excludes(tokens);
  command->add_option("--set", o.settings, "settings of the task, over those of the checkpoint: \"T=64 pairs=8\"")
      ->type_name("TEXT")
      ->group("Input");
  command->add_option("--index", o.index, "which sequence of the evaluation stream is shown (default 0)")->type_name("N")->group("Input");
  command->add_option("--count", o.count, "sequences, from --index on, for the accuracy (default 64)")->type_name("N")->group("Input");
  command->add_option("--seed", o.seed, "of the draws, or of the evaluation stream (default 0)")->type_name("N")->group("Input");
  command->add_option("--length", o.length, "tokens to draw (default 64)")->type_name("N")->group("Sampling");
  command->add_option("--temperature", o.temperature, "0: the likeliest token (default 1)")->type_name("X")->group("Sampling");
  command->add_option("--top-k", o.top_k, "draw among the k likeliest, 0: all (default)")->type_name("K")->group("Sampling");
  command->add_option("--trace", o.trace, "write what every recurrent layer saw and did to a safetensors file")
      ->type_name("FILE")
      ->group("Recording");
  command->add_option("--states-every", o.states_every, "keep the state after every n-th token, 0: none (default 1)")
      ->type_name("N")
      ->group("Recording");
  command->add_option("--case", o.case_file, "write one layer as a case file for fastweight verify")->type_name("FILE")->group("Recording");
  command->add_option("--layer", o.layer, "record this layer alone (default: all; for --case the first)")
      ->type_name("N")
      ->group("Recording");
  command->add_option("--backend", o.backend, "who computes the rules: naive, omp or cuda (default omp)")->type_name("NAME");
  command->add_option("--threads", o.threads, "threads, 0: all cores (default)")->check(CLI::NonNegativeNumber)->type_name("N");
  command->add_flag("--json", o.json, "print the result as JSON");
  command->footer(
      "Examples:\n  fastweight decode checkpoints/edit --task edit --set \"live=8 writes=24\" --index 3 --trace edit.safetensors\n"
      "  fastweight decode checkpoints/text --prompt \"The memory\" --length 200 --temperature 0.8 --top-k 20\n"
      "  fastweight decode checkpoints/edit --case layer.safetensors --layer 1 && fastweight verify layer.safetensors");
  command->callback([options, prompt, tokens, &status] {
    options->prompt_given = prompt->count() > 0, options->tokens_given = tokens->count() > 0;
    run_decode(*options);
    status = 0;
  });
}

}  // namespace fw::cli
