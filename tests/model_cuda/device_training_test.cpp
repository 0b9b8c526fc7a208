// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Steps on the device: like those of the CPU, the same bits from graphs and from launches, on every run, resumed or not, with memory full
// of NaN; replicas do not see each other; what cannot be is refused, what is not finite destroys nothing.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <thread>

#include "model_cuda/device_fixture.h"

namespace fw::test {
namespace {

model::ModelConfig trained_config(Variant variant = Variant::gdn2) {
  model::ModelConfig c = device_config({variant});
  c.vocab_size = 16, c.hidden_size = 32, c.head_v_dim = 16;
  return c;
}
/// Starting values of a seed, as a training has them.
void initialise(model::DeviceTraining& training) {
  for (index_t r = 0; r < training.replicas(); ++r) {
    std::vector<float> parameters(static_cast<std::size_t>(training.table().size()));
    model::initialise(training.table(), training.config(), static_cast<std::uint64_t>(r), parameters.data());
    training.upload(r, parameters, {});
  }
}
/// Losses of all replicas, step after step.
std::vector<double> steps(model::DeviceTraining& training, index_t first, index_t last, bool poison = false) {
  std::vector<double> losses;
  for (index_t s = first; s < last; ++s) {
    if (poison) training.poison();
    for (const model::StepResult& r : training.train_step(batches_for(training.replicas(), 4, 12, 16, static_cast<std::uint64_t>(s))))
      losses.push_back(r.loss);
  }
  return losses;
}

TEST_SUITE("model_cuda") {
  TEST_CASE("device training: fifty steps are those of the CPU to rounding") {
    for (const Variant variant : layer_variants()) {
      CAPTURE(info(variant).name);
      const model::ModelConfig config = trained_config(variant);
      model::DeviceTraining device(config, short_training(), 1);
      initialise(device);
      model::LanguageModel<float> net(config, "omp");
      net.initialise(0);
      model::Training cpu(net, short_training());
      for (index_t s = 0; s < 50; ++s) {
        const auto batches = batches_for(1, 4, 12, 16, static_cast<std::uint64_t>(s % 8));
        const model::StepResult got = device.train_step(batches).front(), expected = cpu.train_step(batches.front());
        CAPTURE(s);
        CHECK(std::abs(got.loss - expected.loss) <= 2e-3 * expected.loss);
        CHECK(std::abs(got.norm - expected.norm) <= 2e-2 * expected.norm);
        CHECK(std::abs(got.lr - expected.lr) <= 1e-12);
        CHECK(got.step == expected.step);
        CHECK(got.scored == expected.scored);
      }
    }
  }

  TEST_CASE("device training: graphs and launches, every run, and memory full of NaN give the same bits") {
    for (const Variant variant : {Variant::gdn2, Variant::mamba3}) {
      CAPTURE(info(variant).name);
      std::vector<std::vector<Snapshot>> ends;
      std::vector<std::vector<double>> losses;
      for (const auto& [graphs, poison] : {std::pair{true, false}, {true, false}, {false, false}, {true, true}, {false, true}}) {
        model::DeviceTraining training(trained_config(variant), short_training(), 3, {graphs});
        initialise(training);
        losses.push_back(steps(training, 0, 12, poison));
        ends.push_back(snapshots(training));
        CHECK(losses.back() == losses.front());
        CHECK(ends.back() == ends.front());
      }
      CHECK(!(ends.front()[0] == ends.front()[1]));
    }
  }

  TEST_CASE("device training: threads that come and go, each recording its own graphs, give the bits of one thread") {
    const auto train = [](Variant variant) {
      model::DeviceTraining training(trained_config(variant), short_training(), 2);
      initialise(training);
      steps(training, 0, 6);
      return snapshots(training);
    };
    const std::vector<Variant> variants = layer_variants();
    std::vector<std::vector<Snapshot>> alone(variants.size());
    for (std::size_t i = 0; i < variants.size(); ++i) alone[i] = train(variants[i]);
    std::vector<std::string> wrong(8);
    {
      std::vector<std::jthread> threads;
      for (std::size_t thread = 0; thread < wrong.size(); ++thread)
        threads.emplace_back([&, thread] {
          try {
            for (std::size_t i = 0; i < 2 * variants.size(); ++i) {
              const std::size_t which = (thread + i) % variants.size();
              if (!(train(variants[which]) == alone[which])) wrong[thread] += std::string(info(variants[which]).name) + " differs; ";
            }
          } catch (const std::exception& e) {
            wrong[thread] += e.what();
          }
        });
    }
    for (const std::string& text : wrong) CHECK(text == "");
  }

  TEST_CASE("device training: steps on their way give the bits of steps one by one") {
    model::DeviceTraining one(trained_config(), short_training(), 2), many(trained_config(), short_training(), 2);
    initialise(one), initialise(many);
    const std::vector<double> expected = steps(one, 0, 12);
    std::vector<double> got;
    for (index_t s = 0; s < 12; ++s) {
      if (many.in_flight() == model::DeviceTraining::kInFlight)
        for (const model::StepResult& r : many.wait()) got.push_back(r.loss);
      many.enqueue(batches_for(2, 4, 12, 16, static_cast<std::uint64_t>(s)));
    }
    const auto more = batches_for(2, 4, 12, 16, 99);
    CHECK(refusal([&] { many.enqueue(more); }) == "device enqueue: at most 4 steps may be on their way, got one more");
    CHECK(refusal([&] { many.train_step(more); }) == "device train_step: results of all steps must have been taken, got 4 on their way");
    while (many.in_flight() > 0)
      for (const model::StepResult& r : many.wait()) got.push_back(r.loss);
    CHECK(got == expected);
    CHECK(snapshots(many) == snapshots(one));
  }

  TEST_CASE("device training: a replica is what it would be alone, batches of other lengths included") {
    for (const Variant variant : {Variant::gdn2, Variant::mamba3}) {
      CAPTURE(info(variant).name);
      const model::ModelConfig config = trained_config(variant);
      model::DeviceTraining together(config, short_training(), 3);
      initialise(together);
      std::vector<std::unique_ptr<model::DeviceTraining>> alone;
      for (index_t r = 0; r < 3; ++r) {
        alone.push_back(std::make_unique<model::DeviceTraining>(config, short_training(), 1));
        std::vector<float> parameters(static_cast<std::size_t>(together.table().size()));
        model::initialise(together.table(), config, static_cast<std::uint64_t>(r), parameters.data());
        alone.back()->upload(0, parameters, {});
      }
      for (index_t s = 0; s < 10; ++s) {
        std::vector<model::Batch> batches;
        for (index_t r = 0; r < 3; ++r)
          batches.push_back(random_batch(4, s < 5 ? 12 : 6 + 5 * r, 16, static_cast<std::uint64_t>(100 * s + r)));
        const auto results = together.train_step(batches);
        for (index_t r = 0; r < 3; ++r) {
          const auto i = static_cast<std::size_t>(r);
          const model::StepResult expected = alone[i]->train_step(std::span(&batches[i], 1)).front();
          CHECK(std::abs(results[i].loss - expected.loss) <= 1e-4 * expected.loss);
          CHECK(results[i].scored == expected.scored);
        }
      }
    }
  }

  TEST_CASE("device training: resumed training has the bits of one without a pause") {
    model::DeviceTraining whole(trained_config(), short_training(), 2), before(trained_config(), short_training(), 2),
        after(trained_config(), short_training(), 2);
    initialise(whole), initialise(before);
    steps(whole, 0, 20);
    steps(before, 0, 9);
    const auto middle = snapshots(before);
    for (index_t r = 0; r < 2; ++r)
      after.upload(r, middle[static_cast<std::size_t>(r)].parameters, middle[static_cast<std::size_t>(r)].state);
    steps(after, 9, 20);
    CHECK(snapshots(after) == snapshots(whole));
    CHECK(snapshots(after)[0].state.step == 20);
  }

  TEST_CASE("device training: predictions are the largest logits") {
    model::DeviceTraining training(trained_config(), short_training(), 2);
    initialise(training);
    const std::vector<model::Batch> batches{random_batch(4, 12, 16, 1), random_batch(4, 9, 16, 2)};
    const auto logits = training.logits(batches);
    const auto predicted = training.predict(batches);
    for (std::size_t r = 0; r < 2; ++r) {
      std::size_t next = 0;
      for (index_t at = 0; at < batches[r].B * batches[r].T; ++at) {
        if (batches[r].targets[static_cast<std::size_t>(at)] < 0) continue;
        REQUIRE(next < predicted[r].size());
        const float* row = logits[r].data() + at * 16;
        CHECK(predicted[r][next].at == at);
        CHECK(predicted[r][next].token == std::max_element(row, row + 16) - row);
        ++next;
      }
      CHECK(next == predicted[r].size());
    }
  }

  TEST_CASE("device training: what is not finite is reported and destroys nothing") {
    model::DeviceTraining training(trained_config(), short_training(), 2), other(trained_config(), short_training(), 1);
    initialise(training), initialise(other);
    steps(training, 0, 3);
    auto bad = snapshots(training);
    bad[1].parameters[static_cast<std::size_t>(training.table().find("lm_head.weight")->offset)] = std::numeric_limits<float>::infinity();
    training.upload(1, bad[1].parameters, bad[1].state);
    training.enqueue(batches_for(2, 4, 12, 16, 3));
    training.enqueue(batches_for(2, 4, 12, 16, 4));
    const std::string why = refusal([&] { training.wait(); });
    CHECK(why.find("train_step: loss must be finite, got ") == 0);
    CHECK(why.find(" at step 4, replica 1") != std::string::npos);
    CHECK(refusal([&] { training.wait(); }) != "");
    const auto now = snapshots(training);
    CHECK(now[1] == bad[1]);
    for (index_t s = 0; s < 5; ++s) other.train_step(batches_for(1, 4, 12, 16, static_cast<std::uint64_t>(s)));
    CHECK(now[0].state.step == 5);
    const auto good = snapshots(other)[0].parameters;
    double worst = 0;
    for (std::size_t i = 0; i < good.size(); ++i) worst = std::max(worst, static_cast<double>(std::abs(good[i] - now[0].parameters[i])));
    CHECK(worst < 1e-3);
    // a gradient that is not finite though the loss is: the weight of a norm so large that its square is not
    training.upload(1, good, {});
    CHECK(training.train_step(batches_for(2, 4, 12, 16, 5))[1].step == 1);
  }

  TEST_CASE("device training: refusals") {
    model::ModelConfig c = trained_config();
    c.head_k_dim = 8;
    CHECK(refusal([&] { model::DeviceTraining(c, {}, 1); }).find("backend cuda: head_k_dim must be in 16..256, got 8") == 0);
    CHECK(refusal([&] { model::DeviceTraining(trained_config(), {}, 0); }) == "device training: replicas must be in 1..1024, got 0");
    model::DeviceTraining training(trained_config(), {}, 2);
    initialise(training);
    auto batches = batches_for(2, 2, 5, 16, 1);
    CHECK(refusal([&] { training.loss(std::span(batches).first(1)); }) == "model loss: batches must be one for each of 2 replicas, got 1");
    batches[1].tokens[3] = 16;
    CHECK(refusal([&] { training.loss(batches); }) == "model loss: tokens must lie in [0, 16), got 16 at 3");
    batches = batches_for(2, 2, 5, 16, 1);
    batches[0].targets.assign(10, -1);
    CHECK(refusal([&] { training.loss(batches); }) == "model loss: at least one target must be scored, got none in 10");
    batches[0].targets.pop_back();
    CHECK(refusal([&] { training.loss(batches); }) == "model loss: targets must be [B,T] = [2,5], got 9 numbers");
    CHECK(refusal([&] { training.wait(); }) == "device wait: a step must have been enqueued, got none");
    CHECK(refusal([&] { training.upload(2, std::vector<float>(3), {}); }) == "device upload: replica must be in 0..1, got 2");
    CHECK(refusal([&] { training.upload(0, std::vector<float>(3), {}); }).find("device upload: parameters must have ") == 0);
  }
}

}  // namespace
}  // namespace fw::test
