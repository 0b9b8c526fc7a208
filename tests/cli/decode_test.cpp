// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "model/checkpoint.h"
#include "model/sampler.h"
#include "model/tasks/registry.h"
#include "model/trace.h"
#include "program.h"

using namespace fw;
using nlohmann::json;
using test::fastweight;
using test::has;

namespace {

model::ModelConfig small(index_t vocab) {
  model::ModelConfig c;
  c.mixers = {Variant::gdn2, Variant::swa, Variant::kda};
  c.vocab_size = vocab;
  c.hidden_size = 16;
  c.head_k_dim = 8;
  c.head_v_dim = 8;
  c.intermediate_size = 16;
  c.window_size = 5;
  return c;
}

/// "bytes": 256 tokens, no notes. "edit": trained (not a step) on a small edit.
void make_checkpoints(const test::Scratch& here) {
  model::LanguageModel<float> bytes(small(256)), edit(small(256));
  bytes.initialise(1), edit.initialise(2);
  model::save_model(here.file("bytes"), bytes);
  model::save_model(here.file("seven"), [] {
    model::LanguageModel<float> m(small(7));
    m.initialise(3);
    return m;
  }());
  model::save_training(here.file("edit"), model::Training(edit, {}), {{"task", "edit"}, {"settings", "live=2 writes=5"}});
}

json parsed(const test::Scratch& here, const std::string& arguments) {
  const test::Run run = fastweight(here, "decode --json " + arguments);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(run.err.empty());
  return json::parse(run.out);
}

}  // namespace

TEST_SUITE("cli") {
  TEST_CASE("decode cli: continues as generate does, whatever the form of the prompt") {
    const test::Scratch here;
    make_checkpoints(here);
    auto loaded = model::load_model(here.file("bytes"));
    const std::vector<std::int32_t> prompt{'T', 'h', 'e'};
    const auto expected = model::generate(loaded.model, prompt, 1, 9, {0.7, 5, 42});
    const std::string sampling = " --length 9 --temperature 0.7 --top-k 5 --seed 42";
    CHECK(parsed(here, "bytes --prompt The" + sampling).at("tokens") == expected);
    CHECK(parsed(here, "bytes --tokens 84,104,101" + sampling).at("tokens") == expected);
    CHECK(parsed(here, "bytes --prompt The --trace t" + sampling).at("tokens") == expected);
    CHECK(parsed(here, "bytes --prompt The --length 0").at("tokens").empty());
    const test::Run text = fastweight(here, "decode seven --tokens 1,2,3 --length 4 --temperature 0");
    CHECK(text.status == 0);
    CHECK(test::one_line(text.out));
    CHECK(has(text.out, "1 2 3 "));
    CHECK(fastweight(here, "decode bytes --prompt The --temperature 0 --backend naive --threads 1").out ==
          fastweight(here, "decode bytes --prompt The --temperature 0 --backend naive --threads 3").out);
  }

  TEST_CASE("decode cli: control characters do not reach the terminal") {
    const test::Scratch here;
    make_checkpoints(here);
    const test::Run run = fastweight(here, "decode bytes --tokens 27,91,50,74 --length 200");
    CHECK(run.status == 0);
    CHECK(run.out.starts_with("\\x1b[2J"));
    for (const char c : run.out) CHECK((static_cast<unsigned char>(c) >= 32 || c == '\n' || c == '\t'));
  }

  TEST_CASE("decode cli: a task is answered with names, kinds and the accuracy; the checkpoint's notes say which") {
    const test::Scratch here;
    make_checkpoints(here);
    const json result = parsed(here, "edit --count 5 --index 2 --seed 7");
    CHECK(result.at("task") == "edit");
    CHECK(has(result.at("settings"), "live=2 writes=5"));
    CHECK(result.at("scored") == 10);
    const auto task = model::make_task("edit", "live=2 writes=5");
    const model::Batch batch = task->make(7, 0, 7, model::Split::eval);
    auto loaded = model::load_model(here.file("edit"));
    index_t right = 0, kinds = 0;
    for (index_t row = 2; row < 7; ++row) {
      const std::vector<std::int32_t> tokens(batch.tokens.begin() + row * batch.T, batch.tokens.begin() + (row + 1) * batch.T);
      const Tensor<float> logits = loaded.model.logits(tokens, 1, batch.T);
      for (index_t t = 0; t < batch.T; ++t) {
        const std::int32_t target = batch.targets[static_cast<std::size_t>(row * batch.T + t)];
        if (target != model::kNotScored) right += model::sample(logits.row(0, t), 256, {0.0, 0, 0}, 0, 0) == target;
      }
      if (row == 2) CHECK(result.at("sequence").at("text") == task->show(tokens));
    }
    CHECK(result.at("right") == right);
    for (const auto& [kind, number] : result.at("kinds").items()) kinds += number.get<index_t>();
    CHECK(kinds == 10);
    const test::Run text = fastweight(here, "decode edit --count 3");
    CHECK(text.status == 0);
    CHECK(has(text.out, "edit: live=2 writes=5"));
    CHECK(has(text.out, "accuracy over 3 sequences: 0."));
    CHECK(parsed(here, "edit --set live=3 --count 1").at("scored") == 3);
    CHECK(parsed(here, "seven --task parity --set T=6 --count 2").at("scored") == 12);
    CHECK(has(fastweight(here, "decode edit --task parity --count 1").out, " #"));  // an answer that is no token of the task
    CHECK(parsed(here, "edit --task copy --count 1").at("scored") == 16);
  }

  TEST_CASE("decode cli: traces and case files") {
    const test::Scratch here;
    make_checkpoints(here);
    parsed(here, "edit --trace t --case c --layer 2 --states-every 3 --count 1");
    const model::Trace trace = model::read_trace(here.file("t"));
    REQUIRE(trace.layers.size() == 1);
    CHECK(trace.layers[0].layer == 2);
    CHECK(trace.state_tokens.front() == 2);
    CHECK(trace.targets.size() == trace.tokens.size());
    CHECK(trace.predictions.size() == trace.tokens.size());
    CHECK(trace.notes.at("task") == "edit");
    CHECK(trace.names.at(trace.tokens.front()).starts_with("k"));
    parsed(here, "bytes --prompt abc --length 5 --trace t2");
    const model::Trace prompted = model::read_trace(here.file("t2"));
    CHECK(prompted.prompt == 3);
    CHECK(prompted.length() == 7);
    CHECK(prompted.layers.size() == 2);
    for (const char* layer : {"0", "2"}) {
      parsed(here, std::string("bytes --prompt 'a longer prompt for the judge' --length 40 --case c --layer ") + layer);
      const test::Run judged = fastweight(here, "verify c");
      CAPTURE(judged.out);
      CAPTURE(judged.err);
      CHECK(judged.status == 0);
    }
  }

  TEST_CASE("decode cli: rejects unusable input in one line") {
    const test::Scratch here;
    make_checkpoints(here);
    const auto refused = [&](const std::string& arguments, const std::string& part) {
      const test::Run run = fastweight(here, "decode " + arguments);
      CAPTURE(arguments);
      CAPTURE(run.err);
      CHECK(run.status == 1);
      CHECK(run.out.empty());
      CHECK(test::one_line(run.err));
      CHECK(has(run.err, part));
    };
    refused("", "checkpoint is required");
    refused("nowhere --prompt a", "nowhere");
    refused("bytes", "expected --prompt, --tokens or --task");
    refused("bytes --prompt ''", "at least one byte");
    refused("bytes --prompt a --tokens 1", "excludes");
    refused("bytes --tokens 1,,2", "--tokens must be numbers with commas like 1,2,3, got \"\"");
    refused("bytes --tokens 1,256", "tokens must lie in [0, 256), got 256");
    refused("seven --prompt a", "--prompt needs a model of bytes");
    refused("seven --task edit", "edit has 256 tokens and must have at most the 7");
    refused("edit --task nothing", "task: name must be one of");
    refused("edit --set live=many", "live must be");
    refused("edit --length 3", "--length needs");
    refused("edit --top-k 3", "--top-k needs");
    refused("bytes --prompt a --set T=3", "--set needs");
    refused("bytes --prompt a --count 3", "--count needs");
    refused("bytes --prompt a --states-every 2", "--states-every needs --trace");
    refused("bytes --prompt a --layer 0", "--layer needs");
    refused("bytes --prompt a --trace t --layer 1", "layers must be of the recurrent ones (0, 2), got 1");
    refused("bytes --prompt a --length -1", "--length must be at least 0");
    refused("bytes --prompt a --temperature -1", "temperature must be at least 0");
    refused("bytes --prompt a --seed -1", "--seed must be a whole number");
    refused("bytes --prompt a --backend gpu", "gpu");
    refused("edit --count 0", "--count must be in");
    refused("edit --count 1 --trace no/where/t", "no/where");
  }
}
