// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight ablate: variants x tasks x seeds. Leaves a folder with runs.jsonl (one finished training a line, appended as they end, so that an
// interrupted ablation goes on where it stopped), table.md with every seed's point, plot.svg, and curves.svg.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "core/error.h"
#include "curves.h"
#include "experiment_arguments.h"
#include "median.h"
#include "model/config_json.h"
#include "plot.h"
#include "progress.h"

namespace fw::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr index_t kCurvePoints = 100;  ///< of a learning curve, each the mean accuracy of the steps since the last

struct AblateArguments {
  ExperimentArguments experiment;
  std::vector<std::string> variants{"gdn2:neg", "gdn2", "kda:neg", "kda", "gdn", "delta", "mamba2"}, tasks{"pour"};
  std::string out = "build/ablation";
  index_t seeds = 3, eval_sequences = 256;
  std::uint64_t first_seed = 0;
  bool match = false, json = false;
};

/// "pour:cups=4:T=32": a task and its settings.
std::pair<std::string, std::string> split_task(const std::string& text) {
  const auto colon = text.find(':');
  std::string settings = colon == std::string::npos ? "" : text.substr(colon + 1);
  std::replace(settings.begin(), settings.end(), ':', ' ');
  return {text.substr(0, colon), settings};
}

/// Everything that decides about a run, as the key under which it is found again.
Json description(const model::Experiment& e, const VariantChoice& choice, index_t sequences) {
  const model::OptimizerOptions& o = e.optimizer;
  Json config = Json::parse(model::config_to_json(e.model));
  for (const char* key : {"architectures", "hidden_act", "hidden_ratio", "model_type"}) config.erase(key);  // say nothing more
  return {{"task", e.task},
          {"settings", e.settings},
          {"variant", choice.name},
          {"seed", e.seed},
          {"batch", e.batch},
          {"steps", o.steps},
          {"lr", o.lr},
          {"min_lr_ratio", o.min_lr_ratio},
          {"warmup", o.warmup},
          {"weight_decay", o.weight_decay},
          {"clip", o.clip},
          {"eval_sequences", sequences},
          {"model", std::move(config)}};
}

std::vector<Json> finished_runs(const std::string& path) {
  std::vector<Json> runs;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    Json run = Json::parse(line, nullptr, false);
    if (!run.is_discarded() && run.contains("description") && run.contains("scores")) runs.push_back(std::move(run));  // a line that was cut off is made again
  }
  return runs;
}
void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw Error("ablate: cannot write " + path);
}

double rounded(double x) { return std::round(1e4 * x) / 1e4; }

Json run_one(const AblateArguments& a, model::Experiment e, model::Task& task, const std::string& title) {
  model::LanguageModel<float> net(e.model, a.experiment.backend);
  net.threads = a.experiment.threads;
  net.initialise(e.seed);
  model::Training training(net, e.optimizer);
  Progress progress(title);
  const auto begin = std::chrono::steady_clock::now();
  Json curve = Json::array();
  double loss = 0, accuracy = 0, since = 0;
  model::train(training, task, e, [&](const model::TrainingProgress& p) {
    progress.update(static_cast<double>(p.step.step) / static_cast<double>(e.optimizer.steps), training_stage(p));
    loss += p.step.loss, accuracy += p.step.accuracy, ++since;
    if (p.step.step * kCurvePoints / e.optimizer.steps != (p.step.step - 1) * kCurvePoints / e.optimizer.steps) {
      curve.push_back({p.step.step, rounded(loss / since), rounded(accuracy / since)});
      loss = accuracy = since = 0;
    }
    return true;
  });
  Json run;
  run["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  run["parameters"] = net.table().size(), run["state"] = model::state_size(e.model).rule;
  run["curve"] = std::move(curve);
  const std::string trained = task.parameters().str();
  run["scores"].push_back(Json::parse(scores_json(model::evaluate(net, task, e.seed + 1000, a.eval_sequences))));
  for (const std::string& settings : task.evaluations()) {
    task.set(settings);
    if (task.parameters().str() != trained) run["scores"].push_back(Json::parse(scores_json(model::evaluate(net, task, e.seed + 1000, a.eval_sequences))));
  }
  return run;
}

/// The panel and the rows of the table of one task.
PlotPanel panel_of(const std::string& task, const std::vector<Json>& runs, const std::vector<std::string>& variants, std::string& table) {
  PlotPanel panel;
  table += "## " + task + "\n\n| variant | parameters | state | as trained, every seed | median | farthest setting, every seed | median |\n|---|---|---|---|---|---|---|\n";
  for (const std::string& variant : variants) {
    PlotRow row{variant, {}, {}};
    index_t parameters = 0, state = 0;
    for (const Json& run : runs) {
      if (run["description"]["variant"] != variant) continue;
      const Json &near = run["scores"].front(), &far = run["scores"].back();
      row.near.push_back(near["accuracy"]), parameters = run["parameters"], state = run["state"], panel.chance = near["chance"];
      panel.near_label = fmt::format("length {}", near["length"].get<index_t>());
      if (run["scores"].size() > 1) row.far.push_back(far["accuracy"]), panel.far_label = fmt::format("length {}", far["length"].get<index_t>());
    }
    const auto list = [](const std::vector<double>& values) {
      std::string text;
      for (const double x : values) text += fmt::format("{}{:.3f}", text.empty() ? "" : " ", x);
      return text;
    };
    table += fmt::format("| `{}` | {} | {} | {} | {:.3f} | {} | {} |\n", variant, parameters, state, list(row.near), median_of(row.near), list(row.far),
                         row.far.empty() ? "" : fmt::format("{:.3f}", median_of(row.far)));
    panel.rows.push_back(std::move(row));
  }
  panel.title = task;
  table += fmt::format("\nChance: {:.3f}. As trained: {}{}.\n\n", panel.chance, panel.near_label, panel.far_label.empty() ? "" : "; farthest: " + panel.far_label);
  return panel;
}

CurvePanel curves_of(const std::string& task, const std::vector<Json>& runs, const std::vector<std::string>& variants) {
  CurvePanel panel{task, 0, {}};
  for (const std::string& variant : variants) {
    CurveGroup group{variant, {}};
    for (const Json& run : runs) {
      if (run["description"]["variant"] != variant || !run.contains("curve")) continue;
      panel.chance = run["scores"].front()["chance"];
      group.seeds.emplace_back();
      for (const Json& point : run["curve"]) group.seeds.back().push_back({point[0], point[2]});
    }
    panel.groups.push_back(std::move(group));
  }
  return panel;
}

void run_ablate(const AblateArguments& a, const std::string& command) {
  if (a.seeds < 1) throw Error("ablate: --seeds must be at least 1, got " + std::to_string(a.seeds));
  std::filesystem::create_directories(a.out);
  const std::string log = a.out + "/runs.jsonl";
  const std::vector<Json> before = finished_runs(log);
  std::vector<VariantChoice> choices;
  for (const std::string& name : a.variants) choices.push_back(variant_choice("ablate", name));
  index_t target = 0;
  std::string table = "# Ablation\n\nWritten by `fastweight ablate`; every seed is shown.\n\n    " + command + "\n\n";
  std::vector<PlotPanel> panels;
  std::vector<CurvePanel> curves;
  Json all = Json::array();
  index_t done = 0;
  const auto total = static_cast<index_t>(choices.size() * a.tasks.size()) * a.seeds;
  for (const std::string& text : a.tasks) {
    const auto [name, settings] = split_task(text);
    std::vector<Json> runs;
    target = 0;
    if (a.match)
      for (const VariantChoice& choice : choices) {
        model::Experiment e{name, settings, model_config(a.experiment, choice), a.experiment.optimizer, a.experiment.batch, 0};
        model::prepare(e);
        e.model = model::match_state(e.model);
        target = std::max(target, model::layout_parameters(e.model).table.size());
      }
    for (const VariantChoice& choice : choices)
      for (index_t i = 0; i < a.seeds; ++i, ++done) {
        model::Experiment e{name, settings, model_config(a.experiment, choice), a.experiment.optimizer, a.experiment.batch, a.first_seed + static_cast<std::uint64_t>(i)};
        const std::unique_ptr<model::Task> task = model::prepare(e);
        if (a.match) e.model = model::match_parameters(model::match_state(e.model), target);
        const Json key = description(e, choice, a.eval_sequences);
        const auto found = std::find_if(before.begin(), before.end(), [&](const Json& run) { return run["description"] == key; });
        if (found != before.end()) {
          runs.push_back(*found);
          continue;
        }
        Json run = run_one(a, e, *task, fmt::format("{}/{} {} on {}, seed {}", done + 1, total, choice.name, name, e.seed));
        Json line = {{"description", key}};
        line.update(run);
        std::ofstream out(log, std::ios::app);
        out << line.dump() + "\n";
        out.close();
        if (!out) throw Error("ablate: cannot write " + log);
        if (!a.json)
          std::cout << fmt::format("{:<12} {:<12} seed {}  {:.4f}  {:.4f}  {:.0f} s\n", name, choice.name, e.seed, line["scores"].front()["accuracy"].get<double>(),
                                   line["scores"].back()["accuracy"].get<double>(), line["seconds"].get<double>())
                    << std::flush;
        runs.push_back(std::move(line));
      }
    panels.push_back(panel_of(text, runs, a.variants, table));
    curves.push_back(curves_of(text, runs, a.variants));
    for (Json& run : runs) all.push_back(std::move(run));
    write_file(a.out + "/table.md", table);
    write_file(a.out + "/plot.svg", ablation_svg(panels));
    write_file(a.out + "/curves.svg", curves_svg(curves));
  }
  if (a.json) std::cout << all.dump() << '\n';
  else std::cout << "\n" << table << a.out << "/table.md, plot.svg, curves.svg, runs.jsonl\n";
}

}  // namespace

void add_ablate(CLI::App& app, int& status) {
  auto a = std::make_shared<AblateArguments>();
  a->experiment.optimizer.lr = 5e-3;
  CLI::App* command = app.add_subcommand("ablate", "train variants on tasks with several seeds: a table, a plot, every point");
  command->add_option("--variants", a->variants, "rules, with \":neg\" for erase gates up to 2")->delimiter(',')->capture_default_str();
  command->add_option("--tasks", a->tasks, "tasks, with settings behind colons: pour:cups=4:T=32")->delimiter(',')->capture_default_str();
  command->add_option("--seeds", a->seeds, "trainings of each")->capture_default_str();
  command->add_option("--first-seed", a->first_seed, "the seeds count up from here")->capture_default_str();
  command->add_flag("--match", a->match, "the same number of parameters for all, by the width of the MLP; windows of attention so that states are as large");
  command->add_option("--eval-sequences", a->eval_sequences, "of every evaluation")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_option("-o,--out", a->out, "folder; finished trainings in it are not made again")->capture_default_str();
  command->add_flag("--json", a->json, "all runs as one array");
  add_experiment_options(*command, a->experiment);
  command->footer("Example:\n  fastweight ablate --variants gdn2:neg,kda:neg,mamba2 --tasks pour --seeds 3 --match -o build/pour_ablation");
  command->callback([a, command, &status] {
    std::string text = "fastweight ablate";
    for (const CLI::Option* option : command->get_options()) {
      if (option->count() == 0) continue;
      text += " " + option->get_name(false, false);
      if (option->get_expected_min() == 0) continue;  // a flag
      std::string values;
      for (const std::string& value : option->results()) values += (values.empty() ? "" : ",") + value;
      text += " " + (values.find(' ') == std::string::npos ? values : "\"" + values + "\"");
    }
    run_ablate(*a, text);
    status = 0;
  });
}

}  // namespace fw::cli
