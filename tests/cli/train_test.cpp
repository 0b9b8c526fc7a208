// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// fastweight train, eval and ablate as people call them: small models, few steps.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

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
  const std::string log = slurp(folder.file("log.jsonl"));
  const auto first = nlohmann::json::parse(log.substr(0, log.find('\n')));
  CHECK(first["step"] == 20);
  CHECK(first["loss"].get<double>() > 0);
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
  REQUIRE(fastweight(folder, command).status == 0);
  CHECK(slurp(folder.file("out/runs.jsonl")) == runs);
  CHECK(slurp(folder.file("out/table.md")) == table);
  // A line that was cut off is made again.
  std::ofstream(folder.file("out/runs.jsonl"), std::ios::trunc) << runs.substr(0, runs.size() - 20);
  REQUIRE(fastweight(folder, command).status == 0);
  CHECK(slurp(folder.file("out/table.md")) == table);
}

TEST_CASE("shipped checkpoints: solve their tasks, and say what they were trained on without the state of the training") {
  const Scratch folder;
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::current_path() / "notebooks_data/checkpoints")) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().filename().string());
    const Run scored = fastweight(folder, "eval --json --as-set --sequences 64 '" + entry.path().string() + "'");
    REQUIRE(scored.status == 0);
    CHECK(nlohmann::json::parse(scored.out)["scores"][0]["accuracy"].get<double>() > 0.97);
    CHECK(fastweight(folder, "decode '" + entry.path().string() + "' --count 2 --json").status == 0);
    ++seen;
  }
  CHECK(seen >= 3);
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
  refused("train --variant gdn2:pos", "must be a rule, or a rule and \":neg\"");
  refused("train --variant mamba2:neg", "must follow a rule that erases");
  refused("train --steps 0", "steps");
  refused("train --batch 0", "batch must be at least 1, got 0");
  refused("train --resume", "--resume needs -o");
  refused("eval none", "config.json");
  refused("ablate --seeds 0 -o x", "--seeds must be at least 1, got 0");
  REQUIRE(fastweight(folder, "train" + kSmall + " --stop-at 3 -o net").status == 0);
  refused("train" + kSmall + " --seed 5 --resume -o net", "seed");
  refused("train" + kSmall + " --lr 1 --resume -o net", "optimizer.lr");
}

TEST_SUITE_END();
