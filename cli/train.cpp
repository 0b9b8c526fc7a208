// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight train: a small model on a task, from scratch or resumed, to a checkpoint and a log of one JSON object a line. The same
// description gives the same bits, whatever the number of threads, interrupted or not.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "core/error.h"
#include "experiment_arguments.h"
#include "model/checkpoint_notes.h"
#include "progress.h"

namespace fw::cli {
namespace {

struct TrainArguments {
  ExperimentArguments experiment;
  std::string task = "pour", settings, variant = "gdn2", out, log;
  std::uint64_t seed = 0;
  index_t parameters = 0, save_every = 0, log_every = 20, eval_sequences = 512, stop_at = 0;
  double until = 0.0;
  index_t until_every = 100;
  bool resume = false, json = false;
};

volatile std::sig_atomic_t interrupted = 0;
void interrupt(int) { interrupted = 1; }

/// Appends lines that are whole: a reader never sees half of one. A training that goes on after `done` steps keeps the lines up to there.
class Log {
 public:
  Log(const std::string& path, index_t done) : path_(path) {
    if (path.empty()) return;
    std::string kept;
    std::ifstream before(path);
    for (std::string line; done > 0 && std::getline(before, line);) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      if (json.is_object() && !json.contains("scores") && json.value("step", index_t{0}) <= done) kept += line + "\n";
    }
    before.close();
    file_.open(path, std::ios::trunc);
    file_ << kept << std::flush;
    if (!file_) throw Error("train: cannot open the log " + path);
  }
  void write(const nlohmann::ordered_json& object) {
    if (path_.empty()) return;
    file_ << object.dump() + "\n";
    file_.flush();
    if (!file_) throw Error("train: cannot write the log " + path_);
  }

 private:
  std::string path_;
  std::ofstream file_;
};

/// What decides about the numbers must be as it was.
void check_notes(const TrainArguments& a, const model::Notes& wanted) {
  if (a.out.empty()) throw Error("train: --resume needs -o, the checkpoint to go on from");
  const model::Notes before = model::read_notes(a.out);
  std::string text;
  for (const auto& [key, now] : wanted)
    if (const auto at = before.find(key); at == before.end() || at->second != now)
      text += "\n  " + key + ": it had " + (at == before.end() ? "nothing" : "\"" + at->second + "\"") + ", asked for is \"" + now + "\"";
  if (!before.empty() && !text.empty()) throw Error("train: " + a.out + " was trained with something else:" + text);
}

void run_train(const TrainArguments& a) {
  const VariantChoice choice = variant_choice("train", a.variant);
  model::Experiment experiment;
  experiment.task = a.task, experiment.settings = a.settings, experiment.model = model_config(a.experiment, choice);
  experiment.optimizer = a.experiment.optimizer, experiment.batch = a.experiment.batch, experiment.seed = a.seed;
  const std::unique_ptr<model::Task> task = model::prepare(experiment);
  if (a.parameters > 0) experiment.model = model::match_parameters(experiment.model, a.parameters);
  model::Notes notes = model::notes_of(experiment);
  notes["variant"] = choice.name;
  if (a.resume) check_notes(a, notes);
  if (!a.out.empty()) model::check_place(a.out);
  model::LanguageModel<float> net(experiment.model, a.experiment.backend);
  net.threads = a.experiment.threads;
  net.initialise(a.seed);
  model::Training training(net, experiment.optimizer);
  if (a.resume) model::resume(a.out, training);
  if (!a.json) std::cout << model::summary(experiment.model) << "\ntask " << a.task << ": " << task->parameters().str() << '\n' << std::flush;
  Log log(a.log, training.step());
  if (training.step() == 0)
    log.write({{"task", a.task}, {"settings", task->parameters().str()}, {"variant", choice.name}, {"seed", a.seed}, {"batch", a.experiment.batch},
               {"steps", experiment.optimizer.steps}, {"parameters", net.table().size()}, {"state", model::state_size(experiment.model).rule},
               {"model", model::summary(experiment.model)}});
  Progress progress(a.task + ", " + choice.name);
  const auto save = [&] {
    if (!a.out.empty()) model::save_training(a.out, training, notes);
  };
  interrupted = 0;
  auto *on_interrupt = std::signal(SIGINT, interrupt), *on_terminate = std::signal(SIGTERM, interrupt);
  const index_t first = training.step();
  const auto begin = std::chrono::steady_clock::now();
  model::train(training, *task, experiment, [&](const model::TrainingProgress& p) {
    const auto& s = p.step;
    progress.update(static_cast<double>(s.step) / static_cast<double>(experiment.optimizer.steps), training_stage(p));
    if (a.log_every > 0 && (s.step % a.log_every == 0 || s.step == experiment.optimizer.steps))
      log.write({{"step", s.step}, {"loss", s.loss}, {"accuracy", s.accuracy}, {"norm", s.norm}, {"lr", s.lr}, {"tokens_per_second", p.tokens_per_second}});
    if (a.save_every > 0 && s.step % a.save_every == 0) save();
    const bool enough = a.until > 0 && s.step % a.until_every == 0 && model::evaluate(net, *task, a.seed + 1, 64).accuracy() >= a.until;
    return !enough && !interrupted && s.step != a.stop_at;
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::signal(SIGINT, on_interrupt), std::signal(SIGTERM, on_terminate);
  progress.finish();
  save();
  if (interrupted) throw Error("train: interrupted at step " + std::to_string(training.step()) + (a.out.empty() ? "" : "; go on with --resume"));
  if (!a.json) std::cout << fmt::format("{} steps in {:.1f} s\n", training.step() - first, seconds) << std::flush;
  nlohmann::ordered_json report = {{"task", a.task}, {"variant", choice.name}, {"seed", a.seed}, {"steps", training.step()}, {"parameters", net.table().size()}};
  const std::string trained = task->parameters().str();
  std::vector<std::string> all{""};
  for (const std::string& harder : task->evaluations()) all.push_back(harder);
  for (const std::string& settings : all) {
    if (!settings.empty()) task->set(settings);
    if (!settings.empty() && task->parameters().str() == trained) continue;
    const model::Scores scores = model::evaluate(net, *task, a.seed + 1, a.eval_sequences);
    report["scores"].push_back(nlohmann::ordered_json::parse(scores_json(scores)));
    if (!a.json) std::cout << scores_line(scores) << '\n';
  }
  log.write(report);
  if (a.json) std::cout << report.dump() << '\n';
}

}  // namespace

void add_train(CLI::App& app, int& status) {
  auto a = std::make_shared<TrainArguments>();
  a->experiment.optimizer.lr = 5e-3;
  CLI::App* command = app.add_subcommand("train", "train a small model on a task");
  command->add_option("--task", a->task, "fastweight list --tasks names them")->capture_default_str();
  command->add_option("--set", a->settings, "settings of the task, \"T=32 cups=4\"");
  command->add_option("--variant", a->variant, "the rule of the mixers; behind it \":neg\": erase gates up to 2, \":hybrid\": as --hybrid")->capture_default_str();
  command->add_option("--parameters", a->parameters, "choose the width of the MLP for about so many parameters; 0: take --mlp")->capture_default_str()->check(CLI::NonNegativeNumber);
  command->add_option("--seed", a->seed, "of the parameters and the data")->capture_default_str();
  command->add_option("-o,--out", a->out, "folder of the checkpoint");
  command->add_option("--log", a->log, "file of one JSON object a line");
  command->add_option("--log-every", a->log_every, "steps between two lines of the log")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_option("--save-every", a->save_every, "steps between two checkpoints; 0: at the end alone")->capture_default_str()->check(CLI::NonNegativeNumber);
  command->add_option("--stop-at", a->stop_at, "stop at this step, to go on later with --resume; 0: do not")->capture_default_str()->check(CLI::NonNegativeNumber);
  command->add_option("--until", a->until, "stop when 64 fresh sequences are right to this share; 0: never")->capture_default_str()->check(CLI::Range(0.0, 1.0));
  command->add_option("--until-every", a->until_every, "steps between two looks at it")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_option("--eval-sequences", a->eval_sequences, "of the evaluation at the end")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_flag("--resume", a->resume, "go on from the checkpoint at -o: the same bits as without a pause");
  command->add_flag("--json", a->json, "the result as one object");
  add_experiment_options(*command, a->experiment);
  command->footer("Ctrl-C writes the checkpoint and stops; the same command with --resume goes on.\nExamples:\n  fastweight train --task pour --variant gdn2:neg --steps 2000 --lr 1e-2 -o build/pour\n"
                  "  fastweight train --task needles --set \"T=256 needles=16\" --variant kda:hybrid --layers 2 --init wide --log build/needles.jsonl -o build/needles");
  command->callback([a, &status] {
    run_train(*a);
    status = 0;
  });
}

}  // namespace fw::cli
