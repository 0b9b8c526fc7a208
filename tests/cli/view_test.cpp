// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#ifdef FASTWEIGHT_WITH_VIEW
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include "program.h"

using namespace fw::test;

TEST_SUITE_BEGIN("cli");

namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

}  // namespace

TEST_CASE("view: a script is described without a display") {
  const Scratch folder;
  write(folder.file("facts.txt"), "# two facts\nset size 16 16\nset policy uniform\nset b off\nAna=red\nBo=blue\ndel Ana\n");
  const Run run = fastweight(folder, "view --script facts.txt --describe");
  CHECK(run.status == 0);
  CHECK(has(run.out, "# t = 3 of 3"));
  CHECK(has(run.out, "| Ana = red (deleted) |"));
  CHECK(run.err.empty());
  CHECK(fastweight(folder, "view --script facts.txt --describe").out == run.out);
  CHECK(has(fastweight(folder, "view --script facts.txt --describe --t 1").out, "Token: Ana=red."));
}

TEST_CASE("view: a session and the numbers over time come back from files") {
  const Scratch folder;
  CHECK(fastweight(folder, "view --save s.json --csv before.csv --t 3").status == 0);
  CHECK(fastweight(folder, "view --session s.json --csv after.csv --save t.json").status == 0);
  CHECK(slurp(folder.file("before.csv")) == slurp(folder.file("after.csv")));
  CHECK(slurp(folder.file("s.json")) == slurp(folder.file("t.json")));
}

TEST_CASE("view: rejects bad input with one line and status 1, and writes nothing") {
  const Scratch folder;
  write(folder.file("bad.txt"), "Ana=red\nBo\n");
  write(folder.file("bad.json"), "{");
  for (const char* arguments :
       {"view --script absent.txt --describe", "view --script bad.txt --screenshot o.png", "view --session bad.json --describe",
        "view --size 12 --screenshot o.png", "view --size 100x100 --screenshot o.png", "view --size 800x600x3 --screenshot o.png",
        "view --theme blue --screenshot o.png", "view --t 999 --describe", "view --csv none/o.csv", "view --nonsense"}) {
    const Run run = fastweight(folder, arguments);
    INFO(arguments, ": ", run.err);
    CHECK(run.status == 1);
    CHECK(one_line(run.err));
    CHECK(slurp(folder.file("o.png")).empty());
  }
  CHECK(has(fastweight(folder, "view --script bad.txt --describe").err, "line 2 column 3: expected =, += or ? after the key"));
}

TEST_CASE("view: a picture without a display, or the packages that are missing") {
  const Scratch folder;
  const Run run = fastweight(folder, "view --screenshot o.png --size 800x600");
#ifdef FASTWEIGHT_WITH_DRAWING
  CHECK(run.status == 0);
  CHECK(slurp(folder.file("o.png")).substr(0, 8) == "\x89PNG\r\n\x1a\n");
  CHECK(fastweight(folder, "view --screenshot p.png --size 800x600").status == 0);
  CHECK(slurp(folder.file("o.png")) == slurp(folder.file("p.png")));
#else
  CHECK(run.status == 1);
  CHECK(has(run.err, "libimgui-dev"));
#endif
  if (std::getenv("DISPLAY") == nullptr && std::getenv("WAYLAND_DISPLAY") == nullptr) {
    const Run window = fastweight(folder, "view");
    CHECK(window.status == 1);
    CHECK(one_line(window.err));
    CHECK(has(window.err, "--screenshot"));
  }
}

TEST_CASE("view: lessons without a display") {
  const Scratch folder;
  CHECK(has(fastweight(folder, "view --list-lessons").out, "fading"));
  const Run run = fastweight(folder, "view --lesson fading --card 2 --predicted --describe");
  CHECK(run.status == 0);
  CHECK(has(run.out, "# Lesson 2: Fading is not confusion"));
  CHECK(has(run.out, "the norm is 0.215"));
  CHECK(has(fastweight(folder, "view --lesson 2 --card 5 --solved --describe").out, "- [x] Ana keeps her length"));
  CHECK_FALSE(has(fastweight(folder, "view --lesson 2 --card 2 --describe").out, "What happened"));
  write(folder.file("mine.json"), "{\"fastweight_lesson\": 1, \"name\": \"mine\"}");
  for (const char* arguments : {"view --lesson 99 --describe", "view --lesson none --describe", "view --lesson 2 --card 9 --describe",
                                "view --lesson mine.json --describe", "view --lesson absent.json --describe", "view --card 2 --describe"}) {
    const Run bad = fastweight(folder, arguments);
    INFO(arguments, ": ", bad.err);
    CHECK(bad.status == 1);
    CHECK(one_line(bad.err));
  }
  CHECK(has(fastweight(folder, "view --lesson mine.json --describe").err, "lesson: mine.json: title: expected a text, got nothing"));
}

TEST_SUITE_END();
#endif
