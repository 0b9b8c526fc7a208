// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "core/families.h"
#include "core/variant.h"
#include "program.h"
#include "progress.h"

using namespace fw;
using test::fastweight;
using test::has;

TEST_SUITE("cli") {
  TEST_CASE("program cli: help and version go to the output and end with 0") {
    const test::Scratch here;
    const test::Run version = fastweight(here, "--version"), help = fastweight(here, "--help");
    CHECK(version.status == 0);
    CHECK(version.out == "fastweight " FASTWEIGHT_VERSION "\n");
    CHECK(help.status == 0);
    CHECK(help.err.empty());
    CHECK(has(help.out, "Example:"));
    for (const char* name : {"verify", "break", "golden", "list"}) {
      CAPTURE(name);
      CHECK(has(help.out, name));
      const test::Run sub = fastweight(here, std::string(name) + " --help");
      CHECK(sub.status == 0);
      CHECK(has(sub.out, "Example:\n  fastweight " + std::string(name)));
    }
  }

  TEST_CASE("program cli: rejects bad arguments with one line and status 1") {
    const test::Scratch here;
    const std::pair<std::string, const char*> cases[] = {
        {"", "fastweight: A subcommand is required (try fastweight --help)"},
        {"verfy x", "fastweight: no subcommand \"verfy\" (try fastweight --help)"},
        {"--nonsense", "fastweight: "},
        {"list --nonsense", "(try fastweight list --help)"},
        {"list extra", "(try fastweight list --help)"},
        {"list --families --mistakes", "excludes"},
        {"golden", "--variant is required"},
        {"golden --variant gdn2", "--output is required"},
        {"golden -o x", "--variant is required"},
        {"golden --variant gdn3 -o x", "variant: expected one of linear, mamba2"},
        {"golden --variant gdn2 --family odd -o x", "input_family: expected one of typical, mixed"},
        {"golden --variant gdn2 --shape B2xT3 -o x", "ProblemShape::parse: expected parts like"},
        {"golden --variant gdn2 --T -3 -o x", "--T"},
        {"golden --variant gdn2 --T many -o x", "--T"},
        {"golden --variant gdn2 --H 2 --HV 3 -o x", "HV must be a multiple of H"},
        {"golden --variant gdn2 --Dk 0 -o x", "heads, widths and M must be >= 1"},
        {"golden --variant gdn2 --cu-seqlens 0,5,3 -o x", "cu_seqlens must not decrease"},
        {"golden --variant gdn2 --cu-seqlens 0,a -o x", "got \"cu0,a\""},
        {"golden --variant gdn2 --cu-seqlens 0,5 --B 2 -o x", "cu_seqlens needs B = 1"},
        {"golden --variant gdn2 --dtype f8 -o x", "golden: --dtype must be f64, f32, bf16 or f16, got \"f8\""},
        {"golden --variant gdn2 --gate-dtype i32 -o x", "golden: --gate-dtype must be"},
        {"golden --variant gdn2 --truth-dtype x -o x", "golden: --truth-dtype must be"},
        {"golden --variant gdn2 --layout HTBD -o x", "layout: expected BTHK or BHTK"},
        {"golden --variant gdn2 --state-layout KK -o x", "state_layout: expected KV or VK"},
        {"golden --variant gdn2 --scale nan -o x", "golden: --scale must be finite, got nan"},
        {"golden --variant gdn2 --scale inf -o x", "golden: --scale must be finite, got inf"},
        {"golden --variant gdn2 --scale half -o x", "--scale"},
        {"golden --variant gdn2 --seed -1 -o x", "--seed"},
        {"golden --variant gdn2 --decay-activation relu -o x", "--decay-activation"},
        {"golden --variant gdn2 --decay-activation bounded --decay-lower-bound -6 -o x", "decay_lower_bound must lie in [-5, 0), got -6"},
        {"golden --variant swa --window 0 -o x", "window must be at least 1 token"},
        {"golden --variant gdn2 -o no/such/folder/x", "write_safetensors: no/such/folder/x: cannot be created: No such file"},
        {"golden --variant gdn2 -o .", "expected a regular file or a new name, got a directory"},
        {"golden --variant gdn2 -o /dev/null", "got a device, pipe or socket"},
        {"golden --variant linear --shape T0-H1-Dk4294967296-Dv4294967296 -o x", "fastweight: "},
    };
    for (const auto& [arguments, expected] : cases) {
      CAPTURE(arguments);
      const test::Run run = fastweight(here, arguments);
      CAPTURE(run.err);
      CHECK(run.status == 1);
      CHECK(run.out.empty());
      CHECK(test::one_line(run.err));
      CHECK(run.err.rfind("fastweight: ", 0) == 0);
      CHECK(has(run.err, expected));
    }
    CHECK(std::filesystem::is_empty(here.file(".")));
  }

  TEST_CASE("program cli: an output that cannot be written is no success") {
    const test::Scratch here;
    const int status = std::system("'" FASTWEIGHT_PROGRAM "' list >/dev/full 2>/dev/null");
    CHECK(WEXITSTATUS(status) == 1);
  }

  TEST_CASE("list cli: every rule, family and mistake, as table and as JSON") {
    const test::Scratch here;
    const test::Run table = fastweight(here, "list");
    const auto rules = nlohmann::json::parse(fastweight(here, "list --json").out);
    REQUIRE(rules.size() == variants().size());
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const VariantInfo& row = variants()[i];
      CHECK(rules[i].at("name") == row.name);
      for (const char* key : {"title", "family", "decay", "erase", "write", "equation", "collapse", "source"})
        CHECK_FALSE(rules[i].at(key).get<std::string>().empty());
      for (std::string_view text : {row.name, row.equation, row.source, row.collapse}) CHECK(has(table.out, std::string(text)));
    }
    CHECK(rules[8].at("erase") == "channel");
    const test::Run families = fastweight(here, "list --families");
    const auto list = nlohmann::json::parse(fastweight(here, "list --families --json").out);
    CHECK(list.size() == input_families().size());
    for (const InputFamily& family : input_families()) CHECK(has(families.out, std::string(family.description)));
    const auto mistakes = nlohmann::json::parse(fastweight(here, "list --mistakes --json").out);
    CHECK(mistakes.size() >= 45);
    const test::Run bank = fastweight(here, "list --mistakes");
    for (const auto& mistake : mistakes) CHECK(has(bank.out, mistake.at("id").get<std::string>() + " "));
  }

  TEST_CASE("progress cli: the line fits the terminal and holds no control characters") {
    using cli::progress_line;
    CHECK(progress_line("golden", "truth", 0.5, 3.4, 80) == "golden  [##########..........]  50 %  3 s  truth");
    CHECK(progress_line("golden", "truth", -1.0, 12.6, 80) == "golden  13 s  truth");
    CHECK(progress_line("golden", "", 1.0, 2.0, 80) == "golden  [####################] 100 %  2 s");
    CHECK(progress_line("golden", "", 7.0, 2.0, 80) == "golden  [####################] 100 %  2 s");
    CHECK(progress_line("golden", "", 0.999, 2.0, 80) == "golden  [###################.]  99 %  2 s");
    CHECK(progress_line("a\x1b[31mb\n", "", -1.0, 0.0, 80) == "a?[31mb?  0 s");
    CHECK(progress_line("golden", "truth", 0.5, 3.4, 36) == "golden  [###....]  50 %  3 s  truth");  // the bar gives way
    CHECK(progress_line("golden", "truth", 0.5, 3.4, 30) == "golden  [##..]  50 %  3 s  tr");
    CHECK(progress_line("golden", "truth", 0.5, 3.4, 10).size() == 9);
    CHECK(progress_line("golden", "truth", 0.5, 3.4, 0).size() == 1);
    cli::Progress bar("nobody waits");
    bar.update(0.5, "stage");
    bar.finish();
    bar.finish();
  }
}
