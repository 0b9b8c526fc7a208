// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "core/variant.h"
#include "program.h"

using namespace fw;
using test::fastweight;
using test::has;

namespace {

using Json = nlohmann::json;

const std::string kSmall = "bench --shape B1-T64-H2-Dk16-Dv16 --reps 3 ";

Json bench_json(const std::string& arguments) {
  const test::Scratch here;
  const test::Run run = fastweight(here, kSmall + "--json " + arguments);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(run.err.empty());  // no progress bar where there is no terminal
  return Json::parse(run.out);
}

}  // namespace

TEST_SUITE("cli") {
  TEST_CASE("bench cli: every pass of both backends, with ceilings, medians between extremes, and the naive loop beside") {
    const Json all = bench_json("--pass forward,training,decode --threads 1,2 --layers 1,3 --compare naive");
    CHECK(all["variant"] == "gdn2");
    CHECK(all["wrong"].empty());
    CHECK(all["checks"].size() > 10);
    for (const Json& check : all["checks"]) CHECK(check["error"].get<double>() <= check["limit"].get<double>());
    REQUIRE(all["ceilings"].size() == 2);
    for (const Json& ceiling : all["ceilings"]) {
      CHECK(ceiling["multiply_add_gflops"].get<double>() > 0);
      CHECK(ceiling["copy_gbs"].get<double>() > 0);
    }
    CHECK(all["rows"].size() == 12);  // forward, training, decode with 1 and 3 layers: naive, 1 thread, 2 threads
    for (const Json& row : all["rows"]) {
      CAPTURE(row.dump());
      CHECK(row["seconds"].size() >= 3);
      CHECK(row["least_s"].get<double>() > 0);
      CHECK(row["least_s"].get<double>() <= row["median_s"].get<double>());
      CHECK(row["median_s"].get<double>() <= row["most_s"].get<double>());
      CHECK(row["gflops"].get<double>() > 0);
      CHECK(row["gbs"].get<double>() > 0);
      CHECK(row.contains("times_naive") == (row["backend"] != "naive"));
      CHECK((row["pass"] == "decode") == row.contains("floor_share"));
    }
  }

  TEST_CASE("bench cli: every rule of the delta family, the naive backend, segments, rungs and instruction sets") {
    for (const VariantInfo& row : variants())
      if (row.family == Family::delta_rule) CHECK(bench_json("--variant " + std::string(row.name))["rows"].size() == 1);
    CHECK(bench_json("--backend naive")["rows"][0]["backend"] == "naive");
    CHECK(bench_json("--segments 3 --pass forward,training")["rows"].size() == 2);
    CHECK(bench_json("--isa baseline")["isa"] == "baseline");
    CHECK(bench_json("--rung 1,2,3,4,5,6 --threads 2")["rows"].size() == 6);
    const test::Scratch here;
    CHECK(has(fastweight(here, "bench --list-rungs").out, "micro-chunks"));
  }

  TEST_CASE("bench cli: a table for people, with the peak and the copy it is compared with") {
    const test::Scratch here;
    const test::Run run = fastweight(here, kSmall + "--compare naive");
    CHECK(run.status == 0);
    for (const char* part : {"check", "right", "ceiling 1 threads", "median", "GFLOP/s", "GB/s", "peak", "forward", "omp", "naive"}) {
      CAPTURE(part);
      CHECK(has(run.out, part));
    }
  }

  TEST_CASE("bench cli: fails when broken, and shows no speed") {
    const test::Scratch here;
    setenv("FASTWEIGHT_BENCH_BREAK", "1", 1);
    const test::Run run = fastweight(here, kSmall + "--pass forward,training,decode");
    const test::Run json = fastweight(here, kSmall + "--json");
    unsetenv("FASTWEIGHT_BENCH_BREAK");
    CHECK(run.status == 2);
    CHECK(has(run.out + run.err, "wrong"));
    CHECK(!has(run.out, "GFLOP/s  "));
    CHECK(json.status == 2);
    const Json all = Json::parse(json.out);
    CHECK(!all["wrong"].empty());
    CHECK(all["rows"].empty());
  }

  TEST_CASE("bench cli: rejects what it cannot do, with a message") {
    const test::Scratch here;
    for (const std::string arguments : {"--backend gpu", "--variant mamba3", "--variant nothing", "--shape B1-Q9", "--shape B1-T9-H2-HV3-Dk4-Dv4", "--pass sideways",
                                  "--threads 0", "--threads two", "--isa sse9", "--segments 0", "--rung 0", "--rung 9", "--reps -1", "--seconds 0",
                                  "--seconds nan", "--compare omp", "--layers 0", "--unknown"}) {
      CAPTURE(arguments);
      const test::Run run = fastweight(here, "bench " + arguments);
      CHECK(run.status == 1);
      CHECK(run.out.empty());
      CHECK(!run.err.empty());
    }
  }

  TEST_CASE("bench cli: the GPU path is checked and timed, or it is said why not; options that do not go together are refused") {
    const test::Scratch here;
    const test::Run run = fastweight(here, "bench --backend cuda --shape B1-T70-H1-Dk64-Dv64 --pass forward,training,decode --reps 2 --json");
    CAPTURE(run.out);
    CAPTURE(run.err);
    if (run.status == 77) CHECK(run.out == "skipped: no CUDA device\n");
    else if (run.status == 1) CHECK(run.err.find("this build has no CUDA") != std::string::npos);
    else CHECK(nlohmann::json::parse(run.out)["rows"].size() == 4);
    for (const std::string arguments : {"--backend cuda --dtype int8", "--backend cuda --accurate --dtype bf16", "--backend cuda --shape B1-T70-H1-HV2-Dk64-Dv64", "--backend omp --dtype bf16",
                                        "--backend omp --accurate", "--backend cuda --compare naive"}) {
      CAPTURE(arguments);
      const test::Run refused = fastweight(here, "bench " + arguments);
      CHECK(refused.status == 1);
      CHECK(!refused.err.empty());
    }
  }

}
