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
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// g [B,T,HV,Dk] with the same log-decay everywhere.
Inputs<double> decay(const Geometry& geo, double g) {
  Inputs<double> in;
  in.g = Tensor<double>(Shape{geo.B, geo.T, geo.HV, geo.Dk}, g);
  return in;
}

const Finding* cause(const std::vector<Finding>& findings, const std::string& kind) {
  for (const Finding& f : findings)
    if (f.kind == kind) return &f;
  return nullptr;
}

Bench spoilt(const std::function<bool(const Index&)>& hit, double value) {
  Bench bench("o", Shape{1, 200, 4, 32}, geometry(1, 200, 2, 4, 32, 32));
  bench.each([&](const Index& i, double& x) {
    if (hit(i)) x = value;
  });
  return bench;
}

}  // namespace

TEST_SUITE("verify") {
  TEST_CASE("localise: non-finite values are counted and placed") {
    const Bench bench = spoilt([](const Index& i) { return i[1] >= 192 && i[2] >= 2; }, kNaN);
    const Localisation result = bench.run();
    INFO(kinds(result));
    CHECK(result.nonfinite.nan == 8 * 2 * 32);
    CHECK(result.nonfinite.infinite == 0);
    CHECK(result.nonfinite.rows == 16);
    CHECK(result.nonfinite.whole_rows == 16);
    CHECK(result.nonfinite.first.text == "sequence 0, token 192 (chunk 3, row 0), value head 2, channel 0");
    CHECK(result.nonfinite.last.token == 199);
    CHECK(std::isfinite(result.nonfinite.first.truth));
    CHECK(result.rows_bad == 16);
    CHECK(std::isinf(result.worst.row_error));
    REQUIRE(find(result, "nonfinite-time-tail") != nullptr);
    CHECK(find(result, "nonfinite-time-tail")
              ->text.starts_with("100.0 % of the non-finite values lie in the rows of the last, partial chunk"));
    CHECK(find(result, "nonfinite-head-group") != nullptr);
    CHECK(find(result, "time-tail") == nullptr);

    const Bench lane = spoilt([](const Index& i) { return i[3] % 4 == 1; }, kInf);
    const Localisation lanes = lane.run();
    INFO(kinds(lanes));
    CHECK(lanes.nonfinite.infinite == 200 * 4 * 8);
    CHECK(lanes.nonfinite.whole_rows == 0);
    CHECK(find(lanes, "nonfinite-channels-mod") != nullptr);
    CHECK(lanes.bad_channels == Index{1, 5, 9, 13, 17, 21, 25, 29});
  }

  TEST_CASE("localise: the finite rest is judged beside non-finite values") {
    Bench bench = spoilt([](const Index& i) { return i[1] >= 192; }, kNaN);
    bench.spoil([](const Index& i) { return i[1] < 192 && i[2] == 3; });
    const Localisation result = bench.run();
    INFO(kinds(result));
    CHECK(find(result, "nonfinite-time-tail") != nullptr);
    CHECK(find(result, "head-one") != nullptr);
  }

  TEST_CASE("localise: a yardstick that overflows as well leaves its finite rows as the measure") {
    Bench bench = spoilt([](const Index& i) { return i[1] >= 192; }, kNaN);
    bench.spoil([](const Index& i) { return i[1] < 192 && i[2] == 3; });
    for (index_t t = 192; t < 200; ++t)
      for (index_t c = 0; c < 32; ++c) bench.yardstick(0, t, 1, c) = kInf;
    const Localisation result = localise(bench.under_test(), bench.geo, kInf);
    INFO(kinds(result));
    CHECK(result.rows_bad == 8 * 4 + 192);
    CHECK(find(result, "head-one") != nullptr);
  }

  TEST_CASE("localise: a truth that is not finite either is no fault") {
    Bench bench("o", Shape{1, 20, 1, 32}, geometry(1, 20, 1, 1, 32, 32));
    for (Tensor<double>* t : {&bench.truth, &bench.candidate}) (*t)(0, 3, 0, 4) = kInf;
    Localisation result = bench.run();
    CHECK(result.rows_bad == 0);
    CHECK(result.nonfinite.in_truth == 1);
    CHECK(explain_nonfinite(bench.under_test(), {}, bench.geo).empty());
    bench.candidate(0, 3, 0, 4) = -kInf;
    CHECK(bench.run().nonfinite.infinite == 1);
    bench.candidate(0, 3, 0, 4) = 1.0;
    CHECK(bench.run().rows_bad == 1);
  }

  TEST_CASE("localise: the decay's span explains overflow only where it passes a limit") {
    Bench bench = spoilt([](const Index& i) { return i[1] >= 128 && i[2] == 1; }, kNaN);
    const auto causes = [&](double g_there) {
      Inputs<double> in = decay(bench.geo, -0.05);
      for (index_t t = 128; t < 192; ++t)
        for (index_t c = 0; c < 32; ++c) in.g(0, t, 1, c) = g_there;
      return explain_nonfinite(bench.under_test(), in, bench.geo);
    };
    auto found = causes(-3.0);  // 192 in 64 tokens
    REQUIRE(cause(found, "exp-overflow") != nullptr);
    CHECK(cause(found, "exp-overflow")->text.find("spans 192") != std::string::npos);
    CHECK(cause(found, "exp-overflow")->share == 1.0);
    CHECK(found[0].kind == "nonfinite-count");
    found = causes(-88.0 / 64.0);
    REQUIRE(cause(found, "exp2-clamp") != nullptr);
    CHECK(cause(found, "exp2-clamp")->text.find("126\n") == std::string::npos);
    found = causes(-20.0 / 64.0);
    CHECK(cause(found, "exp-overflow-f16") != nullptr);
    found = causes(-0.05);
    CHECK(cause(found, "exp-fits") != nullptr);
    // wide, but in another head: not the cause
    Inputs<double> other = decay(bench.geo, -0.05);
    for (index_t t = 128; t < 192; ++t) other.g(0, t, 0, 3) = -5.0;
    CHECK(cause(explain_nonfinite(bench.under_test(), other, bench.geo), "exp-fits") != nullptr);
    // an exact zero of the decay
    Inputs<double> masked = decay(bench.geo, -0.05);
    masked.g(0, 130, 1, 7) = -kInf;
    REQUIRE(cause(explain_nonfinite(bench.under_test(), masked, bench.geo), "decay-minus-infinity") != nullptr);
  }

  TEST_CASE("localise: raw gates are activated before the span is measured, gradients begin at the end") {
    Bench bench("dk", Shape{1, 200, 4, 32}, geometry(1, 200, 4, 4, 32, 32));
    bench.each([](const Index& i, double& x) {
      if (i[1] < 128) x = kNaN;
    });
    Inputs<double> in = decay(bench.geo, -8.0);
    in.A_log = Tensor<double>(Shape{4}, std::log(4.0));
    for (index_t t = 64; t < 128; ++t)
      for (index_t h = 0; h < 4; ++h)
        for (index_t c = 0; c < 32; ++c) in.g(0, t, h, c) = 1.0;
    Options options;
    options.decay_activation = DecayActivation::softplus;
    const auto found = explain_nonfinite(bench.under_test(), in, bench.geo, options);
    REQUIRE(cause(found, "exp-overflow") != nullptr);  // 64 x 4 softplus(1) = 336
    CHECK(cause(found, "exp-overflow")->text.find("spans 336.2") != std::string::npos);
    CHECK(cause(found, "exp-overflow")->share == 1.0);
  }

  TEST_CASE("localise: half-precision range and rows never written") {
    Bench big("o", Shape{1, 100, 2, 32}, geometry(1, 100, 2, 2, 32, 32));
    for (Tensor<double>* t : {&big.truth, &big.yardstick, &big.candidate})
      for (index_t i = 0; i < t->numel(); ++i) (*t)[i] *= 3e4;
    big.each([](const Index&, double& x) {
      if (std::abs(x) > 65504.0) x = x > 0 ? kInf : -kInf;
    });
    const auto range = explain_nonfinite(big.under_test(), {}, big.geo);
    REQUIRE(cause(range, "half-range") != nullptr);
    CHECK(cause(range, "half-range")->share == 1.0);
    CHECK(cause(range, "never-written") == nullptr);
    const Bench tail = spoilt([](const Index& i) { return i[1] >= 192; }, kNaN);
    const auto unwritten = explain_nonfinite(tail.under_test(), {}, tail.geo);
    CHECK(cause(unwritten, "never-written") != nullptr);
    CHECK(cause(unwritten, "nonfinite-time-tail") != nullptr);
    Bench input = spoilt([](const Index& i) { return i[1] >= 5; }, kNaN);
    Inputs<double> in;
    in.v = Tensor<double>(Shape{1, 200, 4, 32}, 1.0);
    in.v[5] = kNaN;
    CHECK(cause(explain_nonfinite(input.under_test(), in, input.geo), "input-nonfinite") != nullptr);
  }
}
