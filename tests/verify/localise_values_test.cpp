// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the fastweight authors
#include <doctest/doctest.h>

#include "localise_fixture.h"

using namespace fw;
using namespace fw::verify;
using namespace fw::verify::test;

namespace {

using Index = std::vector<index_t>;

const Finding& demand(const Localisation& result, const std::string& kind, const std::string& text = "") {
  const Finding* f = find(result, kind);
  REQUIRE_MESSAGE(f != nullptr, kind << " not among " << kinds(result));
  CHECK_MESSAGE(f->text.find(text) != std::string::npos, f->text << " lacks " << text);
  return *f;
}

/// The candidate takes its numbers, noise included, from where `from` says; -1 keeps the element.
void rearrange(Bench& bench, const std::function<index_t(const Index&)>& from) {
  const Tensor<double> right = bench.candidate;
  bench.each([&](const Index& i, double& x) {
    const index_t source = from(i);
    if (source >= 0) x = right[source];
  });
}

}  // namespace

TEST_SUITE("verify") {
  TEST_CASE("localise: constant factors are fitted and named") {
    const Geometry geo = geometry(1, 100, 2, 8, 64, 48);
    const std::vector<std::pair<double, std::string>> known = {
        {0.5, "(1/2)"}, {2.0, "(2)"},  {std::log(2.0), "ln 2"}, {1 / std::log(2.0), "log2 e"}, {8.0, "sqrt(Dk)"}, {0.125, "1/sqrt(Dk)"},
        {64.0, "Dk"},   {4.0, "HV/H"}, {0.25, "H/HV"}};
    for (const auto& [c, name] : known) {
      Bench bench("o", Shape{1, 100, 8, 48}, geo);
      bench.each([c = c](const Index&, double& x) { x *= c; });
      CHECK(!(demand(bench.run(), "factor", name).share < 0.98));
    }
    Bench sign("o", Shape{1, 100, 8, 48}, geo);
    sign.each([](const Index&, double& x) { x = -x; });
    demand(sign.run(), "sign", "-1");
    Bench odd("o", Shape{1, 100, 8, 48}, geo);
    odd.each([](const Index&, double& x) { x *= 1.37; });
    demand(odd.run(), "factor", "1.37 x truth:");
  }

  TEST_CASE("localise: a factor too small to lift any row out of the noise is still found") {
    Bench bench("o", Shape{1, 200, 4, 64}, geometry(1, 200, 4, 4, 64, 64));
    bench.each([](const Index&, double& x) { x *= 1.015; });
    const Localisation result = bench.run();
    CHECK(result.rows_bad < result.rows_total / 10);
    demand(result, "factor", "1.015 x truth:");
  }

  TEST_CASE("localise: a factor on some channels, zeros on some heads, an offset, a fill") {
    const Geometry geo = geometry(1, 100, 2, 4, 32, 64);
    Bench part("o", Shape{1, 100, 4, 64}, geo);
    part.each([](const Index& i, double& x) {
      if (i[3] >= 32) x *= std::sqrt(32.0);
    });
    Localisation result = part.run();
    demand(result, "factor", "where it is wrong");
    demand(result, "channels-past-other-width", "past the key width 32");
    Bench zero("o", Shape{1, 100, 4, 64}, geo);
    zero.each([](const Index& i, double& x) {
      if (i[2] >= 2) x = 0.0;
    });
    result = zero.run();
    demand(result, "zero");
    demand(result, "head-group", "key head 1");
    Bench all("o", Shape{1, 100, 4, 64}, geo);
    all.each([](const Index&, double& x) { x = 0.0; });
    result = all.run();
    CHECK(demand(result, "zero").text == "candidate is zero");
    CHECK(result.findings.size() == 1);
    Bench offset("o", Shape{1, 100, 4, 64}, geo);
    offset.each([](const Index&, double& x) { x += 0.7; });
    demand(offset.run(), "offset", "0.7");
    Bench fill("o", Shape{1, 100, 4, 64}, geo);
    fill.each([](const Index& i, double& x) {
      if (i[1] >= 64) x = 7.5;
    });
    demand(fill.run(), "fill", "7.5");
  }

  TEST_CASE("localise: a transposed state, square and not") {
    for (index_t Dv : {48, 80}) {
      const index_t Dk = 48;
      Bench bench("final_state", Shape{2, 3, Dk, Dv}, geometry(2, 100, 3, 3, Dk, Dv));
      rearrange(bench, [&](const Index& i) {
        const index_t memory = i[2] * Dv + i[3];  // what lies there was written as [V,K]
        return bench.at({i[0], i[1], memory % Dk, memory / Dk});
      });
      CHECK(!(demand(bench.run(), "transposed").share < 0.99));
    }
  }

  TEST_CASE("localise: heads tiled for interleaved, first head for all, mixed up") {
    const Geometry geo = geometry(1, 100, 3, 6, 32, 32);
    Bench tile("o", Shape{1, 100, 6, 32}, geo);
    rearrange(tile, [&](const Index& i) { return tile.at({i[0], i[1], i[2] % 3 * 2 + i[2] / 3, i[3]}); });
    demand(tile.run(), "head-interleave-tile");
    Bench first("o", Shape{1, 100, 6, 32}, geo);
    rearrange(first, [&](const Index& i) { return first.at({i[0], i[1], 0, i[3]}); });
    demand(first.run(), "head-first-for-all");
    demand(first.run(), "head-not-first");
    Bench mixed("o", Shape{1, 100, 6, 32}, geo);
    const Index order = {0, 4, 2, 1, 3, 5};
    rearrange(mixed, [&](const Index& i) { return mixed.at({i[0], i[1], order[static_cast<std::size_t>(i[2])], i[3]}); });
    demand(mixed.run(), "head-permuted", "1 holds 4, 3 holds 1, 4 holds 3");
  }

  TEST_CASE("localise: batch, sequence and token taken from elsewhere") {
    Bench batch("o", Shape{3, 100, 2, 32}, geometry(3, 100, 2, 2, 32, 32));
    rearrange(batch, [&](const Index& i) { return batch.at({0, i[1], i[2], i[3]}); });
    demand(batch.run(), "batch-first-for-all");
    demand(batch.run(), "batch-not-first");
    Bench state("dinitial_state", Shape{4, 2, 32, 48}, geometry(4, 100, 2, 2, 32, 48));
    rearrange(state, [&](const Index& i) { return i[0] == 0 ? -1 : state.at({i[0] - 1, i[1], i[2], i[3]}); });
    demand(state.run(), "sequence-previous");
    const std::vector<index_t> cu = {0, 60, 120, 150, 210};
    Bench packed("o", Shape{1, 210, 2, 32}, geometry(1, 210, 2, 2, 32, 32, cu));
    rearrange(packed, [&](const Index& i) {
      for (std::size_t n = 1; n + 1 < cu.size(); ++n)
        if (i[1] >= cu[n] && i[1] < cu[n + 1] && i[1] - cu[n] < cu[n] - cu[n - 1])
          return packed.at({0, i[1] - cu[n] + cu[n - 1], i[2], i[3]});
      return index_t{-1};
    });
    demand(packed.run(), "sequence-previous");
    for (index_t by : {-1, 1}) {
      Bench shift("o", Shape{1, 210, 2, 32}, geometry(1, 210, 2, 2, 32, 32, cu));
      rearrange(shift, [&](const Index& i) {
        const index_t t = i[1] - by;
        const bool crosses = std::find(cu.begin(), cu.end(), by > 0 ? i[1] : i[1] + 1) != cu.end();
        return crosses ? index_t{-1} : shift.at({0, t, i[2], i[3]});
      });
      demand(shift.run(), by > 0 ? "token-late" : "token-early", "the token 1");
    }
  }

  TEST_CASE("localise: memory order of [B,T,H,D], halves and pairs of channels") {
    const index_t T = 50, H = 6;
    Bench layout("o", Shape{2, T, H, 32}, geometry(2, T, H, H, 32, 32));
    rearrange(layout, [&](const Index& i) {
      const index_t memory = i[1] * H + i[2];
      return layout.at({i[0], memory % T, memory / T, i[3]});
    });
    demand(layout.run(), "layout-bhtd");
    Bench halves("dk", Shape{1, T, H, 32}, geometry(1, T, H, H, 32, 32));
    rearrange(halves, [&](const Index& i) { return halves.at({i[0], i[1], i[2], (i[3] + 16) % 32}); });
    demand(halves.run(), "channel-halves-exchanged");
    Bench pairs("dk", Shape{1, T, H, 32}, geometry(1, T, H, H, 32, 32));
    rearrange(pairs, [&](const Index& i) { return pairs.at({i[0], i[1], i[2], i[3] % 2 * 16 + i[3] / 2}); });
    demand(pairs.run(), "channel-pairs-halves");
  }

  TEST_CASE("localise: a rearrangement in some heads only is found with its extent") {
    Bench bench("o", Shape{1, 200, 4, 32}, geometry(1, 200, 4, 4, 32, 32));
    rearrange(bench, [&](const Index& i) { return i[2] % 2 == 0 || i[1] == 0 ? -1 : bench.at({0, i[1] - 1, i[2], i[3]}); });
    const Localisation result = bench.run();
    demand(result, "token-late");
    demand(result, "head-mod", "the odd heads");
  }

  TEST_CASE("localise: tensors of one number per head, and parameters") {
    Bench beta("dbeta", Shape{2, 200, 4}, geometry(2, 200, 2, 4, 32, 32));
    beta.spoil([](const Index& i) { return i[1] >= 192 && i[2] % 2 == 1; }, 2.0);
    Localisation result = beta.run();
    CAPTURE(kinds(result));
    CHECK(find(result, "time-tail") != nullptr);
    CHECK(find(result, "head-of-group") != nullptr);
    CHECK(result.first.channel == -1);
    CHECK(result.first.text.find("value head") != std::string::npos);
    Bench half("dbeta", Shape{2, 200, 4}, geometry(2, 200, 2, 4, 32, 32));
    half.each([](const Index&, double& x) { x *= 0.5; });
    demand(half.run(), "factor", "1/2");
    Bench a_log("dA_log", Shape{8}, geometry(2, 100, 8, 8, 32, 32));
    a_log.each([](const Index&, double& x) { x *= 2.0; });
    result = a_log.run();
    demand(result, "factor", "(2)");
    CHECK(result.first.text == "head " + std::to_string(result.first.head));
    Bench bias("ddt_bias", Shape{4, 32}, geometry(2, 100, 4, 4, 32, 32));
    bias.each([](const Index& i, double& x) {
      if (i[0] == 2) x = 0.0;
    });
    result = bias.run();
    demand(result, "zero");
    demand(result, "head-one", "head 2 (of 4)");
  }
}
