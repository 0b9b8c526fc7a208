// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "program.h"

using namespace fw;
using test::fastweight;
using test::has;

TEST_SUITE("cli") {
  TEST_CASE("verify cli: the fast CPU path and the naive loop are right under the judge") {
    const test::Scratch here;
    for (const char* backend : {"omp", "naive"}) {
      const test::Run run = fastweight(here, std::string("verify --backend ") + backend + " --shape B1-T70-H2-Dk16-Dv16 --variant gdn2");
      CAPTURE(run.err);
      CHECK(run.status == 0);
      CHECK(has(run.out, "right           gdn2        typical"));
      CHECK(has(run.out, "20 of 20 right"));
    }
    const test::Run json = fastweight(here, "verify --backend omp --shape B1-T70-H1-Dk16-Dv16 --variant kda --family mixed --json");
    CHECK(nlohmann::json::parse(json.out).size() == 1);
  }

  TEST_CASE("verify cli: rejects a backend that there is not, and types it does not take") {
    const test::Scratch here;
    const auto refused = [&](const std::string& arguments, const std::string& why) {
      const test::Run run = fastweight(here, "verify " + arguments);
      CAPTURE(arguments);
      CAPTURE(run.err);
      CHECK(run.status == 1);
      CHECK(test::one_line(run.err));
      CHECK(has(run.err, why));
    };
    refused("--backend metal", "--backend: expected one of cuda, omp, naive, got \"metal\"");
    refused("--backend omp --dtype bf16", "--dtype: expected f32 for backend omp, got bf16");
    refused("--backend omp --dtype int8", "--dtype: expected one of bf16, f16, f32, got \"int8\"");
    refused("--backend omp --variant nothing", "nothing");
    refused("--backend omp --family nothing", "nothing");
    refused("--backend omp --shape Q7", "Q7");
    refused("--backend omp file.safetensors", "expected FILE or --backend, got both");
  }

  TEST_CASE("verify cli: the GPU path is judged, or it is said why not") {
    const test::Scratch here;
    const test::Run run = fastweight(here, "verify --backend cuda --variant gdn2 --family typical --shape B1-T70-H1-Dk64-Dv64");
    CAPTURE(run.out);
    CAPTURE(run.err);
    if (run.status == 77) CHECK(run.out == "skipped: no CUDA device\n");
    else if (run.status == 1) CHECK(has(run.err, "this build has no CUDA"));
    else CHECK(run.status == 0);
  }
}
