// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
//
// Diagnosis in small: amplitudes tell proportional mistakes apart, extents are found, a stranger gets no exact fit.
#include <doctest/doctest.h>

#include <cmath>

#include "core/random.h"
#include "support/check.h"
#include "verify/diagnose.h"
#include "verify/precision.h"

using namespace fw;
using namespace fw::verify;

namespace {

/// A bench on weak decay with limits of a bfloat16 kernel and white noise of 4e-3.
struct Setting {
  Bench bench;
  Limits limits;
  Results noisy;

  explicit Setting(const char* shape = "B2-T140-H2-HV2-Dk16-Dv16") {
    bench = make_bench(make_problem(Variant::gdn2, ProblemShape::parse(shape), "weak", 1), true, 64, {}, 1);
    noisy = bench.truth;
    for_each_result(noisy, [&](const char* name, Tensor<double>& t, Direction) {
      if (!t.defined()) return;
      limits[name] = {tolerance_rule(Precision::bf16, name).floor};
      double squares = 0;
      for (index_t i = 0; i < t.numel(); ++i) squares += t[i] * t[i];
      const double size = 4e-3 * std::sqrt(squares / static_cast<double>(t.numel()));
      const Random draw(5, name);
      for (index_t i = 0; i < t.numel(); ++i) t[i] += size * draw.normal(static_cast<std::uint64_t>(i));
    });
  }

  /// Truth + noise + weight * (mistake - truth), everywhere or in value channels from `from` on.
  Diagnosis ask(const char* id, double weight = 1.0, index_t from = 0) const {
    const Mistake& m = mistake(id);
    const Results wrong = m.run(bench);
    Results candidate = noisy;
    for_each_result(candidate, [&](const char* name, Tensor<double>& t, Direction d) {
      if (!t.defined() || d != m.direction) return;
      const Tensor<double>&w = *find(wrong, name), &r = *find(bench.truth, name);
      for (index_t i = 0; i < t.numel(); ++i)
        if (i % t.shape()[-1] >= from) t[i] += weight * (w[i] - r[i]);
    });
    const SignatureSpace space(bench.geo, bench.truth, candidate, m.direction);
    const BankRun run = run_bank(bench, candidate, limits, m.direction == Direction::forward ? &space : nullptr, m.direction == Direction::backward ? &space : nullptr, 1);
    return diagnose(space, line_up(space, run, m.direction, Residual(space.residual(candidate), space.residual(noisy))));
  }
};

std::string first(const Diagnosis& d) { return d.group.empty() ? "" : d.group.front().mistake->id; }

}  // namespace

TEST_SUITE("verify") {
  TEST_CASE("diagnosis: proportional mistakes are told apart by their amplitude") {
    const Setting setting;
    for (const char* id : {"scale-missing", "scale-twice", "inter-output-missing", "inter-output-unscaled"}) {
      CAPTURE(std::string(id));
      const Diagnosis d = setting.ask(id);
      CHECK(d.named);
      CHECK(d.exact);
      CHECK(d.group.size() == 1);
      CHECK(first(d) == id);
      CHECK(std::fabs(d.group.front().match.amplitude - 1.0) < 0.05);
    }
  }

  TEST_CASE("diagnosis: a mistake in some channels is named with its extent") {
    const Setting setting;
    const Diagnosis d = setting.ask("erase-missing", 1.0, 8);
    CHECK(d.named);
    CHECK(first(d) == "erase-missing");
    CHECK(d.group.front().match.where.find("channels 8-15") != std::string::npos);
    CHECK(d.group.front().match.extent < 0.7);
  }

  TEST_CASE("diagnosis: a mistake at a fraction of its size is likely at most, and says its amplitude") {
    const Setting setting;
    const Diagnosis d = setting.ask("decay-missing", 0.4);
    CHECK(!d.exact);
    CHECK(first(d) == "decay-missing");
    CHECK(std::fabs(d.group.front().match.amplitude - 0.4) < 0.02);
  }

  TEST_CASE("diagnosis: noise alone follows no signature") {
    const Setting setting;
    const Diagnosis d = setting.ask("decay-missing", 0.0);
    CHECK(!d.named);
  }

  TEST_CASE("diagnosis: non-finite values are matched by their places") {
    const Diagnosis d = Setting().ask("output-tail-poisoned");
    CHECK(d.named);
    CHECK(d.group.front().match.nonfinite);
    bool among = false;
    for (const Suspect& s : d.group) among = among || s.mistake->id == "output-tail-poisoned";
    CHECK(among);
  }

  TEST_CASE("blind spots: inputs that cannot show a mistake are said to be blind to it") {
    const Setting setting("B1-T64-H1-HV1-Dk8-Dv8");
    const BankRun run = run_bank(setting.bench, setting.bench.truth, setting.limits, nullptr, nullptr, 1);
    for (const Effect& e : run.effects) {
      if (e.mistake->id == "carry-dropped" || e.mistake->id == "gates-of-head-0" || e.mistake->id == "tail-nan") CHECK(!e.applies);
      if (e.mistake->id == "decay-ceiling-0") CHECK((e.applies && !e.visible));
      if (e.mistake->id == "scale-missing") CHECK(e.visible);
    }
    CHECK(run.visible(Direction::forward) < run.applicable(Direction::forward));
  }
}
