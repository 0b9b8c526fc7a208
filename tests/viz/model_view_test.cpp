// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <fstream>

#include "core/error.h"
#include "fixtures.h"
#include "model/trace.h"
#include "model_fixtures.h"
#include "viz/model/describe.h"
#include "viz/model/files.h"
#include "viz/model/session.h"

using namespace fw;
using namespace fw::test;
using namespace fw::viz;

TEST_SUITE_BEGIN("viz");

TEST_CASE("model view: decoding on gives the bits of opening it all at once, past the point where other tokens are named") {
  const Scratch scratch;
  const std::string folder = random_stack(scratch);
  ViewModel grown, whole;
  grown.open_model(reading(folder, "1 2 3 4 5"));
  grown.enter("set b morph");
  grown.enter("set tie 0.4");
  for (int n = 0; n < 3; ++n) grown.step(1);
  CHECK(grown.transport.t() == 8);
  grown.enter("decode 60");
  ModelSource source = reading(folder, "1 2 3 4 5");
  source.drawn = 63;
  whole.open_model(source);
  whole.enter("set b morph");
  whole.enter("set tie 0.4");
  REQUIRE(grown.length() == whole.length());
  CHECK(grown.length() == 68);
  CHECK(grown.a().timeline().facts.size() == 34);
  for (int t : {0, 1, 8, 9, 68}) CHECK_BITWISE_EQUAL(tensor(grown.b()->state(t)), tensor(whole.b()->state(t)));
  CHECK_BITWISE_EQUAL(tensor(grown.divergence()), tensor(whole.divergence()));
  CHECK_BITWISE_EQUAL(tensor(grown.a().series().total), tensor(whole.a().series().total));
  CHECK_BITWISE_EQUAL(tensor(grown.a().recall(3).residual), tensor(whole.a().recall(3).residual));
  CHECK(describe(grown) == describe(whole));
  // Decoding is no undo step: one step back is before the last slider.
  CHECK(grown.undo());
  CHECK(grown.document().b.collapse.tie == 0.0);
}

TEST_CASE("model view: play decodes on, a sequence of the task ends") {
  ViewModel view;
  view.open_model(reading(kSwaps, "213 132"));
  view.transport.set_speed(10);
  view.toggle();
  CHECK(view.transport.playing());
  for (int n = 0; n < 20; ++n) view.tick(0.1);
  CHECK(view.transport.t() >= 18);
  CHECK(view.length() >= view.transport.t());
  CHECK(view.a().timeline().entries[0].drawn == false);
  CHECK(view.a().timeline().entries[5].drawn);
  view.step(-1);
  CHECK_FALSE(view.transport.playing());
  view.enter("example 4");
  const int length = view.length();
  CHECK_FALSE(view.can_decode());
  view.step(1);
  CHECK(view.length() == length);
  CHECK_THROWS_AS(view.enter("decode"), Error);
  CHECK(view.forecast_a()->target >= 0);
}

TEST_CASE("model view: layers and heads by command and by neighbour; A follows the layer's rule") {
  const Scratch scratch;
  ViewModel view;
  view.open_model(reading(random_stack(scratch), "1 2 3 4 5 6"));
  CHECK(view.stack().layers == std::vector<int>{0, 2, 3});
  CHECK(view.stack().heads == 4);
  CHECK(view.a().head().variant == Variant::gdn2);
  view.transport.go(4);
  view.enter("layer 2");
  CHECK(view.a().head().variant == Variant::kda);
  CHECK(view.transport.t() == 4);
  view.enter("head 3");
  view.move_head(1, 1);
  CHECK((view.stack().layer == 3 && view.stack().head == 3));
  CHECK(view.a().head().variant == Variant::gdn2_write);
  view.move_head(-5, -1);
  CHECK((view.stack().layer == 0 && view.stack().head == 2));
  CHECK_THROWS_WITH_AS(view.enter("layer 1"), "layer: expected one with a memory (0, 2, 3), got 1", Error);
  CHECK_THROWS_AS(view.enter("head 4"), Error);
  CHECK((view.stack().layer == 0 && view.stack().head == 2));
  CHECK_THROWS_AS(view.enter("Ana=red"), Error);
  CHECK_THROWS_AS(view.fork(), Error);
  view.enter("set a delta");
  view.enter("layer 2");  // another rule was asked for: it stays
  CHECK(view.a().head().variant == Variant::delta);
  view.enter("clear");
  CHECK(view.stack().layers.empty());
  CHECK(view.forecast_a() == nullptr);
  for (const char* line : {"layer 0", "prompt 1", "temperature 1", "decode", "rerun on"}) CHECK_THROWS_AS(view.enter(line), Error);
}

TEST_CASE("model view: commands change what is read and how it is drawn") {
  ViewModel view;
  CHECK(run_file_command(view, "checkpoint " + kSwaps + " 3") == "opened " + kSwaps);
  CHECK(view.document().model->example == 3);
  view.enter("prompt 213 132 321");
  CHECK(view.length() == 3);
  view.enter("temperature 0.7");
  view.enter("top-k 3");
  view.enter("set seed 9");
  const ModelSource& m = *view.document().model;
  CHECK((m.temperature == 0.7 && m.top_k == 3 && m.seed == 9));
  view.enter("decode 4");
  CHECK(view.length() == 7);
  CHECK_THROWS_WITH_AS(view.enter("prompt nonsense"), doctest::Contains("got \"nonsense\""), Error);
  CHECK(view.length() == 7);
  CHECK(describe(view).find("4 of the tokens drawn at temperature 0.7") != std::string::npos);
  view.enter("rerun on");
  CHECK(view.forecast_b() != nullptr);
  CHECK(describe(view).find("Next token, B") != std::string::npos);
  view.enter("set b gdn2");
  CHECK(view.divergence().back() < 1e-4);
  view.enter("set b linear");
  CHECK(view.divergence().back() > 1e-2);
  view.enter("rerun off");
  CHECK(view.forecast_b() == nullptr);
  CHECK(&view.a().timeline() == &view.b()->timeline());
}

TEST_CASE("model view: sessions keep the checkpoint and refuse another") {
  const Scratch scratch;
  const std::string folder = random_stack(scratch);
  ViewModel view, other;
  ModelSource source = reading(folder, "1 2 3 4");
  source.layer = 2, source.head = 1, source.temperature = 0.5, source.rerun = true;
  view.open_model(source);
  view.enter("decode 5");
  view.transport.go(6);
  const std::string text = session_text(view);
  open_session(other, text, "s");
  CHECK(session_text(other) == text);
  CHECK(describe(other) == describe(view));
  // Other weights in the same place.
  const std::string changed = random_stack(scratch, 4);
  std::ofstream(folder + "/model.safetensors", std::ios::binary) << slurp(changed + "/model.safetensors");
  ViewModel third;
  const std::string before = session_text(third);
  CHECK_THROWS_WITH_AS(open_session(third, text, "s"), doctest::Contains("expected the files that were saved with"), Error);
  std::filesystem::remove_all(folder);
  CHECK_THROWS_WITH_AS(open_session(third, text, "s"), doctest::Contains("expected a folder, got none"), Error);
  CHECK(session_text(third) == before);
  // What is open stays usable while its files are gone.
  view.enter("head 0");
  CHECK(view.stack().head == 0);
}

TEST_CASE("trace of a model: every layer and head, words and verdicts") {
  const Scratch scratch;
  const std::string folder = random_stack(scratch), path = scratch.file("trace.safetensors");
  model::LoadedModel loaded = model::load_model(folder);
  model::TraceRecorder recorder(loaded.model.config(), {});
  loaded.model.observer = &recorder;
  const std::vector<std::int32_t> tokens = {1, 2, 3, 4, 5, 6};
  auto state = loaded.model.new_state(1);
  loaded.model.continued(tokens, 1, 6, state);
  loaded.model.observer = nullptr;
  model::Trace trace = recorder.finish(tokens);
  trace.prompt = 4;
  trace.targets = {-1, 3, 4, -1, -1, -1};
  trace.predictions = {0, 3, 5, 0, 0, 0};
  trace.names = {{1, "one"}, {2, "two"}};
  model::write_trace(path, trace);
  ViewModel view;
  view.open_trace({path, 0, 0});
  CHECK(view.stack().layers == std::vector<int>{0, 2, 3});
  CHECK(view.stack().heads == 4);
  const auto& entries = view.a().timeline().entries;
  CHECK((entries[0].label == "one" && entries[2].label == "#3"));
  CHECK((entries[0].verdict == 0 && entries[1].verdict == 1 && entries[2].verdict == -1));
  CHECK((!entries[3].drawn && entries[4].drawn));
  view.enter("layer 2");
  view.enter("head 3");
  CHECK(view.a().head().variant == Variant::kda);
  const model::TraceLayer& truth = trace.layers[1];
  const double* last = truth.out.final_state.row(0, 3);
  Grid final(8, 12);
  std::copy(last, last + final.a.size(), final.a.begin());
  CHECK_CLOSE(tensor(view.a().state(6)), tensor(final), Tolerance{1e-6, 1e-6});
  ViewModel other;
  open_session(other, session_text(view), "s");
  CHECK(describe(other) == describe(view));
  CHECK_THROWS_AS(view.enter("layer 1"), Error);
}

TEST_SUITE_END();
