// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include "model/trace.h"

#include <algorithm>
#include <functional>

#include "model/checkpoint_notes.h"
#include "model/config_json.h"
#include "model/model_fixture.h"
#include "naive/reference.h"
#include "support/results.h"
#include "support/scratch.h"

namespace fw::test {
namespace {

using model::Trace;
using model::TraceLayer;

/// Rules that a recurrent layer can have.
std::vector<Variant> recurrent_variants() {
  std::vector<Variant> all = layer_variants();
  all.erase(std::remove(all.begin(), all.end(), Variant::swa), all.end());
  return all;
}

model::ModelConfig traced_config(Variant variant) {
  model::ModelConfig c = tiny_config({variant, Variant::swa, variant});
  c.num_v_heads = 4;
  c.allow_neg_eigval = true;
  return c;
}

struct Run {
  Trace trace;
  model::DecodeState<float> state;
};

/// A prompt of `prompt` tokens in one piece, the rest one by one.
Run traced(model::LanguageModel<float>& m, const std::vector<std::int32_t>& tokens, index_t prompt,
           const model::TraceOptions& options = {}) {
  model::TraceRecorder recorder(m.config(), options);
  m.observer = &recorder;
  Run run{{}, m.new_state(1)};
  m.continued(std::span(tokens).first(static_cast<std::size_t>(prompt)), 1, prompt, run.state);
  for (std::size_t t = static_cast<std::size_t>(prompt); t < tokens.size(); ++t)
    m.continued(std::span(tokens).subspan(t, 1), 1, 1, run.state);
  m.observer = nullptr;
  run.trace = recorder.finish(tokens);
  return run;
}

std::vector<std::int32_t> some_tokens(index_t T) { return random_batch(1, T, 7, 11).tokens; }

/// The states after the tokens kept, from token number `first` on: [n,HV,K,V] to one state.
Tensor<double> state_at(const TraceLayer& layer, index_t row) {
  const Shape& s = layer.states.shape();
  Tensor<double> out({1, s[1], s[2], s[3]});
  for (index_t i = 0; i < out.numel(); ++i) out[i] = static_cast<double>(layer.states.row(row)[i]);
  return out;
}

/// The first n tokens of a layer's inputs.
Inputs<double> head(const Inputs<double>& in, index_t n) {
  Inputs<double> out = in;
  for_each_input(out, [&](std::string_view name, Tensor<double>& t) {
    if (!t.defined() || name.starts_with("initial_")) return;
    std::vector<index_t> sizes = t.shape().sizes();
    sizes[1] = n;
    Tensor<double> cut{Shape(sizes)};
    std::copy_n(t.data(), cut.numel(), cut.data());
    t = cut;
  });
  return out;
}

/// Rounding to float, nothing else.
constexpr Tolerance kRounding{1.2e-7, 1.2e-7};

TEST_SUITE("model") {
  TEST_CASE("trace: its inputs replayed by the naive reference give its outputs and states") {
    for (const Variant variant : recurrent_variants()) {
      CAPTURE(info(variant).name);
      model::LanguageModel<float> m(traced_config(variant), "omp");
      scatter_parameters(m, 3);
      const Trace trace = traced(m, some_tokens(12), 7).trace;
      REQUIRE(trace.layers.size() == 2);
      CHECK(trace.layers[1].layer == 2);
      for (const TraceLayer& layer : trace.layers) {
        const Outputs<double> out = naive::forward(layer.in, layer.options);
        CHECK_CLOSE(layer.out.o, out.o, kRounding);
        CHECK_CLOSE(layer.out.final_state, out.final_state, kRounding);
        REQUIRE(layer.states.shape()[0] == 12);
        for (const index_t t : {index_t(0), index_t(6), index_t(11)})
          CHECK_CLOSE(state_at(layer, t), naive::forward(head(layer.in, t + 1), layer.options).final_state, kRounding);
      }
    }
  }

  TEST_CASE("trace: states match the decode state's matrices, outputs the backend's") {
    for (const Variant variant : recurrent_variants())
      for (const char* backend : {"naive", "omp"}) {
        CAPTURE(info(variant).name);
        CAPTURE(std::string(backend));
        model::LanguageModel<float> m(traced_config(variant), backend);
        scatter_parameters(m, 3);
        const Run run = traced(m, some_tokens(12), 7);
        for (const TraceLayer& layer : run.trace.layers) {
          const Tensor<double> state = run.state.layers[static_cast<std::size_t>(layer.layer)].state.template cast<double>();
          CHECK_CLOSE(state_at(layer, 11), state, {1e-5, 1e-4});
          CHECK_CLOSE(layer.o_backend, layer.out.o, {1e-5, 1e-4});
        }
      }
  }

  TEST_CASE("trace: e r z delta obey the rule, read at a state of the trace") {
    model::LanguageModel<float> m(traced_config(Variant::gdn2), "omp");
    scatter_parameters(m, 3);
    const Trace trace = traced(m, some_tokens(9), 9).trace;
    const TraceLayer& l = trace.layers[1];
    const index_t HV = 4, K = 4, V = 3, group = 2;
    Tensor<double> r(l.r.shape()), z(l.z.shape()), edited({1, 9, HV, K, V});
    Tensor<double> states = edited;
    for (index_t t = 0; t < 9; ++t)
      for (index_t hv = 0; hv < HV; ++hv)
        for (index_t j = 0; j < V; ++j) {
          z(0, t, hv, j) = l.in.w(0, t, hv, j) * l.in.v(0, t, hv, j);
          for (index_t i = 0; i < K; ++i) {
            const double decayed = t == 0 ? 0 : std::exp(l.in.g(0, t, hv / group, i)) * static_cast<double>(l.states(t - 1, hv, i, j));
            r(0, t, hv, j) += decayed * l.in.b(0, t, hv / group, i) * l.in.k(0, t, hv / group, i);
            edited(0, t, hv, i, j) = decayed + l.in.k(0, t, hv / group, i) * l.delta(0, t, hv, j);
            states(0, t, hv, i, j) = static_cast<double>(l.states(t, hv, i, j));
          }
        }
    CHECK_CLOSE(l.z, z, {1e-6, 1e-5});
    CHECK_CLOSE(l.r, r, {1e-6, 1e-5});
    CHECK_CLOSE(states, edited, {1e-6, 1e-5});
  }

  TEST_CASE("trace: how a sequence was cut into pieces does not matter, and looking changes no bit") {
    model::LanguageModel<float> m(traced_config(Variant::kda), "naive");
    scatter_parameters(m, 3);
    const std::vector<std::int32_t> tokens = some_tokens(10);
    const Trace whole = traced(m, tokens, 10).trace, pieces = traced(m, tokens, 1).trace;
    CHECK_CLOSE(pieces.layers[1].out.o, whole.layers[1].out.o, {1e-5, 1e-4});
    auto state = m.new_state(1);
    const Tensor<float> unseen = m.continued(tokens, 1, 10, state);
    model::TraceRecorder recorder(m.config(), {});
    m.observer = &recorder;
    auto again = m.new_state(1);
    CHECK_BITWISE_EQUAL(m.continued(tokens, 1, 10, again), unseen);
    m.observer = nullptr;
  }

  TEST_CASE("trace: fewer states, chosen layers, a start in the middle") {
    model::LanguageModel<float> m(traced_config(Variant::gdn), "omp");
    scatter_parameters(m, 3);
    const Trace some = traced(m, some_tokens(11), 4, {4, {2}, 1e9, 1}).trace;
    CHECK(some.state_tokens == std::vector<index_t>{3, 7});
    REQUIRE(some.layers.size() == 1);
    CHECK(some.layers[0].states.shape() == Shape{2, 4, 4, 3});
    CHECK_FALSE(traced(m, some_tokens(3), 3, {0, {}, 1e9, 1}).trace.layers[0].states.defined());

    Run before = traced(m, some_tokens(5), 5);
    model::TraceRecorder recorder(m.config(), {});
    m.observer = &recorder;
    const std::vector<std::int32_t> more{1, 2, 3};
    m.continued(more, 1, 3, before.state);
    m.observer = nullptr;
    const Trace middle = recorder.finish(more);
    CHECK_CLOSE(middle.layers[0].in.initial_state, state_at(before.trace.layers[0], 4), {1e-5, 1e-4});
    CHECK_CLOSE(state_at(middle.layers[0], 2), before.state.layers[0].state.cast<double>(), {1e-5, 1e-4});
  }

  TEST_CASE("trace: a file holds all of it, bitwise") {
    for (const Variant variant : recurrent_variants()) {
      CAPTURE(info(variant).name);
      const Scratch here;
      model::LanguageModel<float> m(traced_config(variant), "omp");
      scatter_parameters(m, 3);
      Trace trace = traced(m, some_tokens(6), 4).trace;
      trace.prompt = 4;
      trace.targets = {-1, -1, 3, -1, 2, 1}, trace.predictions = {1, 2, 3, 4, 5, 6};
      trace.names = {{1, "k1"}, {2, "\"?\""}}, trace.notes = {{"task", "edit"}};
      model::write_trace(here.file("t"), trace);
      const Trace read = model::read_trace(here.file("t"));
      CHECK(read.tokens == trace.tokens);
      CHECK(read.targets == trace.targets);
      CHECK(read.predictions == trace.predictions);
      CHECK(read.state_tokens == trace.state_tokens);
      CHECK(read.prompt == 4);
      CHECK(read.names == trace.names);
      CHECK(read.notes == trace.notes);
      CHECK(model::config_to_json(read.config) == model::config_to_json(trace.config));
      CHECK(read.ignored.empty());
      REQUIRE(read.layers.size() == 2);
      for (std::size_t i = 0; i < 2; ++i) {
        CHECK(read.layers[i].options.scale == trace.layers[i].options.scale);
        CHECK(read.layers[i].unit_qk);
        CHECK_BITWISE_EQUAL(read.layers[i].states, trace.layers[i].states);
        CHECK_BITWISE_EQUAL(read.layers[i].out.o, trace.layers[i].out.o);
        CHECK_BITWISE_EQUAL(read.layers[i].in.q, trace.layers[i].in.q);
      }
      // what was read can be replayed to the same bits
      TraceLayer again = read.layers[0];
      model::replay(again, read.state_tokens, 2);
      CHECK_BITWISE_EQUAL(again.states, read.layers[0].states);
      CHECK_BITWISE_EQUAL(again.out.o, read.layers[0].out.o);
      CHECK(again.unit_qk);
    }
  }

  TEST_CASE("trace: a layer is a case file") {
    model::LanguageModel<float> m(traced_config(Variant::gdn2), "omp");
    scatter_parameters(m, 3);
    const Trace trace = traced(m, some_tokens(8), 5).trace;
    const CaseFile file = read_case(to_tensor_file(model::trace_case(trace.layers[1])));
    CHECK(file.options.variant == Variant::gdn2);
    CHECK(file.warnings.empty());
    CHECK_CLOSE(file.out.o, naive::forward(file.in, file.options).o, {1e-5, 1e-4});
  }

  TEST_CASE("trace: rejects what does not fit, with the reason") {
    model::LanguageModel<float> m(traced_config(Variant::gdn2), "omp");
    scatter_parameters(m, 3);
    const TensorFile good = model::to_tensor_file(traced(m, some_tokens(6), 6).trace);
    CHECK(refusal([&] { model::read_trace(good, "t"); }) == "");
    const auto why = [&](const std::function<void(TensorFile&)>& change) {
      TensorFile bad = good;
      change(bad);
      return refusal([&] { model::read_trace(bad, "t"); });
    };
    const auto has = [](const std::string& text, const char* part) {
      return text.find("read_trace: t") == 0 && text.find(part) != std::string::npos;
    };
    CHECK(has(why([](TensorFile& f) { f.metadata.erase("format"); }), "metadata format must be fastweight-trace, got nothing"));
    CHECK(has(why([](TensorFile& f) { f.metadata["version"] = "2"; }), "metadata version must be 1, got \"2\""));
    CHECK(has(why([](TensorFile& f) { f.metadata["layers"] = "0,1"; }), "metadata layers must be recurrent layers"));
    CHECK(has(why([](TensorFile& f) { f.metadata["layers"] = "2,0"; }), "ascending"));
    CHECK(has(why([](TensorFile& f) { f.metadata["layers.0.variant"] = "kda"; }), "must be gdn2, as in the configuration"));
    CHECK(has(why([](TensorFile& f) { f.metadata["layers.0.scale"] = "nan"; }), "metadata layers.0.scale must be a number"));
    CHECK(has(why([](TensorFile& f) { f.metadata["prompt"] = "7"; }), "metadata prompt must be a whole number of tokens up to 6, got 7"));
    CHECK(has(why([](TensorFile& f) { f.metadata["token_names"] = "[]"; }), "metadata token_names must be a JSON object"));
    CHECK(has(why([](TensorFile& f) { f.tensors.erase("layers.2.w"); }), "tensor layers.2.w must be there, [1,6,4,3], got nothing"));
    CHECK(has(why([](TensorFile& f) { f.tensors["layers.2.beta"] = f.tensors["layers.2.w"]; }), "tensor layers.2.beta must be absent"));
    CHECK(has(why([](TensorFile& f) { f.tensors["layers.0.q"] = f.tensors["layers.0.v"]; }),
              "tensor layers.0.q must be [1,6,2,4], got [1,6,4,3]"));
    CHECK(has(why([](TensorFile& f) {
                f.tensors["tokens"] = AnyTensor::from_indices({1, 2, 3, 4, 5, 7});
              }),
              "tensor tokens must be in [0,6], got 7"));
    CHECK(has(why([](TensorFile& f) {
                f.tensors["state_tokens"] = AnyTensor::from_indices({0, 2, 1, 3, 4, 5});
              }),
              "state_tokens must be ascending"));
    CHECK(has(why([](TensorFile& f) { f.tensors["targets"] = AnyTensor::from_indices({1}); }),
              "targets must be as long as tokens, 6, got 1"));
    CHECK(why([](TensorFile& f) {
            Tensor<double> w = f.tensors["layers.0.w"].to_double();
            w[3] = 3;
            f.tensors["layers.0.w"] = AnyTensor::from(w, DType::f32);
          }).find("layers.0") != std::string::npos);
    TensorFile more = good;
    more.tensors["extra"] = AnyTensor::from_indices({1});
    CHECK(model::read_trace(more, "t").ignored == std::vector<std::string>{"extra"});
  }

  TEST_CASE("trace: the recorder rejects what it cannot record") {
    const auto refused = [](const model::ModelConfig& c, const model::TraceOptions& o) {
      return refusal([&] { model::TraceRecorder recorder(c, o); });
    };
    CHECK(refused(traced_config(Variant::kda), {1, {1}, 1e9, 1}) == "trace: layers must be of the recurrent ones (0, 2), got 1");
    CHECK(refused(traced_config(Variant::kda), {-1, {}, 1e9, 1}) == "trace: states_every must be at least 0, got -1");
    CHECK(refused(tiny_config({Variant::swa}), {}) == "trace: the model must have a recurrent layer, got attention alone");
    model::LanguageModel<float> m(traced_config(Variant::kda), "omp");
    m.initialise(1);
    CHECK(refusal([&] { traced(m, some_tokens(3), 3, {1, {}, 100, 1}); }).find("states must take at most 0 MiB") != std::string::npos);
    model::TraceRecorder recorder(m.config(), {});
    CHECK(refusal([&] { recorder.finish({1}); }) == "trace: layer 0 must have seen tokens, got none");
    m.observer = &recorder;
    m.logits(some_tokens(4), 1, 4);
    CHECK(refusal([&] { recorder.finish({1}); }) == "trace finish: tokens must be the 4 that went through the model, got 1");
    CHECK(refusal([&] { m.logits(some_tokens(4), 2, 2); }) == "trace: B must be 1, one sequence, got 2");
    m.observer = nullptr;
  }

  TEST_CASE("checkpoint: grouped value heads come back for every mixer") {
    for (const Variant variant : recurrent_variants()) {
      CAPTURE(info(variant).name);
      const Scratch here;
      model::LanguageModel<float> m(traced_config(variant), "omp");
      scatter_parameters(m, 3);
      model::save_model(here.file("m"), m);
      CHECK(model::load_model(here.file("m")).model.parameters() == m.parameters());
    }
  }

  TEST_CASE("checkpoint: notes are read without the numbers") {
    const Scratch here;
    model::LanguageModel<float> m(tiny_config({Variant::delta}), "omp");
    m.initialise(1);
    model::save_model(here.file("bare"), m);
    CHECK(model::read_notes(here.file("bare")).empty());
    const model::Training training(m, {});
    const model::Notes notes{{"task", "edit"}, {"settings", "live=2 writes=4"}};
    model::save_training(here.file("trained"), training, notes);
    CHECK(model::read_notes(here.file("trained")) == notes);
    std::ofstream(here.file("bare") + "/training.safetensors") << "short";
    CHECK(refusal([&] { model::read_notes(here.file("bare")); }).find("must be a safetensors file, got 5 bytes") != std::string::npos);
  }
}

}  // namespace
}  // namespace fw::test
