// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight train, eval and ablate as people call them: small models, few steps.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "program.h"

using namespace fw::test;

namespace {

const std::string kSmall = " --task parity --set T=8 --variant gdn2:neg --hidden 16 --key-width 8 --value-width 8 --mlp 16 --batch 8 --steps 20 --warmup 5 --eval-sequences 16";

}  // namespace

TEST_SUITE_BEGIN("cli");

TEST_CASE("train: interrupted and resumed gives the bits of one go, on any number of threads") {
  const Scratch folder;
  REQUIRE(fastweight(folder, "train" + kSmall + " --threads 1 -o whole --log log.jsonl").status == 0);
  REQUIRE(fastweight(folder, "train" + kSmall + " --threads 2 --stop-at 9 -o parts").status == 0);
  CHECK(slurp(folder.file("whole/model.safetensors")) != slurp(folder.file("parts/model.safetensors")));
  REQUIRE(fastweight(folder, "train" + kSmall + " --threads 2 --resume -o parts").status == 0);
  CHECK(slurp(folder.file("whole/model.safetensors")) == slurp(folder.file("parts/model.safetensors")));
  CHECK(slurp(folder.file("whole/training.safetensors")) == slurp(folder.file("parts/training.safetensors")));
  const auto lines = [](const std::string& path) {
    std::vector<nlohmann::json> all;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  };
  const auto log = lines(folder.file("log.jsonl"));
  REQUIRE(log.size() == 3);  // what it is, step 20, the scores
  CHECK(log[0]["parameters"].get<int>() > 0);
  CHECK(log[0]["state"] == 2 * 8 * 8);
  CHECK(log[1]["step"] == 20);
  CHECK(log[1]["loss"].get<double>() > 0);
}

TEST_CASE("train: a stop leaves a checkpoint, and going on forgets the lines of the log behind it") {
  const Scratch folder;
  const std::string command = "train" + kSmall + " --log log.jsonl --log-every 1 -o net";
  REQUIRE(fastweight(folder, command + " --stop-at 9").status == 0);
  std::ofstream(folder.file("log.jsonl"), std::ios::app) << "{\"step\": 12, \"loss\": 7}\n{\"step\": 13, \"lo";  // of a process that was killed
  REQUIRE(fastweight(folder, command + " --resume").status == 0);
  std::ifstream in(folder.file("log.jsonl"));
  int step = 0;
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json.contains("loss") && !json.contains("scores")) CHECK(json["step"] == ++step);
  }
  CHECK(step == 20);
  CHECK(fastweight(folder, command + " --resume").status == 0);  // nothing left to do
}

TEST_CASE("eval: knows what a checkpoint was trained on, and gives the same scores as train") {
  const Scratch folder;
  const Run trained = fastweight(folder, "train" + kSmall + " --json -o net");
  REQUIRE(trained.status == 0);
  const Run scored = fastweight(folder, "eval --json --sequences 16 --seed 1 net");
  REQUIRE(scored.status == 0);
  const auto a = nlohmann::json::parse(trained.out), b = nlohmann::json::parse(scored.out);
  CHECK(b["task"] == "parity");
  REQUIRE(a["scores"].size() == b["scores"].size());
  CHECK(a["scores"] == b["scores"]);
  CHECK(b["scores"].size() > 1);  // other lengths too
  CHECK(fastweight(folder, "eval --as-set --sequences 4 net").status == 0);
}

TEST_CASE("ablate: a table with every seed, a plot, and nothing trained twice") {
  const Scratch folder;
  const std::string command = "ablate --tasks parity:T=8 --variants gdn2:neg,mamba2 --seeds 2 --hidden 16 --key-width 8 --value-width 8 --mlp 16 --batch 8 --steps 6 --warmup 2 "
                              "--eval-sequences 16 --match -o out";
  REQUIRE(fastweight(folder, command).status == 0);
  const std::string runs = slurp(folder.file("out/runs.jsonl")), table = slurp(folder.file("out/table.md")), plot = slurp(folder.file("out/plot.svg"));
  CHECK(std::count(runs.begin(), runs.end(), '\n') == 4);
  CHECK(table.find("`gdn2:neg`") != std::string::npos);
  CHECK(plot.find("</svg>") != std::string::npos);
  const std::string curves = slurp(folder.file("out/curves.svg"));
  CHECK(std::count(curves.begin(), curves.end(), '\n') > 8);
  CHECK(curves.find("<polyline") != std::string::npos);
  CHECK(table.find("--tasks parity:T=8 --seeds 2 --match") != std::string::npos);  // the command as it was given
  REQUIRE(fastweight(folder, command).status == 0);
  CHECK(slurp(folder.file("out/runs.jsonl")) == runs);
  CHECK(slurp(folder.file("out/table.md")) == table);
  REQUIRE(fastweight(folder, command + " --init wide").status == 0);  // other runs
  CHECK(std::count_if(runs.begin(), runs.end(), [](char c) { return c == '\n'; }) == 4);
  const std::string more = slurp(folder.file("out/runs.jsonl"));
  CHECK(std::count(more.begin(), more.end(), '\n') == 8);
  // A line that was cut off is made again.
  std::ofstream(folder.file("out/runs.jsonl"), std::ios::trunc) << runs.substr(0, runs.size() - 20);
  REQUIRE(fastweight(folder, command).status == 0);
  CHECK(slurp(folder.file("out/table.md")) == table);
}

/// The last column of the table in the README: what each checkpoint must reach, by folder.
std::map<std::string, double> demanded(const std::string& readme) {
  std::map<std::string, double> floors;
  std::istringstream in(slurp(readme));
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| `")) continue;
    const std::size_t last = line.rfind('|'), before = line.rfind('|', last - 1);
    floors[line.substr(3, line.find('`', 3) - 3)] = std::stod(line.substr(before + 1, last - before - 1));
  }
  return floors;
}

TEST_CASE("shipped checkpoints: as good as the table says, and they say what they were trained on without the state of the training") {
  const Scratch folder;
  const auto shipped = std::filesystem::current_path() / "notebooks_data/checkpoints";
  const auto floors = demanded((shipped / "README.md").string());
  std::set<std::string> kinds;
  std::size_t seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shipped)) {
    if (!entry.is_directory()) continue;
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    REQUIRE(floors.count(name) == 1);
    const Run scored = fastweight(folder, "eval --json --as-set --sequences 128 --seed 4 '" + entry.path().string() + "'");
    REQUIRE(scored.status == 0);
    const auto report = nlohmann::json::parse(scored.out);
    CHECK(report["scores"][0]["accuracy"].get<double>() > floors.at(name));
    CHECK(floors.at(name) > report["scores"][0]["chance"].get<double>() + 0.3);
    CHECK(fastweight(folder, "decode '" + entry.path().string() + "' --count 2 --json").status == 0);
    CHECK(!std::filesystem::exists(entry.path() / "training.safetensors"));
    CHECK(std::filesystem::file_size(entry.path() / "model.safetensors") < 400000);
    kinds.insert(report["task"].get<std::string>());
    ++seen;
  }
  CHECK(seen == floors.size());
  for (const char* kind : {"mqar", "edit", "previous", "pour", "compositional", "needle", "parity", "s3", "s5", "copy", "text"}) {
    CAPTURE(kind);
    CHECK(kinds.count(kind) == 1);
  }
}

TEST_CASE("train, eval, ablate: refuse what cannot be, with a reason") {
  const Scratch folder;
  const auto refused = [&](const std::string& arguments, const std::string& reason) {
    const Run result = fastweight(folder, arguments);
    CAPTURE(arguments);
    CAPTURE(result.err);
    CHECK(result.status == 1);
    CHECK(result.err.find(reason) != std::string::npos);
  };
  refused("train --task nothing", "nothing");
  refused("train --variant gdn2:pos", "must be a rule, with \":neg\" or \":hybrid\"");
  refused("train --variant gdn2:neg:neg", "must be a rule, with");
  refused("train --init flat", "initialisation must be paper, fla or wide");
  refused("train --output-gate relu", "output_gate_act must be silu or sigmoid");
  refused("train --parameters 10", "target must be at least");
  refused("train -o /proc/x --steps 100000000", "cannot make the folder");  // before it trains
  refused("train --log /proc/x --steps 100000000", "cannot open the log");
  refused("train --variant mamba2:neg", "must follow a rule that erases");
  refused("train --steps 0", "steps");
  refused("train --batch 0", "batch must be at least 1, got 0");
  refused("train --resume", "--resume needs -o");
  refused("eval none", "config.json");
  refused("ablate --seeds 0 -o x", "--seeds must be at least 1, got 0");
  REQUIRE(fastweight(folder, "train" + kSmall + " --stop-at 3 -o net").status == 0);
  refused("train" + kSmall + " --seed 5 --resume -o net", "\n  seed: it had \"0\", asked for is \"5\"");
  std::string wider = kSmall;
  wider.replace(wider.find("--mlp 16"), 8, "--mlp 24");
  refused("train" + wider + " --lr 1 --resume -o net", "\n  intermediate_size: the model has 24, the file 16\n  optimizer.lr: the training has 1, the file 0.005");
  refused("train" + kSmall + " --lr 1 --resume -o net", "optimizer.lr");
}

TEST_SUITE_END();
