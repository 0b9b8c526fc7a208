// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include <limits>

#include "localise_fixture.h"

using namespace fw;
using namespace fw::verify;
using namespace fw::verify::test;

namespace {

using Index = std::vector<index_t>;

/// o [1,T,2,32] with an error of RMS size(t) on every element.
Localisation with_profile(index_t T, const std::function<double(index_t)>& size) {
  Bench bench("o", Shape{1, T, 2, 32}, geometry(1, T, 2, 2, 32, 32));
  const Random numbers(5, "profile");
  std::uint64_t k = 0;
  bench.each([&](const Index& i, double& x) { x += size(i[1]) * numbers.normal(k++); });
  return bench.run();
}

}  // namespace

TEST_SUITE("verify") {
  TEST_CASE("localise: the error over time is given a shape") {
    const auto shape = [](index_t T, const std::function<double(index_t)>& size) {
      const Localisation result = with_profile(T, size);
      INFO(kinds(result));
      return result.profile.shape;
    };
    CHECK(shape(300, [](index_t) { return 0.0; }) == "noise");
    CHECK(shape(300, [](index_t) { return 0.3; }) == "flat");
    CHECK(shape(300, [](index_t t) { return t >= 64 ? 0.3 : 0.0; }) == "step");
    CHECK(shape(1000, [](index_t t) { return t >= 640 ? 0.3 : 0.0; }) == "step");
    CHECK(shape(1000, [](index_t t) { return 1e-3 * static_cast<double>(t); }) == "linear");
    CHECK(shape(2000, [](index_t t) { return 0.02 * std::sqrt(static_cast<double>(t)); }) == "power");
    CHECK(shape(600, [](index_t t) { return 1e-2 * std::exp2(static_cast<double>(t) / 40.0); }) == "exponential");
    CHECK(shape(600, [](index_t t) { return 3.0 * std::exp2(-static_cast<double>(t) / 60.0); }) == "fading");
    CHECK(shape(1000, [](index_t t) { return 1e-3 * static_cast<double>(999 - t); }) == "backward-linear");
    CHECK(shape(600, [](index_t t) { return t % 64 == 17 ? 0.5 : 0.0; }) == "spikes");
    CHECK(shape(600, [](index_t t) { return t >= 576 ? 0.5 : 0.0; }) == "tail");
    CHECK(shape(600, [](index_t t) { return t < 10 ? 0.5 : 0.0; }) == "start");
    CHECK(shape(1, [](index_t) { return 0.5; }) == "short");
  }

  TEST_CASE("localise: numbers of the time profile") {
    const Localisation growth = with_profile(600, [](index_t t) { return 1e-2 * std::exp2(static_cast<double>(t) / 40.0); });
    const auto at = growth.time_profile.find("doubles every ");
    REQUIRE(at != std::string::npos);
    CHECK(std::abs(std::stod(growth.time_profile.substr(at + 14)) / 40.0 - 1.0) < 0.1);
    CHECK(growth.profile.width == 10);
    CHECK(growth.profile.error.size() == 60);
    CHECK(growth.profile.error.back() > 100.0 * growth.profile.error.front());
    CHECK(growth.profile.noise.back() < 1e-2);
    CHECK(growth.profile.noise.back() > 1e-3);
    const Localisation step = with_profile(300, [](index_t t) { return t >= 64 ? 0.3 : 0.0; });
    CHECK(step.time_profile.starts_with("step at t=64"));
    // growth of the error is not mistaken for an alignment with the tail
    for (const Finding& f : growth.findings) CHECK_FALSE(f.kind.starts_with("time-"));
  }

  TEST_CASE("localise: a yardstick that grows just as fast makes the profile flat") {
    Bench bench("o", Shape{1, 600, 2, 32}, geometry(1, 600, 2, 2, 32, 32));
    const Random numbers(5, "profile");
    std::uint64_t k = 0;
    bench.each([&](const Index& i, double& x) {
      const double size = 1e-2 * std::exp2(static_cast<double>(i[1]) / 40.0);
      bench.yardstick[static_cast<index_t>(k)] += size * numbers.normal(2 * k);
      x += size * numbers.normal(2 * k + 1);
      ++k;
    });
    const Localisation result = bench.run();
    INFO(kinds(result));
    CHECK(result.profile.shape == "noise");
    CHECK(result.rows_bad == 0);
  }

  TEST_CASE("localise: no rows, one token, one head, equal tensors") {
    Bench empty("o", Shape{2, 0, 2, 32}, geometry(2, 0, 2, 2, 32, 32));
    Localisation result = empty.run();
    CHECK(result.rows_total == 0);
    CHECK_FALSE(result.first.defined);
    CHECK(result.findings.empty());
    CHECK(result.profile.shape == "none");
    Bench one("o", Shape{1, 1, 1, 32}, geometry(1, 1, 1, 1, 32, 32));
    one.spoil([](const Index&) { return true; });
    result = one.run();
    CHECK(result.rows_bad == 1);
    CHECK(result.first.text.starts_with("sequence 0, token 0 (chunk 0, row 0), head 0, channel "));
    CHECK(result.worst.candidate == one.candidate[result.worst.index.back()]);
    Bench same("dA_log", Shape{1}, geometry(1, 1, 1, 1, 32, 32));
    same.candidate = same.truth;
    CHECK(same.run().findings.empty());
    Bench zero("o", Shape{1, 20, 2, 32}, geometry(1, 20, 2, 2, 32, 32));
    for (Tensor<double>* t : {&zero.truth, &zero.yardstick, &zero.candidate}) t->fill(0.0);
    CHECK(zero.run().rows_bad == 0);
    zero.candidate(0, 3, 1, 7) = 1e-8;
    result = zero.run();
    CHECK(result.rows_bad == 1);
    CHECK(result.first.index == Index{0, 3, 1, 7});
    CHECK(std::isinf(result.first.row_error));
  }

  TEST_CASE("localise: rejects tensors that do not belong together") {
    Bench bench("o", Shape{1, 20, 2, 32}, geometry(1, 20, 2, 2, 32, 32));
    TensorUnderTest t = bench.under_test();
    t.candidate = {};
    CHECK_THROWS_AS(localise(t, bench.geo, 0.0), Error);
    t = bench.under_test();
    t.axes.pop_back();
    CHECK_THROWS_AS(localise(t, bench.geo, 0.0), Error);
    CHECK_THROWS_AS(localise(bench.under_test(), bench.geo, std::numeric_limits<double>::quiet_NaN()), Error);
    CHECK_THROWS_AS(axes_of("nonsense", Shape{1}, bench.geo), Error);
    CHECK_THROWS_AS(axes_of("o", Shape{1, 20, 2, 31}, bench.geo), Error);
  }

  TEST_CASE("localise: axes of every tensor name") {
    Geometry geo = geometry(1, 9, 2, 4, 8, 6, {0, 4, 9});
    geo.P = 3;
    using enum Axis;
    CHECK(axes_of("o", Shape{1, 9, 4, 6}, geo) == std::vector<Axis>{batch, time, value_head, value_channel});
    CHECK(axes_of("dq", Shape{1, 9, 2, 8}, geo) == std::vector<Axis>{batch, time, key_head, key_channel});
    CHECK(axes_of("dg", Shape{1, 9, 4, 8}, geo) == std::vector<Axis>{batch, time, value_head, key_channel});
    CHECK(axes_of("dg", Shape{1, 9, 2, 8}, geo) == std::vector<Axis>{batch, time, key_head, key_channel});
    CHECK(axes_of("dg", Shape{1, 9, 2}, geo) == std::vector<Axis>{batch, time, key_head});
    CHECK(axes_of("dbeta", Shape{1, 9, 4}, geo) == std::vector<Axis>{batch, time, value_head});
    CHECK(axes_of("dA_log", Shape{2}, geo) == std::vector<Axis>{key_head});
    CHECK(axes_of("ddt_bias", Shape{4, 8}, geo) == std::vector<Axis>{value_head, key_channel});
    CHECK(axes_of("dtheta", Shape{1, 9, 4, 3}, geo) == std::vector<Axis>{batch, time, value_head, pair});
    CHECK(axes_of("ddt", Shape{1, 9, 4}, geo) == axes_of("dt", Shape{1, 9, 4}, geo));
    CHECK(axes_of("final_state", Shape{2, 4, 8, 6}, geo) == std::vector<Axis>{sequence, value_head, key_channel, value_channel});
    CHECK(axes_of("dinitial_angle", Shape{2, 4, 3}, geo) == std::vector<Axis>{sequence, value_head, pair});
    geo.M = 5;
    CHECK(axes_of("o", Shape{1, 9, 4, 5, 6}, geo) == std::vector<Axis>{batch, time, value_head, rank, value_channel});
    CHECK(axes_of("final_key", Shape{2, 4, 5, 8}, geo) == std::vector<Axis>{sequence, value_head, rank, key_channel});
  }
}
