// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <set>
#include <sstream>

#include "core/error.h"
#include "model/tasks/shipped_text.h"
#include "support/hash.h"
#include "support/scratch.h"
#include "tasks/reader.h"

TEST_SUITE_BEGIN("tasks");

using fw::index_t;
using fw::model::Batch;
using fw::model::make_task;
using fw::model::Split;

namespace {

std::string refusal(std::string_view name, std::string_view settings) {
  try {
    make_task(name, settings);
  } catch (const fw::Error& error) {
    return error.what();
  }
  return "accepted";
}

bool starts_with(const std::vector<std::int32_t>& all, const std::vector<std::int32_t>& part) {
  return all.size() >= part.size() && std::equal(part.begin(), part.end(), all.begin());
}

}  // namespace

TEST_CASE("tasks: every row makes a task of its name, whose batches are well formed") {
  std::set<std::string_view> names;
  for (const auto& row : fw::model::tasks()) {
    const auto task = make_task(row.name);
    CAPTURE(std::string(row.name));
    CHECK(names.insert(row.name).second);
    CHECK(task->name() == row.name);
    CHECK(!task->summary().empty());
    CHECK(!task->isolates().empty());
    CHECK(task->chance() > 0);
    CHECK(task->chance() < 1);
    const Batch batch = task->make(1, 0, 3, Split::eval);
    CHECK(batch.B == 3);
    CHECK(batch.T == task->length());
    REQUIRE(batch.tokens.size() == static_cast<std::size_t>(batch.B * batch.T));
    REQUIRE(batch.targets.size() == batch.tokens.size());
    const index_t size = task->vocabulary_size();
    CHECK(std::all_of(batch.tokens.begin(), batch.tokens.end(), [&](index_t x) { return x >= 0 && x < size; }));
    CHECK(std::all_of(batch.targets.begin(), batch.targets.end(), [&](index_t x) { return x >= -1 && x < size; }));
    CHECK(std::any_of(batch.targets.begin(), batch.targets.end(), [](index_t x) { return x >= 0; }));
  }
  CHECK(names.size() == 13);
}

TEST_CASE("tasks: names of tokens are all different, and read back") {
  for (const auto& row : fw::model::tasks()) {
    const auto task = make_task(row.name);
    const auto vocabulary = task->vocabulary();
    std::set<std::string> names;
    for (index_t token = 0; token < vocabulary.size(); ++token) names.insert(vocabulary.show(token));
    CHECK(names.size() == static_cast<std::size_t>(vocabulary.size()));
    for (index_t token : {index_t{0}, vocabulary.size() / 2, vocabulary.size() - 1})
      CHECK(vocabulary.find(vocabulary.show(token)) == token);
    CHECK(task->show(fw::model::kNotScored) == ".");
    CHECK_THROWS_AS(task->show(static_cast<std::int32_t>(vocabulary.size())), fw::Error);
    CHECK_THROWS_AS(vocabulary.find("no such word"), fw::Error);
  }
  CHECK(make_task("edit")->show(std::vector<std::int32_t>{1, 128, 0, 1}) == "k0 v0 ? k0");
  CHECK(make_task("pour")->show(15) == "3->2");
  CHECK(make_task("cups")->show(9) == "2<>3");
}

TEST_CASE("tasks: bitwise repeatable, a sequence depends on seed, split, step and row alone") {
  for (const auto& row : fw::model::tasks()) {
    CAPTURE(std::string(row.name));
    const auto task = make_task(row.name), other = make_task(row.name);
    const Batch first = task->make(1, 5, 8);
    task->make(2, 6, 3);
    CHECK(task->make(1, 5, 8).tokens == first.tokens);
    CHECK(other->make(1, 5, 8).targets == first.targets);
    CHECK(task->make(1, 5, 8, Split::train, 3).tokens == first.tokens);
    CHECK(task->make(1, 5, 8, Split::train, 0).targets == first.targets);
    const Batch few = task->make(1, 5, 3);
    CHECK(starts_with(first.tokens, few.tokens));
    CHECK(starts_with(first.targets, few.targets));
    const Batch eval = task->make(1, 5, 8, Split::eval);
    CHECK(eval.tokens != task->make(2, 5, 8, Split::eval).tokens);
    CHECK(eval.tokens != task->make(1, 6, 8, Split::eval).tokens);
    CHECK(eval.tokens != task->make(1, 5 + (std::int64_t{1} << 32), 8, Split::eval).tokens);
    if (row.name == "mqar") task->set("curriculum=0");
    CHECK(eval.tokens != task->make(1, 5, 8).tokens);
    std::set<std::vector<std::int32_t>> rows;
    for (index_t b = 0; b < 8; ++b) rows.insert({eval.tokens.begin() + b * eval.T, eval.tokens.begin() + (b + 1) * eval.T});
    CHECK(rows.size() == 8);
  }
}

TEST_CASE("tasks: bitwise repeatable on every platform") {
  fw::test::Fingerprint all;
  for (const auto& row : fw::model::tasks()) {
    if (row.name == "text") continue;  // changes with the text
    for (const Split split : {Split::train, Split::eval}) {
      const Batch batch = make_task(row.name)->make(2605, 700, 4, split);
      for (const auto token : batch.tokens) all.add(token);
      for (const auto target : batch.targets) all.add(target);
    }
  }
  CHECK(all.value() == 0x2981dd02ad97399bu);
}

TEST_CASE("tasks: the settings of an evaluation are accepted and keep the vocabulary") {
  for (const auto& row : fw::model::tasks()) {
    const auto settings = make_task(row.name)->evaluations();
    CHECK(settings.size() >= 3);
    std::set<std::string> different(settings.begin(), settings.end());
    CHECK(different.size() == settings.size());
    index_t longest = 0;
    for (const std::string& setting : settings) {
      const auto task = make_task(row.name, setting);
      CHECK(task->vocabulary_size() == make_task(row.name)->vocabulary_size());
      longest = std::max(longest, task->make(1, 0, 1, Split::eval).T);
    }
    CHECK(longest > make_task(row.name)->length());
  }
}

TEST_CASE("tasks: the largest sizes are made, and their evaluations are accepted") {
  const std::pair<const char*, const char*> largest[] = {
      {"mqar", "T=65536 pairs=16384 keys=16384 values=16384"},
      {"edit", "live=4096 writes=32768 keys=65536 values=65536"},
      {"previous", "live=4096 writes=32768 keys=4096 values=32768"},
      {"needles", "T=1048576 needles=4096 queries=4096 digits=64 keys=65536"},
      {"compositional", "entities=20 attributes=256 writes=65536 entity_names=20 attribute_names=256 values=65536"},
      {"pour", "cups=64 T=1048576"},
      {"parity", "T=1048576"},
      {"s3", "T=1048576"},
      {"copy", "n=65536 blanks=65536"}};
  for (const auto& [name, settings] : largest) {
    const auto task = make_task(name, settings);
    CHECK(task->make(1, 1, 1, Split::eval).T == task->length());
    const auto evaluations = task->evaluations();
    CHECK(!evaluations.empty());
    for (const std::string& setting : evaluations) CHECK_NOTHROW(make_task(name, settings)->set(setting));
  }
}

TEST_CASE("tasks: rejects unknown names, bad values and values that do not fit, and says why") {
  CHECK(refusal("mqra", "") ==
        "task: name must be one of mqar, edit, previous, compositional, needle, needles, pour, cups, parity, s3, s5, copy, text, got "
        "\"mqra\"");
  CHECK(refusal("parity", "length=3") == "task parity: parameter must be one of T, everywhere, got \"length\"");
  CHECK(refusal("parity", "T") == "task parity: setting must be \"name=value\", got \"T\"");
  for (const char* value : {"", "many", "3.5", "0", "-1", "1048577", "12x", "99999999999999999999", "nan"})
    CHECK(refusal("parity", std::string("T=") + value) ==
          "task parity: T must be a whole number in [1,1048576], got \"" + std::string(value) + "\"");
  CHECK(refusal("mqar", "spread=nan") == "task mqar: spread must be a number in [0.01,1], got \"nan\"");
  CHECK(refusal("mqar", "T=255") == "task mqar: T must be even and at least 4 pairs = 256, got 255");
  CHECK(refusal("mqar", "T=64") == "task mqar: T must be even and at least 4 pairs = 256, got 64");
  CHECK(refusal("mqar", "keys=63") == "task mqar: keys must be at least pairs = 64, got 63");
  CHECK(refusal("mqar", "values=63") == "task mqar: values must be at least pairs = 64, got 63");
  CHECK(refusal("edit", "writes=7") == "task edit: writes must be at least 1 per live key = 8, got 7");
  CHECK(refusal("edit", "writes=129") == "task edit: values must be at least writes = 129, got 128");
  CHECK(refusal("edit", "steady=8") == "task edit: steady must be less than live = 8, got 8");
  CHECK(refusal("edit", "keys=7") == "task edit: keys must be at least live = 8, got 7");
  CHECK(refusal("previous", "writes=15") == "task previous: writes must be at least 2 per live key = 16, got 15");
  CHECK(refusal("compositional", "writes=15") == "task compositional: writes must be at least entities times attributes = 16, got 15");
  CHECK(refusal("compositional", "entity_names=3") == "task compositional: entity_names must be at least entities = 4, got 3");
  CHECK(refusal("compositional", "attribute_names=3") == "task compositional: attribute_names must be at least attributes = 4, got 3");
  CHECK(refusal("needle", "queries=2") == "task needle: queries must be at most needles = 1, got 2");
  CHECK(refusal("needles", "keys=3") == "task needles: keys must be at least needles = 4, got 3");
  CHECK(refusal("needle", "T=4") == "task needle: T must be at least needles (2 + digits) + queries (1 + digits) = 5, got 4");
  CHECK(refusal("pour", "cups=1") == "task pour: cups must be a whole number in [2,64], got \"1\"");
  CHECK(refusal("text", "file=/no/such/file") ==
        "task text: file must be the path of a readable file that is not empty, got \"/no/such/file\"");
  CHECK(refusal("text", "T=1000000").find("task text: T must be below the bytes of either part of the text = ") == 0);
  const auto task = make_task("parity");
  CHECK_THROWS_WITH(task->make(1, -1, 2), "task parity make: step must be at least 0, got -1");
  CHECK_THROWS_WITH(task->make(1, 0, 0), "task parity make: batch_size must be in [1,2147483647], got 0");
}

TEST_CASE("tasks: the table of the page has their tokens, length and chance") {
  const std::string page = fw::test::slurp("docs/tasks.md");  // tests run in the project
  for (const auto& row : fw::model::tasks()) {
    const auto task = make_task(row.name);
    const std::size_t begin = page.find("| [" + std::string(row.name) + "](#");
    REQUIRE(begin != std::string::npos);
    std::vector<std::string> cells;
    std::istringstream line(page.substr(begin, page.find('\n', begin) - begin));
    for (std::string cell; std::getline(line, cell, '|');) cells.push_back(cell.substr(std::min<std::size_t>(cell.size(), 1)));
    REQUIRE(cells.size() == 6);
    CHECK(std::stol(cells[3]) == task->vocabulary_size());
    CHECK(std::stol(cells[4].substr(cells[4].find("to ") == std::string::npos ? 0 : 6)) == task->length());
    const std::size_t over = cells[5].find("1/");
    const double chance = over == std::string::npos ? std::stod(cells[5]) : 1 / std::stod(cells[5].substr(over + 2));
    CHECK(std::abs(chance - task->chance()) < 0.003 * task->chance());
  }
}

TEST_CASE("tasks: settings are taken all or none, and read back") {
  const auto task = make_task("mqar", "T=64, pairs=8\tspread=0.25");
  CHECK(task->parameters().str() == "T=64 pairs=8 keys=1023 values=1024 spread=0.25 ramp=1000 curriculum=1");
  CHECK_THROWS_AS(task->set("pairs=4 T=15"), fw::Error);
  CHECK_THROWS_AS(task->set("pairs=4 T=x"), fw::Error);
  CHECK(task->parameters().whole("pairs") == 8);
  CHECK(make_task("mqar", task->parameters().str())->parameters().str() == task->parameters().str());
}

TEST_CASE("tasks draws: below is fair, choices are distinct, weights are kept") {
  const fw::Random random(1, "draws");
  fw::model::Draws draw(random, 0, 0);
  std::array<int, 7> seen{};
  for (int i = 0; i < 70000; ++i) ++seen[static_cast<std::size_t>(draw.below(7))];
  for (int count : seen) CHECK(std::abs(count - 10000) < 400);
  CHECK(draw.below(1) == 0);
  CHECK(draw.distinct(0, 0).empty());
  std::array<std::array<int, 4>, 2> place{};
  const std::vector<double> weight{1, 2, 3, 4};
  std::array<int, 4> first{};
  for (int i = 0; i < 20000; ++i) {
    const auto two = draw.distinct(2, 4);
    REQUIRE(two[0] != two[1]);
    for (std::size_t j = 0; j < 2; ++j) ++place[j][static_cast<std::size_t>(two[j])];
    ++first[static_cast<std::size_t>(draw.distinct_weighted(3, weight)[0])];
  }
  for (const auto& row : place)
    for (int count : row) CHECK(std::abs(count - 5000) < 300);
  for (int i = 0; i < 4; ++i) CHECK(std::abs(first[static_cast<std::size_t>(i)] - 2000 * (i + 1)) < 300);
  auto all = draw.distinct(1000, 1000);
  std::sort(all.begin(), all.end());
  for (index_t i = 0; i < 1000; ++i) REQUIRE(all[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("tasks text: the text that ships is that of the files, targets are the next bytes, parts do not meet") {
  const std::string folder = "notebooks_data/text/";  // tests run in the project
  const std::string text = fw::test::slurp(folder + "memory.txt") + fw::test::slurp(folder + "stories.txt");
  REQUIRE(text.size() > 30000);
  CHECK(fw::model::shipped_text() == text);
  CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= 32 && c < 127); }));
  const auto task = make_task("text", "T=64");
  const std::size_t border = text.size() - text.size() / 10;
  for (const Split split : {Split::train, Split::eval}) {
    const Batch batch = task->make(1, 0, 1000, split);
    for (index_t b = 0; b < batch.B; ++b) {
      const auto from = static_cast<std::size_t>(b * batch.T);
      const std::string window =
          task->show(std::span(batch.tokens).subspan(from, 64)) + task->show(std::span(batch.targets).subspan(from + 63, 1));
      const std::string part = split == Split::train ? text.substr(0, border) : text.substr(border);
      REQUIRE(part.find(window) != std::string::npos);
      REQUIRE(std::equal(batch.tokens.begin() + b * 64 + 1, batch.tokens.begin() + b * 64 + 64, batch.targets.begin() + b * 64));
    }
  }
  CHECK(task->chance() > 0.1);  // the blank
  CHECK(task->chance() < 0.25);
}

TEST_CASE("tasks text: reads a file of any bytes, rejects a folder and an empty file") {
  const fw::test::Scratch scratch;
  const std::string path = scratch.file("bytes");
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += static_cast<char>(i * 7);
  std::ofstream(path, std::ios::binary) << bytes;
  const auto task = make_task("text", "T=20 held_out=50 file=" + path);
  const Batch batch = task->make(1, 0, 50);
  for (std::size_t i = 0; i < batch.tokens.size(); ++i) REQUIRE(batch.targets[i] == (batch.tokens[i] + 7) % 256);
  CHECK(std::abs(task->chance() - 2.0 / 500) < 0.003);
  std::ofstream(scratch.file("empty"));
  CHECK(refusal("text", "file=" + scratch.file("empty")).find("task text: file must be") == 0);
  CHECK(refusal("text", "file=" + scratch.file("")).find("task text: file must be") == 0);
  CHECK(make_task("text", "T=99 held_out=10 file=" + path)->make(1, 0, 2, Split::eval).T == 99);
  CHECK(refusal("text", "T=100 held_out=10 file=" + path).find("task text: T must be below") == 0);
}
