// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight eval: how well a checkpoint does on a task, what it was trained on or another of the same vocabulary, at every length that the
// task names; wrong answers by kind.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "core/error.h"
#include "experiment_arguments.h"
#include "progress.h"

namespace fw::cli {
namespace {

struct EvalArguments {
  std::string checkpoint, task, settings, backend = "omp";
  std::uint64_t seed = 1;
  index_t sequences = 512, batch = 64;
  int threads = 0;
  bool as_set = false, json = false;
};

void run_eval(const EvalArguments& a) {
  model::LoadedModel loaded = model::load_model(a.checkpoint, cpu_backend(a.backend));
  loaded.model.threads = a.threads;
  const std::unique_ptr<model::DeviceTraining> device = device_training(a.backend, loaded.model.config(), {}, 1);
  if (device) device->upload(0, loaded.model.parameters(), {});
  std::string name = a.task, settings = a.settings;
  if (name.empty()) {
    const auto at = loaded.notes.find("task");
    if (at == loaded.notes.end()) throw Error("eval: " + a.checkpoint + " does not say what it was trained on: --task must be given, got none");
    name = at->second;
    if (const auto with = loaded.notes.find("settings"); settings.empty() && with != loaded.notes.end()) settings = with->second;
  }
  const std::unique_ptr<model::Task> task = model::make_task(name, settings);
  std::vector<std::string> all{""};
  if (!a.as_set)
    for (const std::string& harder : task->evaluations()) all.push_back(harder);
  nlohmann::ordered_json report = {{"checkpoint", a.checkpoint}, {"task", name}, {"seed", a.seed}};
  if (!a.json) std::cout << model::summary(loaded.model.config()) << '\n';
  Progress progress("eval " + name);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string before = task->parameters().str();
    if (!all[i].empty()) task->set(all[i]);
    if (!all[i].empty() && task->parameters().str() == before) continue;
    progress.update(static_cast<double>(i) / static_cast<double>(all.size()), all[i]);
    const model::Scores scores = device ? model::evaluate(*device, *task, std::span(&a.seed, 1), a.sequences, a.batch).front()
                                        : model::evaluate(loaded.model, *task, a.seed, a.sequences, a.batch);
    report["scores"].push_back(nlohmann::ordered_json::parse(scores_json(scores)));
    if (!a.json) std::cout << scores_line(scores) << '\n';
  }
  progress.finish();
  if (a.json) std::cout << report.dump() << '\n';
}

}  // namespace

void add_eval(CLI::App& app, int& status) {
  auto a = std::make_shared<EvalArguments>();
  CLI::App* command = app.add_subcommand("eval", "how well a checkpoint does on a task");
  command->add_option("checkpoint", a->checkpoint, "folder with config.json and model.safetensors")->required();
  command->add_option("--task", a->task, "instead of what the checkpoint says it was trained on");
  command->add_option("--set", a->settings, "settings of the task, instead of those of the training");
  command->add_option("--seed", a->seed, "of the sequences")->capture_default_str();
  command->add_option("--sequences", a->sequences, "at every setting")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_option("--batch", a->batch, "sequences that go through the model together")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_flag("--as-set", a->as_set, "no other lengths than the one that is set");
  command->add_option("--backend", a->backend, "naive or omp on the CPU, or cuda on the GPU")->capture_default_str();
  command->add_option("--threads", a->threads, "0: all cores")->capture_default_str()->check(CLI::NonNegativeNumber);
  command->add_flag("--json", a->json, "one object");
  command->footer("Example:\n  fastweight eval notebooks_data/checkpoints/pour_gdn2_neg --sequences 256");
  command->callback([a, &status] {
    run_eval(*a);
    status = 0;
  });
}

}  // namespace fw::cli
