// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight list: the rules with their gate structure, the input families, the bank of mistakes.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "core/families.h"
#include "core/variant.h"
#include "model/tasks/registry.h"

namespace fw::cli {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(Decay decay) {
  switch (decay) {
    case Decay::none: return "none";
    case Decay::scalar: return "scalar";
    case Decay::channel: return "channel";
  }
  return "?";
}
const char* name_of(Erase erase) {
  switch (erase) {
    case Erase::none: return "none";
    case Erase::scalar: return "scalar";
    case Erase::channel: return "channel";
    case Erase::mean: return "mean";
  }
  return "?";
}
const char* name_of(Write write) {
  switch (write) {
    case Write::one: return "one";
    case Write::scalar: return "scalar";
    case Write::channel: return "channel";
    case Write::mean: return "mean";
  }
  return "?";
}
const char* name_of(Family family) {
  switch (family) {
    case Family::delta_rule: return "delta_rule";
    case Family::mamba3: return "mamba3";
    case Family::attention: return "attention";
  }
  return "?";
}

/// Rows of equally many cells, columns aligned; the first row is the heading.
void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}", row[i], widths[i] + 2);
    std::cout << line << '\n';
  }
}

void print_variants() {
  std::vector<std::vector<std::string>> gates = {{"name", "decay", "erase", "write", "one step", "becomes"}}, sources = {{"name", "rule", "source"}};
  for (const VariantInfo& row : variants()) {
    const bool memory = row.family != Family::attention;  // attention has no memory to decay, erase or write
    gates.push_back({std::string(row.name), memory ? name_of(row.decay) : "-", memory ? name_of(row.erase) : "-", memory ? name_of(row.write) : "-",
                     std::string(row.equation), std::string(row.collapse)});
    sources.push_back({std::string(row.name), std::string(row.title), std::string(row.source)});
  }
  print_table(gates);
  std::cout << "\nDelta rule: S_decayed = Diag(exp g) S, r = S_decayed^T e, S = S_decayed + k (z - r)^T, o = scale S^T q.\n"
               "decay: none, one g per head, or one per key channel. erase: e = 0, beta k, b*k or mean(b) k. write: z = v, beta v, w*v or mean(w) v.\n\n";
  print_table(sources);
}

Json variants_json() {
  Json list = Json::array();
  for (const VariantInfo& row : variants())
    list.push_back({{"name", row.name}, {"title", row.title}, {"family", name_of(row.family)}, {"decay", name_of(row.decay)},
                    {"erase", name_of(row.erase)}, {"write", name_of(row.write)}, {"equation", row.equation}, {"collapse", row.collapse},
                    {"source", row.source}});
  return list;
}

void print_families() {
  std::vector<std::vector<std::string>> rows = {{"family", "what is drawn", "what it shows"}};
  for (const InputFamily& family : input_families())
    rows.push_back({std::string(family.name), std::string(family.description), std::string(family.purpose)});
  print_table(rows);
}

Json families_json() {
  Json list = Json::array();
  for (const InputFamily& family : input_families())
    list.push_back({{"name", family.name}, {"description", family.description}, {"purpose", family.purpose}});
  return list;
}

void print_tasks(bool json) {
  Json list = Json::array();
  for (const model::TaskInfo& row : model::tasks()) {
    const auto task = model::make_task(row.name);
    Json knobs = Json::array();
    for (const model::Parameter& p : task->parameters().list())
      knobs.push_back({{"name", p.name}, {"meaning", p.meaning}, {"default", p.str()}, {"min", p.min}, {"max", p.max}});
    list.push_back({{"name", row.name}, {"summary", row.summary}, {"isolates", row.isolates}, {"length", task->length()}, {"vocabulary", task->vocabulary_size()},
                    {"chance", task->chance()}, {"settings", knobs}});
    if (json) continue;
    std::cout << row.name << ": " << row.summary << "\n  isolates  " << row.isolates << "\n  "
              << fmt::format("length {}, {} tokens, chance {:.3f}", task->length(), task->vocabulary_size(), task->chance()) << '\n';
    for (const model::Parameter& p : task->parameters().list()) std::cout << fmt::format("    {:<20}  {}", std::string(p.name) + "=" + p.str(), p.meaning) << '\n';
  }
  if (json) std::cout << list.dump(2) << '\n';
}

struct ListOptions {
  bool families = false, mistakes = false, tasks = false, json = false;
};

void run_list(const ListOptions& options) {
  if (options.mistakes) {
    print_mistakes(options.json);
  } else if (options.tasks) {
    print_tasks(options.json);
  } else if (options.json) {
    std::cout << (options.families ? families_json() : variants_json()).dump(2) << '\n';
  } else if (options.families) {
    print_families();
  } else {
    print_variants();
  }
}

}  // namespace

void add_list(CLI::App& app, int& status) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = app.add_subcommand("list", "print the rules with their gate structure, equation and source");
  CLI::Option* families = command->add_flag("--families", options->families, "the input families of golden and of the self-test instead");
  command->add_flag("--mistakes", options->mistakes, "the mistakes that verify knows by name instead")->excludes(families);
  command->add_flag("--tasks", options->tasks, "the tasks of train with their settings instead")->excludes(families);
  command->add_flag("--json", options->json, "an array with one object per row");
  command->footer("Example:\n  fastweight list\n  fastweight list --families --json");
  command->callback([options, &status] {
    run_list(*options);
    status = 0;
  });
}

}  // namespace fw::cli
