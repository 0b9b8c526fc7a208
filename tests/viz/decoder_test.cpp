// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "viz/model/decoder.h"

#include <cmath>

#include "core/error.h"
#include "fixtures.h"
#include "model/sampler.h"
#include "model/trace.h"
#include "model_fixtures.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

namespace {

Decoder decoder_of(const ModelSource& source) {
  return {load_checkpoint(source.path, source.fingerprint, source.task, source.settings), source};
}

/// The model computes in float.
constexpr Tolerance kAsFloat{2e-5, 2e-5};

}  // namespace

TEST_CASE("decoder: every layer and head is what the model's own recorder sees") {
  const Scratch scratch;
  const std::string folder = random_stack(scratch);
  Decoder decoder = decoder_of(reading(folder, "1 2 3 7 7 0 15 4"));
  decoder.extend(14);
  CHECK(decoder.given() == 8);
  REQUIRE(decoder.length() == 14);
  model::LoadedModel loaded = model::load_model(folder);
  model::TraceRecorder recorder(loaded.model.config(), {});
  loaded.model.observer = &recorder;
  auto state = loaded.model.new_state(1);
  loaded.model.continued(decoder.tokens(), 1, 14, state);
  const model::Trace trace = recorder.finish(decoder.tokens());
  REQUIRE(decoder.layers().size() == 3);
  for (std::size_t l = 0; l < 3; ++l) {
    const model::TraceLayer& truth = trace.layers[l];
    CHECK(decoder.layers()[l].number == static_cast<int>(truth.layer));
    CHECK(decoder.layers()[l].heads.size() == 4);
    for (int head = 0; head < 4; ++head) {
      INFO("layer " << truth.layer << " head " << head);
      const auto line = std::make_shared<const Timeline>(timeline_of(decoder, static_cast<int>(truth.layer), head, 14));
      const Run run(line, named(truth.options.variant));
      const double* last = truth.out.final_state.row(0, head);
      Grid final(line->dk, line->dv);
      std::copy(last, last + final.a.size(), final.a.begin());
      CHECK_CLOSE(tensor(run.state(14)), tensor(final), kAsFloat);
      for (int t : {1, 9, 14}) {
        const double* o = truth.o_backend.row(0, t - 1, head);
        CHECK_CLOSE(tensor(run.step(t).o), tensor(Vec(o, o + line->dv)), kAsFloat);
      }
    }
  }
}

TEST_CASE("decoder: draws the tokens that generate() draws, greedily and by chance, at once and one by one") {
  const auto checkpoint = load_checkpoint(kSwaps, "", "", "");
  for (double temperature : {0.0, 1.5}) {
    ModelSource source = reading(kSwaps, "213 132 321");
    source.temperature = temperature, source.seed = 5, source.top_k = 4;
    Decoder at_once(checkpoint, source), one_by_one(checkpoint, source);
    at_once.extend(20);
    for (int n = 4; n <= 20; ++n) one_by_one.extend(n);
    const std::vector<std::int32_t> prompt(at_once.tokens().begin(), at_once.tokens().begin() + 3);
    std::vector<std::int32_t> wanted = model::generate(checkpoint->model, prompt, 1, 17, {temperature, 4, 5});
    CHECK(std::vector<std::int32_t>(at_once.tokens().begin() + 3, at_once.tokens().end()) == wanted);
    CHECK(one_by_one.tokens() == at_once.tokens());
  }
}

TEST_CASE("decoder: a sequence of the task with its answers; forecasts are probabilities") {
  ModelSource source = reading(kSwaps);
  source.example = 2;
  Decoder decoder = decoder_of(source);
  decoder.extend(0);
  const Timeline line = timeline_of(decoder, -1, 0, decoder.length());
  int scored = 0;
  for (int t = 1; t <= decoder.length(); ++t) {
    const Forecast& next = decoder.forecast(t);
    double sum = 0;
    for (std::size_t n = 0; n < next.best.size(); ++n) {
      sum += next.best[n].probability;
      if (n > 0) CHECK(next.best[n - 1].probability >= next.best[n].probability);
    }
    CHECK_CLOSE(tensor(sum), tensor(1.0), Tolerance{1e-9, 1e-9});  // 6 tokens: all are there
    CHECK((next.entropy >= 0 && next.entropy <= std::log(6.0) + 1e-9));
    if (next.target < 0) continue;
    ++scored;
    CHECK(line.entries[static_cast<std::size_t>(t - 1)].verdict == (next.best[0].token == next.target ? 1 : -1));
  }
  CHECK(scored == decoder.length());
  CHECK(line.entries[0].label == decoder.checkpoint().show(decoder.tokens()[0]));
  CHECK_THROWS_WITH_AS(decoder.extend(decoder.length() + 1), doctest::Contains("a sequence of the task, which ends here"), Error);
}

TEST_CASE("decoder: run again with the model's own rule nothing changes, with a narrower one everything above does") {
  const Scratch scratch;
  Decoder a = decoder_of(reading(random_stack(scratch), "1 2 3 7 7 0 15 4 9 9"));
  a.extend(16);
  // gdn2-write has a rule between GDN-2 and KDA: its gates are averaged before they are narrowed.
  Decoder same(a, named(Variant::gdn2)), kda(a, named(Variant::kda));
  same.follow(a), kda.follow(a);
  CHECK(kda.tokens() == a.tokens());
  for (int t = 1; t <= 16; ++t) {
    CHECK_CLOSE(tensor(same.forecast(t).entropy), tensor(a.forecast(t).entropy), Tolerance{1e-4, 1e-4});
    CHECK(same.forecast(t).best[0].token == a.forecast(t).best[0].token);
  }
  const auto entry = [](const Decoder& d, std::size_t layer) { return d.layers()[layer].heads[1][12]; };
  CHECK_CLOSE(tensor(entry(kda, 0).k), tensor(entry(a, 0).k), kAsFloat);  // the first layer sees the same
  double apart = 0;
  for (std::size_t i = 0; i < entry(a, 1).k.size(); ++i) apart = std::max(apart, std::fabs(entry(kda, 1).k[i] - entry(a, 1).k[i]));
  CHECK(apart > 1e-3);
  // Both grow together.
  a.extend(18);
  kda.follow(a);
  CHECK(kda.length() == 18);
}

TEST_CASE("decoder: the pour task needs GDN-2's gates in the trained model") {
  Decoder a = decoder_of(reading(kPour));
  a.extend(0);
  Decoder kda(a, named(Variant::kda));
  kda.follow(a);
  int right_a = 0, right_b = 0, scored = 0;
  for (int t = 1; t <= a.length(); ++t) {
    if (a.forecast(t).target < 0) continue;
    ++scored;
    right_a += a.forecast(t).best[0].token == a.forecast(t).target;
    right_b += kda.forecast(t).best[0].token == a.forecast(t).target;
  }
  CHECK(right_a == scored);
  CHECK(2 * right_b < 2 * scored - scored / 2);
}

TEST_CASE("checkpoint: refuses what is not there, what changed and what it cannot read") {
  const Scratch scratch;
  const std::string folder = random_stack(scratch);
  const std::string print = fingerprint_of(folder);
  CHECK(load_checkpoint(folder, print, "", "")->fingerprint == print);
  CHECK_THROWS_WITH_AS(load_checkpoint(scratch.file("none"), "", "", ""), doctest::Contains("expected a folder, got none"), Error);
  CHECK_THROWS_WITH_AS(load_checkpoint(folder, "0123456789abcdef", "", ""), doctest::Contains("got changed ones ("), Error);
  CHECK_THROWS_AS(load_checkpoint(folder, "", "copy", ""), Error);  // 64 tokens for a model of 16
  CHECK_THROWS_AS(load_checkpoint(folder, "", "", "T=3"), Error);
  for (const char* prompt : {"", "1 2 16", "1 -2", "1 k7", "1.5", "#"}) CHECK_THROWS_AS(decoder_of(reading(folder, prompt)), Error);
  CHECK(decoder_of(reading(folder, " #3\t4\n 05 ")).given() == 3);
  ModelSource source = reading(folder);
  CHECK_THROWS_WITH_AS(decoder_of(source), doctest::Contains("expected a prompt or a task"), Error);
  source.prompt = "1";
  source.temperature = -1;
  CHECK_THROWS_AS(decoder_of(source), Error);
  Decoder d = decoder_of(reading(folder, "1"));
  d.extend(1);
  CHECK_THROWS_WITH_AS(timeline_of(d, 1, 0, 1), "layer: expected one with a memory (0, 2, 3), got 1", Error);
  CHECK_THROWS_WITH_AS(timeline_of(d, 0, 4, 1), "head: expected 0 to 3, got 4", Error);
  CHECK_THROWS_AS(d.extend(Decoder::kMostTokens + 1), Error);
}

TEST_SUITE_END();
