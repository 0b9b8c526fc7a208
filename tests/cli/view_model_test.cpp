// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#ifdef FASTWEIGHT_WITH_VIEW
#include <doctest/doctest.h>

#include <filesystem>

#include "program.h"

using namespace fw::test;

TEST_SUITE_BEGIN("cli");

namespace {

const std::string kSwaps = std::filesystem::absolute("notebooks_data/checkpoints/s3_gdn2_neg").string();

}  // namespace

TEST_CASE("view: a checkpoint and a sequence of its task, or a prompt decoded on") {
  const Scratch folder;
  const std::string open = "view --checkpoint '" + kSwaps + "' ";
  const Run example = fastweight(folder, open + "--example 1 --head 1 --t 5 --describe --save s.json");
  CHECK(example.status == 0);
  CHECK(has(example.out, "layer 0, head 1, sequence 1 of its task"));
  CHECK(has(example.out, "right: the answer is"));
  CHECK(fastweight(folder, "view --session s.json --describe").out == example.out);
  const Run drawn = fastweight(folder, open + "--prompt '213 132' --length 6 --temperature 0.9 --top-k 3 --seed 2 --rerun --describe");
  CHECK(drawn.status == 0);
  CHECK(has(drawn.out, "# t = 8 of 8"));
  CHECK(has(drawn.out, "Next token, B"));
  CHECK(fastweight(folder, open + "--prompt '213 132' --csv o.csv").status == 0);
  CHECK(has(slurp(folder.file("o.csv")), "1,A,state_norm"));
  const Run times = fastweight(folder, open + "--time --size 640x480");
  CHECK(times.status == 0);
  CHECK(has(times.out, "collapse slider moved"));
}

TEST_CASE("view: a trace that decode wrote, every head") {
  const Scratch folder;
  CHECK(fastweight(folder, "decode '" + kSwaps + "' --count 1 --trace t.safetensors").status == 0);
  const Run run = fastweight(folder, "view --trace t.safetensors --layer 0 --head 1 --describe");
  CHECK(run.status == 0);
  CHECK(has(run.out, "# t = "));
  CHECK(fastweight(folder, "view --trace t.safetensors --layer 1 --describe").status == 1);
}

TEST_CASE("view: a checkpoint that cannot be read is one line and status 1") {
  const Scratch folder;
  const std::string open = "view --checkpoint '" + kSwaps + "' ";
  for (const std::string& arguments :
       {std::string("view --checkpoint absent --describe"), open + "--prompt nonsense --describe", open + "--layer 3 --describe",
        open + "--head 2 --describe", open + "--example 200000 --describe", open + "--prompt 213 --example 1 --describe",
        open + "--set nothing=1 --describe", open + "--temperature -1 --describe", open + "--length 5 --describe",
        std::string("view --prompt 213 --describe"), std::string("view --rerun --describe")}) {
    const Run run = fastweight(folder, arguments);
    INFO(arguments);
    CHECK(run.status == 1);
    CHECK(run.out.empty());
    CHECK_FALSE(run.err.empty());
  }
}

TEST_SUITE_END();
#endif
