// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight ablate: variants x tasks x seeds. Leaves a folder with runs.jsonl (one finished training a line, appended as they end, so that an
// interrupted ablation goes on where it stopped), table.md with every seed's point, and plot.svg.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>

#include "commands.h"
#include "core/error.h"
#include "core/parallel.h"
#include "experiment_arguments.h"
#include "median.h"
#include "plot.h"
#include "progress.h"

namespace fw::cli {
namespace {

using Json = nlohmann::ordered_json;

struct AblateArguments {
  ExperimentArguments experiment;
  std::vector<std::string> variants{"gdn2:neg", "gdn2", "kda:neg", "kda", "gdn", "delta", "mamba2"}, tasks{"pour"};
  std::string out = "build/ablation";
  index_t seeds = 3, eval_sequences = 256, jobs = 1;
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
Json description(const model::Experiment& e, const VariantChoice& choice, index_t sequences, const std::string& config, const std::string& backend) {
  Json key = {{"task", e.task},   {"settings", e.settings}, {"variant", choice.name},     {"seed", e.seed},        {"batch", e.batch},
              {"steps", e.optimizer.steps}, {"lr", e.optimizer.lr}, {"eval_sequences", sequences}, {"model", config}};
  if (backend == "cuda") key["backend"] = backend;  // other bits than those of the CPU
  return key;
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

/// The task as trained, then every harder setting once: score(settings or nothing).
void score_everywhere(model::Task& task, const std::function<void()>& score) {
  const std::string trained = task.parameters().str();
  score();
  for (const std::string& settings : task.evaluations()) {
    task.set(settings);
    if (task.parameters().str() != trained) score();
  }
}

/// One experiment with several seeds, `e.seed` and following are ignored: on the device side by side, on the CPU one after another.
std::vector<Json> run_seeds(const AblateArguments& a, const model::Experiment& e, const std::vector<std::uint64_t>& seeds, const std::function<void(const model::StepResult&, double)>& told) {
  const auto begin = std::chrono::steady_clock::now();
  const auto tell = [&](const model::StepResult& s, double left) {
    told(s, left);
    return true;
  };
  const std::unique_ptr<model::Task> task = model::make_task(e.task, e.settings);
  const auto device = device_training(a.experiment.backend, e.model, e.optimizer, static_cast<index_t>(seeds.size()));
  model::LanguageModel<float> net(e.model, cpu_backend(a.experiment.backend));
  net.threads = a.experiment.threads;
  std::vector<Json> runs(seeds.size());
  std::vector<std::uint64_t> fresh;
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    net.initialise(seeds[i]);
    fresh.push_back(seeds[i] + 1000);
    if (device) {
      device->upload(static_cast<index_t>(i), net.parameters(), {});
      continue;
    }
    model::Training training(net, e.optimizer);
    model::Experiment mine = e;
    mine.seed = seeds[i];
    model::train(training, *task, mine, [&](const model::TrainingProgress& p) { return tell(p.step, p.seconds_left); });
    runs[i]["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    score_everywhere(*task, [&] { runs[i]["scores"].push_back(Json::parse(scores_json(model::evaluate(net, *task, fresh[i], a.eval_sequences)))); });
  }
  if (device) {
    model::train(*device, *task, {seeds, a.experiment.batch, 0, a.experiment.threads, {}}, [&](const model::DeviceProgress& p) { return tell(p.steps.front(), p.seconds_left); });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    for (Json& run : runs) run["seconds"] = seconds, run["side_by_side"] = seeds.size();
    score_everywhere(*task, [&] {
      const std::vector<model::Scores> scores = model::evaluate(*device, *task, fresh, a.eval_sequences);
      for (std::size_t i = 0; i < seeds.size(); ++i) runs[i]["scores"].push_back(Json::parse(scores_json(scores[i])));
    });
  }
  for (Json& run : runs) run["parameters"] = net.table().size(), run["state"] = model::state_size(e.model).rule;
  return runs;
}

/// What is still to be trained of a task and a variant; a description for each seed.
struct Cell {
  model::Experiment experiment;
  std::vector<std::uint64_t> seeds;
  std::vector<Json> keys;
  std::string variant;
};

/// Trains all cells, `jobs` at a time; a finished one is written to the log at once, and all are added to `runs` in their order.
void run_cells(const AblateArguments& a, const std::string& task, const std::vector<Cell>& cells, const std::string& log, std::vector<Json>& runs) {
  std::vector<std::vector<Json>> made(cells.size());
  std::vector<double> done(cells.size(), 0.0);
  std::mutex mutex;
  Progress progress("ablate " + task);
  parallel_for(static_cast<index_t>(cells.size()), static_cast<int>(a.jobs), [&](index_t n) {
    const auto at = static_cast<std::size_t>(n);
    const Cell& cell = cells[at];
    std::vector<Json> lines = run_seeds(a, cell.experiment, cell.seeds, [&](const model::StepResult& s, double left) {
      const std::lock_guard lock(mutex);
      done[at] = static_cast<double>(s.step) / static_cast<double>(cell.experiment.optimizer.steps);
      progress.update(std::accumulate(done.begin(), done.end(), 0.0) / static_cast<double>(cells.size()),
                      fmt::format("{}: step {}, loss {:.3f}, accuracy {:.3f}, {:.0f} s left of this one", cell.variant, s.step, s.loss, s.accuracy, left));
    });
    const std::lock_guard lock(mutex);
    std::ofstream out(log, std::ios::app);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      Json line = {{"description", cell.keys[i]}};
      line.update(lines[i]);
      out << line.dump() + "\n";
      if (!a.json)
        std::cout << fmt::format("{:<12} {:<15} seed {}  {:.4f}  {:.4f}  {:.1f} s\n", task, cell.variant, cell.seeds[i], line["scores"].front()["accuracy"].get<double>(),
                                 line["scores"].back()["accuracy"].get<double>(), line["seconds"].get<double>())
                  << std::flush;
      made[at].push_back(std::move(line));
    }
    out.close();
    if (!out) throw Error("ablate: cannot write " + log);
  });
  progress.finish();
  for (std::vector<Json>& lines : made)
    for (Json& line : lines) runs.push_back(std::move(line));
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

void run_ablate(const AblateArguments& a, const std::string& command) {
  if (a.jobs > 1 && a.experiment.backend != "cuda") throw Error("ablate: --jobs must be 1 where the CPU trains, which gives every training all cores; got " + std::to_string(a.jobs));
  if (a.seeds < 1) throw Error("ablate: --seeds must be at least 1, got " + std::to_string(a.seeds));
  std::filesystem::create_directories(a.out);
  const std::string log = a.out + "/runs.jsonl";
  const std::vector<Json> before = finished_runs(log);
  std::vector<VariantChoice> choices;
  for (const std::string& name : a.variants) choices.push_back(variant_choice("ablate", name));
  index_t target = 0;
  std::string table = "# Ablation\n\nWritten by `fastweight ablate`; every seed is shown.\n\n    " + command + "\n\n";
  std::vector<PlotPanel> panels;
  Json all = Json::array();
  for (const std::string& text : a.tasks) {
    const auto [name, settings] = split_task(text);
    std::vector<Json> runs;
    target = 0;
    if (a.match)
      for (const VariantChoice& choice : choices) {
        model::Experiment e{name, settings, model_config(a.experiment, choice), a.experiment.optimizer, a.experiment.batch, 0};
        model::prepare(e);
        target = std::max(target, model::layout_parameters(e.model).table.size());
      }
    std::vector<Cell> cells;
    for (const VariantChoice& choice : choices) {
      model::Experiment e{name, settings, model_config(a.experiment, choice), a.experiment.optimizer, a.experiment.batch, 0};
      model::prepare(e);
      if (a.match) e.model = model::match_parameters(e.model, target);
      Cell missing{e, {}, {}, choice.name};
      for (index_t i = 0; i < a.seeds; ++i) {
        e.seed = a.first_seed + static_cast<std::uint64_t>(i);
        const Json key = description(e, choice, a.eval_sequences, model::summary(e.model), a.experiment.backend);
        if (const auto found = std::find_if(before.begin(), before.end(), [&](const Json& run) { return run["description"] == key; }); found != before.end()) {
          runs.push_back(*found);
          continue;
        }
        missing.seeds.push_back(e.seed), missing.keys.push_back(key);
        if (a.experiment.backend == "cuda" && i + 1 < a.seeds) continue;  // the device takes all seeds at once
        cells.push_back(std::move(missing));
        missing = {e, {}, {}, choice.name};
      }
      if (!missing.seeds.empty()) cells.push_back(std::move(missing));
    }
    run_cells(a, name, cells, log, runs);
    panels.push_back(panel_of(text, runs, a.variants, table));
    for (Json& run : runs) all.push_back(std::move(run));
    write_file(a.out + "/table.md", table);
    write_file(a.out + "/plot.svg", ablation_svg(panels));
  }
  if (a.json) std::cout << all.dump() << '\n';
  else std::cout << "\n" << table << a.out << "/table.md, plot.svg, runs.jsonl\n";
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
  command->add_option("--jobs", a->jobs, "variants trained at once with --backend cuda")->capture_default_str()->check(CLI::Range(1, 64));
  command->add_flag("--match", a->match, "the same number of parameters for all, by the width of the MLP");
  command->add_option("--eval-sequences", a->eval_sequences, "of every evaluation")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_option("-o,--out", a->out, "folder; finished trainings in it are not made again")->capture_default_str();
  command->add_flag("--json", a->json, "all runs as one array");
  add_experiment_options(*command, a->experiment);
  command->footer("Example:\n  fastweight ablate --variants gdn2:neg,kda:neg,mamba2 --tasks pour --seeds 3 --match -o build/pour_ablation");
  command->callback([a, &status] {
    std::string text = "fastweight ablate --variants ";
    for (std::size_t i = 0; i < a->variants.size(); ++i) text += (i ? "," : "") + a->variants[i];
    text += " --tasks ";
    for (std::size_t i = 0; i < a->tasks.size(); ++i) text += (i ? "," : "") + a->tasks[i];
    text += fmt::format(" --seeds {}{} --layers {} --hidden {} --heads {} --key-width {} --value-width {} --mlp {} --batch {} --steps {} --lr {}{}", a->seeds, a->match ? " --match" : "",
                        a->experiment.layers, a->experiment.hidden, a->experiment.heads, a->experiment.key_width, a->experiment.value_width, a->experiment.mlp,
                        a->experiment.batch, a->experiment.optimizer.steps, a->experiment.optimizer.lr, a->experiment.backend == "omp" ? "" : " --backend " + a->experiment.backend);
    run_ablate(*a, text);
    status = 0;
  });
}

}  // namespace fw::cli
